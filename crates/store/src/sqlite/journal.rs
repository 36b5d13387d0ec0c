//! Commits batches: the hot path.

mod accept;
mod broadcast;
mod fallback;
mod message;
mod outcome;
mod purge;
mod redeliver;
mod requests;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use stentor_core::id::{EventId, TenantId};

use super::SqliteStore;
use super::failure::{self, Severity};
use super::row::{IdBytes, count};
use super::statistics;
use super::totals;
use super::writer::Writer;
use crate::abort::AbortOnPanic;
use crate::changes::Changes;
use crate::error::StoreResult;
use crate::journal::{CommitResult, Journal, Write, Written};
use crate::statistics::Counted;

#[async_trait]
impl Journal for SqliteStore {
    async fn commit(&self, batch: Arc<[Write]>) -> CommitResult {
        let writer = Arc::clone(&self.writer);
        let committing = tokio::task::spawn_blocking(move || {
            let _guard = AbortOnPanic;
            match writer.lock() {
                Ok(mut writer) => commit_unless_failed(&mut writer, &batch),
                Err(_) => CommitResult::Fatal("a panic ended the writer".into()),
            }
        });
        // The task cannot panic without ending the process, so the runtime is shutting down and never started it.
        committing.await.unwrap_or_else(|error| CommitResult::NotCommitted(error.to_string()))
    }

    async fn stored_events(&self, events: &[(TenantId, EventId)]) -> StoreResult<Vec<EventId>> {
        let asked = events.to_vec();
        self.read(move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT 1 FROM events WHERE id = ?1 AND tenant = ?2")?;
            let mut stored = Vec::new();
            for (tenant, event) in asked {
                if statement.exists([event.as_bytes(), tenant.as_bytes()])? {
                    stored.push(event);
                }
            }
            Ok(stored)
        })
        .await
    }
}

/// Why one item could not be written.
enum Fault {
    Sqlite(rusqlite::Error),
    /// The item contradicts itself.
    Item(&'static str),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Fault {
    /// What to tell about it, if it is this item's own.
    fn refusal(&self) -> Option<String> {
        match self {
            Self::Sqlite(error) => (failure::severity(error) == Severity::Item).then(|| error.to_string()),
            Self::Item(reason) => Some((*reason).to_owned()),
        }
    }
}

type ItemResult<T> = Result<T, Fault>;

/// Commits nothing any more once the writer has failed, be it in a write beside the journal (engine rule E3).
fn commit_unless_failed(writer: &mut Writer, batch: &[Write]) -> CommitResult {
    if let Some(reason) = writer.failure() {
        return CommitResult::Fatal(reason.to_owned());
    }
    let result = commit(writer, batch);
    if let CommitResult::Fatal(reason) = &result {
        writer.fail(reason);
    }
    result
}

/// Writes a batch without savepoints, which cost; when an item is bad, once more with one around each (engine rule E3).
fn commit(writer: &mut Writer, batch: &[Write]) -> CommitResult {
    writer.limit_log();
    for careful in [false, true] {
        match attempt(writer, batch, careful) {
            Ok((written, counted)) => {
                statistics::lock(&writer.minutes).add(counted);
                return CommitResult::Committed(written);
            }
            Err(fault) => {
                if !writer.connection.is_autocommit()
                    && let Err(error) = writer.connection.execute_batch("ROLLBACK")
                {
                    return CommitResult::Fatal(format!("a rollback failed: {error}"));
                }
                match fault {
                    Fault::Item(_) if !careful => {}
                    Fault::Sqlite(error) if !careful && failure::severity(&error) == Severity::Item => {}
                    Fault::Sqlite(error) => return failure::not_committed(&error),
                    Fault::Item(reason) => return CommitResult::NotCommitted(reason.into()),
                }
            }
        }
    }
    CommitResult::NotCommitted("an item failed outside of its own write".into())
}

fn attempt(writer: &Writer, batch: &[Write], careful: bool) -> ItemResult<(Vec<Written>, Counted)> {
    let connection = &writer.connection;
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let mut items = Batch::new(connection, writer.closed_before)?;
    items.backlog = writer.backlogs.is_some().then(HashMap::new);
    let mut written = Vec::with_capacity(batch.len());
    for write in batch {
        written.push(if careful { items.write_alone(write)? } else { items.write(write)? });
    }
    totals::write(std::mem::take(&mut items.changes), connection)?;
    statistics::store(&items.counted, connection)?;
    connection.prepare_cached("COMMIT")?.execute([])?;
    if let Some((backlogs, changes)) = writer.backlogs.as_ref().zip(items.backlog) {
        backlogs.apply(changes);
    }
    Ok((written, items.counted))
}

/// A batch being written: the statements of the hot path, and what the items share.
struct Batch<'c> {
    connection: &'c Connection,
    insert_payload: CachedStatement<'c>,
    insert_event: CachedStatement<'c>,
    insert_pending: CachedStatement<'c>,
    take_pending: CachedStatement<'c>,
    insert_finished: CachedStatement<'c>,
    delay_pending: CachedStatement<'c>,
    insert_attempt: CachedStatement<'c>,
    /// Configuration versions in force, read once per tenant and batch (engine rule E7).
    versions: HashMap<TenantId, Option<u64>>,
    closed_before: IdBytes,
    changes: Changes,
    counted: Counted,
    /// What the batch changes of the tenants' pending deliveries, if anybody follows that.
    backlog: Option<HashMap<TenantId, i64>>,
}

