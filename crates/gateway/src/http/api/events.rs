//! Events: publishing them, and reading what was published.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use stentor_core::event::EventPattern;
use stentor_core::id::{EventId, WebhookId};
use stentor_core::time::Time;
use stentor_store::deliveries::DeliveryFilter;
use stentor_store::events::EventFilter;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

mod batch;
mod publish;
#[cfg(test)]
mod tests;
mod view;

use view::{EventView, LISTED_DATA_BYTES_MAX};

use crate::http::AppState;
use crate::http::api::deliveries::{DeliveryPage, DeliverySummary, delivery_list};
use crate::http::extract::{
    CanManage, CanRead, ConfigBody, Cursor, Id, JsonBody, Limit, List, Query, TenantAuth,
};
use crate::http::problem::Problem;

const TAG: &str = "events";

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(publish::publish, list_events))
        .routes(routes!(batch::publish_batch))
        .routes(routes!(get_event))
        .routes(routes!(list_event_deliveries))
        .routes(routes!(replay_event))
}

/// Which events to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventQuery {
    /// A type, or everything below a prefix: `order.created`, `order.*`.
    #[serde(rename = "type")]
    #[param(value_type = Option<String>, example = "order.*")]
    event_type: Option<EventPattern>,
    /// Exactly this subject.
    subject: Option<String>,
    /// Accepted at or after this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Time>,
    /// Accepted before this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
    /// Rows of the page.
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// `next_cursor` of the previous page.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<EventId>>,
}

impl EventQuery {
    fn filter(&self) -> EventFilter {
        let event_type = match &self.event_type {
            None | Some(EventPattern::All) => None,
            Some(EventPattern::Exact(exact)) => Some(exact.as_str().to_owned()),
            Some(EventPattern::Prefix(prefix)) => Some(prefix.to_string()),
        };
        EventFilter {
            event_type,
            subject: self.subject.clone(),
            since: self.since,
            source: None,
            until: self.until,
        }
    }
}

/// List events, newest first.
///
/// Data of more than 64 KiB is left out of the list (`data_omitted`); get the event to see it.
#[utoipa::path(get, path = "/v1/events", tag = TAG, operation_id = "listEvents", params(EventQuery),
    security(("bearer" = ["read"])), responses(
    (status = 200, description = "One page", body = List<EventView>),
))]
async fn list_events(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Query(query): Query<EventQuery>,
) -> Result<Json<List<EventView>>, Problem> {
    let before = query.cursor.map(|cursor| cursor.id());
    let (store, rows) = (state.engine().store(), query.limit.rows());
    let page = store.events(auth.tenant, &query.filter(), before, rows, LISTED_DATA_BYTES_MAX).await?;
    Ok(Json(List::from_page(page, |row| row.event.content.id, |row| EventView::listed(&row))))
}

/// Read an event.
///
/// `data` is exactly what was published.
#[utoipa::path(get, path = "/v1/events/{id}", tag = TAG, operation_id = "getEvent",
    params(("id" = String, Path, description = "The event's id", example = "evt_01h455vb4pex5vsknk084sn02q")),
    security(("bearer" = ["read"])), responses(
    (status = 200, description = "The event", body = EventView),
))]
async fn get_event(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Id(id): Id<EventId>,
) -> Result<Json<EventView>, Problem> {
    let event = state.engine().store().event(auth.tenant, id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(EventView::whole(&event)))
}

/// List an event's deliveries, newest first.
#[utoipa::path(get, path = "/v1/events/{id}/deliveries", tag = TAG, operation_id = "listEventDeliveries",
    params(("id" = String, Path, description = "The event's id"), DeliveryPage),
    security(("bearer" = ["read"])), responses(
    (status = 200, description = "One page", body = List<DeliverySummary>),
))]
async fn list_event_deliveries(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Id(id): Id<EventId>,
    Query(page): Query<DeliveryPage>,
) -> Result<Json<List<DeliverySummary>>, Problem> {
    let filter = DeliveryFilter { event: Some(id), state: page.status, ..DeliveryFilter::default() };
    let list = delivery_list(&state, auth.tenant, &filter, page.cursor, page.limit).await?;
    // Only an empty list leaves open whether there is such an event; looking it up reads its data.
    if list.data.is_empty() && state.engine().store().event(auth.tenant, id).await?.is_none() {
        return Err(Problem::not_found());
    }
    Ok(Json(list))
}

/// What to replay an event to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReplayEvent {
    /// One webhook; without it, all that match the event today.
    #[schema(value_type = Option<String>, example = "wh_01h455vb4pex5vsknk084sn02q")]
    webhook_id: Option<WebhookId>,
}

/// The deliveries that a replay made.
#[derive(Debug, Serialize, ToSchema)]
struct ReplayedEvent {
    /// New deliveries.
    deliveries: u32,
}

/// Replay an event.
///
/// Makes new deliveries for the event. It keeps its id, so a receiver that remembers ids may ignore it. The body may be
/// left out.
#[utoipa::path(post, path = "/v1/events/{id}/replay", tag = TAG, operation_id = "replayEvent",
    params(("id" = String, Path, description = "The event's id")), request_body = Option<ReplayEvent>,
    security(("bearer" = ["manage"])), responses(
    (status = 202, description = "The deliveries are stored", body = ReplayedEvent),
))]
async fn replay_event(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    Id(id): Id<EventId>,
    body: Option<ConfigBody<ReplayEvent>>,
) -> Result<(StatusCode, Json<ReplayedEvent>), Problem> {
    let webhook = body.and_then(|JsonBody(replay)| replay.webhook_id);
    let made = state.engine().replay_event(auth.tenant, id, webhook).await?;
    let deliveries = made.ok_or_else(Problem::not_found)?;
    Ok((StatusCode::ACCEPTED, Json(ReplayedEvent { deliveries })))
}
