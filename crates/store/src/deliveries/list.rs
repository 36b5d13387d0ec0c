//! The statements that list deliveries, for every backend: pending and finished ones in one (engine rule E16).

use stentor_core::delivery::DeliveryState;

use super::DeliveryFilter;

/// Columns in the order that backends read them.
pub(crate) const PENDING: &str = "SELECT p.id AS id, p.event, p.webhook, p.shard, CASE WHEN w.status IN (2, 3) THEN 5 ELSE 4 END \
     AS state, CAST(NULL AS TEXT) AS reason, p.attempts, p.due_at, CAST(NULL AS BIGINT) AS finished_at, p.batch";
pub(crate) const FINISHED: &str = "SELECT d.id AS id, d.event, d.webhook, d.shard, CAST(d.state AS INTEGER) AS state, d.reason, \
     d.attempts, CAST(NULL AS BIGINT) AS due_at, d.finished_at, (SELECT a.batch FROM attempts a WHERE a.delivery = d.id AND a.tenant = d.tenant \
     AND a.number = d.attempts) AS batch";

/// Where the backends' SQL differs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    /// Whether statements name the indexes that they walk.
    pub hints: bool,
    /// Joins in the order that is written.
    pub join: &'static str,
    /// An id that is lower than all.
    pub lowest_id: &'static str,
}

impl Dialect {
    /// Walks this index.
    fn by(self, index: &str) -> String {
        if self.hints { format!(" INDEXED BY {index}") } else { String::new() }
    }

    /// Walks the key.
    fn by_key(self) -> &'static str {
        if self.hints { " NOT INDEXED" } else { "" }
    }

    /// Parts that each end when they have as many rows as the page.
    fn union(self, parts: &[String]) -> String {
        if self.hints || parts.len() == 1 {
            // SQLite merges parts that are sorted.
            return format!("{} ORDER BY id DESC LIMIT :rows", parts.join(" UNION ALL "));
        }
        let parts: Vec<_> =
            parts.iter().map(|part| format!("({part} ORDER BY id DESC LIMIT :rows)")).collect();
        format!("{} ORDER BY id DESC LIMIT :rows", parts.join(" UNION ALL "))
    }
}

/// Pending rows of a tenant up to which its list goes by its webhooks; beyond, recent ids are dense enough to walk them.
const SPARSE_ROWS: u64 = 5_000;

/// How the pending part of a list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PendingWalk {
    /// Ids from the newest down.
    Ids,
    /// All rows of the webhook, or of all webhooks of the tenant: for when they are few.
    Webhooks,
}

/// The parts of the statement, each sorted by itself.
pub(crate) fn list_sql(dialect: Dialect, filter: &DeliveryFilter, walk: PendingWalk) -> String {
    let wanted = filter.state;
    let is_pending = |state: DeliveryState| matches!(state, DeliveryState::Pending | DeliveryState::Held);
    let mut parts = Vec::new();
    if wanted.is_none_or(is_pending) {
        parts.extend(pending_parts(dialect, filter, walk));
    }
    if wanted.is_none_or(|state| !is_pending(state)) {
        parts.extend(finished_parts(dialect, filter));
    }
    dialect.union(&parts)
}

/// An event's rows: of its own microsecond, and the later ones.
fn by_event(dialect: Dialect, alias: &str, table: &str) -> [String; 2] {
    let (key, join) = (dialect.by_key(), dialect.join);
    [
        format!("{table} {alias}{key} WHERE {alias}.id >= :low AND {alias}.id < :high AND {alias}.event = :event"),
        format!(
            "later_deliveries l {join} {table} {alias} ON {alias}.id = l.delivery AND {alias}.tenant = l.tenant
             WHERE l.event = :event AND NOT (l.delivery >= :low AND l.delivery < :high)"
        ),
    ]
}

/// Rows about a conversation's messages, or about one message.
fn by_message(dialect: Dialect, alias: &str, table: &str, filter: &DeliveryFilter) -> Option<String> {
    let (index, about) = match (filter.conversation, filter.message) {
        (None, None) => return None,
        (Some(_), None) => ("message_deliveries_by_conversation", "m.conversation = :conversation"),
        (None, Some(_)) => ("message_deliveries_by_message", "m.message = :message"),
        (Some(_), Some(_)) => {
            ("message_deliveries_by_message", "m.message = :message AND m.conversation = :conversation")
        }
    };
    let of_event =
        if filter.event.is_some() { format!(" AND {alias}.event = :event") } else { String::new() };
    Some(format!(
        "message_deliveries m{} {} {table} {alias}{} ON {alias}.id = m.delivery
         AND {alias}.tenant = m.tenant WHERE {about} AND m.tenant = :tenant AND m.delivery < :before{of_event}",
        dialect.by(index),
        dialect.join,
        dialect.by_key(),
    ))
}

