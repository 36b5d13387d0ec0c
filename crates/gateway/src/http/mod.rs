//! Everything that speaks HTTP to the outside: the accept loop, the API, its documentation and the metrics.
//!
//! A request goes `server` (connection, framing, deadlines) → router → extractors (who asks, for which tenant, what) →
//! handler (one call into the engine or the store) → DTO or [`problem::Problem`]. No rule of the domain lives here.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;

use crate::http::problem::{Code, Problem};

pub mod api;
pub mod docs;
mod event_stream;
pub mod extract;
mod facts;
mod guesses;
pub mod metrics;
pub mod openapi;
pub mod problem;
mod rate_limit;
pub mod server;
mod state;

pub use facts::Facts;
pub use state::{AppState, DEFAULT_TENANT, HttpOptions};

/// The whole HTTP surface as one router: the same in production and in tests.
pub fn router(state: AppState) -> Router {
    let (api, _) = api::router().split_for_parts();
    api.merge(docs::router())
        .merge(metrics::router())
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(state.clone(), rate_limit::layer))
        .with_state(state)
}

async fn unknown_path() -> Problem {
    Problem::new(Code::NotFound, "There is nothing at this path; /docs lists what there is.")
}

/// The router adds `Allow`.
async fn wrong_method() -> Problem {
    Problem::new(Code::MethodNotAllowed, "This path does not take this method; Allow lists those it takes.")
}

/// The panic hook has already printed where it happened; this ties it to what the client sees.
#[expect(clippy::needless_pass_by_value, reason = "the layer's signature")]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Problem::internal(&text.unwrap_or("a handler panicked")).into_response()
}

#[cfg(test)]
pub(crate) mod test_app;
#[cfg(test)]
mod tests;
