//! Routes and their revisions.

use std::collections::BTreeSet;

use async_trait::async_trait;
use stentor_core::id::{RouteId, TenantId, WebhookId};
use stentor_core::route::Route;
use stentor_core::time::Time;

use crate::error::StoreResult;

/// What became of a change of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteSaved {
    /// It is stored; the tenant's configuration has this version now.
    At(u64),
    /// There is no such route, or no such tenant.
    NotFound,
    /// The routes changed since the caller read them.
    Changed,
    /// The tenant has as many routes as it may.
    Full,
    /// The route newly names a webhook that the tenant does not have.
    UnknownWebhook(WebhookId),
}

/// The routes that were in force at a version, and those of their webhooks that were not deleted then.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoutesThen {
    /// In their order.
    pub routes: Vec<Route>,
    /// Webhooks that at least one of them names.
    pub live: BTreeSet<WebhookId>,
}

/// Reads and changes of routes. Each change moves the tenant's configuration version and keeps the revision of every route
/// that it touches in the same transaction (engine rules E7, E21). A tenant's routes are few
/// ([`ROUTES_MAX`](stentor_core::limits::ROUTES_MAX)) and are read as a whole.
#[async_trait]
pub trait Routes: Send + Sync {
    /// Stores a new route at its position, or at the end when that lies beyond; those from there on move by one. `version`
    /// of the argument is ignored.
    async fn create_route(&self, route: &Route) -> StoreResult<RouteSaved>;

    /// Stores a change of configuration or position, if the stored version is still `route.version`. Webhooks that it named
    /// before may have been deleted.
    async fn update_route(&self, route: &Route) -> StoreResult<RouteSaved>;

    /// Deletes a route; those after it move up.
    async fn delete_route(&self, tenant: TenantId, id: RouteId, now: Time) -> StoreResult<RouteSaved>;

    /// Puts these routes first, in this order, each named once; the tenant's others follow as they stand. Nothing changes when
    /// one of them is not there.
    async fn order_routes(&self, tenant: TenantId, order: &[RouteId], now: Time) -> StoreResult<RouteSaved>;

    /// One route.
    async fn route(&self, tenant: TenantId, id: RouteId) -> StoreResult<Option<Route>>;

    /// A tenant's routes in their order.
    async fn routes(&self, tenant: TenantId) -> StoreResult<Vec<Route>>;

    /// What was in force at a configuration version.
    async fn routes_at(&self, tenant: TenantId, version: u64) -> StoreResult<RoutesThen>;
}
