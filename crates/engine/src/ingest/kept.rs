//! Which headers of a request are kept with its event.

use http::HeaderMap;
use stentor_core::limits::KEPT_HEADERS_BYTES_MAX;

use super::gate::Gate;

/// The headers that the source keeps, in their order. Never `Authorization` and `Cookie`, whatever the source says; what is no
/// text, or does not fit any more, is left out.
pub fn kept_headers(gate: &Gate, headers: &HeaderMap) -> Vec<(Box<str>, Box<str>)> {
    let mut room = KEPT_HEADERS_BYTES_MAX;
    let mut kept = Vec::new();
    for (name, value) in headers {
        let Ok(text) = value.to_str() else { continue };
        let bytes = name.as_str().len() + text.len();
        if gate.known.keeps(name.as_str()) && bytes <= room {
            room -= bytes;
            kept.push((name.as_str().into(), text.into()));
        }
    }
    kept
}
