//! From counts to rollups, a piece at a time.

use std::collections::HashMap;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};
use stentor_core::statistics::{HOUR_MINUTES, Minute, Rollup};
use stentor_core::time::Time;

use super::super::row::IdBytes;
use super::super::{SqliteStore, writer};
use super::{HOURS, MINUTES, decoded, lock, row};
use crate::error::StoreResult;
use crate::error::unreadable;
use crate::statistics::{Bound, RowKey};

/// An attempt is recorded this soon after its end, unless the database is slow; what comes later is added.
const GRACE: Duration = Duration::from_secs(5);
/// Rollups or counts written or deleted in one transaction: a few milliseconds.
const PIECE_ROWS: u32 = 500;

/// Writes what has ended by now. Pieces leave room for batches between them.
pub(super) async fn run(store: &SqliteStore, now: Time) -> StoreResult<()> {
    let _turn = store.closing.lock().await;
    let before = Minute::of(now.minus(GRACE));
    // What an earlier run or process began comes first.
    while piece(store).await? {}
    if begin(store, before).await? {
        while piece(store).await? {}
    }
    while let Some(hour) = next_hour(store, before).await? {
        close_hour(store, hour).await?;
    }
    Ok(())
}

/// Takes the minutes before this one out of memory. False when there are none.
pub(super) async fn begin(store: &SqliteStore, before: Minute) -> StoreResult<bool> {
    let shared = std::sync::Arc::clone(&store.minutes);
    store
        .with_writer(move |writer| {
            let mut minutes = lock(&shared);
            if !minutes.has_before(before) {
                return Ok(false);
            }
            // The writer is ours: memory holds exactly what is committed.
            let seq = writer
                .connection
                .query_row("SELECT coalesce(max(seq), 0) FROM counts", [], |row| row.get(0))?;
            minutes.close(Bound { seq, before });
            Ok(true)
        })
        .await
}

/// Writes or deletes one piece. False when nothing is left.
pub(super) async fn piece(store: &SqliteStore) -> StoreResult<bool> {
    let shared = std::sync::Arc::clone(&store.minutes);
    store
        .with_writer(move |writer| {
            let mut minutes = lock(&shared);
            let Some(closing) = &mut minutes.closing else { return Ok(false) };
            if closing.written == closing.rows.len() {
                if delete_counts(writer, closing.bound)? {
                    minutes.closing = None;
                    return Ok(false);
                }
                return Ok(true);
            }
            let end = closing.rows.len().min(closing.written + PIECE_ROWS as usize);
            let (rows, bound) = (&closing.rows[closing.written..end], closing.bound);
            let last = rows.last().filter(|_| end < closing.rows.len()).map(|(key, _)| *key);
            writer.transaction(|connection| {
                let hours_closed = hours_closed(connection)?;
                for ((minute, subject), rollup) in rows {
                    add(connection, MINUTES, (*minute, *subject), rollup)?;
                    if minute.hour() < hours_closed {
                        add(connection, HOURS, (minute.hour(), *subject), rollup)?;
                    }
                }
                note_bound(connection, bound, last)
            })?;
            closing.written = end;
            Ok(true)
        })
        .await
}

/// Deletes some of the counts that are written as rollups. True when all are gone.
fn delete_counts(writer: &mut writer::Writer, bound: Bound) -> StoreResult<bool> {
    writer.transaction(|connection| {
        // Noted even if there was nothing to write: from here on these counts stand for nothing.
        note_bound(connection, bound, None)?;
        let deleted = connection
            .prepare_cached(
                "DELETE FROM counts WHERE seq IN (SELECT seq FROM counts WHERE seq <= ?1 AND minute < ?2 LIMIT ?3)",
            )?
            .execute(params![bound.seq, bound.before.0, PIECE_ROWS])?;
        let is_done = deleted < PIECE_ROWS as usize;
        if is_done {
            connection.execute("DELETE FROM meta WHERE name = 'counts_closing'", [])?;
        }
        Ok(is_done)
    })
}

