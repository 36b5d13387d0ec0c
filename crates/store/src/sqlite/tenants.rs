//! Tenants.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use stentor_core::id::{TenantId, WebhookId};
use stentor_core::profile::Profile;
use stentor_core::tenant::Tenant;
use stentor_core::time::Time;

use super::row::{self, count, micros};
use super::{SqliteStore, page_of, routes, webhooks};
use crate::Page;
use crate::error::StoreResult;
use crate::tenants::{TenantSaved, Tenants};

const COLUMNS: &str = "id, name, plan, config_version, created_at, default_profile";

fn tenant(row: &Row<'_>) -> rusqlite::Result<Tenant> {
    let default_profile: Option<String> = row.get(5)?;
    Ok(Tenant {
        id: row::id(row, 0, TenantId::from_bytes)?,
        name: row.get(1)?,
        plan: row.get(2)?,
        config_version: count(row.get(3)?),
        created_at: row::time(row, 4)?,
        // A word of a newer version says nothing to this one.
        default_profile: default_profile.as_deref().and_then(Profile::from_word),
    })
}

/// The configuration version in force; none when there is no such tenant.
pub(super) fn version(connection: &Connection, id: TenantId) -> rusqlite::Result<Option<u64>> {
    connection
        .prepare_cached("SELECT config_version FROM tenants WHERE id = ?1 AND deleted_at IS NULL")?
        .query_row([id.as_bytes()], |row| row.get(0).map(count))
        .optional()
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
    connection.execute("UPDATE tenants SET deleted_at = ?2 WHERE id = ?1", values)?;
    Ok(TenantSaved::Done)
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
                "INSERT INTO tenants (id, name, plan, config_version, created_at, default_profile)
                 VALUES (?1, ?2, ?3, 1, ?4, ?5)",
                params![
                    tenant.id.as_bytes(),
                    tenant.name,
                    tenant.plan,
                    micros(tenant.created_at),
                    tenant.default_profile.map(Profile::as_str),
                ],
            )?;
            Ok(TenantSaved::Done)
        })
        .await
    }

    async fn update_tenant(&self, tenant: &Tenant) -> StoreResult<TenantSaved> {
        let tenant = tenant.clone();
        self.write(move |connection| {
            if is_taken(connection, &tenant.name, tenant.id)? {
                return Ok(TenantSaved::NameTaken);
            }
            let changed = connection.execute(
                "UPDATE tenants SET name = ?2, plan = ?3, default_profile = ?4
                 WHERE id = ?1 AND deleted_at IS NULL",
                params![
                    tenant.id.as_bytes(),
                    tenant.name,
                    tenant.plan,
                    tenant.default_profile.map(Profile::as_str),
                ],
            )?;
            Ok(if changed == 1 { TenantSaved::Done } else { TenantSaved::NotFound })
        })
        .await
    }

    async fn delete_tenant(&self, id: TenantId, now: Time) -> StoreResult<TenantSaved> {
        self.write(move |connection| delete(connection, id, now)).await
    }

    async fn tenant(&self, id: TenantId) -> StoreResult<Option<Tenant>> {
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM tenants WHERE id = ?1 AND deleted_at IS NULL");
            Ok(connection.prepare_cached(&sql)?.query_row([id.as_bytes()], tenant).optional()?)
        })
        .await
    }

    async fn tenant_named(&self, name: &str) -> StoreResult<Option<Tenant>> {
        let name = name.to_owned();
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM tenants WHERE name = ?1 AND deleted_at IS NULL");
            Ok(connection.prepare_cached(&sql)?.query_row([name], tenant).optional()?)
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
            let found = statement.query_map(params![before, rows.saturating_add(1)], tenant)?;
            Ok(page_of(found.collect::<Result<_, _>>()?, rows))
        })
        .await
    }
}
