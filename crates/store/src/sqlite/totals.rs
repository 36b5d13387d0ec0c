//! Conservation: closed totals plus what is still open (promise P2, engine rule E21).
//!
//! Rows with ids below `closed_before` are summed once, in bounded pieces, and kept as totals per tenant. A change below that
//! bound (a late finish, a retry, a late accept) moves the totals in its own transaction; above it, rows speak for
//! themselves. So the sum is exact at every moment, and rows below the bound can be purged without touching it.

use rusqlite::{Connection, OptionalExtension, params};
use stentor_core::id::TenantId;

use super::row::{IdBytes, count};
use crate::changes::{Change, Changes};
use crate::error::StoreResult;
use crate::events::Conservation;

/// Rows of one table that one piece of closing sums up: a few milliseconds.
const PIECE_ROWS: u32 = 20_000;

/// Writes changes; the last thing before the commit.
pub(super) fn write(changes: Changes, connection: &Connection) -> rusqlite::Result<()> {
    if changes.tenants.is_empty() {
        return Ok(());
    }
    let mut upsert = connection.prepare_cached(
            "INSERT INTO totals (tenant, events, accepted, delivered, dead, cancelled) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (tenant) DO UPDATE SET events = events + excluded.events,
             accepted = accepted + excluded.accepted, delivered = delivered + excluded.delivered,
             dead = dead + excluded.dead, cancelled = cancelled + excluded.cancelled",
        )?;
    for (tenant, change) in changes.tenants {
        let Change { events, accepted, delivered, dead, cancelled } = change;
        upsert.execute(params![tenant.as_bytes(), events, accepted, delivered, dead, cancelled])?;
    }
    let mut used = connection.prepare_cached(
        "INSERT INTO usage (tenant, day, events) VALUES (?1, ?2, ?3)
             ON CONFLICT (tenant, day) DO UPDATE SET events = events + excluded.events",
    )?;
    for ((tenant, day), events) in changes.days.into_iter().filter(|(_, events)| *events != 0) {
        used.execute(params![tenant.as_bytes(), day, events])?;
    }
    Ok(())
}

/// Adds the events of `[from, to)` that are in the table now.
pub(super) fn add_events(
    changes: &mut Changes,
    connection: &Connection,
    from: &IdBytes,
    to: &IdBytes,
) -> rusqlite::Result<()> {
    let mut events = connection.prepare_cached(
            "SELECT tenant, count(*), sum(matched), accepted_at / 86400000000, sum(origin <> 2) FROM events NOT INDEXED
             WHERE id >= ?1 AND id < ?2 GROUP BY 1, 4",
        )?;
    let mut rows = events.query([from, to])?;
    while let Some(row) = rows.next()? {
        let tenant = TenantId::from_bytes(row.get(0)?);
        let change = changes.of(tenant);
        change.events += row.get::<_, i64>(1)?;
        change.accepted += row.get::<_, i64>(2)?;
        changes.use_on(tenant, row.get(3)?, row.get(4)?);
    }
    Ok(())
}

/// Adds the finished deliveries of `[from, to)`.
pub(super) fn add_finished(
    changes: &mut Changes,
    connection: &Connection,
    from: &IdBytes,
    to: &IdBytes,
) -> rusqlite::Result<()> {
    let mut finished = connection.prepare_cached(
            "SELECT tenant, state, count(*) FROM deliveries NOT INDEXED WHERE id >= ?1 AND id < ?2 GROUP BY tenant, state",
        )?;
    let mut rows = finished.query([from, to])?;
    while let Some(row) = rows.next()? {
        changes.of(TenantId::from_bytes(row.get(0)?)).finished(row.get(1)?, row.get(2)?);
    }
    Ok(())
}

/// Moves the bound by one piece towards `until`. Answers where it is now.
pub(super) fn close_piece(
    connection: &Connection,
    closed_before: &IdBytes,
    until: &IdBytes,
) -> StoreResult<IdBytes> {
    let mut bound = *until;
    for table in ["events", "deliveries"] {
        let sql = format!("SELECT id FROM {table} WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 1 OFFSET ?3");
        let cut: Option<IdBytes> = connection
            .prepare_cached(&sql)?
            .query_row(params![closed_before, until, PIECE_ROWS], |row| row.get(0))
            .optional()?;
        bound = bound.min(cut.unwrap_or(bound));
    }
    let mut changes = Changes::default();
    add_events(&mut changes, connection, closed_before, &bound)?;
    add_finished(&mut changes, connection, closed_before, &bound)?;
    write(changes, connection)?;
    connection
        .prepare_cached("INSERT INTO meta (name, value) VALUES ('closed_before', ?1) ON CONFLICT DO UPDATE SET value = ?1")?
        .execute([bound])?;
    Ok(bound)
}

/// The sums over all tenants, or one.
pub(super) fn conservation(connection: &Connection, tenant: Option<TenantId>) -> StoreResult<Conservation> {
    let closed_before: Option<IdBytes> = connection
        .prepare_cached("SELECT value FROM meta WHERE name = 'closed_before'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let open = closed_before.unwrap_or_default();
    let of_tenant = tenant.map(|tenant| *tenant.as_bytes());
    let filter = if tenant.is_some() { "tenant = ?1" } else { "?1 IS NULL" };
    let sums = |sql: String, open: Option<&IdBytes>| -> rusqlite::Result<[i64; 5]> {
        let mut statement = connection.prepare_cached(&sql)?;
        let read =
            |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?]);
        match open {
            Some(open) => statement.query_row(params![of_tenant, open], read),
            None => statement.query_row(params![of_tenant], read),
        }
    };
    let closed = sums(
        format!(
            "SELECT coalesce(sum(events), 0), coalesce(sum(accepted), 0), coalesce(sum(delivered), 0),
             coalesce(sum(dead), 0), coalesce(sum(cancelled), 0) FROM totals WHERE {filter}"
        ),
        None,
    )?;
    let events = sums(
        format!(
            "SELECT count(*), coalesce(sum(matched), 0), 0, 0, 0 FROM events NOT INDEXED
             WHERE id >= ?2 AND {filter}"
        ),
        Some(&open),
    )?;
    let finished = sums(
        format!(
            "SELECT count(*), count(*) FILTER (WHERE state = 2), count(*) FILTER (WHERE state = 3), 0, 0
             FROM deliveries NOT INDEXED WHERE id >= ?2 AND {filter}"
        ),
        Some(&open),
    )?;
    let pending: i64 = match &of_tenant {
        // Without a filter SQLite counts whole pages.
        None => connection.prepare_cached("SELECT count(*) FROM pending")?.query_row([], |row| row.get(0))?,
        Some(id) => connection
            .prepare_cached("SELECT count(*) FROM pending NOT INDEXED WHERE tenant = ?1")?
            .query_row([id], |row| row.get(0))?,
    };
    let [finished, dead, cancelled, ..] = finished;
    Ok(Conservation {
        events: count(closed[0] + events[0]),
        accepted: count(closed[1] + events[1]),
        pending: count(pending),
        delivered: count(closed[2] + finished - dead - cancelled),
        dead: count(closed[3] + dead),
        cancelled: count(closed[4] + cancelled),
    })
}
