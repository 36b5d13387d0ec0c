//! What the body of the seeds' senders says about its event (readings "000, 001 inbound").
//!
//! Their bodies have a free form. So a field of another kind or length than is expected is passed over, never refused.

use crate::filter::scan::{Value, elements, members};
use crate::limits::SUBJECT_BYTES_MAX;
use crate::time::Time;

/// What is taken from the top level of a JSON object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BodyFields {
    /// `timestamp`, when it is RFC 3339.
    pub time: Option<Time>,
    /// `source`, when it is text of at most 256 bytes: the event's subject, which can be searched for.
    pub subject: Option<Box<str>>,
}

impl BodyFields {
    /// Reads a text that passed the JSON gate. Anything but an object says nothing. Of a repeated name the last counts, as
    /// for filters.
    pub fn read(text: &str) -> Self {
        let mut fields = Self::default();
        for (name, value) in members(text) {
            match &*name {
                "timestamp" => fields.time = text_of(value, |text| Time::parse(text).ok()),
                "source" => fields.subject = text_of(value, subject),
                _ => {}
            }
        }
        fields
    }
}

/// The text or number at a path, for a source that names its own fields. A step is a member's name, or the index of a list's
/// element counted from 0.
pub fn text_at<'a>(text: &str, path: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut value = text;
    for step in path {
        value = match Value::of(value)? {
            Value::Array(list) => elements(list).nth(step.parse().ok()?)?,
            _ => members(value).filter(|(name, _)| name == step).last()?.1,
        };
    }
    match Value::of(value)? {
        Value::Text(text) => Some(text.into_owned()),
        Value::Number(digits) => Some(digits.to_owned()),
        _ => None,
    }
}

fn text_of<T>(value: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    match Value::of(value)? {
        Value::Text(text) => read(&text),
        _ => None,
    }
}

fn subject(text: &str) -> Option<Box<str>> {
    (1..=SUBJECT_BYTES_MAX).contains(&text.len()).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<String>, Option<String>) {
        crate::json::check(text.as_bytes()).expect("passes the gate");
        let BodyFields { time, subject } = BodyFields::read(text);
        (time.map(|it| it.to_string()), subject.map(String::from))
    }

    #[test]
    fn the_seeds_bodies_say_time_and_source() {
        let seed = r#"{"event": "user_action", "timestamp": "2023-06-15T14:22:10Z", "source": "web_app", "data": {"event": "inner"}}"#;
        let time = Some("2023-06-15T14:22:10.000Z".into());
        assert_eq!(read(seed), (time, Some("web_app".into())));
        assert_eq!(read(r#"{"message": "Hello from webhook!"}"#), (None, None));
        assert_eq!(read(r#"{"source":"a","source":"b"}"#).1, Some("b".into()));
        assert_eq!(read(r#"{"\u0073ource":"a\u002eb"}"#).1, Some("a.b".into()));
    }

    #[test]
    fn what_does_not_fit_is_passed_over() {
        let long = format!(r#"{{"event":"{0}","source":"{0}"}}"#, "x".repeat(257));
        for text in [
            "[]",
            "1",
            "null",
            "[{\"source\":\"a\"}]",
            r#"{"timestamp":1686838930,"source":{}}"#,
            r#"{"timestamp":"yesterday","source":""}"#,
            r#"{"\ud800":1,"timestamp":"2023-06-15"}"#,
            &long,
        ] {
            assert_eq!(read(text), (None, None), "{text}");
        }
    }

    #[test]
    fn a_path_finds_texts_and_numbers() {
        let text = r#"{"a":{"b":"x","c":[1]},"n":12345678901234567890}"#;
        let at = |path: &str| text_at(text, path.split('.'));
        assert_eq!((at("a.b"), at("a.c.0")), (Some("x".into()), Some("1".into())));
        assert_eq!(at("n"), Some("12345678901234567890".into()));
        for path in ["a", "a.c", "a.c.1", "a.c.x", "x", "a.b.c"] {
            assert_eq!(at(path), None, "{path}");
        }
    }
}
