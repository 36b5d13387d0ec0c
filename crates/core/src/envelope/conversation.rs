//! `{"conversation_id","data","timestamp"}` (seed 002). The conversation is the event's subject.

use super::{joined, quoted};
use crate::event::EventContent;

pub(super) fn body(event: &EventContent) -> Vec<u8> {
    let (conversation, time) = (quoted(event.subject.as_deref()), event.time.to_string());
    joined(&[
        b"{\"conversation_id\":",
        conversation.as_bytes(),
        b",\"data\":",
        &event.data,
        b",\"timestamp\":\"",
        time.as_bytes(),
        b"\"}",
    ])
}
