//! What configuration leaves behind, and when it goes. It is looked for by a reader and deleted by key, so that the writer
//! is held for no longer than the deletes take: nothing that is found here ever becomes wanted again.

use stentor_core::time::Time;
use tokio_postgres::Row;

use super::PostgresStore;
use super::connection::Session;
use super::row::{Id, micros};
use crate::error::StoreResult;

/// The operator's tokens are replaced and not kept, so those that are found here are tenants'.
const TOKENS: &str = "SELECT id FROM tokens WHERE tenant IS NOT NULL AND revoked_at < $1
     UNION SELECT id FROM tokens WHERE tenant IS NOT NULL AND expires_at < $1 LIMIT $2";
const CREDENTIALS: &str = "SELECT id FROM credentials WHERE revoked_at < $1
     UNION SELECT id FROM credentials WHERE expires_at < $1 LIMIT $2";
const REPLAYS: &str = "SELECT id FROM replays WHERE finished_at < $1 LIMIT $2";
/// A tombstone stays as long as a delivery names it.
const TOMBSTONES: &str = "SELECT w.id FROM webhooks w WHERE w.deleted_at < $1
     AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.webhook = w.id)
     AND NOT EXISTS (SELECT 1 FROM pending p WHERE p.shard = w.shard AND p.webhook = w.id AND p.due_at IS NULL)
     AND NOT EXISTS (SELECT 1 FROM pending p WHERE p.shard = w.shard AND p.webhook = w.id AND p.due_at IS NOT NULL)
     LIMIT $2";
/// One that was followed by another before `$1` was in force for no event that is still there.
const REVISIONS: &str = "SELECT r.webhook, r.version FROM revisions r WHERE EXISTS
     (SELECT 1 FROM revisions n WHERE n.webhook = r.webhook AND n.version > r.version AND n.updated_at < $1) LIMIT $2";

/// What looks for them, for the test of its plans.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 5] = [TOKENS, CREDENTIALS, REPLAYS, TOMBSTONES, REVISIONS];

/// Keys of rows that may go.
struct Leftovers {
    tokens: Vec<Id>,
    credentials: Vec<Id>,
    replays: Vec<Id>,
    tombstones: Vec<Id>,
    revisions: (Vec<Id>, Vec<i64>),
}

impl PostgresStore {
    pub(super) async fn delete_leftovers(&self, before: Time, rows_max: u32) -> StoreResult<u32> {
        let found = self.read(move |session| Box::pin(find(session, micros(before), rows_max))).await?;
        if found.is_empty() {
            return Ok(0);
        }
        self.write(move |session| Box::pin(async move { found.delete(session).await })).await
    }
}

async fn find(session: &Session, before: i64, rows_max: u32) -> StoreResult<Leftovers> {
    let rows_max = i64::from(rows_max);
    let found = async |sql: &str| session.query(sql, &[&before, &rows_max]).await;
    let ids = |rows: Vec<Row>| rows.iter().map(|row| Ok(row.try_get(0)?)).collect::<StoreResult<Vec<Id>>>();
    let revisions = found(REVISIONS).await?;
    let versions = revisions.iter().map(|row| Ok(row.try_get(1)?)).collect::<StoreResult<Vec<i64>>>()?;
    Ok(Leftovers {
        tokens: ids(found(TOKENS).await?)?,
        credentials: ids(found(CREDENTIALS).await?)?,
        replays: ids(found(REPLAYS).await?)?,
        tombstones: ids(found(TOMBSTONES).await?)?,
        revisions: (ids(revisions)?, versions),
    })
}

impl Leftovers {
    fn is_empty(&self) -> bool {
        self.tokens.is_empty()
            && self.credentials.is_empty()
            && self.replays.is_empty()
            && self.tombstones.is_empty()
            && self.revisions.0.is_empty()
    }

    async fn delete(&self, session: &Session) -> StoreResult<u32> {
        let mut deleted = 0;
        for (sql, ids) in [
            ("DELETE FROM tokens WHERE id = ANY($1)", &self.tokens),
            ("DELETE FROM credentials WHERE id = ANY($1)", &self.credentials),
            ("DELETE FROM replays WHERE id = ANY($1)", &self.replays),
            ("DELETE FROM webhooks WHERE id = ANY($1)", &self.tombstones),
            ("DELETE FROM revisions WHERE webhook = ANY($1)", &self.tombstones),
            ("DELETE FROM webhook_health WHERE webhook = ANY($1)", &self.tombstones),
            ("DELETE FROM webhook_positions WHERE webhook = ANY($1)", &self.tombstones),
        ] {
            deleted += session.execute(sql, &[ids]).await?;
        }
        let (webhooks, versions) = &self.revisions;
        let sql = "DELETE FROM revisions r USING unnest($1::uuid[], $2::int8[]) AS k (webhook, version)
             WHERE r.webhook = k.webhook AND r.version = k.version";
        deleted += session.execute(sql, &[webhooks, versions]).await?;
        Ok(u32::try_from(deleted).unwrap_or(u32::MAX))
    }
}
