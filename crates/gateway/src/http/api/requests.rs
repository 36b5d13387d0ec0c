//! Requests that came to sources, accepted and refused: what was sent, what became of it, and why.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;
use stentor_core::id::{RequestId, SourceId, TenantId};
use stentor_core::time::Time;
use stentor_engine::feed::{Kind, Selection};
use stentor_engine::requests::{Outcome, RequestFilter, RequestPage};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

#[cfg(test)]
mod tests;
mod view;

pub(super) use self::view::SupportRequest;
use self::view::{RequestDetail, RequestSummary};
use super::live::Lasting;
use crate::http::extract::{CanRead, Cursor, Id, Limit, List, OperatorAuth, Query, TenantAuth};
use crate::http::problem::Problem;
use crate::http::{AppState, event_stream};

const TAG: &str = "sources";
/// Longest text that is searched for, in characters.
const TEXT_CHARS_MAX: usize = 256;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_requests))
        .routes(routes!(stream_requests))
        .routes(routes!(get_request))
        .routes(routes!(list_unmatched))
        .routes(routes!(get_unmatched))
}

/// Which requests to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RequestQuery {
    /// Only those that were `accepted` or `refused`, a `duplicate` of one before, or the `challenge` of a provider.
    #[param(value_type = Option<String>, example = "refused")]
    outcome: Option<WantedOutcome>,
    /// Only those refused with this code.
    code: Option<String>,
    /// Received at or after this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Time>,
    /// Received before this time (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
    /// With this text in path, headers, body (the first 64 KiB) or reason, in any case; 1 to 256 characters. Each page looks
    /// at up to 500 requests of either outcome, so it may hold few or none and still have a `next_cursor`.
    #[param(value_type = Option<String>)]
    text: Option<Text>,
    /// Rows of the page.
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// `next_cursor` of the previous page.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<RequestId>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WantedOutcome {
    Accepted,
    Refused,
    Duplicate,
    Challenge,
}

/// What is searched for.
#[derive(Debug)]
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if (1..=TEXT_CHARS_MAX).contains(&text.chars().count()) {
            return Ok(Self(text));
        }
        Err(serde::de::Error::custom(format!("must have 1 to {TEXT_CHARS_MAX} characters")))
    }
}

impl RequestQuery {
    fn filter(&self) -> RequestFilter {
        RequestFilter {
            outcome: self.outcome.map(|outcome| match outcome {
                WantedOutcome::Accepted => Outcome::Accepted,
                WantedOutcome::Refused => Outcome::Refused,
                WantedOutcome::Duplicate => Outcome::Duplicate,
                WantedOutcome::Challenge => Outcome::Challenge,
            }),
            code: self.code.clone(),
            since: self.since,
            until: self.until,
            text: self.text.as_ref().map(|Text(text)| text.clone()),
        }
    }

    fn before(&self) -> Option<RequestId> {
        self.cursor.map(|cursor| cursor.id())
    }
}

/// List the requests to a source, newest first.
///
/// Those that were accepted are its events; those that were refused, repetitions and handshakes are kept apart, the newest 1 000
/// and at most 8 MiB of each source.
#[utoipa::path(get, path = "/v1/sources/{id}/requests", tag = TAG, operation_id = "listRequests",
    params(("id" = String, Path, description = "`src_…`"), RequestQuery),
    security(("bearer" = ["read"])), responses(
    (status = 200, description = "One page", body = List<RequestSummary>),
))]
async fn list_requests(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Id(source): Id<SourceId>,
    Query(query): Query<RequestQuery>,
) -> Result<Json<List<RequestSummary>>, Problem> {
    known_source(&state, auth.tenant, source).await?;
    let (filter, rows) = (query.filter(), query.limit.rows());
    let page = state.engine().requests(auth.tenant, source, &filter, query.before(), rows).await?;
    Ok(Json(listed(&page)))
}

/// How long to watch.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WatchQuery {
    /// End the stream after so many seconds, 0 to 86 400; it goes on without end when not given.
    #[param(value_type = Option<u32>, minimum = 0, maximum = 86_400)]
    seconds: Option<Lasting>,
}

