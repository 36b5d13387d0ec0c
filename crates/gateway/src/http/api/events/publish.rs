//! `POST /v1/events`, the hot path: the body is read into one buffer, checked once, and the event's data is a slice of it unless
//! little of it is data.

use axum::Json;
use axum::extract::{Request, State};
use bytes::Bytes;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use stentor_core::event::{EventType, Origin};
use stentor_core::id::{EventId, TokenId};
use stentor_core::json;
use stentor_core::limits::{
    BODY_BYTES_MAX, IDEMPOTENCY_KEY_BYTES_MAX, METADATA_BYTES_MAX, SUBJECT_BYTES_MAX,
};
use stentor_core::time::Time;
use stentor_engine::accept::{Publish, Published};
use utoipa::ToSchema;

use super::TAG;
use crate::http::AppState;
use crate::http::extract::{CanPublish, TenantAuth, idempotency_header, parse_json, read_json};
use crate::http::problem::{FieldError, Problem, ProblemBody};

/// Bytes of a body that its data may keep in memory besides themselves, and as many again as they are.
const UNUSED_BYTES_MAX: usize = 4 * 1024;

/// An event to be published.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PublishEvent<'a> {
    /// 1 to 128 of `[A-Za-z0-9_.:/-]`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "order.created")]
    event_type: EventType,
    /// Any JSON value. It is kept and sent byte for byte.
    #[serde(borrow)]
    #[schema(value_type = serde_json::Value)]
    data: &'a RawValue,
    /// The earlier state, for events about a change. Null is as if it were left out.
    #[serde(borrow, default)]
    #[schema(value_type = Option<serde_json::Value>)]
    previous_data: Option<&'a RawValue>,
    /// What the event is about, for search; at most 256 bytes.
    #[schema(value_type = Option<String>, example = "order/42")]
    subject: Option<Box<str>>,
    /// When it happened (RFC 3339); the time of acceptance when left out.
    #[schema(value_type = Option<String>, format = DateTime)]
    timestamp: Option<Time>,
    /// Repeating the same body with the same key within 24 hours answers with the first event; at most 256 bytes.
    /// The header `Idempotency-Key` says the same.
    #[schema(value_type = Option<String>)]
    idempotency_key: Option<Box<str>>,
    /// An object of your own, at most 8 KiB; never sent to receivers.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Object>)]
    metadata: Option<&'a RawValue>,
}

/// A published event.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PublishedEvent {
    /// Its id: the first event's when the idempotency key was used before.
    #[schema(value_type = String, example = "evt_01h455vb4pex5vsknk084sn02q")]
    id: EventId,
    /// Its type.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "order.created")]
    event_type: EventType,
    /// Deliveries that it has.
    deliveries: u32,
    /// Present and true when it was published before with the same key.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    duplicate: bool,
    /// Where the data does not fit the schema of its type, when the tenant is warned of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<FieldError>,
}

impl From<Published> for PublishedEvent {
    fn from(published: Published) -> Self {
        let Published { id, event_type, deliveries, duplicate, warnings } = published;
        let warnings = warnings.into_iter().map(|mismatch| FieldError::of_mismatch("/data", mismatch));
        Self { id, event_type, deliveries, duplicate, warnings: warnings.collect() }
    }
}

/// Publish an event.
///
/// The answer leaves after the event and all its deliveries are committed and synced. On 429 and 503 repeat with the same
/// idempotency key.
#[utoipa::path(post, path = "/v1/events", tag = TAG, operation_id = "publishEvent", request_body = PublishEvent<'static>,
    params(("Idempotency-Key" = Option<String>, Header, description = "As `idempotency_key` in the body")),
    security(("bearer" = ["publish"])), responses(
    (status = 202, description = "The event is stored.", body = PublishedEvent),
    (status = 409, description = "`idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "`invalid_body`, `schema_mismatch`, `undeclared_event_type`, `too_many_matches`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "`tenant_busy`, `rate_limited`, `backlog_full`, `quota_exceeded`", body = ProblemBody, content_type = "application/problem+json"),
))]
pub(super) async fn publish(
    auth: TenantAuth<CanPublish>,
    State(state): State<AppState>,
    request: Request,
) -> Result<(StatusCode, Json<PublishedEvent>), Problem> {
    let header_key = idempotency_header(request.headers())?;
    let body = read_json(request, BODY_BYTES_MAX, state.bodies()).await?;
    let event = PublishEvent::read(json::check(&body)?)?;
    let publish = event.into_publish(Some(&body), header_key, auth.revocable())?;
    let published = state.engine().publish(auth.tenant, publish).await?;
    Ok((StatusCode::ACCEPTED, Json(published.into())))
}

