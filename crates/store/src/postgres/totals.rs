//! Conservation: closed totals plus what is still open (promise P2, engine rule E21).
//!
//! Rows with ids below `closed_before` are summed once, in bounded pieces, and kept as totals per tenant. A change below that
//! bound (a late finish, a retry, a late accept) moves the totals in its own transaction; above it, rows speak for
//! themselves. So the sum is exact at every moment, and rows below the bound can be purged without touching it.

use stentor_core::id::TenantId;

use super::connection::{Session, Values};
use super::row::{self, Id, IdBytes, count};
use crate::changes::Changes;
use crate::error::{StoreResult, unreadable};
use crate::events::Conservation;

/// Rows of one table that one piece of closing sums up: a few milliseconds.
const PIECE_ROWS: i64 = 20_000;

/// Writes changes; the last thing before the commit. In the order of their keys, so that two writers never wait for each other.
pub(super) async fn write(changes: Changes, session: &Session) -> StoreResult<()> {
    let mut tenants: Vec<_> = changes.tenants.into_iter().collect();
    if tenants.is_empty() {
        return Ok(());
    }
    tenants.sort_unstable_by_key(|(tenant, _)| *tenant);
    let ids: Vec<Id> = tenants.iter().map(|(tenant, _)| Id::from(*tenant)).collect();
    let column = |of: fn(&crate::changes::Change) -> i64| -> Vec<i64> {
        tenants.iter().map(|(_, change)| of(change)).collect()
    };
    let sql = "INSERT INTO totals (tenant, events, accepted, delivered, dead, cancelled)
         SELECT * FROM unnest($1::uuid[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[])
         ON CONFLICT (tenant) DO UPDATE SET events = totals.events + excluded.events,
         accepted = totals.accepted + excluded.accepted, delivered = totals.delivered + excluded.delivered,
         dead = totals.dead + excluded.dead, cancelled = totals.cancelled + excluded.cancelled";
    let values: &Values<'_> = &[
        &ids,
        &column(|change| change.events),
        &column(|change| change.accepted),
        &column(|change| change.delivered),
        &column(|change| change.dead),
        &column(|change| change.cancelled),
    ];
    session.execute(sql, values).await?;
    let mut days: Vec<_> = changes.days.into_iter().filter(|(_, events)| *events != 0).collect();
    if days.is_empty() {
        return Ok(());
    }
    days.sort_unstable_by_key(|(key, _)| *key);
    let ids: Vec<Id> = days.iter().map(|((tenant, _), _)| Id::from(*tenant)).collect();
    let numbers: Vec<i64> = days.iter().map(|((_, day), _)| *day).collect();
    let events: Vec<i64> = days.iter().map(|(_, events)| *events).collect();
    let sql =
        "INSERT INTO usage (tenant, day, events) SELECT * FROM unnest($1::uuid[], $2::int8[], $3::int8[])
         ON CONFLICT (tenant, day) DO UPDATE SET events = usage.events + excluded.events";
    session.execute(sql, &[&ids, &numbers, &events]).await.map(|_| ())
}

/// Adds the events of `[from, to)` that are in the table now.
pub(super) async fn add_events(
    changes: &mut Changes,
    session: &Session,
    from: &IdBytes,
    to: &IdBytes,
) -> StoreResult<()> {
    let sql = "SELECT tenant, count(*), sum(matched)::int8, accepted_at / 86400000000,
         count(*) FILTER (WHERE origin <> 2) FROM events WHERE id >= $1 AND id < $2 GROUP BY 1, 4";
    for row in session.query(sql, &[&Id(*from), &Id(*to)]).await? {
        let tenant = row::id(&row, 0, TenantId::from_bytes)?;
        let change = changes.of(tenant);
        change.events += row.try_get::<_, i64>(1)?;
        change.accepted += row.try_get::<_, i64>(2)?;
        changes.use_on(tenant, row.try_get(3)?, row.try_get(4)?);
    }
    Ok(())
}

