//! A route as the API shows it.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::value::RawValue;
use stentor_core::event::EventPattern;
use stentor_core::id::{RouteId, TenantId, WebhookId};
use stentor_core::route::Route;
use stentor_core::time::Time;
use stentor_store::StoreError;
use utoipa::ToSchema;

use crate::http::AppState;
use crate::http::api::filter::{contradictions, filter_parts};

/// A route.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Route)]
pub(in crate::http::api) struct RouteView {
    #[schema(value_type = String, example = "rt_01h455vb4pex5vsknk084sn02q")]
    id: RouteId,
    name: Option<String>,
    /// Its place among the routes, from 0. Default routes are tried after all others, whatever their place.
    position: u32,
    #[serde(rename = "match")]
    matched: RouteMatchView,
    #[schema(value_type = Vec<String>)]
    webhooks: Vec<WebhookId>,
    #[serde(rename = "continue")]
    goes_on: bool,
    #[serde(rename = "default")]
    is_default: bool,
    active: bool,
    /// What is allowed but likely not meant.
    warnings: Vec<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
}

/// Which events a route takes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RouteMatching)]
struct RouteMatchView {
    #[schema(value_type = Vec<String>)]
    events: Vec<EventPattern>,
    /// As it was written.
    #[schema(value_type = Option<Object>)]
    filters: Option<Box<RawValue>>,
    /// As it was written.
    #[schema(value_type = Option<Object>)]
    conditions: Option<Box<RawValue>>,
}

impl RouteView {
    pub(super) async fn of(state: &AppState, route: Route) -> Result<Self, StoreError> {
        let live = live_webhooks(state, route.tenant).await?;
        Ok(Self::showing(route, &live))
    }

    pub(super) async fn all(
        state: &AppState,
        tenant: TenantId,
        routes: Vec<Route>,
    ) -> Result<Vec<Self>, StoreError> {
        let live = live_webhooks(state, tenant).await?;
        Ok(routes.into_iter().map(|route| Self::showing(route, &live)).collect())
    }

    fn showing(route: Route, live: &BTreeSet<WebhookId>) -> Self {
        let (filters, conditions) = filter_parts(route.config.filter.as_ref());
        Self {
            id: route.id,
            position: route.position,
            warnings: warnings(&route, live),
            created_at: route.created_at,
            updated_at: route.updated_at,
            name: route.config.name,
            matched: RouteMatchView { events: route.config.events, filters, conditions },
            webhooks: route.config.webhooks,
            goes_on: route.config.goes_on,
            is_default: route.config.is_default,
            active: route.config.active,
        }
    }
}

/// Those that a route names and that are there.
async fn live_webhooks(state: &AppState, tenant: TenantId) -> Result<BTreeSet<WebhookId>, StoreError> {
    Ok(state.engine().store().routes_at(tenant, u64::MAX).await?.live)
}

fn warnings(route: &Route, live: &BTreeSet<WebhookId>) -> Vec<String> {
    let webhooks = &route.config.webhooks;
    let gone: Vec<_> = webhooks.iter().filter(|id| !live.contains(id)).collect();
    let mut warnings: Vec<String> =
        gone.iter().map(|id| format!("{id} was deleted and receives nothing.")).collect();
    if !gone.is_empty() && gone.len() == webhooks.len() {
        warnings.push("No webhook is left: the route is passed over.".to_owned());
    }
    if webhooks.is_empty() {
        warnings.push("webhooks is empty: the events that it takes go nowhere.".to_owned());
    }
    warnings.extend(route.config.filter.iter().flat_map(contradictions));
    warnings
}
