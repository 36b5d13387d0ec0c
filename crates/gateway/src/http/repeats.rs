//! `Idempotency-Key` on requests that create or act: a repeat gets the first answer and does nothing.
//!
//! Events, webhooks, conversations, messages and broadcasts keep their keys in the transaction that makes them
//! ([`KEPT_WITH_WHAT_THEY_MAKE`]). For every other POST the key is taken before the handler runs and the answer is kept
//! after it ([`stentor_store::answers`]). A request with a key goes on when its client goes away, so that the client can
//! ask again for the answer.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use stentor_core::id::TokenId;
use stentor_core::time::Time;
use stentor_core::token::TokenOwner;
use stentor_engine::accept::IDEMPOTENCY_WINDOW;
use stentor_store::answers::{KeptAnswer, KeyTaken};
use stentor_store::journal::IdempotencyKey;

use crate::http::AppState;
use crate::http::extract::{
    CONFIG_BODY_BYTES_MAX, IDEMPOTENCY_HEADER, TENANT_HEADER, authenticate, idempotency_header, read_body,
};
use crate::http::problem::{Code, Problem};
use crate::http::rate_limit::ActsFor;

/// POSTs whose keys are stored with what they make.
const KEPT_WITH_WHAT_THEY_MAKE: [&str; 6] = [
    "/v1/events",
    "/v1/events/batch",
    "/v1/webhooks",
    "/v1/conversations",
    "/v1/conversations/{id}/messages",
    "/v1/broadcasts",
];
/// POSTs that only tell something; repeating them is safe.
const ONLY_TELL: [&str; 4] = [
    "/v1/routes/explain",
    "/v1/routes/{id}/explain",
    "/v1/webhooks/{id}/explain",
    "/v1/webhooks/{id}/preview",
];

/// Whether a POST creates something or acts, and so takes a key.
pub fn takes_key(path: &str) -> bool {
    path.starts_with("/v1/") && !ONLY_TELL.contains(&path)
}

/// Whether a request may be one whose answer is kept. All others go past [`layer`], which costs them nothing then.
pub fn may_be_kept(request: &Request) -> bool {
    request.method() == Method::POST
        && request.headers().contains_key(IDEMPOTENCY_HEADER)
        && request.uri().path().starts_with("/v1/")
        && !KEPT_WITH_WHAT_THEY_MAKE.contains(&request.uri().path())
}

/// The keys of requests that this process is carrying out.
#[derive(Debug, Clone, Default)]
pub struct Running(Arc<Mutex<HashSet<[u8; 32]>>>);

/// A key is running until this is dropped.
struct Place {
    running: Running,
    key_hash: [u8; 32],
}

impl Running {
    /// None when a request with this key is running already.
    fn enter(&self, key_hash: [u8; 32]) -> Option<Place> {
        let entered = self.0.lock().expect("no panic while holding the lock").insert(key_hash);
        entered.then(|| Place { running: self.clone(), key_hash })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.running.0.lock().expect("no panic while holding the lock").remove(&self.key_hash);
    }
}

/// Answers repeats, and keeps the answers of what may be repeated.
pub async fn layer(
    State(state): State<AppState>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let path = path.as_ref().map_or("", MatchedPath::as_str);
    let concerned = request.method() == Method::POST
        && request.headers().contains_key(IDEMPOTENCY_HEADER)
        && takes_key(path)
        && !KEPT_WITH_WHAT_THEY_MAKE.contains(&path);
    if !concerned {
        return next.run(request).await;
    }
    answered(state, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answered(state: AppState, request: Request, next: Next) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let token = authenticate(&parts, &state).await?;
    if let (TokenOwner::Tenant(tenant), Some(acts_for)) = (token.owner, parts.extensions.get::<ActsFor>()) {
        acts_for.set(tenant);
    }
    let Some(key) = idempotency_header(&parts.headers)? else {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    let body = read_body(&parts.headers, body, CONFIG_BODY_BYTES_MAX, state.bodies()).await?;
    let now = state.engine().clock().now();
    let key = key_of(token.id, &parts, &key, &body, now);
    let place = state.running().enter(key.key_hash).ok_or_else(still_running)?;
    match state.engine().store().take_key(&key, now).await? {
        KeyTaken::First => {}
        KeyTaken::Answered(answer) => return Ok(again(answer)),
        KeyTaken::Open => return Err(outcome_unknown()),
        KeyTaken::Reused => return Err(reused()),
    }
    let request = Request::from_parts(parts, Body::from(body.clone()));
    let carried_out = tokio::spawn(async move {
        let (_place, _body) = (place, body);
        let response = next.run(request).await;
        keep(&state, key.key_hash, response).await
    });
    carried_out.await.map_err(|error| Problem::internal(&error))?
}

/// The key of a token, for one method and path; and the hash of everything that the request says beside it.
pub(super) fn key_of(token: TokenId, parts: &Parts, key: &str, body: &[u8], now: Time) -> IdempotencyKey {
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let tenant = parts.headers.get(TENANT_HEADER).map_or(&[][..], HeaderValue::as_bytes);
    let key_hash = hash(&[token.as_bytes(), tenant, path.as_bytes(), key.as_bytes()]);
    let expires_at = now.plus(IDEMPOTENCY_WINDOW);
    IdempotencyKey { key_hash, body_hash: hash(&[body]), expires_at }
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// What was done keeps its answer. A refused request did nothing and frees its key. After a fault of ours nobody knows, and
/// the key stays open.
async fn keep(state: &AppState, key_hash: [u8; 32], response: Response) -> Result<Response, Problem> {
    let status = response.status();
    let store = state.engine().store();
    let did_nothing = status.is_client_error() || response.extensions().get() == Some(&Code::Overloaded);
    if did_nothing {
        if let Err(error) = store.free_key(key_hash).await {
            tracing::warn!(%error, "an idempotency key could not be freed; it stays open until it expires");
        }
        return Ok(response);
    }
    if !status.is_success() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| Problem::internal(&error))?.to_bytes();
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let answer = KeptAnswer {
        status: status.as_u16(),
        content_type: content_type.map(Into::into),
        body: body.to_vec(),
    };
    if let Err(error) = store.keep_answer(key_hash, &answer).await {
        tracing::warn!(%error, "an answer could not be kept; a repeat will be told that its outcome is unknown");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// The first answer, once more.
fn again(answer: KeptAnswer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let content_type = answer.content_type.and_then(|text| HeaderValue::from_str(&text).ok());
    if let Some(content_type) = content_type {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    response
}

fn still_running() -> Problem {
    Problem::new(Code::RequestRunning, "The first request with this idempotency key has no answer yet.")
}

fn outcome_unknown() -> Problem {
    let detail =
        "The first request with this idempotency key was cut off; whether it did something is not known.";
    Problem::new(Code::OutcomeUnknown, detail)
}

fn reused() -> Problem {
    Problem::new(Code::IdempotencyKeyReused, "The idempotency key was used before with a different body.")
}

#[cfg(test)]
mod tests;
