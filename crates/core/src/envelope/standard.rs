//! `{"type","timestamp","data"}` of the Standard Webhooks specification.

use super::joined;
use crate::event::EventContent;

/// The type's alphabet needs no JSON escapes.
pub(super) fn body(event: &EventContent) -> Vec<u8> {
    let time = event.time.to_string();
    joined(&[
        b"{\"type\":\"",
        event.event_type.as_str().as_bytes(),
        b"\",\"timestamp\":\"",
        time.as_bytes(),
        b"\",\"data\":",
        &event.data,
        b"}",
    ])
}
