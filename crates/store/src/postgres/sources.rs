//! Sources.

use std::sync::Arc;

use async_trait::async_trait;
use stentor_core::id::{SourceId, TenantId};
use stentor_core::limits::SOURCES_MAX;
use stentor_core::source::Source;
use stentor_core::time::Time;
use tokio_postgres::Row;

use super::connection::{Session, Values};
use super::row::{self, Id, integer, micros, page_of};
use super::{PostgresStore, tenants, webhooks};
use crate::Page;
use crate::error::{StoreResult, unreadable};
use crate::journal::IdempotencyKey;
use crate::seal::Sealer;
use crate::sources::secrets::{config_text, open, seal};
use crate::sources::{SourceCreated, Sources};
use crate::webhooks::Saved;

const COLUMNS: &str = "id, tenant, active, config, sealed, version, created_at, updated_at, expires_at";
/// Expired ones, for the test of its plan too.
pub(super) const EXPIRED: &str =
    "SELECT tenant, id FROM sources WHERE expires_at IS NOT NULL AND expires_at <= $1
     ORDER BY expires_at LIMIT $2";

fn source(row: &Row, sealer: &Sealer) -> StoreResult<Source> {
    let id = row::id(row, 0, SourceId::from_bytes)?;
    Ok(Source {
        id,
        tenant: row::id(row, 1, TenantId::from_bytes)?,
        active: row.try_get(2)?,
        config: serde_json::from_str(row.try_get(3)?).map_err(|_| unreadable("a source's configuration"))?,
        secrets: open(id, row.try_get(4)?, sealer)?,
        version: row::count_of(row, 5)?,
        created_at: row::time(row, 6)?,
        updated_at: row::time(row, 7)?,
        expires_at: row::optional_time(row, 8)?,
    })
}

async fn all_of(
    session: &Session,
    sealer: &Sealer,
    condition: &str,
    values: &Values<'_>,
) -> StoreResult<Vec<Source>> {
    let found = session.query(&format!("SELECT {COLUMNS} FROM sources WHERE {condition}"), values).await?;
    found.iter().map(|row| source(row, sealer)).collect()
}

/// The source that was made with the key before.
async fn earlier(
    session: &Session,
    source: &Source,
    key: &IdempotencyKey,
) -> StoreResult<Option<SourceCreated>> {
    let found = webhooks::earlier_use(session, source.tenant, key, source.created_at).await?;
    Ok(found.map(|(body_hash, id)| {
        let id = SourceId::from_bytes(id.0);
        if body_hash == key.body_hash { SourceCreated::Before(id) } else { SourceCreated::KeyConflict(id) }
    }))
}

async fn create(
    session: &Session,
    source: &Source,
    key: Option<&IdempotencyKey>,
    sealer: &Sealer,
) -> StoreResult<SourceCreated> {
    if tenants::version(session, source.tenant).await?.is_none() {
        return Ok(SourceCreated::NotFound);
    }
    if let Some(key) = key
        && let Some(earlier) = earlier(session, source, key).await?
    {
        return Ok(earlier);
    }
    let tenant = Id::from(source.tenant);
    let has = session.one("SELECT count(*) FROM sources WHERE tenant = $1", &[&tenant]).await?;
    if row::count_of(&has, 0)? >= SOURCES_MAX as u64 {
        return Ok(SourceCreated::TooMany);
    }
    let Some(version) = tenants::next_version(session, source.tenant).await? else {
        return Ok(SourceCreated::NotFound);
    };
    let sql = format!("INSERT INTO sources ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
    let values: &Values<'_> = &[
        &Id::from(source.id),
        &tenant,
        &source.active,
        &config_text(source)?,
        &seal(source, sealer)?,
        &integer(version),
        &micros(source.created_at),
        &micros(source.updated_at),
        &source.expires_at.map(micros),
    ];
    session.execute(&sql, values).await?;
    if let Some(key) = key {
        webhooks::keep_key(session, source.tenant, key, source.id.into()).await?;
    }
    Ok(SourceCreated::At(version))
}

