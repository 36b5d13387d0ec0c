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

/// Closed days and what is above them, at one moment.
const USAGE: &str = "SELECT tenant, day, sum(events) FROM (
     SELECT tenant, day, events FROM usage WHERE day >= ?1 AND (?2 IS NULL OR tenant = ?2)
     UNION ALL
     SELECT tenant, accepted_at / 86400000000, count(*) FROM events WHERE id >= ?3 AND origin <> 2
     AND accepted_at >= ?1 * 86400000000 AND (?2 IS NULL OR tenant = ?2) GROUP BY 1, 2
     ) GROUP BY 1, 2 ORDER BY 1, 2";

fn used_day(row: &Row<'_>) -> rusqlite::Result<UsedDay> {
    let tenant = row::id(row, 0, TenantId::from_bytes)?;
    Ok(UsedDay { tenant, day: row.get(1)?, events: count(row.get(2)?) })
}

fn usage(connection: &Connection, tenant: Option<TenantId>, since: i64) -> StoreResult<Vec<UsedDay>> {
    let closed_before: Option<IdBytes> = connection
        .prepare_cached("SELECT value FROM meta WHERE name = 'closed_before'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let of_tenant = tenant.map(|tenant| *tenant.as_bytes());
    let mut statement = connection.prepare_cached(USAGE)?;
    let found =
        statement.query_map(params![since, of_tenant, closed_before.unwrap_or_default()], used_day)?;
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
