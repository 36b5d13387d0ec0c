//! The caller's key for safe repeats.

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;
use stentor_core::limits::IDEMPOTENCY_KEY_BYTES_MAX;

use crate::http::problem::{Code, Problem};

/// The name of the header.
pub const IDEMPOTENCY_HEADER: &str = "idempotency-key";

/// The `Idempotency-Key` of a request, if it has one.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(pub Option<Box<str>>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        idempotency_header(&parts.headers).map(Self)
    }
}

/// The key in the header, if there is one: 1 to 256 visible ASCII characters.
pub fn idempotency_header(headers: &HeaderMap) -> Result<Option<Box<str>>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len()));
    match key {
        Some(key) if values.next().is_none() => Ok(Some(key.into())),
        _ => Err(Problem::new(
            Code::InvalidRequest,
            "Idempotency-Key must be given once and have 1 to 256 visible ASCII characters.",
        )),
    }
}
