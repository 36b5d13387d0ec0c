//! Replays: old events delivered again to one webhook, a range at a time.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use stentor_core::id::{ReplayId, WebhookId};
use stentor_core::time::Time;
use stentor_store::replays::Replay;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::AppState;
use crate::http::extract::{CanManage, CanRead, ConfigBody, Id, JsonBody, TenantAuth};
use crate::http::problem::Problem;

const TAG: &str = "replays";

/// Which events to deliver again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewReplay {
    /// Events accepted at or after this time.
    #[schema(value_type = String, format = DateTime)]
    since: Time,
    /// Events accepted before this time; until now when not given.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
}

/// A replay and how far it has come.
#[derive(Debug, Serialize, ToSchema)]
struct ReplayView {
    #[schema(value_type = String, example = "rpl_01h455vb4pex5vsknk084sn02q")]
    id: ReplayId,
    #[schema(value_type = String, example = "wh_01h455vb4pex5vsknk084sn02q")]
    webhook_id: WebhookId,
    #[schema(value_type = String, format = DateTime)]
    since: Time,
    #[schema(value_type = String, format = DateTime)]
    until: Time,
    /// `running` or `finished`.
    #[schema(example = "running")]
    status: &'static str,
    /// Deliveries made so far. They keep the event's id, so a receiver that deduplicates by it may pass them over.
    deliveries: u32,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Time>,
}

impl From<Replay> for ReplayView {
    fn from(replay: Replay) -> Self {
        Self {
            id: replay.id,
            webhook_id: replay.webhook,
            since: replay.since,
            until: replay.until,
            status: if replay.finished_at.is_some() { "finished" } else { "running" },
            deliveries: replay.deliveries,
            created_at: replay.created_at,
            finished_at: replay.finished_at,
        }
    }
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(start)).routes(routes!(get))
}

/// Deliver to a webhook all events of a range that match its event types today. It goes on in the background and survives
/// restarts; it waits while the webhook has more than 1 000 deliveries waiting.
#[utoipa::path(post, path = "/v1/webhooks/{id}/replay", operation_id = "replayWebhook", tag = TAG,
    request_body = NewReplay, params(("id" = String, Path, description = "`wh_…`")),
    security(("bearer" = ["manage"])),
    responses((status = 202, description = "Begun.", body = ReplayView)))]
async fn start(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    Id(webhook): Id<WebhookId>,
    JsonBody(new): ConfigBody<NewReplay>,
) -> Result<impl IntoResponse, Problem> {
    let until = new.until.unwrap_or_else(|| state.engine().clock().now());
    if until <= new.since {
        return Err(Problem::invalid_field("/until", "must be after since"));
    }
    let replay = state.engine().start_replay(auth.tenant, webhook, new.since, until).await?;
    let view = ReplayView::from(replay.ok_or_else(Problem::not_found)?);
    Ok((StatusCode::ACCEPTED, Json(view)))
}

/// Read how far a replay has come.
#[utoipa::path(get, path = "/v1/replays/{id}", operation_id = "getReplay", tag = TAG,
    params(("id" = String, Path, description = "`rpl_…`")),
    security(("bearer" = ["read"])),
    responses((status = 200, description = "The replay.", body = ReplayView)))]
async fn get(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Id(id): Id<ReplayId>,
) -> Result<Json<ReplayView>, Problem> {
    let replay = state.engine().store().replay(auth.tenant, id).await?;
    Ok(Json(ReplayView::from(replay.ok_or_else(Problem::not_found)?)))
}
