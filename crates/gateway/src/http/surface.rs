//! The whole HTTP surface: the router and what holds for every answer. The same in production and in tests.

use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use tower::Service as _;

use crate::http::problem::{Code, Problem};
use crate::http::rate_limit::ActsFor;
use crate::http::server::Answer;
use crate::http::{AppState, api, docs, ingest, metrics, rate_limit, repeats};

/// Answers requests. Cheap to clone.
///
/// What is done to every answer is done here and not in layers of the router: each layer would cost every request two
/// clones of a boxed service and a boxed future.
#[derive(Clone)]
pub struct Surface {
    router: Router,
    /// The same with answers that are kept, for requests that ask for that.
    keyed: Router,
    state: AppState,
}

impl Surface {
    /// Everything that the gateway serves.
    pub fn new(state: AppState) -> Self {
        let (api, _) = api::router().split_for_parts();
        let keyed = api.clone().layer(from_fn_with_state(state.clone(), repeats::layer));
        let keyed =
            keyed.fallback(unknown_path).method_not_allowed_fallback(wrong_method).with_state(state.clone());
        let router = api
            .merge(docs::router())
            .merge(metrics::router())
            .merge(ingest::router())
            .fallback(unknown_path)
            .method_not_allowed_fallback(wrong_method)
            .with_state(state.clone());
        Self { router, keyed, state }
    }
}

impl Answer for Surface {
    /// The answer, whatever happens: a handler that panics is answered too, and answers under `/v1` tell of limits.
    async fn answer(mut self, mut request: Request<Body>) -> Response {
        let acts_for = request.uri().path().starts_with("/v1/").then(ActsFor::default);
        if let Some(acts_for) = &acts_for {
            request.extensions_mut().insert(acts_for.clone());
        }
        let router = if repeats::may_be_kept(&request) { &mut self.keyed } else { &mut self.router };
        let mut response = match AssertUnwindSafe(async { router.call(request).await }).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(panic) => panicked(&*panic),
        };
        if let Some(acts_for) = acts_for {
            rate_limit::current(&self.state, acts_for.tenant()).write(response.headers_mut());
        }
        response
    }
}

pub(super) async fn unknown_path() -> Problem {
    Problem::new(Code::NotFound, "There is nothing at this path; /docs lists what there is.")
}

/// The router adds `Allow`.
async fn wrong_method() -> Problem {
    Problem::new(Code::MethodNotAllowed, "This path does not take this method; Allow lists those it takes.")
}

/// The panic hook has already printed where it happened; this ties it to what the client sees.
fn panicked(panic: &(dyn std::any::Any + Send)) -> Response {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Problem::internal(&text.unwrap_or("a handler panicked")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::test_app::TestApp;

    #[tokio::test]
    async fn a_panic_is_answered_and_tells_nothing() {
        async fn broken() {
            panic!("the inside");
        }
        let mut surface = TestApp::start().await.surface();
        surface.router = Router::new().route("/", axum::routing::get(broken));
        let request = http::Request::get("/").body(Body::empty()).expect("legal");
        let (parts, body) = surface.answer(request).await.into_parts();
        let bytes = axum::body::to_bytes(body, 4096).await.expect("a buffered body");
        let text = String::from_utf8_lossy(&bytes);
        assert!(parts.status == 500 && text.contains("\"internal\"") && !text.contains("inside"), "{text}");
    }
}
