//! What the body of the seeds' senders says about its event (readings "000, 001 inbound").
//!
//! Their bodies have a free form. So a field of another kind or length than is expected is passed over, never refused.

use crate::event::EventType;
use crate::filter::scan::{Value, members};
use crate::limits::SUBJECT_BYTES_MAX;
use crate::time::Time;

/// What is taken from the top level of a JSON object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BodyFields {
    /// `event`, or else `type`, when it can be an event type.
    pub event_type: Option<EventType>,
    /// `timestamp`, when it is RFC 3339.
    pub time: Option<Time>,
    /// `source`, when it is text of at most 256 bytes: the event's subject, which can be searched for.
    pub subject: Option<Box<str>>,
}

impl BodyFields {
    /// Reads a text that passed the JSON gate. Anything but an object says nothing. Of a repeated name the last counts, as
    /// for filters.
    pub fn read(text: &str) -> Self {
        let (mut event, mut kind, mut fields) = (None, None, Self::default());
        for (name, value) in members(text) {
            match &*name {
                "event" => event = text_of(value, |text| EventType::parse(text).ok()),
                "type" => kind = text_of(value, |text| EventType::parse(text).ok()),
                "timestamp" => fields.time = text_of(value, |text| Time::parse(text).ok()),
                "source" => fields.subject = text_of(value, subject),
                _ => {}
            }
        }
        fields.event_type = event.or(kind);
        fields
    }
}

/// The text at a path of member names, for a source that names its own fields.
pub fn text_at(text: &str, path: &[&str]) -> Option<String> {
    let mut value = text;
    for step in path {
        value = members(value).filter(|(name, _)| name == step).last()?.1;
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

    fn read(text: &str) -> (Option<String>, Option<String>, Option<String>) {
        crate::json::check(text.as_bytes()).expect("passes the gate");
        let BodyFields { event_type, time, subject } = BodyFields::read(text);
        (event_type.map(|it| it.to_string()), time.map(|it| it.to_string()), subject.map(String::from))
    }

    #[test]
    fn the_seeds_bodies_say_type_time_and_source() {
        let seed = r#"{"event": "user_action", "timestamp": "2023-06-15T14:22:10Z", "source": "web_app", "data": {"event": "inner"}}"#;
        let time = Some("2023-06-15T14:22:10.000Z".into());
        assert_eq!(read(seed), (Some("user_action".into()), time, Some("web_app".into())));
        assert_eq!(read(r#"{"message": "Hello from webhook!"}"#), (None, None, None));
        assert_eq!(read(r#"{"type":"b","event":"a"}"#).0, Some("a".into()));
        assert_eq!(read(r#"{"type":"b","event":null}"#).0, Some("b".into()));
        assert_eq!(read(r#"{"type":"a","type":"b"}"#).0, Some("b".into()));
        assert_eq!(read(r#"{"\u0065vent":"a\u002eb"}"#).0, Some("a.b".into()));
    }

    #[test]
    fn what_does_not_fit_is_passed_over() {
        let long = format!(r#"{{"event":"{0}","source":"{0}"}}"#, "x".repeat(257));
        for text in [
            "[]",
            "1",
            "null",
            "\"event\"",
            "[{\"event\":\"a\"}]",
            r#"{"event":"a b","timestamp":1686838930,"source":{}}"#,
            r#"{"event":"","type":["a"],"timestamp":"yesterday","source":""}"#,
            r#"{"event":"\ud800","\ud800":1,"timestamp":"2023-06-15"}"#,
            &long,
        ] {
            assert_eq!(read(text), (None, None, None), "{text}");
        }
    }

    #[test]
    fn a_path_finds_texts_and_numbers() {
        let text = r#"{"a":{"b":"x","c":[1]},"n":12345678901234567890}"#;
        assert_eq!(text_at(text, &["a", "b"]), Some("x".into()));
        assert_eq!(text_at(text, &["n"]), Some("12345678901234567890".into()));
        for path in [&["a"][..], &["a", "c"], &["a", "c", "0"], &["x"], &["a", "b", "c"]] {
            assert_eq!(text_at(text, path), None, "{path:?}");
        }
    }
}
