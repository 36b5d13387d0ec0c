//! Deliveries: one event for one webhook, with its attempts.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use stentor_core::delivery::DeliveryState;
use stentor_core::ecmascript::stringify;
use stentor_core::id::{ConversationId, DeliveryId, EventId, MessageId, TenantId, WebhookId};
use stentor_engine::commands::CommandOutcome;
use stentor_store::deliveries::{DeliveryFilter, DeliveryRow};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

#[cfg(test)]
mod tests;
mod view;

pub(crate) use view::{DeliverySummary, DeliveryView};

use crate::http::AppState;
use crate::http::extract::{CanManage, CanRead, Cursor, Id, Limit, List, Query, TenantAuth};
use crate::http::problem::{Code, Problem, ProblemBody};

const TAG: &str = "deliveries";

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_deliveries))
        .routes(routes!(get_delivery))
        .routes(routes!(retry_delivery))
        .routes(routes!(cancel_delivery))
        .routes(routes!(list_webhook_deliveries))
}

/// Which deliveries to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeliveryQuery {
    /// In this state: `pending`, `held`, `delivered`, `dead` or `cancelled`.
    #[param(value_type = Option<String>, example = "dead")]
    status: Option<DeliveryState>,
    /// To this webhook.
    #[param(value_type = Option<String>)]
    webhook_id: Option<WebhookId>,
    /// Of this event.
    #[param(value_type = Option<String>)]
    event_id: Option<EventId>,
    /// About a message of this conversation.
    #[param(value_type = Option<String>)]
    conversation_id: Option<ConversationId>,
    /// About this message.
    #[param(value_type = Option<String>)]
    message_id: Option<MessageId>,
    /// Rows of the page.
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// `next_cursor` of the previous page.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<DeliveryId>>,
}

/// Which page of the deliveries of one event or webhook.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveryPage {
    /// In this state: `pending`, `held`, `delivered`, `dead` or `cancelled`.
    #[param(value_type = Option<String>, example = "dead")]
    pub(crate) status: Option<DeliveryState>,
    /// Rows of the page.
    #[serde(default)]
    #[param(inline, required = false)]
    pub(crate) limit: Limit,
    /// `next_cursor` of the previous page.
    #[param(value_type = Option<String>)]
    pub(crate) cursor: Option<Cursor<DeliveryId>>,
}

/// One page of the tenant's deliveries that the filter lets through.
pub(crate) async fn delivery_list(
    state: &AppState,
    tenant: TenantId,
    filter: &DeliveryFilter,
    cursor: Option<Cursor<DeliveryId>>,
    limit: Limit,
) -> Result<List<DeliverySummary>, Problem> {
    let before = cursor.map(|cursor| cursor.id());
    let page = state.engine().store().deliveries(tenant, filter, before, limit.rows()).await?;
    Ok(List::from_page(page, |row| row.id, DeliverySummary::from))
}

/// List deliveries, newest first, without their attempts.
#[utoipa::path(get, path = "/v1/deliveries", tag = TAG, operation_id = "listDeliveries", params(DeliveryQuery),
    security(("bearer" = ["read"])), responses(
    (status = 200, description = "One page", body = List<DeliverySummary>),
))]
async fn list_deliveries(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Query(query): Query<DeliveryQuery>,
) -> Result<Json<List<DeliverySummary>>, Problem> {
    let filter = DeliveryFilter {
        state: query.status,
        webhook: query.webhook_id,
        event: query.event_id,
        conversation: query.conversation_id,
        message: query.message_id,
    };
    delivery_list(&state, auth.tenant, &filter, query.cursor, query.limit).await.map(Json)
}

/// List a webhook's deliveries, newest first, without their attempts.
#[utoipa::path(get, path = "/v1/webhooks/{id}/deliveries", tag = TAG, operation_id = "listWebhookDeliveries",
    params(("id" = String, Path, description = "The webhook's id"), DeliveryPage),
    security(("bearer" = ["read"])), responses(
    (status = 200, description = "One page", body = List<DeliverySummary>),
))]
async fn list_webhook_deliveries(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Id(id): Id<WebhookId>,
    Query(page): Query<DeliveryPage>,
) -> Result<Json<List<DeliverySummary>>, Problem> {
    state.engine().store().webhook(auth.tenant, id).await?.ok_or_else(Problem::not_found)?;
    let filter = DeliveryFilter { webhook: Some(id), state: page.status, ..DeliveryFilter::default() };
    delivery_list(&state, auth.tenant, &filter, page.cursor, page.limit).await.map(Json)
}

