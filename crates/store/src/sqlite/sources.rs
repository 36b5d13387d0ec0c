//! Sources.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use stentor_core::id::{SourceId, TenantId};
use stentor_core::limits::SOURCES_MAX;
use stentor_core::source::Source;
use stentor_core::time::Time;

use super::row::{self, count, integer, micros};
use super::{SqliteStore, page_of, tenants};
use crate::Page;
use crate::error::{StoreResult, unreadable};
use crate::journal::IdempotencyKey;
use crate::seal::Sealer;
use crate::sources::secrets::{config_text, open, seal};
use crate::sources::{SourceCreated, Sources};
use crate::webhooks::Saved;

const COLUMNS: &str = "id, tenant, active, config, sealed, version, created_at, updated_at, expires_at";
/// Expired ones, for the test of its plan too.
pub(super) const EXPIRED: &str = "SELECT tenant, id FROM sources INDEXED BY sources_expiring
     WHERE expires_at IS NOT NULL AND expires_at <= ?1 ORDER BY expires_at LIMIT ?2";

fn source(row: &Row<'_>, sealer: &Sealer) -> StoreResult<Source> {
    let id = row::id(row, 0, SourceId::from_bytes)?;
    let config = row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?;
    Ok(Source {
        id,
        tenant: row::id(row, 1, TenantId::from_bytes)?,
        active: row.get(2)?,
        config: serde_json::from_str(config).map_err(|_| unreadable("a source's configuration"))?,
        secrets: open(id, row.get_ref(4)?.as_blob().map_err(rusqlite::Error::from)?, sealer)?,
        version: count(row.get(5)?),
        created_at: row::time(row, 6)?,
        updated_at: row::time(row, 7)?,
        expires_at: row::optional_time(row, 8)?,
    })
}

fn all_of(
    connection: &Connection,
    sealer: &Sealer,
    condition: &str,
    values: impl rusqlite::Params,
) -> StoreResult<Vec<Source>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM sources WHERE {condition}"))?;
    let mut rows = statement.query(values)?;
    let mut sources = Vec::new();
    while let Some(row) = rows.next()? {
        sources.push(source(row, sealer)?);
    }
    Ok(sources)
}

/// The key is kept beside those of events: whose hash it is tells them apart.
fn earlier(
    connection: &Connection,
    source: &Source,
    key: &IdempotencyKey,
) -> StoreResult<Option<SourceCreated>> {
    let found: Option<([u8; 32], SourceId)> = connection
        .prepare_cached(
            "SELECT body_hash, event FROM idempotency WHERE tenant = ?1 AND key_hash = ?2 AND expires_at > ?3",
        )?
        .query_row(params![source.tenant.as_bytes(), key.key_hash, micros(source.created_at)], |row| {
            Ok((row.get(0)?, row::id(row, 1, SourceId::from_bytes)?))
        })
        .optional()?;
    Ok(found.map(|(body_hash, id)| {
        if body_hash == key.body_hash { SourceCreated::Before(id) } else { SourceCreated::KeyConflict(id) }
    }))
}

fn keep_key(connection: &Connection, source: &Source, key: &IdempotencyKey) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO idempotency (tenant, key_hash, body_hash, event, matched, expires_at)
             VALUES (?1, ?2, ?3, ?4, 0, ?5)",
        )?
        .execute(params![
            source.tenant.as_bytes(),
            key.key_hash,
            key.body_hash,
            source.id.as_bytes(),
            micros(key.expires_at)
        ])
        .map(|_| ())
}

fn create(
    connection: &Connection,
    source: &Source,
    key: Option<&IdempotencyKey>,
    sealer: &Sealer,
) -> StoreResult<SourceCreated> {
    if tenants::version(connection, source.tenant)?.is_none() {
        return Ok(SourceCreated::NotFound);
    }
    if let Some(key) = key
        && let Some(earlier) = earlier(connection, source, key)?
    {
        return Ok(earlier);
    }
    let has: i64 = connection
        .prepare_cached("SELECT count(*) FROM sources WHERE tenant = ?1")?
        .query_row([source.tenant.as_bytes()], |row| row.get(0))?;
    if count(has) >= SOURCES_MAX as u64 {
        return Ok(SourceCreated::TooMany);
    }
    let Some(version) = tenants::next_version(connection, source.tenant)? else {
        return Ok(SourceCreated::NotFound);
    };
    connection
        .prepare_cached(&format!(
            "INSERT INTO sources ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
        ))?
        .execute(params![
            source.id.as_bytes(),
            source.tenant.as_bytes(),
            source.active,
            config_text(source)?,
            seal(source, sealer)?,
            integer(version),
            micros(source.created_at),
            micros(source.updated_at),
            source.expires_at.map(micros),
        ])?;
    if let Some(key) = key {
        keep_key(connection, source, key)?;
    }
    Ok(SourceCreated::At(version))
}