impl<'a> PublishEvent<'a> {
    /// Reads an event from JSON that passed the gate.
    pub(super) fn read(text: &'a str) -> Result<Self, Problem> {
        // Following the place of an error costs allocations for every field; a wrong body pays by being read twice.
        let object = text.trim_start().starts_with('{');
        let event = if object { serde_json::from_str(text).ok() } else { None };
        event.map_or_else(|| parse_json(text.as_bytes()), Ok)
    }

    /// Whether it brings its own idempotency key.
    pub(super) fn has_key(&self) -> bool {
        self.idempotency_key.is_some()
    }

    /// What the engine is asked to store. `body` is the buffer that the event was read from, if it is this event's alone:
    /// the data stays a part of it, unless that would keep much more than the data.
    pub(super) fn into_publish(
        self,
        body: Option<&Bytes>,
        header_key: Option<Box<str>>,
        token: Option<TokenId>,
    ) -> Result<Publish, Problem> {
        self.check(header_key.as_deref())?;
        let kept = self.data.get().len() + self.previous_data.map_or(0, |raw| raw.get().len());
        let body = body.filter(|body| body.len() <= 2 * kept + UNUSED_BYTES_MAX);
        let part = |raw: &RawValue| match body {
            Some(body) => body.slice_ref(raw.get().as_bytes()),
            None => Bytes::copy_from_slice(raw.get().as_bytes()),
        };
        Ok(Publish {
            event_type: self.event_type,
            data: part(self.data),
            content_type: "application/json".into(),
            previous_data: self.previous_data.map(part),
            time: self.timestamp,
            subject: self.subject,
            // A copy: a slice of the request would keep all of it.
            metadata: self.metadata.map(|raw| Bytes::copy_from_slice(raw.get().as_bytes())),
            idempotency_key: self.idempotency_key.or(header_key),
            origin: Origin::Api,
            token,
            telling: None,
            arriving: None,
        })
    }

    fn check(&self, header_key: Option<&str>) -> Result<(), Problem> {
        let mut broken = Vec::new();
        let mut demand = |holds: bool, pointer: &str, detail: &str| {
            if !holds {
                broken.push(FieldError::new(pointer, detail));
            }
        };
        let fits = |text: &Option<Box<str>>, bytes_max| {
            text.as_ref().is_none_or(|text| (1..=bytes_max).contains(&text.len()))
        };
        demand(fits(&self.subject, SUBJECT_BYTES_MAX), "/subject", "must have 1 to 256 bytes");
        demand(
            fits(&self.idempotency_key, IDEMPOTENCY_KEY_BYTES_MAX),
            "/idempotency_key",
            "must have 1 to 256 bytes",
        );
        let same = header_key.is_none()
            || self.idempotency_key.is_none()
            || header_key == self.idempotency_key.as_deref();
        demand(same, "/idempotency_key", "differs from the header Idempotency-Key; send one of them");
        if let Some(metadata) = self.metadata.map(RawValue::get) {
            demand(metadata.starts_with('{'), "/metadata", "must be an object");
            demand(metadata.len() <= METADATA_BYTES_MAX, "/metadata", "must have at most 8192 bytes");
        }
        if broken.is_empty() { Ok(()) } else { Err(Problem::invalid_body(broken)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether data and previous data are parts of the body.
    fn kept(body: &Bytes, shared: bool) -> [bool; 2] {
        let event = PublishEvent::read(json::check(body).expect("JSON")).expect("an event");
        let publish = event.into_publish(shared.then_some(body), None, None).expect("no rule is broken");
        let within = |part: &Bytes| body.as_ptr_range().contains(&part.as_ptr());
        assert_eq!(
            (&publish.data[..], publish.previous_data.as_deref()),
            (&b"{\"a\": 1}"[..], Some(&b"[2]"[..]))
        );
        [within(&publish.data), publish.previous_data.as_ref().is_some_and(within)]
    }

    #[test]
    fn little_data_does_not_keep_a_large_body() {
        let body = |spaces: usize| {
            let event = r#"{"type":"a","data":{"a": 1},"previous_data":[2]"#;
            Bytes::from(format!("{event}{}}}", " ".repeat(spaces)))
        };
        assert_eq!(kept(&body(0), true), [true, true]);
        assert_eq!(kept(&body(1_000_000), true), [false, false]);
        assert_eq!(kept(&body(0), false), [false, false], "a batch is many events'");
    }
}