/// Read a delivery with its attempts.
#[utoipa::path(get, path = "/v1/deliveries/{id}", tag = TAG, operation_id = "getDelivery",
    params(("id" = String, Path, description = "The delivery's id", example = "del_01h455vb4pex5vsknk084sn02q")),
    security(("bearer" = ["read"])), responses(
    (status = 200, description = "The delivery", body = DeliveryView),
))]
async fn get_delivery(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Id(id): Id<DeliveryId>,
) -> Result<Json<DeliveryView>, Problem> {
    load(&state, auth.tenant, id).await.map(Json)
}

/// Retry a delivery now.
///
/// Makes it due at once, also one that has ended; its attempts go on counting.
#[utoipa::path(post, path = "/v1/deliveries/{id}/retry", tag = TAG, operation_id = "retryDelivery",
    params(("id" = String, Path, description = "The delivery's id")),
    security(("bearer" = ["manage"])), responses(
    (status = 200, description = "It is due now", body = DeliveryView),
    (status = 202, description = "Noted; an attempt is in flight", body = DeliveryView),
))]
async fn retry_delivery(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    Id(id): Id<DeliveryId>,
) -> Result<(StatusCode, Json<DeliveryView>), Problem> {
    let outcome = state.engine().retry(auth.tenant, id).await?;
    answer(outcome, &state, auth.tenant, id).await
}

/// Cancel a delivery.
///
/// No attempt starts after the answer 200. When one is in flight, 202: it is cancelled unless that attempt succeeds.
#[utoipa::path(post, path = "/v1/deliveries/{id}/cancel", tag = TAG, operation_id = "cancelDelivery",
    params(("id" = String, Path, description = "The delivery's id")),
    security(("bearer" = ["manage"])), responses(
    (status = 200, description = "It is cancelled", body = DeliveryView),
    (status = 202, description = "Noted; an attempt is in flight", body = DeliveryView),
    (status = 409, description = "It has ended, or is in a batch that was attempted", body = ProblemBody, content_type = "application/problem+json"),
))]
async fn cancel_delivery(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    Id(id): Id<DeliveryId>,
) -> Result<(StatusCode, Json<DeliveryView>), Problem> {
    let outcome = state.engine().cancel(auth.tenant, id).await?;
    answer(outcome, &state, auth.tenant, id).await
}

async fn load(state: &AppState, tenant: TenantId, id: DeliveryId) -> Result<DeliveryView, Problem> {
    let store = state.engine().store();
    let row = store.delivery(tenant, id).await?.ok_or_else(Problem::not_found)?;
    let attempts = store.attempts(tenant, id).await?;
    let warnings = kept_numbers(state, tenant, &row).await?.into_iter().collect();
    Ok(DeliveryView::new(row, attempts, warnings))
}

/// Tells of numbers that a body for JavaScript could not be written with: they are sent with their exact digits. It follows
/// from the event and the webhook as it is now, so it is worked out here and kept nowhere.
async fn kept_numbers(
    state: &AppState,
    tenant: TenantId,
    row: &DeliveryRow,
) -> Result<Option<String>, Problem> {
    let store = state.engine().store();
    let Some(webhook) = store.webhook(tenant, row.webhook).await? else { return Ok(None) };
    if !webhook.config.shape(tenant).stable || webhook.config.transform.is_some() {
        return Ok(None);
    }
    let Some(content) = store.content(tenant, row.event).await? else { return Ok(None) };
    let kept = stringify(&content.data, &mut Vec::new()).unwrap_or_default();
    Ok(kept.first().map(|first| {
        let digits = String::from_utf8_lossy(&content.data[first.clone()]);
        let shown: String = digits.chars().take(40).collect();
        format!(
            "The data holds {} number(s) that JavaScript cannot hold, the first {shown}. They are sent with their exact \
             digits; a receiver that verifies the signature over JSON.stringify of the body refuses it.",
            kept.len()
        )
    }))
}

/// What became of a command, and the delivery as it is now.
async fn answer(
    outcome: CommandOutcome,
    state: &AppState,
    tenant: TenantId,
    id: DeliveryId,
) -> Result<(StatusCode, Json<DeliveryView>), Problem> {
    let status = match outcome {
        CommandOutcome::Done => StatusCode::OK,
        CommandOutcome::Noted => StatusCode::ACCEPTED,
        CommandOutcome::InBatch => {
            let told =
                "The delivery was attempted together with others and stays with them until it is final.";
            return Err(Problem::new(Code::InBatch, told));
        }
        CommandOutcome::NotPending => return Err(Problem::new(Code::NotPending, "The delivery has ended.")),
        CommandOutcome::NotFound => return Err(Problem::not_found()),
    };
    Ok((status, Json(load(state, tenant, id).await?)))
}
