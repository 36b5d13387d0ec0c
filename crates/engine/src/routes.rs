//! Changing routes: the use cases that API and command line share.

use stentor_core::event::EventPattern;
use stentor_core::filter::Filter;
use stentor_core::id::{RouteId, TenantId, WebhookId};
use stentor_core::limits::ROUTES_MAX;
use stentor_core::route::{Route, RouteConfig};
use stentor_store::StoreError;
use stentor_store::routes::RouteSaved;

use crate::engine::Engine;
use crate::entropy;

/// How often a change is tried anew when another change came between.
const CHANGE_TRIES_MAX: u32 = 8;

/// A change of a route: what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct RouteChange {
    /// New name; the inner `None` removes it.
    pub name: Option<Option<String>>,
    /// New event types; the list is replaced.
    pub events: Option<Vec<EventPattern>>,
    /// New filter; the inner `None` removes it.
    pub filter: Option<Option<Filter>>,
    /// New webhooks; the list is replaced.
    pub webhooks: Option<Vec<WebhookId>>,
    /// Whether the routes after it are tried as well.
    pub goes_on: Option<bool>,
    /// Whether it is tried only when no other route took the event.
    pub is_default: Option<bool>,
    /// Whether it is tried at all.
    pub active: Option<bool>,
    /// New place among the routes.
    pub position: Option<u32>,
}

/// Why a route was not created or changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RouteError {
    /// There is no such route, or no such tenant.
    #[error("there is no such route")]
    NotFound,
    /// It names a webhook that there is not.
    #[error("there is no webhook {0}")]
    UnknownWebhook(WebhookId),
    /// The tenant has as many as it may.
    #[error("a tenant has at most {ROUTES_MAX} routes")]
    Full,
    /// The routes keep being changed by others.
    #[error("the routes are being changed by others; try again")]
    Busy,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Creates a route at a position, or at the end.
    ///
    /// # Errors
    /// When it names an unknown webhook, there are too many, or the database does not answer.
    pub async fn create_route(
        &self,
        tenant: TenantId,
        config: RouteConfig,
        position: Option<u32>,
    ) -> Result<Route, RouteError> {
        let now = self.clock().now();
        let route = Route {
            id: RouteId::new(now, entropy::bits()),
            tenant,
            position: position.unwrap_or(u32::MAX),
            config,
            version: 0,
            created_at: now,
            updated_at: now,
        };
        match self.store().create_route(&route).await? {
            RouteSaved::At(_) => self.changed(tenant, route.id).await,
            refused => Err(refusal(refused)),
        }
    }

    /// Changes a route. Events published from now on are routed by the change.
    ///
    /// # Errors
    /// As for creating, and when there is no such route.
    pub async fn change_route(
        &self,
        tenant: TenantId,
        id: RouteId,
        change: RouteChange,
    ) -> Result<Route, RouteError> {
        for _ in 0..CHANGE_TRIES_MAX {
            let mut route = self.store().route(tenant, id).await?.ok_or(RouteError::NotFound)?;
            apply(&mut route, &change);
            route.updated_at = self.clock().now();
            match self.store().update_route(&route).await? {
                RouteSaved::At(_) => return self.changed(tenant, id).await,
                RouteSaved::Changed => {}
                refused => return Err(refusal(refused)),
            }
        }
        Err(RouteError::Busy)
    }

    /// Deletes a route.
    ///
    /// # Errors
    /// When there is no such route or the database does not answer.
    pub async fn delete_route(&self, tenant: TenantId, id: RouteId) -> Result<(), RouteError> {
        let saved = self.store().delete_route(tenant, id, self.clock().now()).await?;
        self.directory().forget(tenant);
        match saved {
            RouteSaved::At(_) => Ok(()),
            refused => Err(refusal(refused)),
        }
    }

    /// Puts these routes first, in this order, and answers all of the tenant's.
    ///
    /// # Errors
    /// When one of them is not there, or the database does not answer.
    pub async fn order_routes(&self, tenant: TenantId, order: &[RouteId]) -> Result<Vec<Route>, RouteError> {
        match self.store().order_routes(tenant, order, self.clock().now()).await? {
            RouteSaved::At(_) => {
                self.directory().forget(tenant);
                Ok(self.store().routes(tenant).await?)
            }
            refused => Err(refusal(refused)),
        }
    }

    /// The route as it is stored now. Routing is read anew by whoever needs it next.
    async fn changed(&self, tenant: TenantId, id: RouteId) -> Result<Route, RouteError> {
        self.directory().forget(tenant);
        self.store().route(tenant, id).await?.ok_or(RouteError::NotFound)
    }
}

fn apply(route: &mut Route, change: &RouteChange) {
    fn set<T: Clone>(field: &mut T, new: Option<&T>) {
        if let Some(new) = new {
            *field = new.clone();
        }
    }
    let config = &mut route.config;
    set(&mut config.name, change.name.as_ref());
    set(&mut config.events, change.events.as_ref());
    set(&mut config.filter, change.filter.as_ref());
    set(&mut config.webhooks, change.webhooks.as_ref());
    set(&mut config.goes_on, change.goes_on.as_ref());
    set(&mut config.is_default, change.is_default.as_ref());
    set(&mut config.active, change.active.as_ref());
    set(&mut route.position, change.position.as_ref());
}

fn refusal(saved: RouteSaved) -> RouteError {
    match saved {
        RouteSaved::UnknownWebhook(webhook) => RouteError::UnknownWebhook(webhook),
        RouteSaved::Full => RouteError::Full,
        RouteSaved::Changed => RouteError::Busy,
        RouteSaved::NotFound | RouteSaved::At(_) => RouteError::NotFound,
    }
}
