//! `{"event","timestamp","webhook_id","delivery_id","data"}` (seed 003). The timestamp is the event's, on all attempts.

use super::{Letter, joined};
use crate::ecmascript::{NotJson, stringify};

/// With `stable`, the data as `JSON.stringify(JSON.parse(…))` writes it; the envelope around it is of that form anyway.
pub(super) fn body(letter: &Letter<'_>, stable: bool) -> Result<Vec<u8>, NotJson> {
    let event = letter.event;
    let (time, webhook, delivery) =
        (event.time.to_string(), letter.webhook.to_string(), letter.delivery.to_string());
    let mut body = joined(&[
        b"{\"event\":\"",
        event.event_type.as_str().as_bytes(),
        b"\",\"timestamp\":\"",
        time.as_bytes(),
        b"\",\"webhook_id\":\"",
        webhook.as_bytes(),
        b"\",\"delivery_id\":\"",
        delivery.as_bytes(),
        b"\",\"data\":",
    ]);
    body.reserve(event.data.len() + 1);
    if stable {
        stringify(&event.data, &mut body)?;
    } else {
        body.extend_from_slice(&event.data);
    }
    body.push(b'}');
    Ok(body)
}