fn pending_parts(dialect: Dialect, filter: &DeliveryFilter, walk: PendingWalk) -> Vec<String> {
    let status = match filter.state {
        Some(DeliveryState::Held) => " AND status IN (2, 3)",
        Some(DeliveryState::Pending) => " AND coalesce(status, 1) NOT IN (2, 3)",
        _ => "",
    };
    let status = status.replace("status", "w.status");
    let by_webhook = if filter.webhook.is_some() { " AND p.webhook = :webhook" } else { "" };
    let rest = format!("p.tenant = :tenant AND p.id < :before{by_webhook}{status}");
    let join = "LEFT JOIN webhooks w ON w.id = p.webhook";
    if let Some(from) = by_message(dialect, "p", "pending", filter) {
        let from = from.replace(" WHERE", &format!(" {join} WHERE"));
        return vec![format!("{PENDING} FROM {from} AND {rest}")];
    }
    if filter.event.is_some() {
        let sources = by_event(dialect, "p", "pending");
        return sources
            .map(|from| {
                format!("{PENDING} FROM {} AND {rest}", from.replace(" WHERE", &format!(" {join} WHERE")))
            })
            .into();
    }
    if walk == PendingWalk::Ids {
        return vec![format!("{PENDING} FROM pending p{} {join} WHERE {rest}", dialect.by_key())];
    }
    let of_webhooks = if filter.webhook.is_some() { "w.id = :webhook AND " } else { "" };
    let part = |index: &str, due: &str| {
        format!(
            "{PENDING} FROM webhooks w {} pending p{} ON p.shard = w.shard AND p.webhook = w.id
             AND p.due_at {due} WHERE w.tenant = :tenant AND {of_webhooks}{rest}",
            dialect.join,
            dialect.by(index),
        )
    };
    vec![part("pending_fresh", "IS NULL"), part("pending_due", "IS NOT NULL")]
}

fn finished_parts(dialect: Dialect, filter: &DeliveryFilter) -> Vec<String> {
    let state = if filter.state.is_some() { " AND d.state = :state" } else { "" };
    let by_webhook = if filter.webhook.is_some() { " AND d.webhook = :webhook" } else { "" };
    let rest = format!("d.tenant = :tenant AND d.id < :before{state}{by_webhook}");
    if let Some(from) = by_message(dialect, "d", "deliveries", filter) {
        return vec![format!("{FINISHED} FROM {from} AND {rest}")];
    }
    if filter.event.is_some() {
        return by_event(dialect, "d", "deliveries")
            .map(|from| format!("{FINISHED} FROM {from} AND {rest}"))
            .into();
    }
    if filter.webhook.is_some() {
        return vec![format!(
            "{FINISHED} FROM deliveries d{} WHERE {rest}",
            dialect.by("deliveries_by_webhook")
        )];
    }
    if matches!(filter.state, Some(DeliveryState::Dead | DeliveryState::Cancelled)) {
        return vec![format!(
            "{FINISHED} FROM deliveries d{} WHERE d.state <> 1 AND {rest}",
            dialect.by("deliveries_undelivered")
        )];
    }
    // Of each webhook no more rows than the page has: from its own last one on that could be on the page.
    let (by, join, lowest) = (dialect.by("deliveries_by_webhook"), dialect.join, dialect.lowest_id);
    vec![format!(
        "{FINISHED} FROM webhooks w {join} deliveries d{by} ON d.webhook = w.id
         AND d.id >= coalesce((SELECT x.id FROM deliveries x{by} WHERE x.webhook = w.id
         AND x.id < :before{} ORDER BY x.id DESC LIMIT 1 OFFSET :rows - 1), {lowest}) WHERE w.tenant = :tenant AND {rest}",
        state.replace("d.", "x.")
    )]
}

/// The statement that counts the tenant's (or the webhook's) pending rows up to a bound; none where no walk can take long.
pub(crate) fn walk_sql(dialect: Dialect, filter: &DeliveryFilter) -> Option<String> {
    if filter.event.is_some() || filter.conversation.is_some() || filter.message.is_some() {
        return None;
    }
    let Dialect { join, .. } = dialect;
    let of_webhook = if filter.webhook.is_some() { " AND w.id = :webhook" } else { "" };
    let part = |index: &str, due: &str| {
        let by = dialect.by(index);
        format!(
            "SELECT 1 FROM webhooks w {join} pending p{by} ON p.shard = w.shard AND p.webhook = w.id
             AND p.due_at {due} WHERE w.tenant = :tenant{of_webhook}"
        )
    };
    Some(format!(
        "SELECT count(*) FROM (SELECT 1 FROM ({} UNION ALL {}) AS waiting LIMIT {SPARSE_ROWS}) AS counted",
        part("pending_fresh", "IS NULL"),
        part("pending_due", "IS NOT NULL")
    ))
}

/// How to walk where so many rows were counted: where they are few, walking all recent ids could take long.
pub(crate) fn walk_of(counted: u64) -> PendingWalk {
    if counted < SPARSE_ROWS { PendingWalk::Webhooks } else { PendingWalk::Ids }
}

/// For the tests of query plans: every list that can be asked for.
#[cfg(test)]
pub(crate) fn statements(dialect: Dialect) -> Vec<String> {
    use stentor_core::id::{ConversationId, EventId, MessageId, WebhookId};

    let states = DeliveryState::ALL.into_iter().map(Some).chain([None]);
    let mut all = Vec::new();
    for state in states {
        for (webhook, event) in [(false, false), (true, false), (false, true), (true, true)] {
            let filter = DeliveryFilter {
                state,
                webhook: webhook.then(|| WebhookId::from_bytes([0; 16])),
                event: event.then(|| EventId::from_bytes([0; 16])),
                ..DeliveryFilter::default()
            };
            all.push(list_sql(dialect, &filter, PendingWalk::Ids));
            all.push(list_sql(dialect, &filter, PendingWalk::Webhooks));
            let conversation = Some(ConversationId::from_bytes([0; 16]));
            let message = Some(MessageId::from_bytes([0; 16]));
            for (conversation, message) in [(conversation, None), (None, message), (conversation, message)] {
                let filter = DeliveryFilter { conversation, message, ..filter.clone() };
                all.push(list_sql(dialect, &filter, PendingWalk::Ids));
            }
        }
    }
    all
}
