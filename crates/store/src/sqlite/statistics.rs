//! Sums over attempts and deliveries by minute and hour (engine rule E21).
//!
//! The batch counts what it records (`counted`) and stores that as one row of `counts`, so that nothing counted is lost with
//! the process; memory adds it up (`open`). When a minute has ended, its sums are written as rollups and its counts deleted
//! (`close`). Both go in pieces; how far they have come is stored with each piece, so that a process that died is followed
//! by one that adds nothing twice.

mod close;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use stentor_core::id::{TenantId, WebhookId};
use stentor_core::statistics::{HOUR_MINUTES, Minute, Rollup};
use stentor_core::time::Time;

use super::SqliteStore;
use super::row::IdBytes;
use crate::error::StoreResult;
use crate::error::unreadable;
use crate::statistics::{Counted, HOURS_KEPT, MINUTES_KEPT, OpenMinutes, Statistics};

/// The tables of rollups.
const MINUTES: &str = "minute_rollups";
const HOURS: &str = "hour_rollups";
/// Rollups deleted at a time.
const PURGE_ROWS: u32 = 1_000;

/// Shared between the writer, who adds, and the readers.
pub(super) type SharedMinutes = Arc<Mutex<OpenMinutes>>;

pub(super) fn lock(minutes: &SharedMinutes) -> MutexGuard<'_, OpenMinutes> {
    // Whoever panicked had the writer too, and that ends the process.
    minutes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the last process left.
pub(super) fn load(connection: &Connection) -> StoreResult<OpenMinutes> {
    let bound = close::bound(connection)?;
    let mut statement = connection.prepare("SELECT seq, minute, counted FROM counts")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
    OpenMinutes::of_stored(rows, bound).ok_or_else(|| unreadable("counts"))
}

/// Stores what a batch counted.
pub(super) fn store(counted: &Counted, connection: &Connection) -> rusqlite::Result<()> {
    for (minute, bytes) in counted.rows() {
        connection
            .prepare_cached("INSERT INTO counts (minute, counted) VALUES (?1, ?2)")?
            .execute(params![minute.0, bytes])?;
    }
    Ok(())
}

#[async_trait]
impl Statistics for SqliteStore {
    async fn minutes(
        &self,
        tenant: TenantId,
        webhook: Option<WebhookId>,
        since: Time,
        until: Time,
    ) -> StoreResult<Vec<(Time, Rollup)>> {
        let range = Minute::of(since)..Minute::of(until);
        self.series(tenant, webhook, range, |connection, subject, range, sums| {
            for minute in range.start.0..range.end.0 {
                add_row(sums, Minute(minute), row(connection, MINUTES, Minute(minute), subject)?);
            }
            Ok(())
        })
        .await
    }

    async fn hours(
        &self,
        tenant: TenantId,
        webhook: Option<WebhookId>,
        since: Time,
        until: Time,
    ) -> StoreResult<Vec<(Time, Rollup)>> {
        let range = Minute::of(since).hour()..Minute::of(until).hour();
        let by_minute = self
            .series(tenant, webhook, range, |connection, subject, range, sums| {
                let closed = close::hours_closed(connection)?;
                for hour in (range.start.0..range.end.0).step_by(HOUR_MINUTES as usize) {
                    if Minute(hour) < closed {
                        add_row(sums, Minute(hour), row(connection, HOURS, Minute(hour), subject)?);
                    } else {
                        for minute in hour..hour + HOUR_MINUTES {
                            add_row(sums, Minute(hour), row(connection, MINUTES, Minute(minute), subject)?);
                        }
                    }
                }
                Ok(())
            })
            .await?;
        let mut hours: BTreeMap<Minute, Rollup> = BTreeMap::new();
        for (at, rollup) in by_minute {
            add_row(&mut hours, Minute::of(at).hour(), Some(rollup));
        }
        Ok(hours.into_iter().map(|(hour, rollup)| (hour.start(), rollup)).collect())
    }

    async fn close_minutes(&self, now: Time) -> StoreResult<()> {
        close::run(self, now).await
    }

    async fn purge_rollups(&self, now: Time) -> StoreResult<()> {
        for (table, before) in [(MINUTES, now.minus(MINUTES_KEPT)), (HOURS, now.minus(HOURS_KEPT))] {
            let before = Minute::of(before);
            let sql = format!(
                "DELETE FROM {table} WHERE (minute, subject) IN
                 (SELECT minute, subject FROM {table} WHERE minute < ?1 LIMIT ?2)"
            );
            loop {
                let sql = sql.clone();
                let deleted = self
                    .write(move |connection| {
                        // Minutes that are not yet part of an hour stay, however long nobody built hours.
                        let before = before.min(close::hours_closed(connection)?);
                        Ok(connection.prepare_cached(&sql)?.execute(params![before.0, PURGE_ROWS])?)
                    })
                    .await?;
                if deleted < PURGE_ROWS as usize {
                    break;
                }
            }
        }
        Ok(())
    }
}

impl SqliteStore {
    /// What memory holds of a subject and what `read` finds in the tables, of one moment: memory is held until the
    /// connection's view of the database is fixed, and what moves from one to the other moves with memory held.
    async fn series(
        &self,
        tenant: TenantId,
        webhook: Option<WebhookId>,
        range: Range<Minute>,
        read: impl FnOnce(&Connection, &IdBytes, Range<Minute>, &mut BTreeMap<Minute, Rollup>) -> StoreResult<()>
        + Send
        + 'static,
    ) -> StoreResult<Vec<(Time, Rollup)>> {
        let shared = Arc::clone(&self.minutes);
        self.read(move |connection| {
            let subject = webhook.map_or_else(|| *tenant.as_bytes(), |webhook| *webhook.as_bytes());
            let mut sums = {
                let minutes = lock(&shared);
                if let Some(webhook) = webhook
                    && !is_of(connection, tenant, webhook)?
                {
                    return Ok(Vec::new());
                }
                close::hours_closed(connection)?;
                minutes.of(tenant, webhook, &range)
            };
            read(connection, &subject, range, &mut sums)?;
            Ok(sums.into_iter().map(|(minute, rollup)| (minute.start(), rollup)).collect())
        })
        .await
    }
}

fn is_of(connection: &Connection, tenant: TenantId, webhook: WebhookId) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM webhooks WHERE id = ?1 AND tenant = ?2")?
        .exists([webhook.as_bytes(), tenant.as_bytes()])
}

fn add_row(sums: &mut BTreeMap<Minute, Rollup>, at: Minute, rollup: Option<Rollup>) {
    if let Some(rollup) = rollup {
        sums.entry(at).or_default().merge(&rollup);
    }
}

/// A stored rollup.
fn row(
    connection: &Connection,
    table: &str,
    minute: Minute,
    subject: &IdBytes,
) -> StoreResult<Option<Rollup>> {
    let sql = format!("SELECT sums FROM {table} WHERE minute = ?1 AND subject = ?2");
    let sums: Option<Vec<u8>> = connection
        .prepare_cached(&sql)?
        .query_row(params![minute.0, subject], |row| row.get(0))
        .optional()?;
    sums.map(|sums| decoded(&sums)).transpose()
}

fn decoded(sums: &[u8]) -> StoreResult<Rollup> {
    Rollup::decode(&mut &*sums).ok_or_else(|| unreadable("a rollup"))
}

#[cfg(test)]
mod tests;
