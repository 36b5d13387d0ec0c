//! The request body: the envelope around an event's bytes.
//!
//! One module per format. The event's data is spliced in as it is and never re-serialised (promise P6); only the bodies of
//! [`Shape::stable`] are written anew, because their receiver verifies what `JSON.stringify` makes of them.

mod batch;
mod broxi;
mod cloudevents;
mod conversation;
mod resource;
mod standard;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

pub use self::batch::{
    BATCH_AROUND_BYTES, CONTENT_TYPE_CLOUDEVENTS_BATCH, member_bytes_at_most, render_batch,
};
use crate::ecmascript::NotJson;
use crate::event::EventContent;
use crate::format::Format;
use crate::header::is_of_connection;
use crate::id::{DeliveryId, WebhookId};

/// The media type of every JSON body, exactly (readings, "over the wire").
pub const CONTENT_TYPE_JSON: &str = "application/json";
/// The media type of one `CloudEvents` object.
pub const CONTENT_TYPE_CLOUDEVENTS: &str = "application/cloudevents+json";

/// How a webhook wants its bodies, made once per version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The envelope.
    pub format: Format,
    /// Whether the body is written as ECMAScript would write it again: the receiver's signature covers that and not the
    /// bytes (readings 003).
    pub stable: bool,
    /// The `source` attribute of `CloudEvents`.
    pub source: Box<str>,
}

/// What goes into an envelope.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    /// The event.
    pub event: &'a EventContent,
    /// To whom it goes.
    pub webhook: WebhookId,
    /// The delivery; the same on every attempt.
    pub delivery: DeliveryId,
}

/// A rendered request body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// The exact bytes that are signed and sent, the same on every attempt.
    pub bytes: Bytes,
    /// Their media type.
    pub content_type: HeaderValue,
    /// Headers that belong to the body; most formats have none.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// The format cannot hold this event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unrenderable {
    /// The data is not what its media type says.
    #[error("the event's data is not JSON")]
    NotJson(#[from] NotJson),
    /// The media type cannot stand in a header.
    #[error("the event's content type cannot be sent as a header")]
    ContentType,
    /// The format holds one event.
    #[error("the format has no body for several events")]
    Several,
}

/// Renders the body.
///
/// # Errors
/// When the format cannot hold the event.
pub fn render(shape: &Shape, letter: &Letter<'_>) -> Result<Body, Unrenderable> {
    let event = letter.event;
    match shape.format {
        Format::Standard => Ok(json(standard::body(event))),
        Format::Broxi => Ok(json(broxi::body(letter, shape.stable)?)),
        Format::Conversation => Ok(json(conversation::body(event))),
        Format::Resource => Ok(json(resource::body(event))),
        Format::Raw => Ok(Body {
            bytes: event.data.clone(),
            content_type: content_type(event)?,
            headers: received(event),
        }),
        Format::Cloudevents => Ok(cloudevents::structured(event, &shape.source)),
        Format::CloudeventsBinary => cloudevents::binary(event, &shape.source),
    }
}

fn json(body: Vec<u8>) -> Body {
    Body {
        bytes: body.into(),
        content_type: HeaderValue::from_static(CONTENT_TYPE_JSON),
        headers: Vec::new(),
    }
}

/// The kept headers of the request that the event came in with, so that a verifier of its sender still accepts what is
/// forwarded (readings, "over the wire"). What belongs to the connection that it came on is not among them, its content type
/// is the body's.
fn received(event: &EventContent) -> Vec<(HeaderName, HeaderValue)> {
    let kept = event.arrival.iter().flat_map(|arrival| &arrival.headers);
    let sent = kept.filter(|(name, _)| !is_of_connection(name));
    sent.filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?))).collect()
}

fn content_type(event: &EventContent) -> Result<HeaderValue, Unrenderable> {
    if &*event.content_type == CONTENT_TYPE_JSON {
        return Ok(HeaderValue::from_static(CONTENT_TYPE_JSON));
    }
    HeaderValue::from_str(&event.content_type).map_err(|_| Unrenderable::ContentType)
}

/// Joins the parts of a body without growing it in between.
fn joined(parts: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        body.extend_from_slice(part);
    }
    body
}

/// A text as a JSON string, or `null`.
fn quoted(text: Option<&str>) -> String {
    serde_json::to_string(&text).expect("text can always be written as JSON")
}
