//! `POST /v1/events/batch`: many events in one request, each stored or refused by itself.

use std::fmt;

use axum::Json;
use axum::extract::{Request, State};
use futures_util::future::join_all;
use http::StatusCode;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use stentor_core::limits::{BATCH_EVENTS_MAX, BODY_BYTES_MAX};
use utoipa::ToSchema;

use super::TAG;
use super::publish::{PublishEvent, PublishedEvent};
use crate::http::AppState;
use crate::http::extract::{CanPublish, TenantAuth, idempotency_header, parse_json, read_json};
use crate::http::problem::{Problem, ProblemBody};

/// Events to be published.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PublishBatch<'a> {
    /// 1 to 1 000 events.
    #[serde(borrow, deserialize_with = "events")]
    #[schema(value_type = Vec<PublishEvent<'static>>, min_items = 1, max_items = 1000)]
    events: Vec<&'a RawValue>,
}

/// What became of each event, in the order of the request.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BatchAnswer {
    /// One per event.
    results: Vec<BatchResult>,
}

/// What became of one event: `status` 202 and the event, or an error as it would have been answered alone.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum BatchResult {
    /// It is stored.
    Published {
        /// 202.
        #[schema(example = 202)]
        status: u16,
        /// The event.
        #[serde(flatten)]
        event: PublishedEvent,
    },
    /// It is not.
    Refused(ProblemBody),
}

/// Publish many events.
///
/// Up to 1 000 events of together at most 10 485 760 bytes. Each is stored or refused by itself; `results` says which, in
/// their order. With the header `Idempotency-Key`, each event without a key of its own gets `<key>/<index>`, so that the
/// same request can be repeated safely.
#[utoipa::path(post, path = "/v1/events/batch", tag = TAG, operation_id = "publishEvents", request_body = PublishBatch<'static>,
    params(("Idempotency-Key" = Option<String>, Header, description = "Key of the whole batch")),
    security(("bearer" = ["publish"])), responses(
    (status = 202, description = "What became of each event", body = BatchAnswer),
))]
pub(super) async fn publish_batch(
    auth: TenantAuth<CanPublish>,
    State(state): State<AppState>,
    request: Request,
) -> Result<(StatusCode, Json<BatchAnswer>), Problem> {
    let key = idempotency_header(request.headers())?;
    let body = read_json(request, BODY_BYTES_MAX, state.bodies()).await?;
    let batch: PublishBatch<'_> = parse_json(&body)?;
    let keys = (0..).map(|index: usize| key.as_ref().map(|key| format!("{key}/{index}").into_boxed_str()));
    let mut published = batch.events.into_iter().zip(keys).map(|(event, key)| one(&state, &auth, event, key));
    // The first one brings the tenant's routing to hand, so that the others reach the journal on their first poll: in order.
    let mut results = Vec::new();
    if let Some(first) = published.next() {
        results.push(first.await);
    }
    results.extend(join_all(published).await);
    Ok((StatusCode::ACCEPTED, Json(BatchAnswer { results })))
}

async fn one(
    state: &AppState,
    auth: &TenantAuth<CanPublish>,
    event: &RawValue,
    key: Option<Box<str>>,
) -> BatchResult {
    match publish_one(state, auth, event, key).await {
        Ok(event) => BatchResult::Published { status: StatusCode::ACCEPTED.as_u16(), event },
        Err(problem) => BatchResult::Refused(problem.body().clone()),
    }
}

async fn publish_one(
    state: &AppState,
    auth: &TenantAuth<CanPublish>,
    event: &RawValue,
    key: Option<Box<str>>,
) -> Result<PublishedEvent, Problem> {
    let event = PublishEvent::read(event.get())?;
    let key = key.filter(|_| !event.has_key());
    let publish = event.into_publish(None, key, auth.revocable())?;
    Ok(state.engine().publish(auth.tenant, publish).await?.into())
}

/// Stops at the first event too many, so that a body of commas fills no memory.
fn events<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<&'de RawValue>, D::Error> {
    struct Events;
    impl<'de> Visitor<'de> for Events {
        type Value = Vec<&'de RawValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of 1 to {BATCH_EVENTS_MAX} events")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut events = Vec::new();
            while let Some(event) = list.next_element()? {
                if events.len() == BATCH_EVENTS_MAX {
                    return Err(A::Error::invalid_length(BATCH_EVENTS_MAX + 1, &self));
                }
                events.push(event);
            }
            if events.is_empty() { Err(A::Error::invalid_length(0, &self)) } else { Ok(events) }
        }
    }
    deserializer.deserialize_seq(Events)
}
