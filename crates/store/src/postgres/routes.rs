//! Routes and their revisions.

use std::collections::BTreeSet;

use async_trait::async_trait;
use stentor_core::id::{RouteId, TenantId, WebhookId};
use stentor_core::limits::ROUTES_MAX;
use stentor_core::route::Route;
use stentor_core::time::Time;
use tokio_postgres::Row;

use super::connection::{Session, Values};
use super::row::{self, Id, integer, micros, small};
use super::{PostgresStore, tenants};
use crate::error::{StoreError, StoreResult, unreadable};
use crate::routes::{RouteSaved, Routes, RoutesThen};

const COLUMNS: &str = "tenant, position, config, version, created_at, updated_at";

fn route(row: &Row) -> StoreResult<Route> {
    Ok(Route {
        id: row::id(row, 0, RouteId::from_bytes)?,
        tenant: row::id(row, 1, TenantId::from_bytes)?,
        position: row::small_count(row, 2)?,
        config: serde_json::from_str(row.try_get(3)?).map_err(|_| unreadable("a route's configuration"))?,
        version: row::count_of(row, 4)?,
        created_at: row::time(row, 5)?,
        updated_at: row::time(row, 6)?,
    })
}

/// A tenant's routes in their order.
pub(super) async fn all(session: &Session, tenant: TenantId) -> StoreResult<Vec<Route>> {
    let sql = format!("SELECT id, {COLUMNS} FROM routes WHERE tenant = $1 ORDER BY position");
    session.query(&sql, &[&Id::from(tenant)]).await?.iter().map(route).collect()
}

/// Deletes every route of a tenant.
pub(super) async fn delete_all(
    session: &Session,
    tenant: TenantId,
    version: u64,
    now: Time,
) -> StoreResult<()> {
    let sql = "INSERT INTO route_revisions (route, version, tenant, position, config, created_at, updated_at)
         SELECT id, $2, tenant, position, NULL, created_at, $3 FROM routes WHERE tenant = $1";
    session.execute(sql, &[&Id::from(tenant), &integer(version), &micros(now)]).await?;
    session.execute("DELETE FROM routes WHERE tenant = $1", &[&Id::from(tenant)]).await.map(|_| ())
}

async fn keep_revision(session: &Session, id: RouteId) -> StoreResult<()> {
    let sql = format!(
        "INSERT INTO route_revisions (route, {COLUMNS}) SELECT id, {COLUMNS} FROM routes WHERE id = $1"
    );
    session.execute(&sql, &[&Id::from(id)]).await.map(|_| ())
}

/// The webhook among these that the tenant does not have, if there is one.
async fn unknown_webhook(
    session: &Session,
    tenant: TenantId,
    named: Vec<WebhookId>,
) -> StoreResult<Option<WebhookId>> {
    let sql = "SELECT id FROM webhooks WHERE id = ANY($1) AND tenant = $2 AND deleted_at IS NULL";
    let ids: Vec<Id> = named.iter().copied().map(Id::from).collect();
    let found = session.query(sql, &[&ids, &Id::from(tenant)]).await?;
    let found: BTreeSet<WebhookId> =
        found.iter().map(|row| row::id(row, 0, WebhookId::from_bytes)).collect::<Result<_, _>>()?;
    Ok(named.into_iter().find(|id| !found.contains(id)))
}

/// Writes the routes that differ from what is stored: their place is their place in the list.
async fn store_order(
    session: &Session,
    before: &[Route],
    after: &[Route],
    version: u64,
    now: Time,
) -> StoreResult<()> {
    let sql = "INSERT INTO routes (id, tenant, position, config, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET position = excluded.position,
         config = excluded.config, version = excluded.version, updated_at = excluded.updated_at";
    for (position, wanted) in (0_u32..).zip(after) {
        let stored = before.iter().find(|route| route.id == wanted.id);
        if stored.is_some_and(|stored| stored.position == position && stored.config == wanted.config) {
            continue;
        }
        let config = serde_json::to_string(&wanted.config).map_err(|_| {
            StoreError::Unexpected("a route's configuration cannot be written as JSON".into())
        })?;
        let values: &Values<'_> = &[
            &Id::from(wanted.id),
            &Id::from(wanted.tenant),
            &small(position),
            &config,
            &integer(version),
            &micros(wanted.created_at),
            &micros(now),
        ];
        session.execute(sql, values).await?;
        keep_revision(session, wanted.id).await?;
    }
    Ok(())
}

async fn create(session: &Session, new: &Route) -> StoreResult<RouteSaved> {
    let before = all(session, new.tenant).await?;
    if before.len() >= ROUTES_MAX {
        return Ok(RouteSaved::Full);
    }
    if let Some(unknown) = unknown_webhook(session, new.tenant, new.config.webhooks.to_vec()).await? {
        return Ok(RouteSaved::UnknownWebhook(unknown));
    }
    let Some(version) = tenants::next_version(session, new.tenant).await? else {
        return Ok(RouteSaved::NotFound);
    };
    let mut after = before.clone();
    after.insert(place(new.position, before.len()), new.clone());
    store_order(session, &before, &after, version, new.updated_at).await?;
    Ok(RouteSaved::At(version))
}

