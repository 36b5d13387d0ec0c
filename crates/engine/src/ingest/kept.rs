//! Which headers of a request are kept with its event.

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use stentor_core::limits::KEPT_HEADERS_BYTES_MAX;
use stentor_core::source::KEPT_ALWAYS;

use super::gate::Gate;

/// The headers that the source keeps, in their order. Never `Authorization` and `Cookie`, whatever the source says; what is no
/// text, or does not fit any more, is left out.
pub fn kept_headers(gate: &Gate, headers: &HeaderMap) -> Vec<(Box<str>, Box<str>)> {
    let config = &gate.source.config;
    let scheme = gate.scheme.as_ref().ok().and_then(Option::as_deref);
    let is_kept = |name: &http::HeaderName| {
        KEPT_ALWAYS.contains(name)
            || config.keep_headers.iter().any(|kept| kept == name.as_str())
            || scheme.is_some_and(|scheme| scheme.forwards(name.as_str()))
    };
    let is_secret = |name: &http::HeaderName| [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name);
    let mut room = KEPT_HEADERS_BYTES_MAX;
    let mut kept = Vec::new();
    for (name, value) in headers {
        let Ok(text) = value.to_str() else { continue };
        let bytes = name.as_str().len() + text.len();
        if is_kept(name) && !is_secret(name) && bytes <= room {
            room -= bytes;
            kept.push((name.as_str().into(), text.into()));
        }
    }
    kept
}
