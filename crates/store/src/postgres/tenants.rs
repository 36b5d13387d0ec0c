//! Tenants.

use async_trait::async_trait;
use stentor_core::id::{TenantId, WebhookId};
use stentor_core::profile::Profile;
use stentor_core::tenant::{Tenant, TenantSettings};
use stentor_core::time::Time;
use tokio_postgres::Row;

use super::connection::{Session, Values};
use super::row::{self, Id, integer, micros, page_of};
use super::{PostgresStore, routes, sources, webhooks};
use crate::Page;
use crate::error::{StoreError, StoreResult, unreadable};
use crate::tenants::{TenantSaved, Tenants};

const COLUMNS: &str = "id, name, plan, config_version, created_at, settings, default_profile";

fn tenant(row: &Row) -> StoreResult<Tenant> {
    let default_profile: Option<&str> = row.try_get(6)?;
    Ok(Tenant {
        id: row::id(row, 0, TenantId::from_bytes)?,
        name: row::text(row, 1)?,
        plan: row::text(row, 2)?,
        config_version: row::count_of(row, 3)?,
        settings: settings(row, 5)?,
        created_at: row::time(row, 4)?,
        // A word of a newer version says nothing to this one.
        default_profile: default_profile.and_then(Profile::from_word),
    })
}

pub(super) fn settings(row: &Row, column: usize) -> StoreResult<TenantSettings> {
    serde_json::from_str(row.try_get(column)?).map_err(|_| unreadable("a tenant's settings"))
}

fn settings_text(settings: &TenantSettings) -> StoreResult<String> {
    let failed = |_| StoreError::Unexpected("a tenant's settings cannot be written as JSON".into());
    serde_json::to_string(settings).map_err(failed)
}

/// The configuration version in force; none when there is no such tenant.
pub(super) async fn version(session: &Session, id: TenantId) -> StoreResult<Option<u64>> {
    let sql = "SELECT config_version FROM tenants WHERE id = $1 AND deleted_at IS NULL";
    session.first(sql, &[&Id::from(id)]).await?.map(|row| row::count_of(&row, 0)).transpose()
}

/// Moves the configuration version (engine rule E7). None when there is no such tenant.
pub(super) async fn next_version(session: &Session, id: TenantId) -> StoreResult<Option<u64>> {
    let sql = "UPDATE tenants SET config_version = config_version + 1 WHERE id = $1 AND deleted_at IS NULL
         RETURNING config_version";
    session.first(sql, &[&Id::from(id)]).await?.map(|row| row::count_of(&row, 0)).transpose()
}

/// Whether another tenant has the name.
async fn is_taken(session: &Session, name: &str, by_other_than: TenantId) -> StoreResult<bool> {
    let sql = "SELECT 1 FROM tenants WHERE name = $1 AND deleted_at IS NULL AND id <> $2";
    Ok(session.first(sql, &[&name.as_bytes(), &Id::from(by_other_than)]).await?.is_some())
}

async fn create(session: &Session, tenant: &Tenant) -> StoreResult<TenantSaved> {
    if is_taken(session, &tenant.name, tenant.id).await? {
        return Ok(TenantSaved::NameTaken);
    }
    let sql = "INSERT INTO tenants (id, name, plan, config_version, created_at, settings, types_version, default_profile)
         VALUES ($1, $2, $3, 1, $4, $5, 1, $6)";
    let values: &Values<'_> = &[
        &Id::from(tenant.id),
        &tenant.name.as_bytes(),
        &tenant.plan.as_bytes(),
        &micros(tenant.created_at),
        &settings_text(&tenant.settings)?,
        &tenant.default_profile.map(Profile::as_str),
    ];
    session.execute(sql, values).await?;
    Ok(TenantSaved::Done)
}

async fn delete(session: &Session, id: TenantId, now: Time) -> StoreResult<TenantSaved> {
    let Some(version) = next_version(session, id).await? else { return Ok(TenantSaved::NotFound) };
    let key = Id::from(id);
    let live =
        session.query("SELECT id FROM webhooks WHERE tenant = $1 AND deleted_at IS NULL", &[&key]).await?;
    for found in &live {
        webhooks::delete(session, id, row::id(found, 0, WebhookId::from_bytes)?, version, now).await?;
    }
    routes::delete_all(session, id, version, now).await?;
    let at = micros(now);
    let sql = "UPDATE tokens SET revoked_at = $2 WHERE tenant = $1 AND revoked_at IS NULL";
    session.execute(sql, &[&key, &at]).await?;
    let sql = "UPDATE conversations SET deleted_at = $2 WHERE tenant = $1 AND deleted_at IS NULL";
    session.execute(sql, &[&key, &at]).await?;
    sources::delete_all(session, id).await?;
    session.execute("DELETE FROM event_types WHERE tenant = $1", &[&key]).await?;
    session.execute("DELETE FROM conversation_webhooks WHERE tenant = $1", &[&key]).await?;
    session.execute("UPDATE tenants SET deleted_at = $2 WHERE id = $1", &[&key, &at]).await?;
    Ok(TenantSaved::Done)
}

