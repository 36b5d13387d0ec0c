//! Routes: ordered rules that send events to named webhooks.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::Deserialize;
use stentor_core::id::RouteId;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::AppState;
use crate::http::extract::{CanManage, CanRead, ConfigBody, Id, JsonBody, List, TenantAuth};
use crate::http::problem::{Problem, ProblemBody};

mod patch;
mod settings;
#[cfg(test)]
mod tests;
mod view;

pub(super) use view::RouteView;

const TAG: &str = "routes";

/// The order of routes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RouteOrder {
    /// These come first, in this order; the others follow as they stand.
    #[schema(value_type = Vec<String>, example = json!(["rt_01h455vb4pex5vsknk084sn02q"]))]
    routes: Vec<RouteId>,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(order))
        .routes(routes!(get, patch, delete))
}

/// Create a route. Events published after the answer are routed by it.
#[utoipa::path(post, path = "/v1/routes", operation_id = "createRoute", tag = TAG, request_body = settings::NewRoute,
    security(("bearer" = ["manage"])),
    responses(
        (status = 201, description = "Created.", body = RouteView),
        (status = 404, description = "`not_found`: one of the webhooks", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`too_many_routes`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn create(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    JsonBody(new): ConfigBody<settings::NewRoute>,
) -> Result<impl IntoResponse, Problem> {
    let (config, position) = new.check()?;
    let route = state.engine().create_route(auth.tenant, config, position).await?;
    Ok((StatusCode::CREATED, Json(RouteView::of(&state, route).await?)))
}

/// List all routes in the order in which they are tried.
#[utoipa::path(get, path = "/v1/routes", operation_id = "listRoutes", tag = TAG,
    security(("bearer" = ["read"])),
    responses((status = 200, description = "All of them.", body = List<RouteView>)))]
async fn list(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
) -> Result<Json<List<RouteView>>, Problem> {
    let routes = state.engine().store().routes(auth.tenant).await?;
    Ok(Json(List::whole(RouteView::all(&state, auth.tenant, routes).await?)))
}

/// Put routes into an order.
#[utoipa::path(put, path = "/v1/routes/order", operation_id = "orderRoutes", tag = TAG, request_body = RouteOrder,
    security(("bearer" = ["manage"])),
    responses(
        (status = 200, description = "All routes in their order.", body = List<RouteView>),
        (status = 404, description = "`not_found`: one of the routes", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn order(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    JsonBody(order): ConfigBody<RouteOrder>,
) -> Result<Json<List<RouteView>>, Problem> {
    settings::check_once("/routes", &order.routes)?;
    let routes = state.engine().order_routes(auth.tenant, &order.routes).await?;
    Ok(Json(List::whole(RouteView::all(&state, auth.tenant, routes).await?)))
}

/// Read a route.
#[utoipa::path(get, path = "/v1/routes/{id}", operation_id = "getRoute", tag = TAG,
    params(("id" = String, Path, description = "`rt_…`")),
    security(("bearer" = ["read"])),
    responses((status = 200, description = "The route.", body = RouteView)))]
async fn get(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Id(id): Id<RouteId>,
) -> Result<Json<RouteView>, Problem> {
    let route = state.engine().store().route(auth.tenant, id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(RouteView::of(&state, route).await?))
}

/// Change a route: JSON Merge Patch (RFC 7396). Lists, `filters` and `conditions` are replaced as a whole.
#[utoipa::path(patch, path = "/v1/routes/{id}", operation_id = "changeRoute", tag = TAG, request_body = patch::RoutePatch,
    params(("id" = String, Path, description = "`rt_…`")),
    security(("bearer" = ["manage"])),
    responses(
        (status = 200, description = "Changed.", body = RouteView),
        (status = 409, description = "`changed_meanwhile`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn patch(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    Id(id): Id<RouteId>,
    JsonBody(patch): ConfigBody<patch::RoutePatch>,
) -> Result<Json<RouteView>, Problem> {
    let route = state.engine().store().route(auth.tenant, id).await?.ok_or_else(Problem::not_found)?;
    let route = state.engine().change_route(auth.tenant, id, patch.change(&route)?).await?;
    Ok(Json(RouteView::of(&state, route).await?))
}

/// Delete a route. Deliveries that it made go on.
#[utoipa::path(delete, path = "/v1/routes/{id}", operation_id = "deleteRoute", tag = TAG,
    params(("id" = String, Path, description = "`rt_…`")),
    security(("bearer" = ["manage"])),
    responses((status = 204, description = "Deleted.")))]
async fn delete(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    Id(id): Id<RouteId>,
) -> Result<StatusCode, Problem> {
    state.engine().delete_route(auth.tenant, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