async fn update(session: &Session, source: &Source, sealer: &Sealer) -> StoreResult<Saved> {
    let sql = "SELECT version FROM sources WHERE id = $1 AND tenant = $2 FOR UPDATE";
    let stored = session.first(sql, &[&Id::from(source.id), &Id::from(source.tenant)]).await?;
    let Some(stored) = stored else { return Ok(Saved::NotFound) };
    if row::count_of(&stored, 0)? != source.version {
        return Ok(Saved::Changed);
    }
    let Some(version) = tenants::next_version(session, source.tenant).await? else {
        return Ok(Saved::NotFound);
    };
    let sql = "UPDATE sources SET active = $2, config = $3, sealed = $4, version = $5, updated_at = $6, expires_at = $7
         WHERE id = $1";
    let values: &Values<'_> = &[
        &Id::from(source.id),
        &source.active,
        &config_text(source)?,
        &seal(source, sealer)?,
        &integer(version),
        &micros(source.updated_at),
        &source.expires_at.map(micros),
    ];
    session.execute(sql, values).await?;
    Ok(Saved::At(version))
}

async fn delete(session: &Session, tenant: TenantId, id: SourceId) -> StoreResult<Saved> {
    let sql = "DELETE FROM sources WHERE id = $1 AND tenant = $2";
    if session.execute(sql, &[&Id::from(id), &Id::from(tenant)]).await? == 0 {
        return Ok(Saved::NotFound);
    }
    session.execute("DELETE FROM credentials WHERE source = $1", &[&Id::from(id)]).await?;
    Ok(tenants::next_version(session, tenant).await?.map_or(Saved::NotFound, Saved::At))
}

/// Sources and credentials of a tenant that is deleted.
pub(super) async fn delete_all(session: &Session, tenant: TenantId) -> StoreResult<()> {
    let tenant = Id::from(tenant);
    let sql = "DELETE FROM credentials c USING sources s WHERE s.tenant = $1 AND c.source = s.id";
    session.execute(sql, &[&tenant]).await?;
    session.execute("DELETE FROM sources WHERE tenant = $1", &[&tenant]).await.map(|_| ())
}

#[async_trait]
impl Sources for PostgresStore {
    async fn create_source(
        &self,
        source: &Source,
        key: Option<&IdempotencyKey>,
    ) -> StoreResult<SourceCreated> {
        let (source, key, sealer) = (source.clone(), key.cloned(), Arc::clone(&self.sealer));
        self.write(move |session| {
            Box::pin(async move { create(session, &source, key.as_ref(), &sealer).await })
        })
        .await
    }

    async fn update_source(&self, source: &Source) -> StoreResult<Saved> {
        let (source, sealer) = (source.clone(), Arc::clone(&self.sealer));
        self.write(move |session| Box::pin(async move { update(session, &source, &sealer).await })).await
    }

    async fn delete_source(&self, tenant: TenantId, id: SourceId) -> StoreResult<Saved> {
        self.write(move |session| Box::pin(delete(session, tenant, id))).await
    }

    async fn source(&self, tenant: TenantId, id: SourceId) -> StoreResult<Option<Source>> {
        let sealer = Arc::clone(&self.sealer);
        self.read(move |session| {
            Box::pin(async move {
                let values: &Values<'_> = &[&Id::from(id), &Id::from(tenant)];
                Ok(all_of(session, &sealer, "id = $1 AND tenant = $2", values).await?.pop())
            })
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
        self.read(move |session| {
            Box::pin(async move {
                let before = before.map_or(Id::HIGHEST, Id::from);
                let values: &Values<'_> = &[&Id::from(tenant), &before, &(i64::from(rows) + 1)];
                let condition = "tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
                Ok(page_of(all_of(session, &sealer, condition, values).await?, rows))
            })
        })
        .await
    }

    async fn all_sources(&self, after: Option<SourceId>, rows: u32) -> StoreResult<Vec<Source>> {
        let sealer = Arc::clone(&self.sealer);
        self.read(move |session| {
            Box::pin(async move {
                let values: &Values<'_> = &[&after.map_or(Id::LOWEST, Id::from), &i64::from(rows)];
                all_of(session, &sealer, "id > $1 ORDER BY id LIMIT $2", values).await
            })
        })
        .await
    }

    async fn expired_sources(&self, now: Time, rows: u32) -> StoreResult<Vec<(TenantId, SourceId)>> {
        self.read(move |session| {
            Box::pin(async move {
                let found = session.query(EXPIRED, &[&micros(now), &i64::from(rows)]).await?;
                let read = |row| {
                    Ok((row::id(row, 0, TenantId::from_bytes)?, row::id(row, 1, SourceId::from_bytes)?))
                };
                found.iter().map(read).collect()
            })
        })
        .await
    }
}
