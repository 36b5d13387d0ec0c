//! The live feed: what happens to a tenant, as it happens.

use std::collections::HashSet;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde::{Deserialize, Deserializer};
use stentor_core::event::EventPattern;
use stentor_core::id::{SourceId, WebhookId};
use stentor_engine::feed::{Kind, Selection};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

#[cfg(test)]
mod tests;
mod view;

pub(super) use view::LiveItem;

use crate::http::extract::{CanRead, Query, TenantAuth};
use crate::http::problem::Problem;
use crate::http::{AppState, event_stream};

const TAG: &str = "events";
/// Longest time after which a client may have its stream ended, in seconds.
const SECONDS_MAX: u32 = 86_400;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(stream_events))
}

/// What to show.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LiveQuery {
    /// Only these kinds, separated by commas: `event.accepted`, `attempt.started`, `attempt.ended`, `delivery.finished`,
    /// `webhook.disabled`, `request.accepted`, `request.refused`.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "event.accepted,delivery.finished")]
    kinds: Kinds,
    /// About events of this type, or of all below a prefix: `order.created`, `order.*`.
    #[serde(rename = "type")]
    #[param(value_type = Option<String>, example = "order.*")]
    event_type: Option<EventPattern>,
    /// About events with exactly this subject.
    subject: Option<String>,
    /// About this source, or events that came in through it.
    #[param(value_type = Option<String>, example = "src_01h455vb4pex5vsknk084sn02q")]
    source_id: Option<SourceId>,
    /// About this webhook, its deliveries, or events that go to it.
    #[param(value_type = Option<String>, example = "wh_01h455vb4pex5vsknk084sn02q")]
    webhook_id: Option<WebhookId>,
    /// End the stream after so many seconds, 0 to 86 400; it goes on without end when not given.
    #[param(value_type = Option<u32>, minimum = 0, maximum = 86_400)]
    seconds: Option<Lasting>,
}

/// A set of kinds, as a query has it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Kinds(HashSet<Kind>);

impl<'de> Deserialize<'de> for Kinds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let known = |word: &str| {
            Kind::from_word(word).ok_or_else(|| {
                let words: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
                serde::de::Error::custom(format!("must be of {}, separated by commas", words.join(", ")))
            })
        };
        text.split(',').map(known).collect::<Result<_, _>>().map(Self)
    }
}

/// How long a stream goes on at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lasting(pub(super) Duration);

impl<'de> Deserialize<'de> for Lasting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected =
            || serde::de::Error::custom(format!("must be whole seconds between 0 and {SECONDS_MAX}"));
        match u32::deserialize(deserializer).map_err(|_| expected())? {
            seconds @ 0..=SECONDS_MAX => Ok(Self(Duration::from_secs(seconds.into()))),
            _ => Err(expected()),
        }
    }
}

/// Watch what happens, live.
///
/// Server-sent events. Each has an `id`, its kind as `event`, and as `data` one JSON object. An item is sent after what it
/// tells of is stored; only `attempt.started` comes before. Inbound requests come in short; watch
/// `/v1/sources/{id}/requests/stream` to see their headers and bodies.
///
/// A client that reads too slowly, or comes back with `Last-Event-ID`, gets an item `gap` where something is missing:
/// `{"missed": …, "since": …}`. What was accepted meanwhile is read from the store when a client comes back (marked
/// `resumed`, possibly repeating the last 20 seconds); lists have the rest. A comment comes every 15 seconds when nothing
/// else does. The stream ends when the token is revoked and when the gateway stops.
#[utoipa::path(get, path = "/v1/events/stream", tag = TAG, operation_id = "streamEvents",
    params(LiveQuery, ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last item seen")),
    security(("bearer" = ["read"])), responses(
    (status = 200, description = "The stream; each `data` is one item", body = LiveItem, content_type = "text/event-stream"),
    (status = 429, description = "`too_many_streams`", body = crate::http::problem::ProblemBody, content_type = "application/problem+json"),
))]
async fn stream_events(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    headers: HeaderMap,
    Query(query): Query<LiveQuery>,
) -> Result<Response, Problem> {
    let last = event_stream::last_event_id(&headers)?;
    let (lasting, selection) = (query.seconds, query.selection());
    let watch = state.engine().watch(Some(auth.tenant), auth.revocable(), selection, last);
    let subscription = watch.await?;
    Ok(event_stream::respond(subscription, lasting.map(|Lasting(lasting)| lasting), view::summary))
}

impl LiveQuery {
    fn selection(self) -> Selection {
        let Self { kinds, event_type, subject, source_id, webhook_id, .. } = self;
        Selection { kinds: kinds.0, event_type, subject, source: source_id, webhook: webhook_id }
    }
}