/// Adds the finished deliveries of `[from, to)`.
pub(super) async fn add_finished(
    changes: &mut Changes,
    session: &Session,
    from: &IdBytes,
    to: &IdBytes,
) -> StoreResult<()> {
    let sql =
        "SELECT tenant, state, count(*) FROM deliveries WHERE id >= $1 AND id < $2 GROUP BY tenant, state";
    for row in session.query(sql, &[&Id(*from), &Id(*to)]).await? {
        let tenant = row::id(&row, 0, TenantId::from_bytes)?;
        changes.of(tenant).finished(row.try_get::<_, i16>(1)?.into(), row.try_get(2)?);
    }
    Ok(())
}

/// Moves the bound by one piece towards `until`. Answers where it is now.
pub(super) async fn close_piece(
    session: &Session,
    closed_before: &IdBytes,
    until: &IdBytes,
) -> StoreResult<IdBytes> {
    let mut bound = *until;
    for table in ["events", "deliveries"] {
        let sql = format!("SELECT id FROM {table} WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 1 OFFSET $3");
        let cut = session.first(&sql, &[&Id(*closed_before), &Id(*until), &PIECE_ROWS]).await?;
        if let Some(cut) = cut {
            bound = bound.min(cut.try_get::<_, Id>(0)?.0);
        }
    }
    let mut changes = Changes::default();
    add_events(&mut changes, session, closed_before, &bound).await?;
    add_finished(&mut changes, session, closed_before, &bound).await?;
    write(changes, session).await?;
    row::set_meta(session, "closed_before", &bound).await?;
    Ok(bound)
}

/// Where the closed totals end.
pub(super) async fn closed_before(session: &Session) -> StoreResult<IdBytes> {
    let stored = row::meta(session, "closed_before").await?;
    let bytes = stored.map(|bytes| IdBytes::try_from(bytes).map_err(|_| unreadable("the bound of totals")));
    Ok(bytes.transpose()?.unwrap_or_default())
}

/// The sums over all tenants, or one.
pub(super) async fn conservation(session: &Session, tenant: Option<TenantId>) -> StoreResult<Conservation> {
    let open = Id(closed_before(session).await?);
    let tenant = tenant.map(Id::from);
    let mine = "($1::uuid IS NULL OR tenant = $1)";
    let closed = format!(
        "SELECT coalesce(sum(events), 0)::int8, coalesce(sum(accepted), 0)::int8, coalesce(sum(delivered), 0)::int8,
         coalesce(sum(dead), 0)::int8, coalesce(sum(cancelled), 0)::int8 FROM totals WHERE {mine}"
    );
    let events =
        format!("SELECT count(*), coalesce(sum(matched), 0)::int8 FROM events WHERE id >= $2 AND {mine}");
    let finished = format!(
        "SELECT count(*) FILTER (WHERE state = 1), count(*) FILTER (WHERE state = 2),
         count(*) FILTER (WHERE state = 3) FROM deliveries WHERE id >= $2 AND {mine}"
    );
    let pending = format!("SELECT count(*) FROM pending WHERE {mine}");
    let (own, above): (&Values<'_>, &Values<'_>) = (&[&tenant], &[&tenant, &open]);
    let (closed, events, finished, pending) = tokio::try_join!(
        session.one(&closed, own),
        session.one(&events, above),
        session.one(&finished, above),
        session.one(&pending, own),
    )?;
    let sum = |closed_at: usize, open: &tokio_postgres::Row, at: usize| -> StoreResult<u64> {
        Ok(count(closed.try_get::<_, i64>(closed_at)? + open.try_get::<_, i64>(at)?))
    };
    Ok(Conservation {
        events: sum(0, &events, 0)?,
        accepted: sum(1, &events, 1)?,
        pending: row::count_of(&pending, 0)?,
        delivered: sum(2, &finished, 0)?,
        dead: sum(3, &finished, 1)?,
        cancelled: sum(4, &finished, 2)?,
    })
}