/// Watch the requests to a source, live, with headers and bodies.
///
/// Server-sent events `request.accepted` and `request.refused`, told as `GET /v1/events/stream` tells its items.
#[utoipa::path(get, path = "/v1/sources/{id}/requests/stream", tag = TAG, operation_id = "streamRequests",
    params(("id" = String, Path, description = "`src_…`"), WatchQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last item seen")),
    security(("bearer" = ["read"])), responses(
    (status = 200, description = "The stream; each `data` is one request", body = RequestDetail, content_type = "text/event-stream"),
    (status = 429, description = "`too_many_streams`", body = crate::http::problem::ProblemBody, content_type = "application/problem+json"),
))]
async fn stream_requests(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Id(source): Id<SourceId>,
    headers: HeaderMap,
    Query(query): Query<WatchQuery>,
) -> Result<Response, Problem> {
    let last = event_stream::last_event_id(&headers)?;
    known_source(&state, auth.tenant, source).await?;
    let kinds = [Kind::RequestAccepted, Kind::RequestRefused].into();
    let selection = Selection { kinds, source: Some(source), ..Selection::default() };
    let subscription = state.engine().watch(Some(auth.tenant), auth.revocable(), selection, last).await?;
    let lasting = query.seconds.map(|Lasting(lasting)| lasting);
    Ok(event_stream::respond(subscription, lasting, view::whole))
}

/// Read a request to a source with its headers, its body and what became of it.
#[utoipa::path(get, path = "/v1/sources/{id}/requests/{request_id}", tag = TAG, operation_id = "getRequest",
    params(("id" = String, Path, description = "`src_…`"), ("request_id" = String, Path, description = "`req_…`")),
    security(("bearer" = ["read"])), responses(
    (status = 200, description = "The request", body = RequestDetail),
))]
async fn get_request(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Id((source, id)): Id<(SourceId, RequestId)>,
) -> Result<Json<RequestDetail>, Problem> {
    let found = state.engine().request(Some(auth.tenant), id).await?;
    let found = found.filter(|row| row.source() == Some(source)).ok_or_else(Problem::not_found)?;
    Ok(Json(RequestDetail::of(&found)))
}

/// List refused requests that no source matched, newest first: unknown credentials, unknown ids.
#[utoipa::path(get, path = "/v1/requests", tag = TAG, operation_id = "listUnmatchedRequests", params(RequestQuery),
    security(("bearer" = ["operator"])), responses(
    (status = 200, description = "One page", body = List<RequestSummary>),
))]
async fn list_unmatched(
    _operator: OperatorAuth,
    State(state): State<AppState>,
    Query(query): Query<RequestQuery>,
) -> Result<Json<List<RequestSummary>>, Problem> {
    let page = state.engine().unmatched_requests(&query.filter(), query.before(), query.limit.rows()).await?;
    Ok(Json(listed(&page)))
}

/// Read a refused request that no source matched.
#[utoipa::path(get, path = "/v1/requests/{id}", tag = TAG, operation_id = "getUnmatchedRequest",
    params(("id" = String, Path, description = "`req_…`")),
    security(("bearer" = ["operator"])), responses(
    (status = 200, description = "The request", body = RequestDetail),
))]
async fn get_unmatched(
    _operator: OperatorAuth,
    State(state): State<AppState>,
    Id(id): Id<RequestId>,
) -> Result<Json<RequestDetail>, Problem> {
    let found = state.engine().request(None, id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(RequestDetail::of(&found)))
}

async fn known_source(state: &AppState, tenant: TenantId, source: SourceId) -> Result<(), Problem> {
    let found = state.engine().store().source(tenant, source).await?;
    found.map(|_| ()).ok_or_else(Problem::not_found)
}

fn listed(page: &RequestPage) -> List<RequestSummary> {
    List {
        data: page.rows.iter().map(RequestSummary::of).collect(),
        next_cursor: page.next.map(|id| Cursor::after(id).to_string()),
    }
}
