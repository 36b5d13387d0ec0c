//! The live feed for pages: the API's stream, with the session's token.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::get;
use http::header::ACCEPT;

use crate::http::dashboard::Dashboard;
use crate::http::dashboard::calls::Query;
use crate::http::dashboard::desk::Desk;
use crate::http::dashboard::refusal::Refusal;
use crate::http::dashboard::sent::Fields;
use crate::http::problem::Problem;

/// Parameters that pages pass on.
const PASSED: [&str; 5] = ["kinds", "type", "subject", "source_id", "webhook_id"];

pub(super) fn router() -> Router<Dashboard> {
    Router::new().route("/live", get(live))
}

async fn live(desk: Desk, query: Fields) -> Result<Response, Refusal> {
    let call =
        PASSED.iter().fold(Query::of("/v1/events/stream"), |call, name| call.with(name, query.text(name)));
    let request = Request::get(call.as_str()).header(ACCEPT, "text/event-stream").body(Body::empty());
    Ok(desk.calls.pass(request.map_err(|error| Problem::internal(&error))?).await)
}
