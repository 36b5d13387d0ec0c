//! Why a body is not accepted as JSON, and where.

use crate::limits::JSON_DEPTH_MAX;

/// A body that is not JSON by our rule. It never repeats the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: {kind}")]
pub struct JsonError {
    /// What is wrong.
    pub kind: JsonErrorKind,
    /// Where, in bytes from the start of the body; its length when something is missing at the end.
    pub offset: usize,
}

/// What is wrong with a body; each text says what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonErrorKind {
    /// No bytes, or only white space.
    #[error("the body is empty; send one JSON value")]
    Empty,
    /// The body starts with the UTF-8 byte order mark (RFC 8259 section 8.1 forbids sending it).
    #[error("the body starts with a byte order mark; encode it as UTF-8 without BOM")]
    ByteOrderMark,
    /// Not UTF-8.
    #[error("the body is not UTF-8; encode it as UTF-8")]
    InvalidUtf8,
    /// Nested deeper than [`JSON_DEPTH_MAX`].
    #[error("the body nests deeper than {} levels; flatten it", JSON_DEPTH_MAX)]
    TooDeep,
    /// Something follows the first value.
    #[error("the body goes on after the JSON value; send exactly one value")]
    TrailingBytes,
    /// The body stops inside a value.
    #[error("the body ends inside a JSON value; check that it was sent whole")]
    UnexpectedEnd,
    /// `NaN`, `Infinity`, `-Infinity`: not in RFC 8259.
    #[error("NaN and Infinity are not JSON; send null or a string")]
    NotFinite,
    /// A comment, as documentation likes to have them in its examples.
    #[error("comments are not JSON; take out what begins here")]
    Comment,
    /// A raw control character, usually a line break inside a string.
    #[error("a control character stands where JSON forbids it; inside strings escape it, for example as \\n")]
    ControlCharacter,
    /// Anything else.
    #[error("the body is not valid JSON here; check quotes, commas, escapes and number formats")]
    Syntax,
}

impl JsonErrorKind {
    /// Stable identifier for the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "json_empty",
            Self::ByteOrderMark => "json_byte_order_mark",
            Self::InvalidUtf8 => "json_invalid_utf8",
            Self::TooDeep => "json_too_deep",
            Self::TrailingBytes => "json_trailing_bytes",
            Self::UnexpectedEnd => "json_unexpected_end",
            Self::NotFinite => "json_not_finite",
            Self::Comment => "json_comment",
            Self::ControlCharacter => "json_control_character",
            Self::Syntax => "json_syntax",
        }
    }
}

/// Names the error of reading the one value.
pub(super) fn locate(text: &str, error: &serde_json::Error) -> JsonError {
    if error.is_eof() {
        let blank = text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        let kind = if blank { JsonErrorKind::Empty } else { JsonErrorKind::UnexpectedEnd };
        return JsonError { kind, offset: text.len() };
    }
    let offset = offset_of(text, error);
    // serde_json offers no kind, only this text; inside a string it stops one byte before the character.
    if error.to_string().starts_with("control character") {
        return JsonError { kind: JsonErrorKind::ControlCharacter, offset: offset + 1 };
    }
    let rest = &text.as_bytes()[offset..];
    let kind = match rest.first() {
        Some(b'N') if rest.starts_with(b"NaN") => JsonErrorKind::NotFinite,
        Some(b'I') if rest.starts_with(b"Infinity") => JsonErrorKind::NotFinite,
        Some(b'/') if matches!(rest.get(1), Some(b'/' | b'*')) => JsonErrorKind::Comment,
        Some(0..=0x1f) => JsonErrorKind::ControlCharacter,
        _ => JsonErrorKind::Syntax,
    };
    JsonError { kind, offset }
}

/// Names the error of finding the end after the value.
pub(super) fn trailing(text: &str, error: &serde_json::Error) -> JsonError {
    let offset = offset_of(text, error);
    let rest = &text.as_bytes()[offset..];
    let is_comment = rest.starts_with(b"//") || rest.starts_with(b"/*");
    JsonError { kind: if is_comment { JsonErrorKind::Comment } else { JsonErrorKind::TrailingBytes }, offset }
}

/// Converts serde_json's position to the offset of the byte it complains about. Lines count from 1; the column is
/// the number of bytes of that line up to and including that byte, and 0 if the byte is the line break before it.
fn offset_of(text: &str, error: &serde_json::Error) -> usize {
    let breaks_before = error.line().saturating_sub(1);
    let line_start = match breaks_before.checked_sub(1) {
        None => 0,
        Some(last) => {
            text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').nth(last).map_or(0, |(at, _)| at + 1)
        }
    };
    (line_start + error.column()).saturating_sub(1).min(text.len())
}
