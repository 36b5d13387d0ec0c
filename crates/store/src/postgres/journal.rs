//! Commits batches: the hot path. Items of one kind that follow each other are written together, an array per column: never a
//! statement per row.

mod accept;
mod broadcast;
mod fallback;
mod message;
mod outcome;
mod purge;
mod redeliver;
mod requests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use stentor_core::id::{DeliveryId, EventId, TenantId};
use tokio_postgres::types::ToSql;

use super::connection::{Session, both};
use super::row::{self, Id, IdBytes};
use super::writer::{InDoubt, Writer};
use super::{PostgresStore, Work, failure, nodes, statistics, totals};
use crate::abort::AbortOnPanic;
use crate::changes::Changes;
use crate::error::{StoreError, StoreResult};
use crate::journal::{CommitResult, Journal, NewEvent, OutcomeWrite, Write, Written};
use crate::statistics::Counted;

/// How often a batch is written again because another transaction was in the way.
const CONFLICTS_MAX: u32 = 10;

#[async_trait]
impl Journal for PostgresStore {
    async fn commit(&self, batch: Arc<[Write]>) -> CommitResult {
        let writer = Arc::clone(&self.writer);
        let committing = tokio::spawn(async move {
            let _guard = AbortOnPanic;
            let mut writer = writer.lock_owned().await;
            commit(&mut writer, &batch).await
        });
        // The task cannot panic without ending the process, so the runtime is shutting down and never started it.
        committing.await.unwrap_or_else(|error| CommitResult::NotCommitted(error.to_string()))
    }

    /// On the session that writes: what an earlier one left undecided is decided once this one has the lock.
    async fn stored_events(&self, events: &[(TenantId, EventId)]) -> StoreResult<Vec<EventId>> {
        let (tenants, ids): (Vec<Id>, Vec<Id>) =
            events.iter().map(|(tenant, event)| (Id::from(*tenant), Id::from(*event))).unzip();
        self.write(move |session| {
            Box::pin(async move {
                let sql =
                    "SELECT e.id FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS k (id, tenant, place)
                     JOIN events e ON e.id = k.id AND e.tenant = k.tenant ORDER BY k.place";
                let found = session.query(sql, &[&ids, &tenants]).await?;
                found.iter().map(|row| row::id(row, 0, EventId::from_bytes)).collect()
            })
        })
        .await
    }
}

/// Writes a batch without savepoints, which cost; when an item is bad, once more by halves until it is found (engine rule E3).
/// When another transaction was in the way, the batch is written again (engine rule E13).
async fn commit(writer: &mut Writer, batch: &[Write]) -> CommitResult {
    if let Err(error) = writer.ready().await {
        return failure::not_committed(error);
    }
    let (mut careful, mut conflicts) = (false, 0);
    loop {
        match attempt(writer, batch, careful).await {
            Ok((written, state)) => return end(writer, written, state).await,
            Err(error) => {
                if !writer.session.is_closed()
                    && let Err(error) = writer.session.batch("ROLLBACK").await
                {
                    return failure::not_committed(error);
                }
                match error {
                    StoreError::Unexpected(_) if !careful => careful = true,
                    StoreError::Conflict(_) if conflicts < CONFLICTS_MAX => conflicts += 1,
                    StoreError::Fatal(reason) => {
                        writer.fail(&reason);
                        return CommitResult::Fatal(reason);
                    }
                    other => return failure::not_committed(other),
                }
            }
        }
    }
}

/// Everything but the commit. The number of the transaction tells later what became of it.
async fn attempt(
    writer: &Writer,
    batch: &[Write],
    careful: bool,
) -> StoreResult<(Vec<Written>, (String, State))> {
    let session = &writer.session;
    session.batch("BEGIN").await?;
    let mut items = Batch {
        session,
        closed_before: writer.closed_before,
        state: State { backlog: writer.backlogs.is_some().then(HashMap::new), ..State::default() },
    };
    let written = if careful { items.write_halves(batch).await? } else { items.write(batch).await? };
    let mut state = items.state;
    totals::write(std::mem::take(&mut state.changes), session).await?;
    let number = session.one("SELECT pg_current_xact_id()::text", &[]);
    let fenced = both(number, nodes::fence(session, writer.node));
    let ((transaction, ()), ()) = both(fenced, statistics::store(&state.counted, session)).await?;
    Ok((written, (transaction.try_get(0)?, state)))
}

