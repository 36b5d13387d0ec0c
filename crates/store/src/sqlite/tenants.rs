//! Tenants.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use stentor_core::id::{TenantId, WebhookId};
use stentor_core::profile::Profile;
use stentor_core::tenant::{Tenant, TenantSettings};
use stentor_core::time::Time;

use super::row::{self, count, integer, micros};
use super::{SqliteStore, page_of, routes, sources, webhooks};
use crate::Page;
use crate::error::unreadable;
use crate::error::{StoreError, StoreResult};
use crate::tenants::{TenantSaved, Tenants};

const COLUMNS: &str = "id, name, plan, config_version, created_at, settings, default_profile";

fn tenant(row: &Row<'_>) -> StoreResult<Tenant> {
    let default_profile: Option<String> = row.get(6)?;
    Ok(Tenant {
        id: row::id(row, 0, TenantId::from_bytes)?,
        name: row.get(1)?,
        plan: row.get(2)?,
        config_version: count(row.get(3)?),
        settings: settings(row, 5)?,
        created_at: row::time(row, 4)?,
        // A word of a newer version says nothing to this one.
        default_profile: default_profile.as_deref().and_then(Profile::from_word),
    })
}

pub(super) fn settings(row: &Row<'_>, column: usize) -> StoreResult<TenantSettings> {
    let text = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?;
    serde_json::from_str(text).map_err(|_| unreadable("a tenant's settings"))
}

fn settings_text(settings: &TenantSettings) -> StoreResult<String> {
    let failed = |_| StoreError::Unexpected("a tenant's settings cannot be written as JSON".into());
    serde_json::to_string(settings).map_err(failed)
}

/// The configuration version in force; none when there is no such tenant.
pub(super) fn version(connection: &Connection, id: TenantId) -> rusqlite::Result<Option<u64>> {
    connection
        .prepare_cached("SELECT config_version FROM tenants WHERE id = ?1 AND deleted_at IS NULL")?
        .query_row([id.as_bytes()], |row| row.get(0).map(count))
        .optional()
}

fn first(connection: &Connection, sql: &str, values: impl Params) -> StoreResult<Option<Tenant>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    rows.next()?.map(tenant).transpose()
}

/// Moves the configuration version (engine rule E7). None when there is no such tenant.
pub(super) fn next_version(connection: &Connection, id: TenantId) -> rusqlite::Result<Option<u64>> {
    connection
        .prepare_cached(
            "UPDATE tenants SET config_version = config_version + 1 WHERE id = ?1 AND deleted_at IS NULL
             RETURNING config_version",
        )?
        .query_row([id.as_bytes()], |row| row.get(0).map(count))
        .optional()
}

/// Whether another tenant has the name.
fn is_taken(connection: &Connection, name: &str, by_other_than: TenantId) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM tenants WHERE name = ?1 AND deleted_at IS NULL AND id <> ?2")?
        .exists(params![name, by_other_than.as_bytes()])
}

fn delete(connection: &Connection, id: TenantId, now: Time) -> StoreResult<TenantSaved> {
    let Some(version) = next_version(connection, id)? else { return Ok(TenantSaved::NotFound) };
    let mut live = connection.prepare("SELECT id FROM webhooks WHERE tenant = ?1 AND deleted_at IS NULL")?;
    let found: Vec<WebhookId> = live
        .query_map([id.as_bytes()], |row| row::id(row, 0, WebhookId::from_bytes))?
        .collect::<Result<_, _>>()?;
    for webhook in found {
        webhooks::delete(connection, id, webhook, version, now)?;
    }
    routes::delete_all(connection, id, version, now)?;
    let values = params![id.as_bytes(), micros(now)];
    connection
        .execute("UPDATE tokens SET revoked_at = ?2 WHERE tenant = ?1 AND revoked_at IS NULL", values)?;
    connection.execute(
        "UPDATE conversations SET deleted_at = ?2 WHERE tenant = ?1 AND deleted_at IS NULL",
        values,
    )?;
    sources::delete_all(connection, id)?;
    connection.execute("DELETE FROM event_types WHERE tenant = ?1", [id.as_bytes()])?;
    connection.execute("DELETE FROM conversation_webhooks WHERE tenant = ?1", [id.as_bytes()])?;
    connection.execute("UPDATE tenants SET deleted_at = ?2 WHERE id = ?1", values)?;
    Ok(TenantSaved::Done)
}