async fn update(session: &Session, tenant: &Tenant) -> StoreResult<TenantSaved> {
    let id = tenant.id;
    if is_taken(session, &tenant.name, id).await? {
        return Ok(TenantSaved::NameTaken);
    }
    let sql = "SELECT settings FROM tenants WHERE id = $1 AND deleted_at IS NULL FOR UPDATE";
    let Some(found) = session.first(sql, &[&Id::from(id)]).await? else { return Ok(TenantSaved::NotFound) };
    let before = settings(&found, 0)?;
    let sql = "UPDATE tenants SET name = $2, config_version = config_version + (plan <> $3)::int4, plan = $3,
         settings = $4, default_profile = $5 WHERE id = $1";
    let values: &Values<'_> = &[
        &Id::from(id),
        &tenant.name.as_bytes(),
        &tenant.plan.as_bytes(),
        &settings_text(&tenant.settings)?,
        &tenant.default_profile.map(Profile::as_str),
    ];
    session.execute(sql, values).await?;
    if before != tenant.settings {
        types_changed(session, id).await?;
    }
    Ok(TenantSaved::Done)
}

/// Moves the configuration version, and notes with it that what publishing demands changed.
pub(super) async fn types_changed(session: &Session, id: TenantId) -> StoreResult<Option<u64>> {
    let Some(version) = next_version(session, id).await? else { return Ok(None) };
    let sql = "UPDATE tenants SET types_version = $2 WHERE id = $1";
    session.execute(sql, &[&Id::from(id), &integer(version)]).await?;
    Ok(Some(version))
}

#[async_trait]
impl Tenants for PostgresStore {
    async fn create_tenant(&self, tenant: &Tenant) -> StoreResult<TenantSaved> {
        let tenant = tenant.clone();
        self.write(move |session| Box::pin(async move { create(session, &tenant).await })).await
    }

    async fn update_tenant(&self, tenant: &Tenant) -> StoreResult<TenantSaved> {
        let tenant = tenant.clone();
        self.write(move |session| Box::pin(async move { update(session, &tenant).await })).await
    }

    async fn delete_tenant(&self, id: TenantId, now: Time) -> StoreResult<TenantSaved> {
        self.write(move |session| Box::pin(delete(session, id, now))).await
    }

    async fn tenant(&self, id: TenantId) -> StoreResult<Option<Tenant>> {
        let sql = format!("SELECT {COLUMNS} FROM tenants WHERE id = $1 AND deleted_at IS NULL");
        self.read(move |session| {
            Box::pin(async move {
                session.first(&sql, &[&Id::from(id)]).await?.map(|row| tenant(&row)).transpose()
            })
        })
        .await
    }

    async fn tenant_named(&self, name: &str) -> StoreResult<Option<Tenant>> {
        let name = name.to_owned();
        let sql = format!("SELECT {COLUMNS} FROM tenants WHERE name = $1 AND deleted_at IS NULL");
        self.read(move |session| {
            Box::pin(async move {
                session.first(&sql, &[&name.as_bytes()]).await?.map(|row| tenant(&row)).transpose()
            })
        })
        .await
    }

    async fn tenants(&self, before: Option<TenantId>, rows: u32) -> StoreResult<Page<Tenant>> {
        let before = before.map_or(Id::HIGHEST, Id::from);
        let sql = format!(
            "SELECT {COLUMNS} FROM tenants WHERE id < $1 AND deleted_at IS NULL ORDER BY id DESC LIMIT $2"
        );
        self.read(move |session| {
            Box::pin(async move {
                let found = session.query(&sql, &[&before, &(i64::from(rows) + 1)]).await?;
                let page: Vec<_> = found.iter().map(tenant).collect::<Result<_, _>>()?;
                Ok(page_of(page, rows))
            })
        })
        .await
    }
}
