//! Whether the process lives and takes work.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::AppState;
use crate::http::problem::{Problem, ProblemBody};

const TAG: &str = "health";

/// The process is well.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz))
}

/// Whether the process lives. Asks nothing else, so it stays green while the database is away.
#[utoipa::path(get, path = "/healthz", operation_id = "healthz", tag = TAG, security(()),
    responses((status = 200, description = "It lives.", body = Health)))]
async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Whether new work is taken: the database answers and the process is not stopping.
#[utoipa::path(get, path = "/readyz", operation_id = "readyz", tag = TAG, security(()),
    responses(
        (status = 200, description = "It does.", body = Health),
        (status = 503, description = "It does not.", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn readyz(State(state): State<AppState>) -> Result<Json<Health>, Problem> {
    // The reason may name the database's host or file: it is for the log.
    state.engine().readiness().await.map_err(|reason| Problem::unavailable(&reason))?;
    Ok(Json(Health { status: "ok" }))
}