fn update(connection: &Connection, source: &Source, sealer: &Sealer) -> StoreResult<Saved> {
    let stored: Option<i64> = connection
        .prepare_cached("SELECT version FROM sources WHERE id = ?1 AND tenant = ?2")?
        .query_row([source.id.as_bytes(), source.tenant.as_bytes()], |row| row.get(0))
        .optional()?;
    match stored {
        None => return Ok(Saved::NotFound),
        Some(stored) if count(stored) != source.version => return Ok(Saved::Changed),
        Some(_) => {}
    }
    let Some(version) = tenants::next_version(connection, source.tenant)? else {
        return Ok(Saved::NotFound);
    };
    connection
        .prepare_cached(
            "UPDATE sources SET active = ?2, config = ?3, sealed = ?4, version = ?5, updated_at = ?6, expires_at = ?7
             WHERE id = ?1",
        )?
        .execute(params![
            source.id.as_bytes(),
            source.active,
            config_text(source)?,
            seal(source, sealer)?,
            integer(version),
            micros(source.updated_at),
            source.expires_at.map(micros),
        ])?;
    Ok(Saved::At(version))
}

/// Sources and credentials of a tenant that is deleted.
pub(super) fn delete_all(connection: &Connection, tenant: TenantId) -> rusqlite::Result<()> {
    connection.execute(
        "DELETE FROM credentials WHERE source IN (SELECT id FROM sources WHERE tenant = ?1)",
        [tenant.as_bytes()],
    )?;
    connection.execute("DELETE FROM sources WHERE tenant = ?1", [tenant.as_bytes()]).map(|_| ())
}

#[async_trait]
impl Sources for SqliteStore {
    async fn create_source(
        &self,
        source: &Source,
        key: Option<&IdempotencyKey>,
    ) -> StoreResult<SourceCreated> {
        let (source, key, sealer) = (source.clone(), key.cloned(), Arc::clone(&self.sealer));
        self.write(move |connection| create(connection, &source, key.as_ref(), &sealer)).await
    }

    async fn update_source(&self, source: &Source) -> StoreResult<Saved> {
        let (source, sealer) = (source.clone(), Arc::clone(&self.sealer));
        self.write(move |connection| update(connection, &source, &sealer)).await
    }

    async fn delete_source(&self, tenant: TenantId, id: SourceId) -> StoreResult<Saved> {
        self.write(move |connection| {
            let deleted = connection
                .prepare_cached("DELETE FROM sources WHERE id = ?1 AND tenant = ?2")?
                .execute([id.as_bytes(), tenant.as_bytes()])?;
            if deleted == 0 {
                return Ok(Saved::NotFound);
            }
            connection
                .prepare_cached("DELETE FROM credentials WHERE source = ?1")?
                .execute([id.as_bytes()])?;
            Ok(tenants::next_version(connection, tenant)?.map_or(Saved::NotFound, Saved::At))
        })
        .await
    }

    async fn source(&self, tenant: TenantId, id: SourceId) -> StoreResult<Option<Source>> {
        let sealer = Arc::clone(&self.sealer);
        self.read(move |connection| {
            let values = [id.as_bytes(), tenant.as_bytes()];
            Ok(all_of(connection, &sealer, "id = ?1 AND tenant = ?2", values)?.pop())
        })
        .await
    }

    async fn sources(
        &self,
        tenant: TenantId,
        before: Option<SourceId>,
        rows: u32,
    ) -> StoreResult<Page<Source>> {
        let sealer = Arc::clone(&self.sealer);
        self.read(move |connection| {
            let before = before.map_or([0xff; 16], |before| *before.as_bytes());
            let values = params![tenant.as_bytes(), before, rows.saturating_add(1)];
            let condition = "tenant = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
            Ok(page_of(all_of(connection, &sealer, condition, values)?, rows))
        })
        .await
    }

    async fn all_sources(&self, after: Option<SourceId>, rows: u32) -> StoreResult<Vec<Source>> {
        let sealer = Arc::clone(&self.sealer);
        self.read(move |connection| {
            let after = after.map_or([0; 16], |after| *after.as_bytes());
            all_of(connection, &sealer, "id > ?1 ORDER BY id LIMIT ?2", params![after, rows])
        })
        .await
    }

    async fn expired_sources(&self, now: Time, rows: u32) -> StoreResult<Vec<(TenantId, SourceId)>> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(EXPIRED)?;
            let found = statement.query_map(params![micros(now), rows], |row| {
                Ok((row::id(row, 0, TenantId::from_bytes)?, row::id(row, 1, SourceId::from_bytes)?))
            })?;
            Ok(found.collect::<Result<_, _>>()?)
        })
        .await
    }
}