fn update(connection: &Connection, tenant: &Tenant) -> StoreResult<TenantSaved> {
    let id = tenant.id;
    if is_taken(connection, &tenant.name, id)? {
        return Ok(TenantSaved::NameTaken);
    }
    let mut find =
        connection.prepare_cached("SELECT settings FROM tenants WHERE id = ?1 AND deleted_at IS NULL")?;
    let mut rows = find.query([id.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(TenantSaved::NotFound) };
    let before = settings(row, 0)?;
    connection.execute(
        "UPDATE tenants SET name = ?2, config_version = config_version + (plan <> ?3), plan = ?3, settings = ?4, default_profile = ?5 WHERE id = ?1",
        params![
            id.as_bytes(),
            tenant.name,
            tenant.plan,
            settings_text(&tenant.settings)?,
            tenant.default_profile.map(Profile::as_str),
        ],
    )?;
    if before != tenant.settings {
        types_changed(connection, id)?;
    }
    Ok(TenantSaved::Done)
}

/// Moves the configuration version, and notes with it that what publishing demands changed.
pub(super) fn types_changed(connection: &Connection, id: TenantId) -> rusqlite::Result<Option<u64>> {
    let Some(version) = next_version(connection, id)? else { return Ok(None) };
    connection
        .prepare_cached("UPDATE tenants SET types_version = ?2 WHERE id = ?1")?
        .execute(params![id.as_bytes(), integer(version)])?;
    Ok(Some(version))
}

#[async_trait]
impl Tenants for SqliteStore {
    async fn create_tenant(&self, tenant: &Tenant) -> StoreResult<TenantSaved> {
        let tenant = tenant.clone();
        self.write(move |connection| {
            if is_taken(connection, &tenant.name, tenant.id)? {
                return Ok(TenantSaved::NameTaken);
            }
            connection.execute(
                "INSERT INTO tenants (id, name, plan, config_version, created_at, settings, types_version, default_profile)
                 VALUES (?1, ?2, ?3, 1, ?4, ?5, 1, ?6)",
                params![
                    tenant.id.as_bytes(),
                    tenant.name,
                    tenant.plan,
                    micros(tenant.created_at),
                    settings_text(&tenant.settings)?,
                    tenant.default_profile.map(Profile::as_str),
                ],
            )?;
            Ok(TenantSaved::Done)
        })
        .await
    }

    async fn update_tenant(&self, tenant: &Tenant) -> StoreResult<TenantSaved> {
        let tenant = tenant.clone();
        self.write(move |connection| update(connection, &tenant)).await
    }

    async fn delete_tenant(&self, id: TenantId, now: Time) -> StoreResult<TenantSaved> {
        self.write(move |connection| delete(connection, id, now)).await
    }

    async fn tenant(&self, id: TenantId) -> StoreResult<Option<Tenant>> {
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM tenants WHERE id = ?1 AND deleted_at IS NULL");
            first(connection, &sql, [id.as_bytes()])
        })
        .await
    }

    async fn tenant_named(&self, name: &str) -> StoreResult<Option<Tenant>> {
        let name = name.to_owned();
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM tenants WHERE name = ?1 AND deleted_at IS NULL");
            first(connection, &sql, [name])
        })
        .await
    }

    async fn tenants(&self, before: Option<TenantId>, rows: u32) -> StoreResult<Page<Tenant>> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM tenants WHERE id < ?1 AND deleted_at IS NULL ORDER BY id DESC LIMIT ?2"
            );
            let before = before.map_or([0xff; 16], |before| *before.as_bytes());
            let mut statement = connection.prepare_cached(&sql)?;
            let mut found = statement.query(params![before, rows.saturating_add(1)])?;
            let mut page = Vec::new();
            while let Some(row) = found.next()? {
                page.push(tenant(row)?);
            }
            Ok(page_of(page, rows))
        })
        .await
    }
}