/// Commits. It is never timed out or given up: when the session ends in it, the transaction's number is asked for after
/// connecting anew, now or by whoever writes next (engine rule E3). A warning on it says that a standby may not have it.
async fn end(
    writer: &mut Writer,
    written: Vec<Written>,
    (transaction, state): (String, State),
) -> CommitResult {
    let warnings = writer.session.warnings();
    let State { counted, backlog, deleted, .. } = state;
    match writer.session.client().batch_execute("COMMIT").await {
        Ok(()) => {
            writer.count(counted, backlog).await;
            writer.vacuum.note(deleted);
            if writer.session.warnings() != warnings {
                return CommitResult::Unknown("the database warned about the commit".into());
            }
            CommitResult::Committed(written)
        }
        Err(error) if failure::is_refusal(&error) => failure::not_committed(error.into()),
        Err(error) => {
            let reason = failure::text(&error);
            writer.in_doubt = Some(InDoubt { transaction, counted, backlog });
            match writer.ready().await {
                Ok(Some(true)) => CommitResult::Committed(written),
                Ok(Some(false)) => CommitResult::NotCommitted(reason),
                Err(StoreError::Fatal(reason)) => CommitResult::Fatal(reason),
                Ok(None) | Err(_) => CommitResult::Unknown(reason),
            }
        }
    }
}

/// What the items of a batch share, and what is undone with an item.
#[derive(Debug, Clone, Default)]
struct State {
    /// Configuration versions in force, read once per tenant and batch (engine rule E7).
    versions: HashMap<TenantId, Option<u64>>,
    changes: Changes,
    counted: Counted,
    /// What the batch changes of the tenants' pending deliveries, if anybody follows that.
    backlog: Option<HashMap<TenantId, i64>>,
    /// Rows deleted from the queue.
    deleted: u64,
}

/// A batch being written.
struct Batch<'s> {
    session: &'s Session,
    closed_before: IdBytes,
    state: State,
}

