//! Sums over attempts and deliveries by minute and hour (engine rule E21).
//!
//! The batch counts what it records and stores that as one row of `counts`, so that nothing counted is lost with the process;
//! memory adds it up. When a minute has ended, its sums are written as rollups and its counts deleted (`close`). Both go in
//! pieces; how far they have come is stored with each piece, so that a process that died is followed by one that adds nothing
//! twice.

mod close;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use stentor_core::id::{TenantId, WebhookId};
use stentor_core::statistics::{HOUR_MINUTES, Minute, Rollup};
use stentor_core::time::Time;
use tokio_postgres::Row;

use super::PostgresStore;
use super::connection::Session;
use super::row::Id;
use crate::error::{StoreResult, unreadable};
use crate::statistics::{Counted, HOURS_KEPT, MINUTES_KEPT, OpenMinutes, Statistics};

/// The tables of rollups.
const MINUTES: &str = "minute_rollups";
const HOURS: &str = "hour_rollups";
/// Rollups deleted at a time.
const PURGE_ROWS: i64 = 1_000;

/// Shared between the writer, who adds, and the readers.
pub(super) type SharedMinutes = Arc<tokio::sync::Mutex<OpenMinutes>>;

/// What the last process left.
pub(super) async fn load(session: &Session) -> StoreResult<OpenMinutes> {
    let bound = close::bound(session).await?;
    let rows = session.query("SELECT seq, minute, counted FROM counts", &[]).await?;
    let read = |row: &Row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
    let rows = rows.iter().map(read).collect::<StoreResult<Vec<(i64, i64, Vec<u8>)>>>()?;
    OpenMinutes::of_stored(rows, bound).ok_or_else(|| unreadable("counts"))
}

/// Stores what a batch counted.
pub(super) async fn store(counted: &Counted, session: &Session) -> StoreResult<()> {
    let (minutes, bytes): (Vec<i64>, Vec<Vec<u8>>) =
        counted.rows().into_iter().map(|(minute, bytes)| (minute.0, bytes)).unzip();
    if minutes.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO counts (minute, counted) SELECT * FROM unnest($1::int8[], $2::bytea[])";
    session.execute(sql, &[&minutes, &bytes]).await.map(|_| ())
}

#[async_trait]
impl Statistics for PostgresStore {
    async fn minutes(
        &self,
        tenant: TenantId,
        webhook: Option<WebhookId>,
        since: Time,
        until: Time,
    ) -> StoreResult<Vec<(Time, Rollup)>> {
        let range = Minute::of(since)..Minute::of(until);
        let sums = self.series(tenant, webhook, range, false).await?;
        Ok(sums.into_iter().map(|(minute, rollup)| (minute.start(), rollup)).collect())
    }

    async fn hours(
        &self,
        tenant: TenantId,
        webhook: Option<WebhookId>,
        since: Time,
        until: Time,
    ) -> StoreResult<Vec<(Time, Rollup)>> {
        let range = Minute::of(since).hour()..Minute::of(until).hour();
        let mut hours: BTreeMap<Minute, Rollup> = BTreeMap::new();
        for (minute, rollup) in self.series(tenant, webhook, range, true).await? {
            hours.entry(minute.hour()).or_default().merge(&rollup);
        }
        Ok(hours.into_iter().map(|(hour, rollup)| (hour.start(), rollup)).collect())
    }

    async fn close_minutes(&self, now: Time) -> StoreResult<()> {
        close::run(self, now).await
    }

    async fn purge_rollups(&self, now: Time) -> StoreResult<()> {
        for (table, before) in [(MINUTES, now.minus(MINUTES_KEPT)), (HOURS, now.minus(HOURS_KEPT))] {
            let before = Minute::of(before);
            loop {
                let deleted =
                    self.write(move |session| Box::pin(purge_piece(session, table, before))).await?;
                if deleted < PURGE_ROWS.unsigned_abs() {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Minutes that are not yet part of an hour stay, however long nobody built hours.
async fn purge_piece(session: &Session, table: &str, before: Minute) -> StoreResult<u64> {
    let before = before.min(close::hours_closed(session).await?);
    let sql = format!(
        "DELETE FROM {table} r USING (SELECT minute, subject FROM {table} WHERE minute < $1
         ORDER BY minute, subject LIMIT $2) AS old WHERE r.minute = old.minute AND r.subject = old.subject"
    );
    session.execute(&sql, &[&before.0, &PURGE_ROWS]).await
}

impl PostgresStore {
    /// What memory and the tables hold of a subject, of one moment: memory is held until the session's view of the database is
    /// fixed, and what moves from one to the other moves with memory held.
    async fn series(
        &self,
        tenant: TenantId,
        webhook: Option<WebhookId>,
        range: Range<Minute>,
        by_hour: bool,
    ) -> StoreResult<BTreeMap<Minute, Rollup>> {
        let shared = Arc::clone(&self.minutes);
        self.read_moment(move |session| {
            Box::pin(async move {
                let subject = webhook.map_or_else(|| Id::from(tenant), Id::from);
                let (mut sums, hours_closed) = {
                    let minutes = shared.lock().await;
                    if let Some(webhook) = webhook
                        && !is_of(session, tenant, webhook).await?
                    {
                        return Ok(BTreeMap::new());
                    }
                    let hours_closed = close::hours_closed(session).await?;
                    (minutes.of(tenant, webhook, &range), hours_closed)
                };
                let by_hour_until = if by_hour {
                    hours_closed.clamp(range.start, range.end.max(range.start))
                } else {
                    range.start
                };
                read_rollups(session, HOURS, subject, range.start..by_hour_until, &mut sums).await?;
                read_rollups(session, MINUTES, subject, by_hour_until..range.end, &mut sums).await?;
                Ok(sums)
            })
        })
        .await
    }
}

/// Adds the stored rollups of a subject, which is one search each.
async fn read_rollups(
    session: &Session,
    table: &str,
    subject: Id,
    range: Range<Minute>,
    sums: &mut BTreeMap<Minute, Rollup>,
) -> StoreResult<()> {
    let step = if table == HOURS { HOUR_MINUTES } else { 1 };
    let sql = format!(
        "SELECT r.minute, r.sums FROM generate_series($1::int8, $2::int8, $3::int8) AS m (minute)
         JOIN {table} r ON r.minute = m.minute AND r.subject = $4"
    );
    if range.is_empty() {
        return Ok(());
    }
    for row in session.query(&sql, &[&range.start.0, &(range.end.0 - 1), &step, &subject]).await? {
        sums.entry(Minute(row.try_get(0)?)).or_default().merge(&decoded(row.try_get(1)?)?);
    }
    Ok(())
}

async fn is_of(session: &Session, tenant: TenantId, webhook: WebhookId) -> StoreResult<bool> {
    let sql = "SELECT 1 FROM webhooks WHERE id = $1 AND tenant = $2";
    Ok(session.first(sql, &[&Id::from(webhook), &Id::from(tenant)]).await?.is_some())
}

fn decoded(sums: &[u8]) -> StoreResult<Rollup> {
    Rollup::decode(&mut &*sums).ok_or_else(|| unreadable("a rollup"))
}

#[cfg(test)]
mod tests;
