//! From serde's errors to JSON Pointers and texts for people.

use serde_path_to_error::{Error, Path, Segment};

use crate::http::problem::FieldError;

/// Where a value breaks the expected shape, and how. A missing or unknown field is pointed at itself, not at its parent.
pub(crate) fn field_error<E: std::fmt::Display>(error: &Error<E>) -> FieldError {
    let detail = without_position(&error.inner().to_string());
    let mut pointer = pointer_of(error.path());
    let named = ["missing field `", "unknown field `", "duplicate field `"]
        .iter()
        .find_map(|start| detail.strip_prefix(start)?.split_once('`'));
    if let Some((name, _)) = named {
        let token = format!("/{}", escaped(name));
        if !pointer.ends_with(&token) {
            pointer.push_str(&token);
        }
    }
    FieldError::new(pointer, detail)
}

/// RFC 6901.
fn pointer_of(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", escaped(key))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// A token of a pointer.
pub(crate) fn escaped(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

/// The pointer says where; serde_json's line and column would say it twice.
fn without_position(text: &str) -> String {
    match text.rsplit_once(" at line ") {
        Some((start, position)) if position.chars().all(|c| c.is_ascii_digit() || " column".contains(c)) => {
            start.into()
        }
        _ => text.into(),
    }
}