/// Items that are written together.
enum Run<'w> {
    Accepts(Vec<&'w NewEvent>),
    /// With how many outcomes each item has; none for one that stands alone.
    Outcomes(Vec<(&'w OutcomeWrite, bool)>, Vec<Option<usize>>),
    One(&'w Write),
}

/// The items from the first on that can be written together, and how many they are.
fn next_run(batch: &[Write]) -> (Run<'_>, usize) {
    let is_plain = |write: &Write| matches!(write, Write::Accept(new) if new.message.is_none());
    let accepts = batch.iter().take_while(|write| is_plain(write));
    let accepts: Vec<&NewEvent> = accepts
        .filter_map(|write| if let Write::Accept(new) = write { Some(&**new) } else { None })
        .collect();
    if !accepts.is_empty() {
        let items = accepts.len();
        return (Run::Accepts(accepts), items);
    }
    let (mut outcomes, mut shape) = (Vec::new(), Vec::new());
    // Two outcomes of one delivery come one after the other.
    let mut seen: HashSet<DeliveryId> = HashSet::new();
    for write in batch {
        let (members, grouped): (&[OutcomeWrite], bool) = match write {
            Write::Outcome(outcome) => (std::slice::from_ref(&**outcome), false),
            Write::Outcomes(members) => (members, true),
            _ => break,
        };
        if !shape.is_empty() && members.iter().any(|member| seen.contains(&member.attempt.delivery)) {
            break;
        }
        seen.extend(members.iter().map(|member| member.attempt.delivery));
        // One request counts once.
        outcomes.extend(members.iter().enumerate().map(|(n, member)| (member, n == 0)));
        shape.push(grouped.then_some(members.len()));
    }
    if shape.is_empty() {
        return (Run::One(&batch[0]), 1);
    }
    let items = shape.len();
    (Run::Outcomes(outcomes, shape), items)
}

impl Batch<'_> {
    async fn write(&mut self, batch: &[Write]) -> StoreResult<Vec<Written>> {
        let mut written = Vec::with_capacity(batch.len());
        let mut rest = batch;
        while !rest.is_empty() {
            let (run, items) = next_run(rest);
            match run {
                Run::Accepts(accepts) => written.extend(self.accept(&accepts).await?),
                Run::Outcomes(outcomes, shape) => {
                    let mut each = self.outcomes(&outcomes).await?.into_iter();
                    for members in shape {
                        written.push(match members {
                            Some(members) => Written::Outcomes(each.by_ref().take(members).collect()),
                            None => each.next().unwrap_or(Written::Recorded {
                                applied: false,
                                disabled_version: None,
                                fallback: None,
                            }),
                        });
                    }
                }
                Run::One(write) => written.push(self.write_one(write).await?),
            }
            rest = &rest[items..];
        }
        Ok(written)
    }

    async fn write_one(&mut self, write: &Write) -> StoreResult<Written> {
        match write {
            Write::Accept(new) => self.accept_one(new).await,
            Write::AcceptAll(events) => self.accept_all(events).await,
            Write::Outcome(_) | Write::Outcomes(_) => {
                Err(StoreError::Unexpected("an outcome was not written with its like".into()))
            }
            Write::Claim { deliveries } => self.claim(deliveries).await,
            Write::Finish { deliveries, state, now } => self.finish(deliveries, *state, *now).await,
            Write::Retry { tenant, delivery, now } => self.retry(*tenant, *delivery, *now).await,
            Write::Redeliver { tenant, event, deliveries } => {
                self.redeliver(*tenant, *event, deliveries).await
            }
            Write::Replay { tenant, replay, items, cursor, done, now } => {
                self.replay(&redeliver::ReplayStep {
                    tenant: *tenant,
                    replay: *replay,
                    items,
                    cursor: *cursor,
                    done: *done,
                    now: *now,
                })
                .await
            }
            Write::Broadcast(step) => self.broadcast(step).await,
            Write::Purge { before, rows_max, now } => self.purge(*before, *rows_max, *now).await,
        }
    }

    /// Writes items so that the bad ones among them are undone alone.
    fn write_halves<'b>(&'b mut self, batch: &'b [Write]) -> Work<'b, Vec<Written>> {
        Box::pin(async move {
            if batch.is_empty() {
                return Ok(Vec::new());
            }
            self.session.batch("SAVEPOINT items").await?;
            let before = self.state.clone();
            match self.write(batch).await {
                Ok(written) => {
                    self.session.batch("RELEASE items").await?;
                    Ok(written)
                }
                Err(StoreError::Unexpected(reason)) => {
                    self.session.batch("ROLLBACK TO items; RELEASE items").await?;
                    self.state = before;
                    if batch.len() == 1 {
                        return Ok(vec![Written::Refused(reason)]);
                    }
                    let (first, second) = batch.split_at(batch.len() / 2);
                    let mut written = self.write_halves(first).await?;
                    written.extend(self.write_halves(second).await?);
                    Ok(written)
                }
                Err(error) => Err(error),
            }
        })
    }

    /// Reads the tenants' configuration versions in force that are not known yet.
    async fn read_versions(&mut self, tenants: impl Iterator<Item = TenantId>) -> StoreResult<()> {
        let unknown: HashSet<TenantId> =
            tenants.filter(|tenant| !self.state.versions.contains_key(tenant)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let ids: Vec<Id> = unknown.iter().copied().map(Id::from).collect();
        let sql = "SELECT id, config_version FROM tenants WHERE id = ANY($1) AND deleted_at IS NULL";
        let found = self.session.query(sql, &[&ids]).await?;
        self.state.versions.extend(unknown.into_iter().map(|tenant| (tenant, None)));
        for row in &found {
            let tenant = row::id(row, 0, TenantId::from_bytes)?;
            self.state.versions.insert(tenant, Some(row::count_of(row, 1)?));
        }
        Ok(())
    }

    /// The version that was read.
    fn version(&self, tenant: TenantId) -> Option<u64> {
        self.state.versions.get(&tenant).copied().flatten()
    }

    /// Notes that a tenant has more or fewer deliveries pending.
    fn note_pending(&mut self, tenant: TenantId, change: i64) {
        if change < 0 {
            self.state.deleted += change.unsigned_abs();
        }
        if let Some(backlog) = &mut self.state.backlog {
            *backlog.entry(tenant).or_default() += change;
        }
    }

    /// Whether totals already stand for rows with this id.
    fn is_closed(&self, id: &IdBytes) -> bool {
        *id < self.closed_before
    }
}

/// A column of an array per row.
pub(super) fn column<T, V: ToSql>(rows: &[T], value: impl Fn(&T) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}

/// For the tests of query plans.
#[cfg(test)]
pub(super) fn statements() -> Vec<&'static str> {
    vec![
        accept::INSERT_PAYLOADS,
        accept::INSERT_EVENTS,
        accept::INSERT_PENDING,
        accept::FORGET_KEYS,
        accept::TAKE_KEYS,
        accept::FIND_KEYS,
        outcome::TAKE_PENDING,
        outcome::DELAY_PENDING,
        outcome::INSERT_FINISHED,
        outcome::INSERT_ATTEMPTS,
        super::operational::NOTE_DEATHS,
    ]
}