async fn update(session: &Session, changed: &Route) -> StoreResult<RouteSaved> {
    let before = all(session, changed.tenant).await?;
    let Some(index) = before.iter().position(|route| route.id == changed.id) else {
        return Ok(RouteSaved::NotFound);
    };
    if before[index].version != changed.version {
        return Ok(RouteSaved::Changed);
    }
    let named_before: &[WebhookId] = &before[index].config.webhooks;
    let new = changed.config.webhooks.iter().copied().filter(|id| !named_before.contains(id)).collect();
    if let Some(unknown) = unknown_webhook(session, changed.tenant, new).await? {
        return Ok(RouteSaved::UnknownWebhook(unknown));
    }
    let Some(version) = tenants::next_version(session, changed.tenant).await? else {
        return Ok(RouteSaved::NotFound);
    };
    let mut after = before.clone();
    after.remove(index);
    after.insert(place(changed.position, after.len()), changed.clone());
    store_order(session, &before, &after, version, changed.updated_at).await?;
    Ok(RouteSaved::At(version))
}

async fn delete(session: &Session, tenant: TenantId, id: RouteId, now: Time) -> StoreResult<RouteSaved> {
    let before = all(session, tenant).await?;
    let Some(gone) = before.iter().find(|route| route.id == id) else { return Ok(RouteSaved::NotFound) };
    let Some(version) = tenants::next_version(session, tenant).await? else {
        return Ok(RouteSaved::NotFound);
    };
    let sql = "INSERT INTO route_revisions (route, version, tenant, position, config, created_at, updated_at)
         VALUES ($1, $2, $3, $4, NULL, $5, $6)";
    let values: &Values<'_> = &[
        &Id::from(id),
        &integer(version),
        &Id::from(tenant),
        &small(gone.position),
        &micros(gone.created_at),
        &micros(now),
    ];
    session.execute(sql, values).await?;
    session.execute("DELETE FROM routes WHERE id = $1", &[&Id::from(id)]).await?;
    let after: Vec<_> = before.iter().filter(|route| route.id != id).cloned().collect();
    store_order(session, &before, &after, version, now).await?;
    Ok(RouteSaved::At(version))
}

async fn order(session: &Session, tenant: TenantId, order: &[RouteId], now: Time) -> StoreResult<RouteSaved> {
    let before = all(session, tenant).await?;
    let named: Option<Vec<Route>> =
        order.iter().map(|id| before.iter().find(|route| route.id == *id).cloned()).collect();
    let Some(mut after) = named else { return Ok(RouteSaved::NotFound) };
    let Some(version) = tenants::next_version(session, tenant).await? else {
        return Ok(RouteSaved::NotFound);
    };
    after.extend(before.iter().filter(|route| !order.contains(&route.id)).cloned());
    store_order(session, &before, &after, version, now).await?;
    Ok(RouteSaved::At(version))
}

fn place(position: u32, last: usize) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX).min(last)
}

async fn then(session: &Session, tenant: TenantId, version: u64) -> StoreResult<RoutesThen> {
    let sql = format!(
        "SELECT route, {COLUMNS} FROM route_revisions r WHERE tenant = $1 AND config IS NOT NULL AND version =
         (SELECT max(version) FROM route_revisions WHERE route = r.route AND version <= $2) ORDER BY position"
    );
    let found = session.query(&sql, &[&Id::from(tenant), &integer(version)]).await?;
    let routes: Vec<Route> = found.iter().map(route).collect::<Result<_, _>>()?;
    let named: BTreeSet<Id> =
        routes.iter().flat_map(|route| route.config.webhooks.iter().copied().map(Id::from)).collect();
    let named: Vec<Id> = named.into_iter().collect();
    let sql = "SELECT n.id FROM unnest($1::uuid[]) AS n (id) CROSS JOIN LATERAL
         (SELECT status FROM revisions WHERE webhook = n.id AND tenant = $2 AND version <= $3
          ORDER BY version DESC LIMIT 1) AS r WHERE r.status <> 4";
    let live = session.query(sql, &[&named, &Id::from(tenant), &integer(version)]).await?;
    let live = live.iter().map(|row| row::id(row, 0, WebhookId::from_bytes)).collect::<Result<_, _>>()?;
    Ok(RoutesThen { routes, live })
}

#[async_trait]
impl Routes for PostgresStore {
    async fn create_route(&self, route: &Route) -> StoreResult<RouteSaved> {
        let route = route.clone();
        self.write(move |session| Box::pin(async move { create(session, &route).await })).await
    }

    async fn update_route(&self, route: &Route) -> StoreResult<RouteSaved> {
        let route = route.clone();
        self.write(move |session| Box::pin(async move { update(session, &route).await })).await
    }

    async fn delete_route(&self, tenant: TenantId, id: RouteId, now: Time) -> StoreResult<RouteSaved> {
        self.write(move |session| Box::pin(delete(session, tenant, id, now))).await
    }

    async fn order_routes(&self, tenant: TenantId, wanted: &[RouteId], now: Time) -> StoreResult<RouteSaved> {
        let wanted = wanted.to_vec();
        self.write(move |session| Box::pin(async move { order(session, tenant, &wanted, now).await })).await
    }

    async fn route(&self, tenant: TenantId, id: RouteId) -> StoreResult<Option<Route>> {
        let sql = format!("SELECT id, {COLUMNS} FROM routes WHERE id = $1 AND tenant = $2");
        self.read(move |session| {
            Box::pin(async move {
                let found = session.first(&sql, &[&Id::from(id), &Id::from(tenant)]).await?;
                found.map(|row| route(&row)).transpose()
            })
        })
        .await
    }

    async fn routes(&self, tenant: TenantId) -> StoreResult<Vec<Route>> {
        self.read(move |session| Box::pin(all(session, tenant))).await
    }

    async fn routes_at(&self, tenant: TenantId, version: u64) -> StoreResult<RoutesThen> {
        self.read_moment(move |session| Box::pin(then(session, tenant, version))).await
    }
}