impl<'c> Batch<'c> {
    fn new(connection: &'c Connection, closed_before: IdBytes) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            insert_payload: connection.prepare_cached(accept::INSERT_PAYLOAD)?,
            insert_event: connection.prepare_cached(accept::INSERT_EVENT)?,
            insert_pending: connection.prepare_cached(accept::INSERT_PENDING)?,
            take_pending: connection.prepare_cached(outcome::TAKE_PENDING)?,
            insert_finished: connection.prepare_cached(outcome::INSERT_FINISHED)?,
            delay_pending: connection.prepare_cached(outcome::DELAY_PENDING)?,
            insert_attempt: connection.prepare_cached(outcome::INSERT_ATTEMPT)?,
            versions: HashMap::new(),
            closed_before,
            changes: Changes::default(),
            counted: Counted::default(),
            backlog: None,
        })
    }

    fn write(&mut self, write: &Write) -> ItemResult<Written> {
        match write {
            Write::Accept(new) => self.accept(new),
            Write::AcceptAll(events) => self.accept_all(events),
            Write::Outcome(outcome) => self.outcome(outcome, true),
            Write::Outcomes(outcomes) => self.outcomes(outcomes),
            Write::Claim { deliveries } => self.claim(deliveries),
            Write::Finish { deliveries, state, now } => self.finish(deliveries, *state, *now),
            Write::Retry { tenant, delivery, now } => self.retry(*tenant, *delivery, *now),
            Write::Redeliver { tenant, event, deliveries } => self.redeliver(*tenant, *event, deliveries),
            Write::Replay { tenant, replay, items, cursor, done, now } => {
                self.replay(&redeliver::ReplayStep {
                    tenant: *tenant,
                    replay: *replay,
                    items,
                    cursor: *cursor,
                    done: *done,
                    now: *now,
                })
            }
            Write::Broadcast(step) => self.broadcast(step),
            Write::Purge { before, rows_max, now } => self.purge(*before, *rows_max, *now),
        }
    }

    /// Writes an item so that its failure undoes it alone.
    fn write_alone(&mut self, write: &Write) -> ItemResult<Written> {
        self.connection.execute_batch("SAVEPOINT item")?;
        let before =
            (self.versions.clone(), self.changes.clone(), self.counted.clone(), self.backlog.clone());
        match self.write(write) {
            Ok(written) => {
                self.connection.execute_batch("RELEASE item")?;
                Ok(written)
            }
            Err(fault) => {
                let Some(reason) = fault.refusal() else { return Err(fault) };
                self.connection.execute_batch("ROLLBACK TO item; RELEASE item")?;
                (self.versions, self.changes, self.counted, self.backlog) = before;
                Ok(Written::Refused(reason))
            }
        }
    }

    /// The tenant's configuration version in force; none when there is no such tenant.
    fn version(&mut self, tenant: TenantId) -> ItemResult<Option<u64>> {
        if let Some(version) = self.versions.get(&tenant) {
            return Ok(*version);
        }
        let version = self
            .connection
            .prepare_cached("SELECT config_version FROM tenants WHERE id = ?1 AND deleted_at IS NULL")?
            .query_row(params![tenant.as_bytes()], |row| row.get(0))
            .optional()?
            .map(count);
        self.versions.insert(tenant, version);
        Ok(version)
    }

    /// Notes that a tenant has more or fewer deliveries pending.
    fn note_pending(&mut self, tenant: TenantId, change: i64) {
        if let Some(backlog) = &mut self.backlog {
            *backlog.entry(tenant).or_default() += change;
        }
    }

    /// Whether totals already stand for rows with this id.
    fn is_closed(&self, id: &IdBytes) -> bool {
        *id < self.closed_before
    }
}
