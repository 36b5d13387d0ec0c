use proptest::prelude::*;

use super::{Path, find, scalar};
use crate::provider::Refusal;

fn at(body: &str, path: &str) -> Option<String> {
    let path = Path::parse(path).unwrap();
    find(body.as_bytes(), &[&path]).unwrap()[0].and_then(scalar)
}

#[test]
fn values_at_paths() {
    let body = r#"{"a":{"b":[{"c":"x"},{"c":12345678901234567890}],"d.e":true,"n":null,"o":{}},"":1}"#;
    assert_eq!(at(body, "a.b.0.c").as_deref(), Some("x"));
    assert_eq!(at(body, "a.b.1.c").as_deref(), Some("12345678901234567890"));
    assert_eq!(at(body, r"a.d\.e").as_deref(), Some("true"));
    for path in ["a", "a.b", "a.n", "a.o", "a.b.2.c", "a.b.x", "z", "a.b.0.c.d"] {
        assert_eq!(at(body, path), None, "{path}");
    }
    assert_eq!(at(r#"[{"id":"1"}]"#, "0.id").as_deref(), Some("1"));
}

#[test]
fn of_repeated_names_the_last_counts() {
    assert_eq!(at(r#"{"a":1,"a":2}"#, "a").as_deref(), Some("2"));
    assert_eq!(at(r#"{"a":{"b":1},"a":{}}"#, "a.b"), None);
    assert_eq!(at(r#"{"a":{"b":1},"a":{"b":2}}"#, "a.b").as_deref(), Some("2"));
}

/// What the one JSON gate accepts must not be refused here.
#[test]
fn odd_json_is_json() {
    let body = format!(
        r#"{{"\ud800":1,"x":"\udead","big":1e400,"deep":{}{},"id":"1"}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    assert_eq!(at(&body, "id").as_deref(), Some("1"));
    assert_eq!(at(&body, "x"), None);
    assert_eq!(at(&body, "big").as_deref(), Some("1e400"));
    assert_eq!(at("7", "a"), None);
}

#[test]
fn what_is_no_json_is_told_with_its_place() {
    let place = |body: &[u8]| find(body, &[]).unwrap_err();
    assert_eq!(place(b"{\n  \"a\": }"), Refusal::BodyNotJson { line: 2, column: 8 });
    assert_eq!(place(b"\"a\n\xff\""), Refusal::BodyNotJson { line: 2, column: 1 });
    for body in ["", " ", "{", "[1,]", "{} x", "{\"a\":1,}", "nul"] {
        assert!(find(body.as_bytes(), &[]).is_err(), "{body:?}");
        assert!(find(body.as_bytes(), &[&Path::parse("a.b").unwrap()]).is_err(), "{body:?}");
    }
}

#[test]
fn paths() {
    for path in ["", ".", "a.", ".a", "a..b", "a\\", "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a"] {
        assert!(Path::parse(path).is_err(), "{path:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_decided(body: Vec<u8>, text in "[\\[\\]{}\",:a0.1e \\\\]{0,60}", path in "[a0.]{1,8}") {
        if let Ok(path) = Path::parse(&path) {
            for body in [&body, text.as_bytes()] {
                let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok() && std::str::from_utf8(body).is_ok();
                prop_assert_eq!(find(body, &[&path]).is_ok(), is_json);
            }
        }
    }
}
