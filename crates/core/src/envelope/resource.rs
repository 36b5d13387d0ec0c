//! `{"id","type","created_at","data":{"object"},"previous_data"}` (seed 004). `created_at` has whole seconds and
//! `previous_data` is always there.

use super::joined;
use crate::event::EventContent;

pub(super) fn body(event: &EventContent) -> Vec<u8> {
    let (id, created_at) = (event.id.to_string(), event.time.in_seconds().to_string());
    joined(&[
        b"{\"id\":\"",
        id.as_bytes(),
        b"\",\"type\":\"",
        event.event_type.as_str().as_bytes(),
        b"\",\"created_at\":\"",
        created_at.as_bytes(),
        b"\",\"data\":{\"object\":",
        &event.data,
        b"},\"previous_data\":",
        event.previous_data.as_deref().unwrap_or(b"null"),
        b"}",
    ])
}
