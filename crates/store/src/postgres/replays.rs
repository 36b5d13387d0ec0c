//! Replays.

use async_trait::async_trait;
use stentor_core::id::{EventId, ReplayId, TenantId, WebhookId};
use tokio_postgres::Row;

use super::PostgresStore;
use super::connection::Values;
use super::row::{self, Id, micros};
use crate::error::StoreResult;
use crate::replays::{Replay, Replays};

const COLUMNS: &str = "id, tenant, webhook, since, until, cursor, deliveries, created_at, finished_at";

fn replay(row: &Row) -> StoreResult<Replay> {
    Ok(Replay {
        id: row::id(row, 0, ReplayId::from_bytes)?,
        tenant: row::id(row, 1, TenantId::from_bytes)?,
        webhook: row::id(row, 2, WebhookId::from_bytes)?,
        since: row::time(row, 3)?,
        until: row::time(row, 4)?,
        cursor: row::optional_id(row, 5, EventId::from_bytes)?,
        deliveries: row::count32(row, 6)?,
        created_at: row::time(row, 7)?,
        finished_at: row::optional_time(row, 8)?,
    })
}

#[async_trait]
impl Replays for PostgresStore {
    async fn create_replay(&self, replay: &Replay) -> StoreResult<()> {
        let replay = replay.clone();
        self.write(move |session| {
            Box::pin(async move {
                let sql =
                    format!("INSERT INTO replays ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
                let values: &Values<'_> = &[
                    &Id::from(replay.id),
                    &Id::from(replay.tenant),
                    &Id::from(replay.webhook),
                    &micros(replay.since),
                    &micros(replay.until),
                    &replay.cursor.map(Id::from),
                    &i64::from(replay.deliveries),
                    &micros(replay.created_at),
                    &replay.finished_at.map(micros),
                ];
                session.execute(&sql, values).await.map(|_| ())
            })
        })
        .await
    }

    async fn replay(&self, tenant: TenantId, id: ReplayId) -> StoreResult<Option<Replay>> {
        let sql = format!("SELECT {COLUMNS} FROM replays WHERE id = $1 AND tenant = $2");
        self.read(move |session| {
            Box::pin(async move {
                let found = session.first(&sql, &[&Id::from(id), &Id::from(tenant)]).await?;
                found.map(|row| replay(&row)).transpose()
            })
        })
        .await
    }

    async fn unfinished_replays(&self) -> StoreResult<Vec<Replay>> {
        let sql = format!("SELECT {COLUMNS} FROM replays WHERE finished_at IS NULL ORDER BY id");
        self.read(move |session| {
            Box::pin(async move { session.query(&sql, &[]).await?.iter().map(replay).collect() })
        })
        .await
    }
}
