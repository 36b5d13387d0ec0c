//! `CloudEvents` 1.0 over HTTP: structured (everything in one JSON object) and binary (attributes in `ce-` headers).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use super::{Body, CONTENT_TYPE_CLOUDEVENTS, CONTENT_TYPE_JSON, Unrenderable, content_type, joined, quoted};
use crate::event::EventContent;

const SPEC_VERSION: &str = "1.0";

/// Data that is JSON is a member, anything else is base64 (JSON event format, section 3.1).
pub(super) fn structured(event: &EventContent, source: &str) -> Body {
    let subject = event.subject.as_deref().map(|subject| format!("\"subject\":{},", quoted(Some(subject))));
    let content_type = quoted(Some(&event.content_type));
    let (id, source, time) = (event.id.to_string(), quoted(Some(source)), event.time.to_string());
    let encoded;
    let (member, data): (&[u8], &[u8]) = if &*event.content_type == CONTENT_TYPE_JSON {
        (b",\"data\":", &event.data)
    } else {
        encoded = format!("\"{}\"", STANDARD.encode(&event.data));
        (b",\"data_base64\":", encoded.as_bytes())
    };
    let body = joined(&[
        b"{\"specversion\":\"1.0\",\"id\":\"",
        id.as_bytes(),
        b"\",\"source\":",
        source.as_bytes(),
        b",\"type\":\"",
        event.event_type.as_str().as_bytes(),
        b"\",",
        subject.as_deref().unwrap_or_default().as_bytes(),
        b"\"time\":\"",
        time.as_bytes(),
        b"\",\"datacontenttype\":",
        content_type.as_bytes(),
        member,
        data,
        b"}",
    ]);
    Body {
        bytes: Bytes::from(body),
        content_type: HeaderValue::from_static(CONTENT_TYPE_CLOUDEVENTS),
        headers: Vec::new(),
    }
}

pub(super) fn binary(event: &EventContent, source: &str) -> Result<Body, Unrenderable> {
    let name = HeaderName::from_static;
    let mut headers = vec![
        (name("ce-specversion"), HeaderValue::from_static(SPEC_VERSION)),
        (name("ce-id"), encoded(&event.id.to_string())),
        (name("ce-source"), encoded(source)),
        (name("ce-type"), encoded(event.event_type.as_str())),
        (name("ce-time"), encoded(&event.time.to_string())),
    ];
    if let Some(subject) = &event.subject {
        headers.push((name("ce-subject"), encoded(subject)));
    }
    Ok(Body { bytes: event.data.clone(), content_type: content_type(event)?, headers })
}

/// Percent-encodes what a header cannot carry as it is: space, quote, percent and all outside visible ASCII (HTTP protocol
/// binding, section 3.1.3.2).
fn encoded(text: &str) -> HeaderValue {
    let mut value = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b'"' | b'%') {
            value.push(byte);
        } else {
            value.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    HeaderValue::from_bytes(&value).expect("visible ASCII is a header value")
}
