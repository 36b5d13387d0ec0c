//! What people hand to commands: text, `@file`, or `-` for standard input.

use std::collections::BTreeMap;
use std::io::Read as _;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use stentor_core::event::EventType;
use stentor_core::id::ConversationId;
use stentor_core::json;

use super::CliError;

/// Reads JSON given as text, as `@file` or as `-`; its bytes stay as they are.
pub(super) fn json_argument(argument: &str) -> Result<Box<RawValue>, CliError> {
    let text = match argument {
        "-" => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| CliError::Usage(format!("standard input: {error}")))?;
            text
        }
        _ => match argument.strip_prefix('@') {
            Some(path) => {
                std::fs::read_to_string(path).map_err(|error| CliError::Usage(format!("{path}: {error}")))?
            }
            None => argument.to_owned(),
        },
    };
    json::check(text.as_bytes())
        .map_err(|error| CliError::Usage(format!("the data is not JSON: {error}")))?;
    RawValue::from_string(text).map_err(|error| CliError::Usage(format!("the data is not JSON: {error}")))
}

/// The members of a body. What is given as JSON keeps every digit.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Members(BTreeMap<String, Box<RawValue>>);

impl Members {
    /// Those of a JSON object; none when not given.
    pub(super) fn read(argument: Option<&str>) -> Result<Self, CliError> {
        let Some(argument) = argument else { return Ok(Self::default()) };
        let members = serde_json::from_str(json_argument(argument)?.get());
        members.map(Self).map_err(|error| CliError::Usage(format!("expected a JSON object: {error}")))
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets a member, if there is a value.
    pub(super) fn set(&mut self, name: &str, value: Option<impl Serialize>) -> Result<(), CliError> {
        if let Some(value) = value {
            let raw = to_raw_value(&value).map_err(|error| CliError::Usage(error.to_string()))?;
            self.0.insert(name.to_owned(), raw);
        }
        Ok(())
    }

    /// Sets a member to JSON given as text, `@file` or `-`.
    pub(super) fn set_json(&mut self, name: &str, argument: Option<&str>) -> Result<(), CliError> {
        self.set(name, argument.map(json_argument).transpose()?)
    }
}

/// An id in a path: only what ids are made of, so that nothing else can be addressed by it.
pub(super) fn id(text: &str) -> Result<String, String> {
    let legal = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if legal {
        Ok(text.to_owned())
    } else {
        Err("expected an id such as evt_01h455vb4pex5vsknk084sn02q".into())
    }
}

/// An event type as it stands in a path. Only `/` of what types are made of must be escaped there; dots alone would lead
/// elsewhere.
pub(super) fn event_type(text: &str) -> Result<String, String> {
    let parsed = EventType::parse(text).map_err(|error| error.to_string())?;
    if parsed.as_str().bytes().all(|byte| byte == b'.') {
        return Err("dots alone are no event type that can be asked for".into());
    }
    Ok(parsed.as_str().replace('/', "%2F"))
}

/// The id of a conversation or a message.
pub(super) fn uuid(text: &str) -> Result<String, String> {
    text.parse::<ConversationId>().map(|id| id.to_string()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stay_and_what_is_no_json_is_refused_with_its_place() {
        assert_eq!(json_argument(r#"{"a": 1.0e400 }"#).expect("JSON").get(), r#"{"a": 1.0e400 }"#);
        assert!(json_argument("{nope}").expect_err("refused").to_string().contains("byte 1"));
        assert!(json_argument("@/nonexistent").expect_err("refused").to_string().contains("/nonexistent"));
        assert!(Members::read(Some("[]")).is_err());
        let mut members = Members::read(Some(r#"{"a": 12345678901234567890.10}"#)).expect("an object");
        members.set_json("b", Some("1e400")).expect("JSON");
        let written = serde_json::to_string(&members).expect("JSON");
        assert_eq!(written, r#"{"a":12345678901234567890.10,"b":1e400}"#);
    }

    #[test]
    fn ids_address_nothing_else() {
        assert!(id("wh_01h455vb4pex5vsknk084sn02q").is_ok());
        for text in ["", "../tenants", "wh_1?x=1", "wh_1/test", "wh 1"] {
            assert!(id(text).is_err(), "{text}");
            assert!(uuid(text).is_err(), "{text}");
        }
        assert_eq!(event_type("a/b.c:d-e_f").as_deref(), Ok("a%2Fb.c:d-e_f"));
        for text in ["", "..", "a?b", "a b", "a#b", "é"] {
            assert!(event_type(text).is_err(), "{text}");
        }
    }
}
