//! What configuration leaves behind, and when it goes. It is looked for by a reader and deleted by key, so that the writer
//! is held for no longer than the deletes take: nothing that is found here ever becomes wanted again.

use rusqlite::{Connection, Params, Row, params};
use stentor_core::time::Time;

use super::SqliteStore;
use super::row::{IdBytes, micros};
use crate::error::StoreResult;

/// The operator's tokens are replaced and not kept, so those that are found here are tenants'.
const TOKENS: &str = "SELECT id FROM tokens INDEXED BY tokens_revoked WHERE tenant IS NOT NULL AND revoked_at < ?1
     UNION ALL SELECT id FROM tokens INDEXED BY tokens_expiring WHERE tenant IS NOT NULL AND expires_at < ?1 LIMIT ?2";
const CREDENTIALS: &str =
    "SELECT id FROM credentials INDEXED BY credentials_revoked WHERE revoked_at IS NOT NULL AND revoked_at < ?1
     UNION ALL SELECT id FROM credentials INDEXED BY credentials_expiring WHERE expires_at IS NOT NULL AND expires_at < ?1
     LIMIT ?2";
const REPLAYS: &str = "SELECT id FROM replays WHERE finished_at < ?1 LIMIT ?2";
/// A tombstone stays as long as a delivery names it.
const TOMBSTONES: &str = "SELECT w.id FROM webhooks w WHERE w.deleted_at < ?1
     AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.webhook = w.id)
     AND NOT EXISTS (SELECT 1 FROM pending p WHERE p.shard = w.shard AND p.webhook = w.id AND p.due_at IS NULL)
     AND NOT EXISTS (SELECT 1 FROM pending p WHERE p.shard = w.shard AND p.webhook = w.id AND p.due_at IS NOT NULL)
     LIMIT ?2";
/// One that was followed by another before `?1` was in force for no event that is still there.
const REVISIONS: &str =
    "SELECT r.webhook, r.version FROM revisions r INDEXED BY revisions_in_time WHERE EXISTS
     (SELECT 1 FROM revisions n INDEXED BY revisions_in_time
      WHERE n.webhook = r.webhook AND n.version > r.version AND n.updated_at < ?1) LIMIT ?2";

/// What looks for them, for the test of its plans.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 5] = [TOKENS, CREDENTIALS, REPLAYS, TOMBSTONES, REVISIONS];

/// Keys of rows that may go.
struct Leftovers {
    tokens: Vec<IdBytes>,
    credentials: Vec<IdBytes>,
    replays: Vec<IdBytes>,
    tombstones: Vec<IdBytes>,
    revisions: Vec<(IdBytes, i64)>,
}

impl SqliteStore {
    pub(super) async fn delete_leftovers(&self, before: Time, rows_max: u32) -> StoreResult<u32> {
        let found = self.read(move |connection| Ok(find(connection, micros(before), rows_max)?)).await?;
        if found.is_empty() {
            return Ok(0);
        }
        self.write(move |connection| Ok(found.delete(connection)?)).await
    }
}

fn find(connection: &Connection, before: i64, rows_max: u32) -> rusqlite::Result<Leftovers> {
    let values = params![before, rows_max];
    let id = |row: &Row<'_>| row.get(0);
    Ok(Leftovers {
        tokens: keys(connection, TOKENS, values, id)?,
        credentials: keys(connection, CREDENTIALS, values, id)?,
        replays: keys(connection, REPLAYS, values, id)?,
        tombstones: keys(connection, TOMBSTONES, values, id)?,
        revisions: keys(connection, REVISIONS, values, |row| Ok((row.get(0)?, row.get(1)?)))?,
    })
}

fn keys<K>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    key: impl FnMut(&Row<'_>) -> rusqlite::Result<K>,
) -> rusqlite::Result<Vec<K>> {
    connection.prepare_cached(sql)?.query_map(values, key)?.collect()
}

impl Leftovers {
    fn is_empty(&self) -> bool {
        self.tokens.is_empty()
            && self.credentials.is_empty()
            && self.replays.is_empty()
            && self.tombstones.is_empty()
            && self.revisions.is_empty()
    }

    fn delete(&self, connection: &Connection) -> rusqlite::Result<u32> {
        let mut deleted = 0;
        let mut each = |sql: &str, ids: &[IdBytes]| -> rusqlite::Result<()> {
            let mut statement = connection.prepare_cached(sql)?;
            for id in ids {
                deleted += statement.execute([id])?;
            }
            Ok(())
        };
        each("DELETE FROM tokens WHERE id = ?1", &self.tokens)?;
        each("DELETE FROM credentials WHERE id = ?1", &self.credentials)?;
        each("DELETE FROM replays WHERE id = ?1", &self.replays)?;
        each("DELETE FROM webhooks WHERE id = ?1", &self.tombstones)?;
        each("DELETE FROM revisions WHERE webhook = ?1", &self.tombstones)?;
        each("DELETE FROM webhook_health WHERE webhook = ?1", &self.tombstones)?;
        each("DELETE FROM webhook_positions WHERE webhook = ?1", &self.tombstones)?;
        let mut revision =
            connection.prepare_cached("DELETE FROM revisions WHERE webhook = ?1 AND version = ?2")?;
        for (webhook, version) in &self.revisions {
            deleted += revision.execute(params![webhook, version])?;
        }
        Ok(u32::try_from(deleted).unwrap_or(u32::MAX))
    }
}
