//! The front door: `POST /` for senders with credentials (seeds 000, 001) and `/in/{source_id}` for everything else.
//!
//! A request goes: head → may it come in (credentials, address, plan, rate), decided by the engine before a byte of the body is
//! read → body → engine, which verifies and stores → answer. No rule lives here. docs/ingest.md describes the routes, and
//! [`describe`] adds them to the API's document.

mod answer;
mod document;
mod head;
mod record;
mod refusal;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use stentor_core::basic_auth::{BasicPair, BasicRefusal};
use stentor_core::id::SourceId;
use stentor_engine::ingest::{Entered, Head, IngestRefusal, TakenIn};
use stentor_engine::sources::KnownSource;

pub use self::document::describe;
use self::record::Record;
use crate::http::AppState;
use crate::http::extract::{idempotency_header, read_body};
use crate::http::problem::{Code, Problem};
use crate::http::rate_limit::{self, RateLimit};

/// The routes. `GET /` is the dashboard.
pub fn router() -> Router<AppState> {
    Router::new().route("/", post(by_credentials)).route("/in/{source_id}", any(by_id))
}

/// The methods that `/in/{source_id}` takes: those that webhooks come with, and those that providers ask with.
const METHODS: [&str; 6] = ["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"];

/// By which way a request comes.
enum Door {
    /// The credential chooses the source.
    Credentials,
    /// The path does.
    Source(SourceId),
}

/// Why there is no ordinary answer.
enum Refused {
    Engine(IngestRefusal),
    Basic(BasicRefusal),
    Problem(Problem),
}

impl From<IngestRefusal> for Refused {
    fn from(refusal: IngestRefusal) -> Self {
        Self::Engine(refusal)
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

async fn by_credentials(State(state): State<AppState>, request: Request) -> Response {
    receive(&state, &Door::Credentials, request).await
}

async fn by_id(State(state): State<AppState>, Path(id): Path<String>, request: Request) -> Response {
    if !METHODS.contains(&request.method().as_str()) {
        return refusal::wrong_method();
    }
    match id.parse() {
        Ok(id) => receive(&state, &Door::Source(id), request).await,
        Err(_) => refusal::unknown_source().into_response(),
    }
}

/// From the first to the last: whatever becomes of the request is counted and, for who watches, recorded.
async fn receive(state: &AppState, door: &Door, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let head = head::read(state, &parts);
    let mut record = Record::begin(state, &head);
    let came = come_in(state, door, &parts, &head, body, &mut record).await;
    let (response, delay) = answer::to(state, came, &mut record);
    let limit = match record.standing() {
        Some(standing) => RateLimit::from(standing),
        None => rate_limit::current(state, record.tenant()),
    };
    let response = answer::with_limit(response, limit);
    record.finish(state, &response);
    if let Some(delay) = delay {
        answer::hold_back(state, delay).await;
    }
    response
}

async fn come_in(
    state: &AppState,
    door: &Door,
    parts: &Parts,
    head: &Head,
    body: Body,
    record: &mut Record,
) -> Result<TakenIn, Refused> {
    let entered = match enter(state, door, &parts.headers, head).await {
        Ok(entered) => entered,
        Err(refused) => {
            // Whoever looks for it looks at the source.
            record.was_for(asked_for(state, door, &parts.headers).as_deref());
            return Err(refused);
        }
    };
    record.entered(&entered, head);
    let key = idempotency_header(&parts.headers)?;
    let most = entered.gate.source().config.effective_max_body_bytes();
    let read = read_body(&parts.headers, body, most, state.bodies()).await?;
    record.body_came(&read);
    let taken = state.engine().take_in(&entered, head, key.as_deref(), (*read).clone()).await?;
    Ok(taken)
}

/// The source that a refused request names, if there is one.
fn asked_for(state: &AppState, door: &Door, headers: &HeaderMap) -> Option<Arc<KnownSource>> {
    let engine = state.engine();
    match door {
        Door::Source(id) => engine.sources().source(*id),
        Door::Credentials => {
            let pair = read_pair(headers).ok()?;
            engine.sources().by_pair(pair.pair(), engine.clock().now()).map(|(source, _)| source)
        }
    }
}

fn read_pair(headers: &HeaderMap) -> Result<BasicPair, BasicRefusal> {
    BasicPair::read(headers.get_all(AUTHORIZATION).iter().map(|value| value.as_bytes()))
}

/// Decides what can be decided without the body.
async fn enter(state: &AppState, door: &Door, headers: &HeaderMap, head: &Head) -> Result<Entered, Refused> {
    let engine = state.engine();
    let pair = || read_pair(headers);
    let entered = match door {
        Door::Credentials => {
            let pair = pair().map_err(Refused::Basic)?;
            may_guess(state, head, &pair)?;
            engine.enter_by_pair(&pair, head).await
        }
        Door::Source(id) => {
            let pair = match engine.asks_for_credentials(*id) {
                true => Some(pair().map_err(Refused::Basic)?),
                false => None,
            };
            if let Some(pair) = &pair {
                may_guess(state, head, pair)?;
            }
            engine.enter_by_id(*id, pair.as_ref(), head).await
        }
    };
    if matches!(entered, Err(IngestRefusal::UnknownCredential)) {
        let now = engine.clock().elapsed();
        if state.guesses().note(head.peer, now) {
            tracing::warn!(peer = %head.peer, "too many wrong credentials come from this address; it has to wait");
        }
    }
    Ok(entered?)
}

/// Whoever sent too many wrong credentials waits (reliability S17); pairs that worked go on working meanwhile.
fn may_guess(state: &AppState, head: &Head, pair: &BasicPair) -> Result<(), Problem> {
    let engine = state.engine();
    match state.guesses().wait(head.peer, engine.clock().elapsed()) {
        Some(wait) if engine.sources().by_pair(pair.pair(), engine.clock().now()).is_none() => {
            let detail = "Too many wrong credentials came from this address; wait before the next ones.";
            Err(Problem::new(Code::TooManyWrongTokens, detail).with_retry_after(wait))
        }
        _ => Ok(()),
    }
}
