//! Routes and their revisions.

use std::collections::BTreeSet;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use stentor_core::id::{RouteId, TenantId, WebhookId};
use stentor_core::limits::ROUTES_MAX;
use stentor_core::route::Route;
use stentor_core::time::Time;

use super::row::{self, count, integer, micros};
use super::{SqliteStore, tenants};
use crate::error::unreadable;
use crate::error::{StoreError, StoreResult};
use crate::routes::{RouteSaved, Routes, RoutesThen};

fn route(row: &Row<'_>) -> StoreResult<Route> {
    Ok(Route {
        id: row::id(row, 0, RouteId::from_bytes)?,
        tenant: row::id(row, 1, TenantId::from_bytes)?,
        position: row.get(2)?,
        config: serde_json::from_str(&row.get::<_, String>(3)?)
            .map_err(|_| unreadable("a route's configuration"))?,
        version: count(row.get(4)?),
        created_at: row::time(row, 5)?,
        updated_at: row::time(row, 6)?,
    })
}

const COLUMNS: &str = "tenant, position, config, version, created_at, updated_at";

/// A tenant's routes in their order.
pub(super) fn all(connection: &Connection, tenant: TenantId) -> StoreResult<Vec<Route>> {
    let sql = format!("SELECT id, {COLUMNS} FROM routes WHERE tenant = ?1 ORDER BY position");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([tenant.as_bytes()])?;
    let mut routes = Vec::new();
    while let Some(row) = rows.next()? {
        routes.push(route(row)?);
    }
    Ok(routes)
}

/// Deletes every route of a tenant.
pub(super) fn delete_all(
    connection: &Connection,
    tenant: TenantId,
    version: u64,
    now: Time,
) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO route_revisions (route, version, tenant, position, config, created_at, updated_at)
         SELECT id, ?2, tenant, position, NULL, created_at, ?3 FROM routes WHERE tenant = ?1",
        params![tenant.as_bytes(), integer(version), micros(now)],
    )?;
    connection.execute("DELETE FROM routes WHERE tenant = ?1", [tenant.as_bytes()]).map(|_| ())
}

fn keep_revision(connection: &Connection, id: RouteId) -> rusqlite::Result<()> {
    let sql = format!(
        "INSERT INTO route_revisions (route, {COLUMNS}) SELECT id, {COLUMNS} FROM routes WHERE id = ?1"
    );
    connection.prepare_cached(&sql)?.execute([id.as_bytes()]).map(|_| ())
}

/// The webhook among these that the tenant does not have, if there is one.
fn unknown_webhook(
    connection: &Connection,
    tenant: TenantId,
    named: impl Iterator<Item = WebhookId>,
) -> rusqlite::Result<Option<WebhookId>> {
    let mut statement = connection
        .prepare_cached("SELECT 1 FROM webhooks WHERE id = ?1 AND tenant = ?2 AND deleted_at IS NULL")?;
    for webhook in named {
        if !statement.exists([webhook.as_bytes(), tenant.as_bytes()])? {
            return Ok(Some(webhook));
        }
    }
    Ok(None)
}

/// Writes the routes that differ from what is stored: their place is their place in the list.
fn store_order(
    connection: &Connection,
    before: &[Route],
    after: &[Route],
    version: u64,
    now: Time,
) -> StoreResult<()> {
    for (position, wanted) in (0_u32..).zip(after) {
        let stored = before.iter().find(|route| route.id == wanted.id);
        if stored.is_some_and(|stored| stored.position == position && stored.config == wanted.config) {
            continue;
        }
        let config = serde_json::to_string(&wanted.config).map_err(|_| {
            StoreError::Unexpected("a route's configuration cannot be written as JSON".into())
        })?;
        connection
            .prepare_cached(
                "INSERT INTO routes (id, tenant, position, config, version, created_at, updated_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET position = excluded.position,
                 config = excluded.config, version = excluded.version, updated_at = excluded.updated_at",
            )?
            .execute(params![
                wanted.id.as_bytes(),
                wanted.tenant.as_bytes(),
                position,
                config,
                integer(version),
                micros(wanted.created_at),
                micros(now),
            ])?;
        keep_revision(connection, wanted.id)?;
    }
    Ok(())
}

fn create(connection: &Connection, new: &Route) -> StoreResult<RouteSaved> {
    let before = all(connection, new.tenant)?;
    if before.len() >= ROUTES_MAX {
        return Ok(RouteSaved::Full);
    }
    if let Some(unknown) = unknown_webhook(connection, new.tenant, new.config.webhooks.iter().copied())? {
        return Ok(RouteSaved::UnknownWebhook(unknown));
    }
    let Some(version) = tenants::next_version(connection, new.tenant)? else {
        return Ok(RouteSaved::NotFound);
    };
    let mut after = before.clone();
    after.insert(place(new.position, before.len()), new.clone());
    store_order(connection, &before, &after, version, new.updated_at)?;
    Ok(RouteSaved::At(version))
}

