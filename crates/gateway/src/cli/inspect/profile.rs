//! What a request of a profile must have (readings 003).

use clap::ValueEnum;
use serde_json::Value;

/// A profile whose requests are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Profile {
    /// Seed 003: signature and timestamp, and an envelope with event, timestamp and data.
    Broxi,
}

const BROXI_HEADERS: [&str; 2] = ["x-broxi-signature", "x-broxi-timestamp"];
const BROXI_MEMBERS: [&str; 3] = ["event", "timestamp", "data"];

impl Profile {
    /// What the request lacks, in words.
    pub(super) fn missing(self, request: &Value) -> Vec<String> {
        let Self::Broxi = self;
        let headers = request["headers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let has = |name: &str| {
            let mut names = headers.iter().filter_map(|header| header["name"].as_str());
            names.any(|own| own.eq_ignore_ascii_case(name))
        };
        let mut missing: Vec<String> = BROXI_HEADERS
            .iter()
            .filter(|name| !has(name))
            .map(|name| format!("missing header {name}"))
            .collect();
        let text = request["body"].as_str().unwrap_or_default();
        let is_cut = request["body_truncated"].as_bool().unwrap_or(false);
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(body)) => {
                let lacks = BROXI_MEMBERS.iter().filter(|name| !body.contains_key(**name));
                missing.extend(lacks.map(|name| format!("missing \"{name}\" in the body")));
            }
            Ok(_) => missing.push("the body is not a JSON object".into()),
            Err(_) if is_cut => missing.push("the body is too long to be looked at".into()),
            Err(_) => missing.push("the body is not JSON".into()),
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_broxi_needs_is_named() {
        let headers =
            json!([{"name": "X-Broxi-Signature", "value": "a"}, {"name": "x-broxi-timestamp", "value": "1"}]);
        let whole = json!({"headers": headers, "body": r#"{"event":"e","timestamp":"t","data":{}}"#});
        assert!(Profile::Broxi.missing(&whole).is_empty());
        let empty = json!({"headers": [], "body": "{}"});
        let missing = Profile::Broxi.missing(&empty);
        assert_eq!(missing.len(), 5, "{missing:?}");
        assert!(missing.contains(&"missing \"timestamp\" in the body".to_owned()));
        for (body, told) in [("[]", "the body is not a JSON object"), ("x", "the body is not JSON")] {
            let request = json!({"headers": headers, "body": body});
            assert_eq!(Profile::Broxi.missing(&request), [told]);
        }
    }
}
