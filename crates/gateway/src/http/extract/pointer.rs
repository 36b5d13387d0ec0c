//! From serde's errors to JSON Pointers and texts for people.

use serde_path_to_error::{Error, Path, Segment};

use crate::http::problem::FieldError;

/// Where a value breaks the expected shape, and how. A missing or unknown field is pointed at itself, not at its parent.
pub(crate) fn field_error<E: std::fmt::Display>(error: &Error<E>) -> FieldError {
    let detail = in_words(without_position(&error.inner().to_string()));
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

/// Types of numbers as serde names them at the end of a text, and what people call them.
const NUMBERS: [(&str, &str); 5] = [
    ("expected u8", "expected a whole number from 0 to 255"),
    ("expected u16", "expected a whole number from 0 to 65535"),
    ("expected u32", "expected a whole number from 0 to 4294967295"),
    ("expected u64", "expected a whole number that is not negative"),
    ("expected usize", "expected a whole number that is not negative"),
];

fn in_words(detail: String) -> String {
    let known = NUMBERS.iter().find_map(|(name, words)| Some((detail.strip_suffix(name)?, words)));
    known.map(|(start, words)| format!("{start}{words}")).unwrap_or(detail)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told<T: serde::de::DeserializeOwned + std::fmt::Debug>(json: &str) -> String {
        let read = serde_path_to_error::deserialize::<_, T>(&mut serde_json::Deserializer::from_str(json));
        field_error(&read.expect_err(json)).detail
    }

    #[test]
    fn numbers_are_told_without_the_names_of_types() {
        assert_eq!(
            told::<u32>("-1"),
            "invalid value: integer `-1`, expected a whole number from 0 to 4294967295"
        );
        assert_eq!(told::<u8>("256"), "invalid value: integer `256`, expected a whole number from 0 to 255");
        assert_eq!(
            told::<u64>("1.5"),
            "invalid type: floating point `1.5`, expected a whole number that is not negative"
        );
        assert_eq!(told::<bool>("1"), "invalid type: integer `1`, expected a boolean");
    }
}
