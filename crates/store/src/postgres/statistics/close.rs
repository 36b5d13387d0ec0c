//! From counts to rollups, a piece at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use stentor_core::statistics::{HOUR_MINUTES, Minute, Rollup};
use stentor_core::time::Time;

use super::super::PostgresStore;
use super::super::connection::Session;
use super::super::row::{self, Id, IdBytes};
use super::super::writer::Writer;
use super::{HOURS, MINUTES, decoded};
use crate::error::{StoreResult, unreadable};
use crate::statistics::{Bound, RowKey};

/// An attempt is recorded this soon after its end, unless the database is slow; what comes later is added.
const GRACE: Duration = Duration::from_secs(5);
/// Rollups or counts written or deleted in one transaction: a few milliseconds.
const PIECE_ROWS: usize = 500;

/// Writes what has ended by now. Pieces leave room for batches between them.
pub(super) async fn run(store: &PostgresStore, now: Time) -> StoreResult<()> {
    let _turn = store.closing.lock().await;
    let before = Minute::of(now.minus(GRACE));
    // What an earlier run or process began comes first.
    while piece(store).await? {}
    if begin(store, before).await? {
        while piece(store).await? {}
    }
    while let Some(hour) = store.read(move |session| Box::pin(next_hour(session, before))).await? {
        close_hour(store, hour).await?;
    }
    Ok(())
}

/// Takes the minutes before this one out of memory. False when there are none.
pub(super) async fn begin(store: &PostgresStore, before: Minute) -> StoreResult<bool> {
    store
        .with_writer(move |writer| {
            Box::pin(async move {
                let mut minutes = writer.minutes.lock().await;
                if !minutes.has_before(before) {
                    return Ok(false);
                }
                // The writer is ours: memory holds exactly what is committed.
                let row = writer.session.one("SELECT coalesce(max(seq), 0) FROM counts", &[]).await?;
                minutes.close(Bound { seq: row.try_get(0)?, before });
                Ok(true)
            })
        })
        .await
}

/// Writes or deletes one piece. False when nothing is left.
pub(super) async fn piece(store: &PostgresStore) -> StoreResult<bool> {
    store.with_writer(|writer| Box::pin(next_piece(writer))).await
}

/// Memory is held until the piece is committed; see `series`.
async fn next_piece(writer: &mut Writer) -> StoreResult<bool> {
    let shared = Arc::clone(&writer.minutes);
    let mut minutes = shared.lock().await;
    let Some(closing) = &mut minutes.closing else { return Ok(false) };
    let bound = closing.bound;
    if closing.written == closing.rows.len() {
        let is_done = writer.transaction(move |session| Box::pin(delete_counts(session, bound))).await?;
        if is_done {
            minutes.closing = None;
        }
        return Ok(!is_done);
    }
    let end = closing.rows.len().min(closing.written + PIECE_ROWS);
    let rows = closing.rows[closing.written..end].to_vec();
    let last = rows.last().filter(|_| end < closing.rows.len()).map(|(key, _)| *key);
    writer
        .transaction(move |session| {
            Box::pin(async move {
                let hours_closed = hours_closed(session).await?;
                add(session, MINUTES, &rows).await?;
                let of_hours: Vec<_> = rows
                    .into_iter()
                    .filter(|((minute, _), _)| minute.hour() < hours_closed)
                    .map(|((minute, subject), rollup)| ((minute.hour(), subject), rollup))
                    .collect();
                add(session, HOURS, &of_hours).await?;
                row::set_meta(session, "counts_closing", &bound.encode(last)).await
            })
        })
        .await?;
    closing.written = end;
    Ok(true)
}

/// Deletes some of the counts that are written as rollups. True when all are gone.
async fn delete_counts(session: &Session, bound: Bound) -> StoreResult<bool> {
    // Noted even if there was nothing to write: from here on these counts stand for nothing.
    row::set_meta(session, "counts_closing", &bound.encode(None)).await?;
    let sql = "DELETE FROM counts c USING (SELECT seq FROM counts WHERE seq <= $1 AND minute < $2 ORDER BY seq LIMIT $3)
         AS old WHERE c.seq = old.seq";
    let piece = PIECE_ROWS as i64;
    let deleted = session.execute(sql, &[&bound.seq, &bound.before.0, &piece]).await?;
    let is_done = deleted < PIECE_ROWS as u64;
    if is_done {
        session.execute("DELETE FROM meta WHERE name = 'counts_closing'", &[]).await?;
    }
    Ok(is_done)
}

