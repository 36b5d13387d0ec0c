//! The request body: the envelope around an event's bytes.

use bytes::Bytes;

use crate::event::EventContent;
use crate::profile::Format;

/// The media type of every JSON body, exactly (readings, "over the wire").
pub const CONTENT_TYPE_JSON: &str = "application/json";

/// A rendered request body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// The exact bytes that are signed and sent, the same on every attempt.
    pub bytes: Bytes,
    /// Their media type.
    pub content_type: Box<str>,
}

/// The format cannot be written by this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this body format is not available")]
pub struct FormatUnavailable;

/// Renders the body. The event's data is spliced in as it is and never re-serialised (promise P6).
///
/// # Errors
/// When the format is one that this version cannot write.
pub fn render(format: Format, event: &EventContent) -> Result<Body, FormatUnavailable> {
    match format {
        Format::Raw => Ok(Body { bytes: event.data.clone(), content_type: event.content_type.clone() }),
        Format::Standard => Ok(Body { bytes: standard(event), content_type: CONTENT_TYPE_JSON.into() }),
        Format::Unavailable => Err(FormatUnavailable),
    }
}

/// `{"type","timestamp","data"}` of the Standard Webhooks specification. The type's alphabet needs no JSON escapes.
fn standard(event: &EventContent) -> Bytes {
    let time = event.time.to_string();
    let kind = event.event_type.as_str();
    let mut body = Vec::with_capacity(event.data.len() + kind.len() + time.len() + 40);
    body.extend_from_slice(b"{\"type\":\"");
    body.extend_from_slice(kind.as_bytes());
    body.extend_from_slice(b"\",\"timestamp\":\"");
    body.extend_from_slice(time.as_bytes());
    body.extend_from_slice(b"\",\"data\":");
    body.extend_from_slice(&event.data);
    body.push(b'}');
    body.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventType;
    use crate::id::EventId;
    use crate::time::Time;

    fn event(data: &'static str) -> EventContent {
        EventContent {
            id: EventId::from_bytes([7; 16]),
            event_type: EventType::parse("order.created").expect("valid"),
            time: Time::from_micros(1_739_874_600_123_456),
            subject: None,
            content_type: "application/json".into(),
            data: Bytes::from_static(data.as_bytes()),
            previous_data: None,
        }
    }

    #[test]
    fn standard_keeps_every_byte_of_the_data() {
        let odd = r#"{ "n": 12345678901234567890, "n": 1e400,  "s":"\ud800" }"#;
        let body = render(Format::Standard, &event(odd)).expect("available");
        let expected =
            format!(r#"{{"type":"order.created","timestamp":"2025-02-18T10:30:00.123Z","data":{odd}}}"#);
        assert_eq!(body.bytes, expected);
        assert_eq!(&*body.content_type, "application/json");
    }

    #[test]
    fn raw_is_the_event_itself() {
        let mut raw = event("a=1&b=2");
        raw.content_type = "application/x-www-form-urlencoded".into();
        let body = render(Format::Raw, &raw).expect("available");
        assert_eq!(
            (&body.bytes[..], &*body.content_type),
            (&b"a=1&b=2"[..], "application/x-www-form-urlencoded")
        );
    }
}
