//! What tenants use.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use stentor_core::id::TenantId;
use stentor_core::time::Time;
use tokio_postgres::Row;

use super::connection::Session;
use super::row::{self, Id, count};
use super::writer::Writer;
use super::{PostgresStore, totals};
use crate::error::StoreResult;
use crate::usage::{Backlogs, Usage, UsedDay};

/// A day's length in the database's unit.
pub(super) const DAY_MICROS: i64 = 86_400_000_000;
/// Days of which usage is kept: more than any period.
const KEPT_DAYS: i64 = 62;
/// Rows of one kind that are deleted at a time.
const PIECE_ROWS: i64 = 1_000;

/// Closed days of all tenants and what is above them, at one moment; `$2` is the first id above.
const OF_ALL: &str = "SELECT tenant, day, sum(events)::int8 FROM (
     SELECT tenant, day, events FROM usage WHERE day >= $1
     UNION ALL
     SELECT tenant, accepted_at / 86400000000 AS day, count(*) FROM events WHERE id >= $2 AND origin <> 2
     AND accepted_at >= $1 * 86400000000 GROUP BY 1, 2
     ) AS used GROUP BY 1, 2 ORDER BY 1, 2";
/// The same of the tenant `$3`, without looking at others' events.
pub(super) const OF_TENANT: &str = "SELECT $3::uuid, day, sum(events)::int8 FROM (
     SELECT day, events FROM usage WHERE tenant = $3 AND day >= $1
     UNION ALL
     SELECT accepted_at / 86400000000 AS day, count(*) FROM events
     WHERE tenant = $3 AND id >= $2 AND origin <> 2 AND accepted_at >= $1 * 86400000000 GROUP BY 1
     ) AS used GROUP BY 2 ORDER BY 2";

fn used_day(row: &Row) -> StoreResult<UsedDay> {
    let tenant = row::id(row, 0, TenantId::from_bytes)?;
    Ok(UsedDay { tenant, day: row.try_get(1)?, events: count(row.try_get(2)?) })
}

async fn usage(session: &Session, tenant: Option<TenantId>, since: i64) -> StoreResult<Vec<UsedDay>> {
    let open = Id(totals::closed_before(session).await?);
    let found = match tenant {
        Some(tenant) => session.query(OF_TENANT, &[&since, &open, &Id::from(tenant)]).await?,
        None => session.query(OF_ALL, &[&since, &open]).await?,
    };
    found.iter().map(used_day).collect()
}

/// Deletes a bounded piece of what no period reaches back to.
pub(super) async fn forget_old(session: &Session, now: Time) -> StoreResult<()> {
    let day = now.as_micros().div_euclid(DAY_MICROS).saturating_sub(KEPT_DAYS);
    let sql = "DELETE FROM usage u USING (SELECT tenant, day FROM usage WHERE day < $1 ORDER BY day LIMIT $2) AS old
         WHERE u.tenant = old.tenant AND u.day = old.day";
    session.execute(sql, &[&day, &PIECE_ROWS]).await.map(|_| ())
}

/// Counts what is pending while nothing is committed.
async fn follow(writer: &mut Writer) -> StoreResult<Arc<Backlogs>> {
    if let Some(followed) = &writer.backlogs {
        return Ok(Arc::clone(followed));
    }
    let found = writer.session.query("SELECT tenant, count(*) FROM pending GROUP BY tenant", &[]).await?;
    let mut numbers: HashMap<TenantId, i64> = HashMap::with_capacity(found.len());
    for row in &found {
        numbers.insert(row::id(row, 0, TenantId::from_bytes)?, row.try_get(1)?);
    }
    let backlogs = Arc::new(Backlogs::default());
    backlogs.apply(numbers);
    writer.backlogs = Some(Arc::clone(&backlogs));
    Ok(backlogs)
}

#[async_trait]
impl Usage for PostgresStore {
    async fn usage(&self, tenant: Option<TenantId>, since: i64) -> StoreResult<Vec<UsedDay>> {
        self.read_moment(move |session| Box::pin(usage(session, tenant, since))).await
    }

    async fn follow_backlogs(&self) -> StoreResult<Arc<Backlogs>> {
        self.with_writer(|writer| Box::pin(follow(writer))).await
    }
}
