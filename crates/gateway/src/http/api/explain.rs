//! Explain: why an event goes to a webhook or not, what routes make of it, and what a filter would have done with events of
//! the past.

use axum::Json;
use axum::extract::State;
use stentor_core::id::{RouteId, TenantId, WebhookId};
use stentor_engine::explain::{Asked, Choice};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::AppState;
use crate::http::extract::{CanRead, ConfigBody, Id, JsonBody, TenantAuth};
use crate::http::problem::{Problem, ProblemBody};

mod question;
#[cfg(test)]
mod tests;
mod view;

use question::{EventQuestion, Question, Wanted};
use view::{BacktestView, RouteAnswer, RoutesView, WebhookAnswer, WebhookExplanation};

const TAG: &str = "explain";

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(webhook)).routes(routes!(all_routes)).routes(routes!(route))
}

/// Explain why an event goes to a webhook or does not, or try a filter on past events.
///
/// With `event_id` the answer is by the webhook and the routes as they were when the event came; with `event`, or with
/// `filters` or `conditions` as a draft, by those of today. With `since` the webhook's filter or the draft is asked of
/// all stored events of that time, newest first; routes are left aside.
#[utoipa::path(post, path = "/v1/webhooks/{id}/explain", operation_id = "explainWebhook", tag = TAG,
    request_body = Question, params(("id" = String, Path, description = "`wh_…`")),
    security(("bearer" = ["read"])),
    responses(
        (status = 200, description = "Every clause with what it saw, or the backtest.", body = WebhookAnswer),
        (status = 429, description = "`too_many_backtests`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn webhook(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Id(id): Id<WebhookId>,
    JsonBody(question): ConfigBody<Question>,
) -> Result<Json<WebhookAnswer>, Problem> {
    let engine = state.engine();
    let now = engine.clock().now();
    let (wanted, draft) = question.check(auth.tenant, now)?;
    match wanted {
        Wanted::Event(asked) => {
            let explained = engine.explain_webhook(auth.tenant, id, asked, draft).await?;
            let explained = explained.ok_or_else(Problem::not_found)?;
            Ok(Json(WebhookAnswer::Event(Box::new(WebhookExplanation::new(id, &explained)))))
        }
        Wanted::Past(range) => {
            let webhook = engine.store().webhook(auth.tenant, id).await?.ok_or_else(Problem::not_found)?;
            let choice = Choice::of_webhook(&webhook, draft);
            let tested = engine.backtest(auth.tenant, choice.clone(), range).await?;
            Ok(Json(WebhookAnswer::Backtest(BacktestView::new(&choice, tested))))
        }
    }
}

/// Explain what the routes make of an event, in the order in which they are tried.
///
/// With `event_id` by the routes as they were when the event came, with `event` by those of today.
#[utoipa::path(post, path = "/v1/routes/explain", operation_id = "explainRoutes", tag = TAG,
    request_body = EventQuestion, security(("bearer" = ["read"])),
    responses(
        (status = 200, description = "Each route.", body = RoutesView),
        (status = 404, description = "`not_found`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn all_routes(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    JsonBody(question): ConfigBody<EventQuestion>,
) -> Result<Json<RoutesView>, Problem> {
    let asked = question.check(auth.tenant, state.engine().clock().now())?;
    Ok(Json(explained(&state, auth.tenant, asked, None).await?))
}

/// Explain what one route makes of an event, or try its filter on past events.
///
/// As for webhooks. Of past events it is told which ones the route's event types and filter match; routes before it, which may
/// take them first, are left aside.
#[utoipa::path(post, path = "/v1/routes/{id}/explain", operation_id = "explainRoute", tag = TAG,
    request_body = Question, params(("id" = String, Path, description = "`rt_…`")),
    security(("bearer" = ["read"])),
    responses(
        (status = 200, description = "Every clause with what it saw, or the backtest.", body = RouteAnswer),
        (status = 429, description = "`too_many_backtests`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn route(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Id(id): Id<RouteId>,
    JsonBody(question): ConfigBody<Question>,
) -> Result<Json<RouteAnswer>, Problem> {
    let engine = state.engine();
    let (wanted, draft) = question.check(auth.tenant, engine.clock().now())?;
    let route = engine.store().route(auth.tenant, id).await?.ok_or_else(Problem::not_found)?;
    match wanted {
        Wanted::Event(asked) => {
            let view = explained(&state, auth.tenant, asked, draft.map(|filter| (id, filter))).await?;
            view.only(id).map(|view| Json(RouteAnswer::Event(Box::new(view)))).ok_or_else(Problem::not_found)
        }
        Wanted::Past(range) => {
            let choice = Choice::of_route(&route, draft);
            let tested = engine.backtest(auth.tenant, choice.clone(), range).await?;
            Ok(Json(RouteAnswer::Backtest(BacktestView::new(&choice, tested))))
        }
    }
}

async fn explained(
    state: &AppState,
    tenant: TenantId,
    asked: Asked,
    draft: Option<(RouteId, Option<stentor_core::filter::Filter>)>,
) -> Result<RoutesView, Problem> {
    let explained = state.engine().explain_routes(tenant, asked, draft).await?;
    Ok(RoutesView::new(explained.ok_or_else(Problem::not_found)?))
}
