//! `/metrics`: what the engine counts, in the text form of OpenMetrics. By fixed names, without a label that tells tenants
//! apart. It takes the operator's token unless the operator makes it public.

use axum::extract::{Request, State};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{RequestExt, Router};
use http::header::CONTENT_TYPE;

use crate::http::AppState;
use crate::http::extract::OperatorAuth;
use crate::http::problem::Problem;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The route.
pub fn router() -> Router<AppState> {
    Router::new().route("/metrics", get(show))
}

async fn show(State(state): State<AppState>, mut request: Request) -> Result<impl IntoResponse, Problem> {
    if !state.options().public_metrics {
        request.extract_parts_with_state::<OperatorAuth, _>(&state).await?;
    }
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], state.engine().metrics().render()))
}