/// Adds to rollups: those that stand are read first.
async fn add(session: &Session, table: &str, rows: &[(RowKey, Rollup)]) -> StoreResult<()> {
    let mut sums: HashMap<RowKey, Rollup> = HashMap::with_capacity(rows.len());
    for (key, rollup) in rows {
        sums.entry(*key).or_default().merge(rollup);
    }
    let (minutes, subjects): (Vec<i64>, Vec<Id>) =
        sums.keys().map(|(minute, subject)| (minute.0, Id(*subject))).unzip();
    let sql = format!(
        "SELECT r.minute, r.subject, r.sums FROM unnest($1::int8[], $2::uuid[]) AS k (minute, subject)
         JOIN {table} r ON r.minute = k.minute AND r.subject = k.subject"
    );
    for row in session.query(&sql, &[&minutes, &subjects]).await? {
        let key = (Minute(row.try_get(0)?), row.try_get::<_, Id>(1)?.0);
        sums.entry(key).or_default().merge(&decoded(row.try_get(2)?)?);
    }
    put(session, table, sums).await
}

async fn put(
    session: &Session,
    table: &str,
    rows: impl IntoIterator<Item = (RowKey, Rollup)>,
) -> StoreResult<()> {
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_unstable_by_key(|(key, _)| *key);
    let (mut minutes, mut subjects, mut encoded) = (Vec::new(), Vec::new(), Vec::new());
    for ((minute, subject), rollup) in rows {
        let mut sums = Vec::with_capacity(64);
        rollup.encode(&mut sums);
        minutes.push(minute.0);
        subjects.push(Id(subject));
        encoded.push(sums);
    }
    if minutes.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO {table} (minute, subject, sums) SELECT * FROM unnest($1::int8[], $2::uuid[], $3::bytea[])
         ON CONFLICT (minute, subject) DO UPDATE SET sums = excluded.sums"
    );
    session.execute(&sql, &[&minutes, &subjects, &encoded]).await.map(|_| ())
}

/// How far writing has come: which counts, and the key of the last rollup written; without one all of them are.
pub(super) async fn bound(session: &Session) -> StoreResult<Option<(Bound, Option<RowKey>)>> {
    let value = row::meta(session, "counts_closing").await?;
    value
        .map(|value| Bound::decode(&value).ok_or_else(|| unreadable("how far rollups are written")))
        .transpose()
}

/// Hours before this minute have rollups of their own.
pub(super) async fn hours_closed(session: &Session) -> StoreResult<Minute> {
    let value = row::meta(session, "hours_closed").await?;
    let value = value.map(|value| i64::from_be_bytes(value.try_into().unwrap_or_default()));
    Ok(Minute(value.unwrap_or(i64::MIN)))
}

/// The first hour that has ended and has no rollups of its own.
async fn next_hour(session: &Session, before: Minute) -> StoreResult<Option<Minute>> {
    let closed = hours_closed(session).await?;
    let row = session.one("SELECT min(minute) FROM minute_rollups WHERE minute >= $1", &[&closed.0]).await?;
    let hour = row.try_get::<_, Option<i64>>(0)?.map(|minute| Minute(minute).hour());
    Ok(hour.filter(|hour| hour.0 + HOUR_MINUTES <= before.0))
}

/// Sums up an hour. Nobody adds to its minutes meanwhile; what is written twice after a death is the same.
async fn close_hour(store: &PostgresStore, hour: Minute) -> StoreResult<()> {
    let mut sums: HashMap<IdBytes, Rollup> = HashMap::new();
    for minute in hour.0..hour.0 + HOUR_MINUTES {
        for (subject, rollup) in store.read(move |session| Box::pin(rollups_of(session, minute))).await? {
            sums.entry(subject).or_default().merge(&rollup);
        }
    }
    let rows: Vec<_> = sums.into_iter().map(|(subject, sums)| ((hour, subject), sums)).collect();
    for piece in rows.chunks(PIECE_ROWS) {
        let piece = piece.to_vec();
        store.write(move |session| Box::pin(put(session, HOURS, piece))).await?;
    }
    let closed = (hour.0 + HOUR_MINUTES).to_be_bytes();
    store
        .write(move |session| Box::pin(async move { row::set_meta(session, "hours_closed", &closed).await }))
        .await
}

async fn rollups_of(session: &Session, minute: i64) -> StoreResult<Vec<(IdBytes, Rollup)>> {
    let found =
        session.query("SELECT subject, sums FROM minute_rollups WHERE minute = $1", &[&minute]).await?;
    found.iter().map(|row| Ok((row.try_get::<_, Id>(0)?.0, decoded(row.try_get(1)?)?))).collect()
}
