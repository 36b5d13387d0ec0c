//! From a request to its event.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use sha2::{Digest, Sha256};
use stentor_core::arrival::Arrival;
use stentor_core::event::{EventContent, EventType, Origin};
use stentor_core::inbound::body_fields::{BodyFields, text_at};
use stentor_core::inbound::elements::NotSplit;
use stentor_core::inbound::foreign_type;
use stentor_core::inbound::media_type::{MediaType, check_charset, check_json};
use stentor_core::json;
use stentor_core::limits::IDEMPOTENCY_KEY_BYTES_MAX;
use stentor_core::source::{Content, Place, Source, Split};
use stentor_core::time::Time;
use stentor_store::journal::IdempotencyKey;
use stentor_verify::provider::Verified;

use super::gate::Entered;
use super::kept::kept_headers;
use super::proof::Proven;
use super::simulation::response_to;
use super::splitting::elements;
use super::{Head, IngestRefusal, TakenIn, proof_of};
use crate::accept::{Arriving, IDEMPOTENCY_WINDOW, Publish, PublishError, PublishedTogether};
use crate::engine::Engine;
use crate::entropy;

/// Media type of a body that says none.
const UNKNOWN_TYPE: &str = "application/octet-stream";

impl Engine {
    /// Takes in a request whose body was read. When it is stored, the answer is the commit's.
    ///
    /// # Errors
    /// Why it is not taken.
    pub async fn take_in(
        &self,
        entered: &Entered,
        head: &Head,
        idempotency_key: Option<&str>,
        body: Bytes,
    ) -> Result<TakenIn, IngestRefusal> {
        let gate = &entered.gate;
        let verified = match self.prove(gate, head, &body).await? {
            Proven::Challenge(answer) => return Ok(TakenIn::Challenge(answer)),
            Proven::Genuine(verified) => verified,
        };
        let source = gate.source();
        let content_type = content_type(&source.config.effective_content(), &head.headers, &body)?;
        let arriving = arriving(entered, head, verified.as_ref(), idempotency_key, &body, self.clock().now());
        let publish = publish(source, head, verified.as_ref(), content_type, body, arriving);
        let elements = match source.config.split {
            Split::Array => Some(elements(source, head, verified.as_ref(), &publish)?),
            Split::None => None,
        };
        let preview = preview(&publish, head.received_at);
        let response = response_to(gate, &preview);
        if let Some(response) = response.as_ref().filter(|response| !response.accepts()) {
            return Ok(TakenIn::Declined(response.clone()));
        }
        let answer = gate.known.scheme.as_ref().and_then(|scheme| scheme.accepted_answer());
        let stored = match elements {
            Some(elements) => self.publish_together(source.tenant, &elements).await,
            None => self.publish(source.tenant, publish).await.map(|published| match published.duplicate {
                true => PublishedTogether::Before(published.id),
                false => PublishedTogether::Stored(vec![published.id]),
            }),
        };
        match stored {
            Ok(PublishedTogether::Before(event)) => Ok(TakenIn::Duplicate { event, answer }),
            Ok(PublishedTogether::Stored(events)) => {
                // Neither a list nor a body is ever split into nothing.
                let event = *events.first().ok_or(NotSplit::Empty)?;
                let elements = (source.config.split == Split::Array).then_some(events);
                Ok(TakenIn::Stored { event, elements, response, answer })
            }
            Err(PublishError::SourceClosed) if entered.credential.is_some() => {
                Err(IngestRefusal::UnknownCredential)
            }
            Err(PublishError::SourceClosed | PublishError::UnknownTenant) => {
                Err(IngestRefusal::UnknownSource)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The media type to keep. What says that it is JSON must be: filters and formats rely on it.
fn content_type(content: &Content, headers: &HeaderMap, body: &[u8]) -> Result<Box<str>, IngestRefusal> {
    let said = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if *content == Content::Json {
        check_json(said)?;
    }
    let text = said.map(str::trim).filter(|text| !text.is_empty()).unwrap_or(UNKNOWN_TYPE);
    let media = MediaType::parse(text);
    if media.is_json() {
        check_charset(&media)?;
        json::check(body)?;
    }
    Ok(text.into())
}

fn arriving(
    entered: &Entered,
    head: &Head,
    verified: Option<&Verified>,
    idempotency_key: Option<&str>,
    body: &[u8],
    now: Time,
) -> Arriving {
    let source = entered.gate.source();
    let dedupe = &source.config.dedupe;
    let text = std::str::from_utf8(body).unwrap_or_default();
    let by_rule = dedupe.by.as_ref().and_then(|place| {
        let provided = verified.and_then(|verified| verified.dedupe_id.clone());
        value_at(place, provided, &head.headers, text).filter(|value| !value.is_empty())
    });
    let repeats = match (&by_rule, idempotency_key) {
        // A repetition may differ in its body, such as in the number of the attempt.
        (Some(value), _) => Some(key("rule", source, value, &[], now, dedupe.window)),
        (None, Some(value)) => Some(key("key", source, value, body, now, IDEMPOTENCY_WINDOW)),
        (None, None) => None,
    };
    let shown = by_rule.as_deref().or(idempotency_key);
    let arrival = Arrival {
        source: source.id,
        received_at: head.received_at,
        method: head.method.as_str().into(),
        path: head.path.as_str().into(),
        peer: Some(head.peer),
        proof: proof_of(entered.credential, verified.map(|verified| verified.key_index)),
        dedupe_id: shown.map(|value| cut(value, IDEMPOTENCY_KEY_BYTES_MAX).into()),
        headers: kept_headers(&entered.gate, &head.headers),
        element: None,
    };
    Arriving { arrival: Arc::new(arrival), repeats }
}

/// Keys of sources share the table with publishers' keys and never meet them: the hash covers the source.
fn key(kind: &str, source: &Source, value: &str, body: &[u8], now: Time, window: Duration) -> IdempotencyKey {
    let mut hash = Sha256::new();
    for part in [b"source", kind.as_bytes(), source.id.as_bytes(), value.as_bytes()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    IdempotencyKey {
        key_hash: hash.finalize().into(),
        body_hash: Sha256::digest(body).into(),
        expires_at: now.plus(window),
    }
}

pub(super) fn publish(
    source: &Source,
    head: &Head,
    verified: Option<&Verified>,
    content_type: Box<str>,
    data: Bytes,
    arriving: Arriving,
) -> Publish {
    let text = std::str::from_utf8(&data).unwrap_or_default();
    let is_json = MediaType::parse(&content_type).is_json();
    let fields = if is_json { BodyFields::read(text) } else { BodyFields::default() };
    let sent_at = verified.and_then(|verified| verified.timestamp_unix_ms);
    let sent_at = sent_at.and_then(|ms| i64::try_from(ms).ok()).map(Time::from_millis);
    Publish {
        event_type: event_type(source, &head.headers, verified, text),
        content_type,
        previous_data: None,
        time: fields.time.or(sent_at).or(Some(head.received_at)),
        subject: fields.subject,
        metadata: None,
        idempotency_key: None,
        origin: Origin::Source,
        token: None,
        telling: None,
        arriving: Some(arriving),
        data,
    }
}

/// The first place that names a type, else the source's default.
fn event_type(source: &Source, headers: &HeaderMap, verified: Option<&Verified>, text: &str) -> EventType {
    let named = source.config.event_type_places().into_iter().find_map(|place| {
        let provided = verified.and_then(|verified| verified.event_type.clone());
        foreign_type::event_type(&value_at(&place, provided, headers, text)?)
    });
    named.unwrap_or_else(|| source.config.event_type.default.clone())
}

/// What is at a place of the request.
fn value_at(place: &Place, provided: Option<String>, headers: &HeaderMap, text: &str) -> Option<String> {
    match place {
        Place::Provider => provided,
        Place::Header(name) => headers.get(name)?.to_str().ok().map(str::to_owned),
        Place::Body(path) => text_at(text, path.steps()),
    }
}

/// The event as the rules of simulated responses see it, before it has an id of its own.
fn preview(publish: &Publish, received_at: Time) -> EventContent {
    EventContent {
        id: entropy::event_id(received_at),
        event_type: publish.event_type.clone(),
        time: publish.time.unwrap_or(received_at),
        subject: publish.subject.clone(),
        content_type: publish.content_type.clone(),
        data: publish.data.clone(),
        previous_data: None,
        arrival: None,
    }
}

fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
