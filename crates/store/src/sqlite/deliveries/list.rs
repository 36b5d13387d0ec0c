//! The statements that list deliveries.

use rusqlite::{Connection, named_params};
use stentor_core::delivery::DeliveryState;
use stentor_core::id::TenantId;

use super::{FINISHED, PENDING};
use crate::deliveries::DeliveryFilter;
use crate::error::StoreResult;

/// Pending rows of a tenant up to which its list goes by its webhooks; beyond, recent ids are dense enough to walk them.
const SPARSE_ROWS: u32 = 5_000;

/// How the pending part of a list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PendingWalk {
    /// Ids from the newest down.
    Ids,
    /// All rows of the webhook, or of all webhooks of the tenant: for when they are few.
    Webhooks,
}

/// The parts of the statement, each sorted by itself.
pub(super) fn list_sql(filter: &DeliveryFilter, walk: PendingWalk) -> String {
    let wanted = filter.state;
    let is_pending = |state: DeliveryState| matches!(state, DeliveryState::Pending | DeliveryState::Held);
    let mut parts = Vec::new();
    if wanted.is_none_or(is_pending) {
        parts.extend(pending_parts(filter, walk));
    }
    if wanted.is_none_or(|state| !is_pending(state)) {
        parts.extend(finished_parts(filter));
    }
    format!("{} ORDER BY id DESC LIMIT :rows", parts.join(" UNION ALL "))
}

/// An event's rows: of its own microsecond, and the later ones.
fn by_event(alias: &str, table: &str) -> [String; 2] {
    [
        format!("{table} {alias} NOT INDEXED WHERE {alias}.id >= :low AND {alias}.id < :high AND {alias}.event = :event"),
        format!(
            "later_deliveries l CROSS JOIN {table} {alias} ON {alias}.id = l.delivery AND {alias}.tenant = l.tenant
             WHERE l.event = :event AND NOT (l.delivery >= :low AND l.delivery < :high)"
        ),
    ]
}

/// Rows about a conversation's messages, or about one message.
fn by_message(alias: &str, table: &str, filter: &DeliveryFilter) -> Option<String> {
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
        "message_deliveries m INDEXED BY {index} CROSS JOIN {table} {alias} NOT INDEXED ON {alias}.id = m.delivery
         AND {alias}.tenant = m.tenant WHERE {about} AND m.tenant = :tenant AND m.delivery < :before{of_event}"
    ))
}

fn pending_parts(filter: &DeliveryFilter, walk: PendingWalk) -> Vec<String> {
    let status = match filter.state {
        Some(DeliveryState::Held) => " AND status IN (2, 3)",
        Some(DeliveryState::Pending) => " AND coalesce(status, 1) NOT IN (2, 3)",
        _ => "",
    };
    let status = status.replace("status", "w.status");
    let by_webhook = if filter.webhook.is_some() { " AND p.webhook = :webhook" } else { "" };
    let rest = format!("p.tenant = :tenant AND p.id < :before{by_webhook}{status}");
    let join = "LEFT JOIN webhooks w ON w.id = p.webhook";
    if let Some(from) = by_message("p", "pending", filter) {
        let from = from.replace(" WHERE", &format!(" {join} WHERE"));
        return vec![format!("{PENDING} FROM {from} AND {rest}")];
    }
    if filter.event.is_some() {
        let sources = by_event("p", "pending");
        return sources
            .map(|from| {
                format!("{PENDING} FROM {} AND {rest}", from.replace(" WHERE", &format!(" {join} WHERE")))
            })
            .into();
    }
    if walk == PendingWalk::Ids {
        return vec![format!("{PENDING} FROM pending p NOT INDEXED {join} WHERE {rest}")];
    }
    let of_webhooks = if filter.webhook.is_some() { "w.id = :webhook AND " } else { "" };
    let part = |index: &str, due: &str| {
        format!(
            "{PENDING} FROM webhooks w CROSS JOIN pending p INDEXED BY {index} ON p.shard = w.shard AND p.webhook = w.id
             AND p.due_at {due} WHERE w.tenant = :tenant AND {of_webhooks}{rest}"
        )
    };
    vec![part("pending_fresh", "IS NULL"), part("pending_due", "IS NOT NULL")]
}

