//! Answers to senders.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;
use stentor_core::id::EventId;
use stentor_core::source::SimulatedResponse;
use stentor_engine::ingest::TakenIn;
use stentor_engine::receptions::Verdict;
use stentor_verify::provider::Answer;

use super::Refused;
use super::record::Record;
use super::refusal::Refusal;
use crate::http::AppState;
use crate::http::rate_limit::RateLimit;

/// The answer, and how long it is to be held back.
pub(super) fn to(
    state: &AppState,
    came: Result<TakenIn, Refused>,
    record: &mut Record,
) -> (Response, Option<Duration>) {
    let metrics = state.engine().metrics();
    let (response, delay, word, verdict) = match came {
        Ok(TakenIn::Stored { event, elements, response, answer }) => {
            let delay = response.as_ref().map(|response| response.delay);
            let response = match (response, answer) {
                (Some(simulated), _) => simulate(simulated),
                (None, Some(answer)) => of_provider(answer),
                (None, None) => match &elements {
                    Some(ids) => json_answer(&json!({"status": "ok", "id": event, "ids": ids})),
                    None => ok(Some(event)),
                },
            };
            (
                response,
                delay,
                "accepted",
                Verdict::Accepted { events: elements.unwrap_or_else(|| vec![event]) },
            )
        }
        Ok(TakenIn::Duplicate { event, answer }) => {
            let ordinary = || json_answer(&json!({"status": "already_processed", "id": event}));
            let response = answer.map_or_else(ordinary, of_provider);
            (response, None, "duplicate", Verdict::Duplicate { event })
        }
        Ok(TakenIn::Challenge(answer)) => (of_provider(answer), None, "challenge", Verdict::Challenge),
        Ok(TakenIn::Declined(response)) => {
            let detail = format!("The source is set to answer {}.", response.status);
            let verdict = Verdict::Refused { code: "simulated_response", detail, hidden: false };
            (simulate(response.clone()), Some(response.delay), "simulated_response", verdict)
        }
        Err(refused) => {
            let Refusal { response, code, detail, hidden } = refused.into();
            (response, None, code, Verdict::Refused { code, detail, hidden })
        }
    };
    metrics.received(word);
    record.decide(verdict);
    (response, delay.filter(|delay| !delay.is_zero()))
}

/// The ordinary answer.
pub(super) fn ok(event: Option<EventId>) -> Response {
    json_answer(&match event {
        Some(event) => json!({"status": "ok", "id": event}),
        None => json!({"status": "ok"}),
    })
}

/// What a provider wants to read.
pub(super) fn of_provider(answer: Answer) -> Response {
    let headers = answer.headers.iter().map(|(name, value)| (*name, value.as_str()));
    build(answer.status, headers, answer.body)
}

fn simulate(response: SimulatedResponse) -> Response {
    let SimulatedResponse { status, headers, body, .. } = response;
    build(status, headers.iter().map(|(name, value)| (name.as_str(), value.as_str())), body)
}

/// Headers and status were checked when they were saved; what cannot be sent all the same is left out.
fn build<'a>(status: u16, headers: impl Iterator<Item = (&'a str, &'a str)>, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

fn json_answer(value: &serde_json::Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Adds the headers `RateLimit-*`.
pub(super) fn with_limit(mut response: Response, limit: RateLimit) -> Response {
    limit.write(response.headers_mut());
    response
}

/// Waits as a simulated response asks. It holds no permit and no body, only a place among a bounded number; without one the
/// answer leaves at once.
pub(super) async fn hold_back(state: &AppState, delay: Duration) {
    let Some(_place) = state.hold_back() else { return };
    tokio::time::sleep(delay).await;
}