/// Adds to a rollup.
fn add(connection: &Connection, table: &str, (minute, subject): RowKey, rollup: &Rollup) -> StoreResult<()> {
    match row(connection, table, minute, &subject)? {
        Some(mut sums) => {
            sums.merge(rollup);
            put(connection, table, (minute, subject), &sums)
        }
        None => put(connection, table, (minute, subject), rollup),
    }
}

fn put(connection: &Connection, table: &str, (minute, subject): RowKey, rollup: &Rollup) -> StoreResult<()> {
    let mut sums = Vec::with_capacity(64);
    rollup.encode(&mut sums);
    let sql = format!("INSERT OR REPLACE INTO {table} (minute, subject, sums) VALUES (?1, ?2, ?3)");
    connection.prepare_cached(&sql)?.execute(params![minute.0, subject, sums])?;
    Ok(())
}

/// How far writing has come: which counts, and the key of the last rollup written; without one all of them are.
pub(super) fn bound(connection: &Connection) -> StoreResult<Option<(Bound, Option<RowKey>)>> {
    let value = number_of(connection, "counts_closing")?;
    value
        .map(|value| Bound::decode(&value).ok_or_else(|| unreadable("how far rollups are written")))
        .transpose()
}

fn note_bound(connection: &Connection, bound: Bound, last: Option<RowKey>) -> StoreResult<()> {
    note(connection, "counts_closing", &bound.encode(last))
}

fn number_of(connection: &Connection, name: &str) -> StoreResult<Option<Vec<u8>>> {
    let mut find = connection.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
    Ok(find.query_row([name], |row| row.get(0)).optional()?)
}

fn note(connection: &Connection, name: &str, value: &[u8]) -> StoreResult<()> {
    connection
        .prepare_cached(
            "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
        )?
        .execute(params![name, value])?;
    Ok(())
}

/// Hours before this minute have rollups of their own.
pub(super) fn hours_closed(connection: &Connection) -> StoreResult<Minute> {
    let value = number_of(connection, "hours_closed")?;
    let value = value.map(|value| i64::from_be_bytes(value.try_into().unwrap_or_default()));
    Ok(Minute(value.unwrap_or(i64::MIN)))
}

/// The first hour that has ended and has no rollups of its own.
async fn next_hour(store: &SqliteStore, before: Minute) -> StoreResult<Option<Minute>> {
    store
        .read(move |connection| {
            let closed = hours_closed(connection)?;
            let first: Option<i64> = connection
                .prepare_cached("SELECT min(minute) FROM minute_rollups WHERE minute >= ?1")?
                .query_row([closed.0], |row| row.get(0))?;
            let hour = first.map(|minute| Minute(minute).hour());
            Ok(hour.filter(|hour| hour.0 + HOUR_MINUTES <= before.0))
        })
        .await
}

/// Sums up an hour. Nobody adds to its minutes meanwhile; what is written twice after a death is the same.
async fn close_hour(store: &SqliteStore, hour: Minute) -> StoreResult<()> {
    let mut sums: HashMap<IdBytes, Rollup> = HashMap::new();
    for minute in hour.0..hour.0 + HOUR_MINUTES {
        for (subject, rollup) in store.read(move |connection| rollups_of(connection, minute)).await? {
            sums.entry(subject).or_default().merge(&rollup);
        }
    }
    let rows: Vec<_> = sums.into_iter().collect();
    for piece in rows.chunks(PIECE_ROWS as usize) {
        let piece = piece.to_vec();
        store
            .write(move |connection| {
                piece.iter().try_for_each(|(subject, sums)| put(connection, HOURS, (hour, *subject), sums))
            })
            .await?;
    }
    let closed = (hour.0 + HOUR_MINUTES).to_be_bytes();
    store.write(move |connection| note(connection, "hours_closed", &closed)).await
}

fn rollups_of(connection: &Connection, minute: i64) -> StoreResult<Vec<(IdBytes, Rollup)>> {
    let mut find = connection.prepare_cached("SELECT subject, sums FROM minute_rollups WHERE minute = ?1")?;
    let mut rows = find.query([minute])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let sums = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        found.push((row.get(0)?, decoded(sums)?));
    }
    Ok(found)
}