fn finished_parts(filter: &DeliveryFilter) -> Vec<String> {
    let state = if filter.state.is_some() { " AND d.state = :state" } else { "" };
    let by_webhook = if filter.webhook.is_some() { " AND d.webhook = :webhook" } else { "" };
    let rest = format!("d.tenant = :tenant AND d.id < :before{state}{by_webhook}");
    if let Some(from) = by_message("d", "deliveries", filter) {
        return vec![format!("{FINISHED} FROM {from} AND {rest}")];
    }
    if filter.event.is_some() {
        return by_event("d", "deliveries").map(|from| format!("{FINISHED} FROM {from} AND {rest}")).into();
    }
    if filter.webhook.is_some() {
        return vec![format!("{FINISHED} FROM deliveries d INDEXED BY deliveries_by_webhook WHERE {rest}")];
    }
    if matches!(filter.state, Some(DeliveryState::Dead | DeliveryState::Cancelled)) {
        return vec![format!(
            "{FINISHED} FROM deliveries d INDEXED BY deliveries_undelivered WHERE d.state <> 1 AND {rest}"
        )];
    }
    // Of each webhook no more rows than the page has: from its own last one on that could be on the page.
    vec![format!(
        "{FINISHED} FROM webhooks w CROSS JOIN deliveries d INDEXED BY deliveries_by_webhook ON d.webhook = w.id
         AND d.id >= coalesce((SELECT x.id FROM deliveries x INDEXED BY deliveries_by_webhook WHERE x.webhook = w.id
         AND x.id < :before{} ORDER BY x.id DESC LIMIT 1 OFFSET :rows - 1), x'') WHERE w.tenant = :tenant AND {rest}",
        state.replace("d.", "x.")
    )]
}

/// Whether the tenant's (or the webhook's) pending rows are few, so that walking all recent ids could take long.
pub(super) fn pending_walk(
    connection: &Connection,
    tenant: TenantId,
    filter: &DeliveryFilter,
) -> StoreResult<PendingWalk> {
    if filter.event.is_some() || filter.conversation.is_some() || filter.message.is_some() {
        return Ok(PendingWalk::Ids);
    }
    let part = |index: &str, due: &str| {
        format!(
            "SELECT 1 FROM webhooks w CROSS JOIN pending p INDEXED BY {index} ON p.shard = w.shard AND p.webhook = w.id
             AND p.due_at {due} WHERE w.tenant = :tenant AND (:webhook IS NULL OR w.id = :webhook)"
        )
    };
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM ({} UNION ALL {}) LIMIT {SPARSE_ROWS})",
        part("pending_fresh", "IS NULL"),
        part("pending_due", "IS NOT NULL")
    );
    let webhook = filter.webhook.map(|webhook| *webhook.as_bytes());
    let tenant = tenant.as_bytes();
    let mut statement = connection.prepare_cached(&sql)?;
    let found: u32 =
        statement.query_row(named_params! { ":tenant": tenant, ":webhook": webhook }, |row| row.get(0))?;
    Ok(if found < SPARSE_ROWS { PendingWalk::Webhooks } else { PendingWalk::Ids })
}

/// For the tests of query plans: every list that can be asked for.
#[cfg(test)]
pub(in crate::sqlite) fn statements() -> Vec<String> {
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
            all.push(list_sql(&filter, PendingWalk::Ids));
            all.push(list_sql(&filter, PendingWalk::Webhooks));
            let conversation = Some(ConversationId::from_bytes([0; 16]));
            let message = Some(MessageId::from_bytes([0; 16]));
            for (conversation, message) in [(conversation, None), (None, message), (conversation, message)] {
                let filter = DeliveryFilter { conversation, message, ..filter.clone() };
                all.push(list_sql(&filter, PendingWalk::Ids));
            }
        }
    }
    all
}
