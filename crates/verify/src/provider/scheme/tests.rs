use proptest::prelude::*;
use serde_json::{Value, json};

use super::Scheme;
use crate::provider::record::SchemeRecord;

/// The field that is wrong, or why the JSON is no record.
fn wrong(json: &Value) -> String {
    let record: SchemeRecord = serde_json::from_value(json.clone()).unwrap();
    Scheme::try_from(record).unwrap_err().field
}

fn with(changes: &Value) -> Value {
    let mut record = json!({"algorithm": "hmac-sha256", "signature": {"header": "X-Sig"}});
    for (name, value) in changes.as_object().unwrap() {
        record[name] = value.clone();
    }
    record
}

#[test]
fn each_mistake_names_its_field() {
    assert!(serde_json::from_value::<Scheme>(with(&json!({}))).is_ok());
    for (changes, field) in [
        (json!({"algorithm": null}), "algorithm"),
        (json!({"special": "twilio"}), "algorithm"),
        (json!({"signature": null}), "signature"),
        (json!({"signature": {}}), "signature.header"),
        (json!({"signature": {"header": "a b"}}), "signature.header"),
        (json!({"signature": {"header": "a", "query": "b"}}), "signature.query"),
        (json!({"signature": {"query": ""}}), "signature.query"),
        (json!({"signature": {"query": "a", "numbered": true}}), "signature.numbered"),
        (json!({"signature": {"header": "a", "separator": ","  , "numbered": true}}), "signature.numbered"),
        (json!({"signature": {"header": "a", "separator": ""}}), "signature.separator"),
        (
            json!({"signature": {"header": "a", "parts": {"separator": "", "signature": "v1"}}}),
            "signature.parts.separator",
        ),
        (
            json!({"signature": {"header": "a", "parts": {"separator": ",", "signature": "v="}}}),
            "signature.parts.signature",
        ),
        (json!({"signature": {"header": "a", "prefix": "x".repeat(257)}}), "signature.prefix"),
        (json!({"algorithm": "equality", "signed": "{body}"}), "signed"),
        (json!({"algorithm": "equality", "encoding": "hex"}), "encoding"),
        (json!({"algorithm": "ed25519", "key": "utf8"}), "key"),
        (json!({"signed": "{timestamp}"}), "signed"),
        (json!({"signed": "{nothing}{body}"}), "signed"),
        (json!({"signed": "{timestamp}{body}"}), "timestamp"),
        (json!({"signed": "{timestamp}{body}", "timestamp": {"from": {"body": "t"}}}), "timestamp.from"),
        (json!({"signed": "{id}{body}"}), "id"),
        (json!({"signed": "{id}{body}", "id": {"body": "id"}}), "id"),
        (json!({"timestamp": {"from": {"part": "t"}}}), "timestamp.from"),
        (json!({"tolerance_seconds": 60}), "tolerance_seconds"),
        (json!({"tolerance_seconds": 0, "timestamp": {"from": {"header": "t"}}}), "tolerance_seconds"),
        (json!({"tolerance_seconds": 86_401, "timestamp": {"from": {"header": "t"}}}), "tolerance_seconds"),
        (json!({"dedupe": [{"header": "a"}, {"body": "a..b"}]}), "dedupe.1"),
        (json!({"event_type": [{"query": ""}]}), "event_type.0"),
        (json!({"require": {"headers": ["a", "b:"]}}), "require.headers.1"),
        (json!({"require": {"body": [""]}}), "require.body.0"),
        (json!({"forward": ["x-*", "x y"]}), "forward.1"),
        (json!({"forward": vec!["a"; 33]}), "forward"),
    ] {
        assert_eq!(wrong(&with(&changes)), field, "{changes}");
    }
}

#[test]
fn unknown_fields_are_refused() {
    for json in [
        json!({"algorithms": "x"}),
        json!({"signature": {"header": "a", "split": 1}}),
        json!({"id": {"cookie": "a"}}),
    ] {
        assert!(serde_json::from_value::<Scheme>(with(&json)).is_err(), "{json}");
    }
}

#[test]
fn a_star_forwards_a_family() {
    let scheme: Scheme = serde_json::from_value(with(&json!({"forward": ["X-Acme-*", "Other"]}))).unwrap();
    assert!(scheme.forwards("x-acme-id") && scheme.forwards("OTHER"));
    assert!(!scheme.forwards("x-acme") && !scheme.forwards("other-2") && !scheme.forwards("é"));
}

proptest! {
    #[test]
    fn any_template_and_path_is_decided(signed in "[{}a-z:.]{0,40}", path in ".{0,20}", name in ".{0,20}") {
        let record = with(&json!({"signed": signed, "dedupe": [{"body": path}, {"header": name}]}));
        let _decided = serde_json::from_value::<Scheme>(record);
    }
}
