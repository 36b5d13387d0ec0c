//! JSON bodies: one gate for all of them (`stentor_core::json`), then the shape.

use axum::body::Body;
use axum::extract::{FromRef, FromRequest, OptionalFromRequest, Request};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use http_body::Body as _;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_path_to_error::Track;
use stentor_core::json;
use stentor_core::limits::BODY_BYTES_MAX;

use super::{BodyBudget, ReadBody, object, pointer};
use crate::http::problem::{Code, Problem};
use crate::http::server::SlowBody;

/// A body of at most `LIMIT` bytes read into `T`, which should deny unknown fields.
///
/// 415 unless it is uncompressed `application/json`; 413 without reading the rest when it is too large; 400 when it is
/// not JSON; 422 with a JSON Pointer when it has another shape.
#[derive(Debug)]
pub struct JsonBody<T, const LIMIT: usize = BODY_BYTES_MAX>(pub T);

impl<T: DeserializeOwned, S: Send + Sync, const LIMIT: usize> FromRequest<S> for JsonBody<T, LIMIT>
where
    BodyBudget: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = read_json(request, LIMIT, &BodyBudget::from_ref(state)).await?;
        parse_json(&bytes).map(Self)
    }
}

/// Collects a body of at most `limit` bytes that says it is JSON; whether it is one is not checked yet.
///
/// # Errors
/// 415 unless it is `application/json`, and those of [`read_body`].
pub async fn read_json(request: Request, limit: usize, budget: &BodyBudget) -> Result<ReadBody, Problem> {
    let (parts, body) = request.into_parts();
    check_media_type(&parts.headers)?;
    read_body(&parts.headers, body, limit, budget).await
}

/// No bytes are no body, whatever the media type.
impl<T: DeserializeOwned, S: Send + Sync, const LIMIT: usize> OptionalFromRequest<S> for JsonBody<T, LIMIT>
where
    BodyBudget: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Problem> {
        if request.body().is_end_stream() {
            return Ok(None);
        }
        <Self as FromRequest<S>>::from_request(request, state).await.map(Some)
    }
}

/// Reads a JSON object that passes the gate into `T`.
///
/// # Errors
/// `invalid_json` with the offset, or `invalid_body` with the place.
pub fn parse_json<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Problem> {
    let text = json::check(bytes)?;
    read_object(&mut serde_json::Deserializer::from_str(text))
}

/// Reads a JSON object into `T`.
///
/// # Errors
/// `invalid_body` with the place.
pub fn parse_value<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Problem> {
    read_object(value)
}

fn read_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(document: D) -> Result<T, Problem> {
    let mut track = Track::new();
    object(serde_path_to_error::Deserializer::new(document, &mut track)).map_err(|error| {
        let error = serde_path_to_error::Error::new(track.path(), error);
        Problem::invalid_body(vec![pointer::field_error(&error)])
    })
}

/// Collects a body of at most `limit` bytes. `Content-Length` is believed first: nothing is read of a body that says
/// itself that it is too large or larger than what is left of the budget. The budget is taken as the bytes come, so that
/// announcing much costs others nothing.
///
/// # Errors
/// 415 for a compressed body, 413 for one too large, 503 for one beyond the budget, 408 for one too slow, 400 for one that breaks off.
pub async fn read_body(
    headers: &HeaderMap,
    mut body: Body,
    limit: usize,
    budget: &BodyBudget,
) -> Result<ReadBody, Problem> {
    check_encoding(headers)?;
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let mut filling = budget.begin(announced, limit)?;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
        if filling.len() + data.len() > limit {
            return Err(too_large(limit));
        }
        filling.push(&data)?;
    }
    Ok(filling.finish())
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn broken(error: axum::Error) -> Problem {
    if is_slow(&error) {
        return Problem::new(Code::RequestTimeout, "The body came too slowly; nothing was stored.").closing();
    }
    Problem::new(Code::InvalidRequest, "The body broke off before its end.").closing()
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::BodyTooLarge, format!("The body is larger than {limit} bytes."))
}

fn is_slow(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<SlowBody>() {
            return true;
        }
        cause = error.source();
    }
    false
}

fn check_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    let identity = |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().all(identity) {
        return Ok(());
    }
    Err(Problem::new(Code::UnsupportedEncoding, "Send the body without Content-Encoding."))
}

/// `application/json` in any case, with parameters; a charset must be utf-8.
fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let refuse = |detail: &str| Err(Problem::new(Code::UnsupportedMediaType, detail));
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return refuse("Content-Type is missing; send application/json.");
    };
    let mut parts = value.split(';').map(str::trim);
    if !parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json")) {
        return refuse("Content-Type is not application/json.");
    }
    for parameter in parts {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if name.eq_ignore_ascii_case("charset") && !value.trim_matches('"').eq_ignore_ascii_case("utf-8") {
            return refuse("The charset of JSON is utf-8.");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
