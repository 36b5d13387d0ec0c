//! Tenants.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use stentor_core::id::{TenantId, WebhookId};
use stentor_core::tenant::{Tenant, TenantSettings};
use stentor_core::time::Time;

use super::failure::unreadable;
use super::row::{self, count, integer, micros};
use super::{SqliteStore, page_of, webhooks};
use crate::Page;
use crate::error::{StoreError, StoreResult};
use crate::tenants::{TenantSaved, Tenants};

const COLUMNS: &str = "id, name, plan, config_version, created_at, settings";

fn tenant(row: &Row<'_>) -> StoreResult<Tenant> {
    Ok(Tenant {
        id: row::id(row, 0, TenantId::from_bytes)?,
        name: row.get(1)?,
        plan: row.get(2)?,
        config_version: count(row.get(3)?),
        settings: settings(row, 5)?,
        created_at: row::time(row, 4)?,
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
    let values = params![id.as_bytes(), micros(now)];
    connection
        .execute("UPDATE tokens SET revoked_at = ?2 WHERE tenant = ?1 AND revoked_at IS NULL", values)?;
    connection.execute(
        "UPDATE conversations SET deleted_at = ?2 WHERE tenant = ?1 AND deleted_at IS NULL",
        values,
    )?;
    connection.execute("DELETE FROM event_types WHERE tenant = ?1", [id.as_bytes()])?;
    connection.execute("DELETE FROM conversation_webhooks WHERE tenant = ?1", [id.as_bytes()])?;
    connection.execute("UPDATE tenants SET deleted_at = ?2 WHERE id = ?1", values)?;
    Ok(TenantSaved::Done)
}

fn update(
    connection: &Connection,
    id: TenantId,
    name: &str,
    plan: &str,
    settings: &TenantSettings,
) -> StoreResult<TenantSaved> {
    if is_taken(connection, name, id)? {
        return Ok(TenantSaved::NameTaken);
    }
    let mut find =
        connection.prepare_cached("SELECT settings FROM tenants WHERE id = ?1 AND deleted_at IS NULL")?;
    let mut rows = find.query([id.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(TenantSaved::NotFound) };
    let before = self::settings(row, 0)?;
    connection.execute(
        "UPDATE tenants SET name = ?2, plan = ?3, settings = ?4 WHERE id = ?1",
        params![id.as_bytes(), name, plan, settings_text(settings)?],
    )?;
    if before != *settings {
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
                "INSERT INTO tenants (id, name, plan, config_version, created_at, settings, types_version)
                 VALUES (?1, ?2, ?3, 1, ?4, ?5, 1)",
                params![
                    tenant.id.as_bytes(),
                    tenant.name,
                    tenant.plan,
                    micros(tenant.created_at),
                    settings_text(&tenant.settings)?
                ],
            )?;
            Ok(TenantSaved::Done)
        })
        .await
    }

    async fn update_tenant(
        &self,
        id: TenantId,
        name: &str,
        plan: &str,
        settings: &TenantSettings,
    ) -> StoreResult<TenantSaved> {
        let (name, plan, settings) = (name.to_owned(), plan.to_owned(), settings.clone());
        self.write(move |connection| update(connection, id, &name, &plan, &settings)).await
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
