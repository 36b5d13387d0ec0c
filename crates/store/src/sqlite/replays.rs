//! Replays.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Row, params};
use stentor_core::id::{EventId, ReplayId, TenantId, WebhookId};

use super::SqliteStore;
use super::row::{self, micros};
use crate::error::StoreResult;
use crate::replays::{Replay, Replays};

const COLUMNS: &str = "id, tenant, webhook, since, until, cursor, deliveries, created_at, finished_at";

fn replay(row: &Row<'_>) -> rusqlite::Result<Replay> {
    Ok(Replay {
        id: row::id(row, 0, ReplayId::from_bytes)?,
        tenant: row::id(row, 1, TenantId::from_bytes)?,
        webhook: row::id(row, 2, WebhookId::from_bytes)?,
        since: row::time(row, 3)?,
        until: row::time(row, 4)?,
        cursor: row.get::<_, Option<[u8; 16]>>(5)?.map(EventId::from_bytes),
        deliveries: row.get(6)?,
        created_at: row::time(row, 7)?,
        finished_at: row::optional_time(row, 8)?,
    })
}

#[async_trait]
impl Replays for SqliteStore {
    async fn create_replay(&self, replay: &Replay) -> StoreResult<()> {
        let replay = replay.clone();
        self.write(move |connection| {
            let sql = format!("INSERT INTO replays ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
            connection.prepare_cached(&sql)?.execute(params![
                replay.id.as_bytes(),
                replay.tenant.as_bytes(),
                replay.webhook.as_bytes(),
                micros(replay.since),
                micros(replay.until),
                replay.cursor.map(|cursor| *cursor.as_bytes()),
                replay.deliveries,
                micros(replay.created_at),
                replay.finished_at.map(micros),
            ])?;
            Ok(())
        })
        .await
    }

    async fn replay(&self, tenant: TenantId, id: ReplayId) -> StoreResult<Option<Replay>> {
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM replays WHERE id = ?1 AND tenant = ?2");
            let mut statement = connection.prepare_cached(&sql)?;
            Ok(statement.query_row([id.as_bytes(), tenant.as_bytes()], replay).optional()?)
        })
        .await
    }

    async fn unfinished_replays(&self) -> StoreResult<Vec<Replay>> {
        self.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM replays WHERE finished_at IS NULL ORDER BY id");
            let mut statement = connection.prepare_cached(&sql)?;
            let found = statement.query_map([], replay)?;
            Ok(found.collect::<Result<_, _>>()?)
        })
        .await
    }
}
