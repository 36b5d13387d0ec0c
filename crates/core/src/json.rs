//! The one gate for JSON bodies (reliability S12; readings, "000, 001 inbound").
//!
//! serde_json's entry points disagree about lone surrogates, `1e400`, depth and UTF-8. So every body passes here
//! and nowhere else: any RFC 8259 text nested at most [`JSON_DEPTH_MAX`] deep, kept verbatim. What a filter sees of
//! an odd value (`1e400`, `"\ud800"`, a repeated key) is the filter's rule; no odd value makes an event unusable.

mod depth;
mod error;
#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::limits::JSON_DEPTH_MAX;
pub use error::{JsonError, JsonErrorKind};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Accepts a JSON body and returns it as text, unchanged. Linear in the length and never recursive.
///
/// # Errors
/// What is wrong and at which byte.
pub fn check(bytes: &[u8]) -> Result<&str, JsonError> {
    if bytes.starts_with(BYTE_ORDER_MARK) {
        return Err(JsonError { kind: JsonErrorKind::ByteOrderMark, offset: 0 });
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| JsonError { kind: JsonErrorKind::InvalidUtf8, offset: error.valid_up_to() })?;
    if let Some(offset) = depth::first_deeper_than(bytes, JSON_DEPTH_MAX) {
        return Err(JsonError { kind: JsonErrorKind::TooDeep, offset });
    }
    let mut document = serde_json::Deserializer::from_str(text);
    IgnoredAny::deserialize(&mut document).map_err(|error| error::locate(text, &error))?;
    document.end().map_err(|error| error::trailing(text, &error))?;
    Ok(text)
}