fn update(connection: &Connection, changed: &Route) -> StoreResult<RouteSaved> {
    let before = all(connection, changed.tenant)?;
    let Some(index) = before.iter().position(|route| route.id == changed.id) else {
        return Ok(RouteSaved::NotFound);
    };
    if before[index].version != changed.version {
        return Ok(RouteSaved::Changed);
    }
    let named_before: &[WebhookId] = &before[index].config.webhooks;
    let new = changed.config.webhooks.iter().copied().filter(|id| !named_before.contains(id));
    if let Some(unknown) = unknown_webhook(connection, changed.tenant, new)? {
        return Ok(RouteSaved::UnknownWebhook(unknown));
    }
    let Some(version) = tenants::next_version(connection, changed.tenant)? else {
        return Ok(RouteSaved::NotFound);
    };
    let mut after = before.clone();
    after.remove(index);
    after.insert(place(changed.position, after.len()), changed.clone());
    store_order(connection, &before, &after, version, changed.updated_at)?;
    Ok(RouteSaved::At(version))
}

fn delete(connection: &Connection, tenant: TenantId, id: RouteId, now: Time) -> StoreResult<RouteSaved> {
    let before = all(connection, tenant)?;
    let Some(gone) = before.iter().find(|route| route.id == id) else { return Ok(RouteSaved::NotFound) };
    let Some(version) = tenants::next_version(connection, tenant)? else {
        return Ok(RouteSaved::NotFound);
    };
    connection.execute(
        "INSERT INTO route_revisions (route, version, tenant, position, config, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, NULL, ?5, ?6)",
        params![
            id.as_bytes(),
            integer(version),
            tenant.as_bytes(),
            gone.position,
            micros(gone.created_at),
            micros(now)
        ],
    )?;
    connection.execute("DELETE FROM routes WHERE id = ?1", [id.as_bytes()])?;
    let after: Vec<_> = before.iter().filter(|route| route.id != id).cloned().collect();
    store_order(connection, &before, &after, version, now)?;
    Ok(RouteSaved::At(version))
}

fn order(connection: &Connection, tenant: TenantId, order: &[RouteId], now: Time) -> StoreResult<RouteSaved> {
    let before = all(connection, tenant)?;
    let named: Option<Vec<Route>> =
        order.iter().map(|id| before.iter().find(|route| route.id == *id).cloned()).collect();
    let Some(mut after) = named else { return Ok(RouteSaved::NotFound) };
    let Some(version) = tenants::next_version(connection, tenant)? else {
        return Ok(RouteSaved::NotFound);
    };
    after.extend(before.iter().filter(|route| !order.contains(&route.id)).cloned());
    store_order(connection, &before, &after, version, now)?;
    Ok(RouteSaved::At(version))
}

fn place(position: u32, last: usize) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX).min(last)
}

fn then(connection: &Connection, tenant: TenantId, version: u64) -> StoreResult<RoutesThen> {
    let sql = format!(
        "SELECT route, {COLUMNS} FROM route_revisions r WHERE tenant = ?1 AND config IS NOT NULL AND version =
         (SELECT max(version) FROM route_revisions WHERE route = r.route AND version <= ?2) ORDER BY position"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![tenant.as_bytes(), integer(version)])?;
    let mut found = RoutesThen::default();
    while let Some(row) = rows.next()? {
        found.routes.push(route(row)?);
    }
    let named: BTreeSet<WebhookId> =
        found.routes.iter().flat_map(|route: &Route| &route.config.webhooks).copied().collect();
    let mut status = connection.prepare_cached(
        "SELECT status FROM revisions WHERE webhook = ?1 AND tenant = ?2 AND version <= ?3
         ORDER BY version DESC LIMIT 1",
    )?;
    for webhook in named {
        let values = params![webhook.as_bytes(), tenant.as_bytes(), integer(version)];
        let then: Option<i64> = status.query_row(values, |row| row.get(0)).optional()?;
        if then.is_some_and(|status| status != row::DELETED) {
            found.live.insert(webhook);
        }
    }
    Ok(found)
}

#[async_trait]
impl Routes for SqliteStore {
    async fn create_route(&self, route: &Route) -> StoreResult<RouteSaved> {
        let route = route.clone();
        self.write(move |connection| create(connection, &route)).await
    }

    async fn update_route(&self, route: &Route) -> StoreResult<RouteSaved> {
        let route = route.clone();
        self.write(move |connection| update(connection, &route)).await
    }

    async fn delete_route(&self, tenant: TenantId, id: RouteId, now: Time) -> StoreResult<RouteSaved> {
        self.write(move |connection| delete(connection, tenant, id, now)).await
    }

    async fn order_routes(&self, tenant: TenantId, wanted: &[RouteId], now: Time) -> StoreResult<RouteSaved> {
        let wanted = wanted.to_vec();
        self.write(move |connection| order(connection, tenant, &wanted, now)).await
    }

    async fn route(&self, tenant: TenantId, id: RouteId) -> StoreResult<Option<Route>> {
        self.read(move |connection| {
            let sql = format!("SELECT id, {COLUMNS} FROM routes WHERE id = ?1 AND tenant = ?2");
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query([id.as_bytes(), tenant.as_bytes()])?;
            rows.next()?.map(route).transpose()
        })
        .await
    }

    async fn routes(&self, tenant: TenantId) -> StoreResult<Vec<Route>> {
        self.read(move |connection| all(connection, tenant)).await
    }

    async fn routes_at(&self, tenant: TenantId, version: u64) -> StoreResult<RoutesThen> {
        self.read(move |connection| then(connection, tenant, version)).await
    }
}
