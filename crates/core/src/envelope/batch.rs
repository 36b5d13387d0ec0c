//! The body of several events: `{"batch_id","events":[…]}` around the envelope of each, or the array of the `CloudEvents`
//! JSON batch format.

use http::HeaderValue;

use super::{Body, CONTENT_TYPE_JSON, Letter, Shape, Unrenderable, joined, json, quoted, render};
use crate::event::EventContent;
use crate::format::Format;
use crate::id::BatchId;

/// The media type of several `CloudEvents` objects.
pub const CONTENT_TYPE_CLOUDEVENTS_BATCH: &str = "application/cloudevents-batch+json";

/// More bytes than there are around the events of a batch.
pub const BATCH_AROUND_BYTES: usize = 64;
/// More bytes than an envelope has beside the data and the texts of its event.
const ENVELOPE_BYTES: usize = 232;
/// More bytes than a number with an exponent becomes longer when ECMAScript writes it.
const NUMBER_BYTES: usize = 24;

/// Renders the body of the batch: its events in this order.
///
/// # Errors
/// When the format cannot hold one of the events, or several.
pub fn render_batch(shape: &Shape, id: BatchId, letters: &[Letter<'_>]) -> Result<Body, Unrenderable> {
    let data: usize = letters.iter().map(|letter| letter.event.bytes() + ENVELOPE_BYTES).sum();
    let mut body = Vec::with_capacity(data + BATCH_AROUND_BYTES);
    let is_cloudevents = match shape.format {
        Format::Raw | Format::CloudeventsBinary => return Err(Unrenderable::Several),
        Format::Cloudevents => true,
        Format::Standard | Format::Broxi | Format::Conversation | Format::Resource => false,
    };
    if !is_cloudevents {
        body.extend_from_slice(format!("{{\"batch_id\":\"{id}\",\"events\":").as_bytes());
    }
    let mut before = b'[';
    for letter in letters {
        body.push(before);
        before = b',';
        if shape.format == Format::Standard {
            body.extend_from_slice(&standard(letter.event));
        } else {
            body.extend_from_slice(&render(shape, letter)?.bytes);
        }
    }
    body.push(b']');
    if is_cloudevents {
        let content_type = HeaderValue::from_static(CONTENT_TYPE_CLOUDEVENTS_BATCH);
        return Ok(Body { bytes: body.into(), content_type, headers: Vec::new() });
    }
    body.push(b'}');
    Ok(json(body))
}

/// In a request of its own the header carries the id; here each event brings it.
fn standard(event: &EventContent) -> Vec<u8> {
    let (id, time) = (event.id.to_string(), event.time.to_string());
    joined(&[
        b"{\"id\":\"",
        id.as_bytes(),
        b"\",\"type\":\"",
        event.event_type.as_str().as_bytes(),
        b"\",\"timestamp\":\"",
        time.as_bytes(),
        b"\",\"data\":",
        &event.data,
        b"}",
    ])
}

/// At most so many bytes the event takes in the body of a batch, its comma included. None when it cannot stand beside
/// others: its data is not JSON, or the format holds no batches.
pub fn member_bytes_at_most(shape: &Shape, event: &EventContent) -> Option<usize> {
    let is_json = &*event.content_type == CONTENT_TYPE_JSON;
    let data = match shape.format {
        Format::Raw | Format::CloudeventsBinary => return None,
        Format::Cloudevents if !is_json => event.data.len().div_ceil(3) * 4 + 2,
        _ if !is_json => return None,
        Format::Broxi if shape.stable => event.data.len() + NUMBER_BYTES * exponents(&event.data),
        _ => event.data.len(),
    };
    let texts = match shape.format {
        Format::Conversation => quoted(event.subject.as_deref()).len(),
        Format::Resource => event.previous_data.as_ref().map_or(0, bytes::Bytes::len),
        Format::Cloudevents => {
            quoted(event.subject.as_deref()).len()
                + quoted(Some(&shape.source)).len()
                + quoted(Some(&event.content_type)).len()
        }
        _ => 0,
    };
    Some(ENVELOPE_BYTES + event.event_type.as_str().len() + texts + data)
}

/// At least as many as there are numbers with an exponent.
fn exponents(text: &[u8]) -> usize {
    text.windows(2).filter(|pair| pair[0].is_ascii_digit() && matches!(pair[1], b'e' | b'E')).count()
}

#[cfg(test)]
mod tests;
