//! What tenants use.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use stentor_core::id::TenantId;
use stentor_core::time::Time;

use super::SqliteStore;
use super::row::{self, IdBytes, count};
use crate::error::StoreResult;
use crate::usage::{Backlogs, Usage, UsedDay};

/// A day's length in the database's unit.
pub(super) const DAY_MICROS: i64 = 86_400_000_000;
/// Days of which usage is kept: more than any period.
const KEPT_DAYS: i64 = 62;
/// Rows of one kind that are deleted at a time.
const PIECE_ROWS: u32 = 1_000;

/// Closed days of all tenants and what is above them, at one moment; `?2` is the first id above.
const OF_ALL: &str = "SELECT tenant, day, sum(events) FROM (
     SELECT tenant, day, events FROM usage WHERE day >= ?1
     UNION ALL
     SELECT tenant, accepted_at / 86400000000, count(*) FROM events NOT INDEXED WHERE id >= ?2 AND origin <> 2
     AND accepted_at >= ?1 * 86400000000 GROUP BY 1, 2
     ) GROUP BY 1, 2 ORDER BY 1, 2";
/// The same of the tenant `?3`, without looking at others' events.
pub(super) const OF_TENANT: &str = "SELECT ?3, day, sum(events) FROM (
     SELECT day, events FROM usage WHERE tenant = ?3 AND day >= ?1
     UNION ALL
     SELECT accepted_at / 86400000000 AS day, count(*) FROM events INDEXED BY events_by_tenant
     WHERE tenant = ?3 AND id >= ?2 AND origin <> 2 AND accepted_at >= ?1 * 86400000000 GROUP BY 1
     ) GROUP BY 2 ORDER BY 2";

fn used_day(row: &Row<'_>) -> rusqlite::Result<UsedDay> {
    let tenant = row::id(row, 0, TenantId::from_bytes)?;
    Ok(UsedDay { tenant, day: row.get(1)?, events: count(row.get(2)?) })
}

fn usage(connection: &Connection, tenant: Option<TenantId>, since: i64) -> StoreResult<Vec<UsedDay>> {
    let closed_before: Option<IdBytes> = connection
        .prepare_cached("SELECT value FROM meta WHERE name = 'closed_before'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let open = closed_before.unwrap_or_default();
    let mut statement = connection.prepare_cached(if tenant.is_some() { OF_TENANT } else { OF_ALL })?;
    let found = match tenant {
        Some(tenant) => statement.query_map(params![since, open, tenant.as_bytes()], used_day)?,
        None => statement.query_map(params![since, open], used_day)?,
    };
    Ok(found.collect::<Result<_, _>>()?)
}

/// Deletes a bounded piece of what no period reaches back to.
pub(super) fn forget_old(connection: &Connection, now: Time) -> rusqlite::Result<()> {
    let day = now.as_micros().div_euclid(DAY_MICROS).saturating_sub(KEPT_DAYS);
    connection
        .prepare_cached(
            "DELETE FROM usage WHERE (tenant, day) IN (SELECT tenant, day FROM usage INDEXED BY usage_by_day
             WHERE day < ?1 LIMIT ?2)",
        )?
        .execute(params![day, PIECE_ROWS])?;
    Ok(())
}

#[async_trait]
impl Usage for SqliteStore {
    async fn usage(&self, tenant: Option<TenantId>, since: i64) -> StoreResult<Vec<UsedDay>> {
        self.read(move |connection| usage(connection, tenant, since)).await
    }

    async fn follow_backlogs(&self) -> StoreResult<Arc<Backlogs>> {
        self.with_writer(|writer| {
            if let Some(followed) = &writer.backlogs {
                return Ok(Arc::clone(followed));
            }
            let mut numbers: HashMap<TenantId, i64> = HashMap::new();
            // Row by row: grouping would sort them first.
            let mut statement = writer.connection.prepare("SELECT tenant FROM pending NOT INDEXED")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                *numbers.entry(row::id(row, 0, TenantId::from_bytes)?).or_default() += 1;
            }
            drop(rows);
            drop(statement);
            let backlogs = Arc::new(Backlogs::default());
            backlogs.apply(numbers);
            writer.backlogs = Some(Arc::clone(&backlogs));
            Ok(backlogs)
        })
        .await
    }
}
