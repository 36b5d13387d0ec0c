use proptest::prelude::*;
use serde_json::Value;

use super::{JsonError, JsonErrorKind as Kind, check};

fn nested(depth: usize) -> String {
    format!("{}1{}", "[".repeat(depth), "]".repeat(depth))
}

#[test]
fn every_rfc_8259_text_passes_unchanged() {
    let texts = [
        "null",
        " true\r\n",
        "-0",
        "0.5e-3",
        "\"\"",
        "[]",
        "{}",
        "{\"a\":[1,{\"b\":null}]}",
        r#""\ud800""#,
        r#""\udc00\ud800 x""#,
        "1e400",
        "-1e999999",
        "18446744073709551616",
        "12345678901234567890123456789012345678901234567890.5",
        r#"{"a":1,"a":2}"#,
        r#""\u0000""#,
        r#"{"":0}"#,
        r#""\u2028 \/ \b\f\n\r\t\\\"""#,
        "\"\u{feff}\u{10ffff}\u{7f}\"",
        r#"["[[[[{{{{"]"#,
    ];
    for text in texts {
        assert_eq!(check(text.as_bytes()), Ok(text));
    }
}

#[test]
fn each_refusal_tells_kind_and_byte() {
    let rows: [(&[u8], Kind, usize); 42] = [
        (b"", Kind::Empty, 0),
        (b" \r\n\t", Kind::Empty, 4),
        (b"\xEF\xBB\xBF{}", Kind::ByteOrderMark, 0),
        (b"\xEF\xBB\xBF", Kind::ByteOrderMark, 0),
        (b"\xFF\xFE{\0}\0", Kind::InvalidUtf8, 0),
        (b"{\"a\":\"\xC3\x28\"}", Kind::InvalidUtf8, 6),
        (b"\"\xED\xA0\x80\"", Kind::InvalidUtf8, 1),
        (b"\"\xC0\x80\"", Kind::InvalidUtf8, 1),
        (b"\"ab\xE2\x82", Kind::InvalidUtf8, 3),
        (b"{} {}", Kind::TrailingBytes, 3),
        (b"{}\n\n{}", Kind::TrailingBytes, 4),
        (b"1 2", Kind::TrailingBytes, 2),
        (b"null,", Kind::TrailingBytes, 4),
        (b"[]]", Kind::TrailingBytes, 2),
        (b"{}\0", Kind::TrailingBytes, 2),
        (b"01", Kind::Syntax, 1),
        (b"{\"a\":", Kind::UnexpectedEnd, 5),
        (b"[1,", Kind::UnexpectedEnd, 3),
        (b"\"abc", Kind::UnexpectedEnd, 4),
        (b"\"abc\\", Kind::UnexpectedEnd, 5),
        (b"tru", Kind::UnexpectedEnd, 3),
        (b"-", Kind::Syntax, 0),
        (b"NaN", Kind::NotFinite, 0),
        (b"[1,\n  NaN]", Kind::NotFinite, 6),
        (b"{\"a\":Infinity}", Kind::NotFinite, 5),
        (b"{\"a\":-Infinity}", Kind::NotFinite, 6),
        (b"\"a\nb\"", Kind::ControlCharacter, 2),
        (b"[\"x\",\n\"a\tb\"]", Kind::ControlCharacter, 8),
        (b"\"\0\"", Kind::ControlCharacter, 1),
        (b"\0", Kind::ControlCharacter, 0),
        (b"{a:1}", Kind::Syntax, 1),
        (b"{'a':1}", Kind::Syntax, 1),
        (b"{\"a\" 1}", Kind::Syntax, 5),
        (b"{\"a\":1,}", Kind::Syntax, 7),
        (b"[1,]", Kind::Syntax, 3),
        (b"[1 2]", Kind::Syntax, 3),
        (b"[1}", Kind::Syntax, 2),
        (b"\"\\x\"", Kind::Syntax, 2),
        (b"// c\n1", Kind::Comment, 0),
        (b"/", Kind::Syntax, 0),
        (b"[1.]", Kind::Syntax, 3),
        (b"trux", Kind::Syntax, 3),
    ];
    for (bytes, kind, offset) in rows {
        assert_eq!(check(bytes), Err(JsonError { kind, offset }), "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn depth_is_limited_to_128_levels() {
    assert!(check(nested(128).as_bytes()).is_ok());
    assert_eq!(check(nested(129).as_bytes()), Err(JsonError { kind: Kind::TooDeep, offset: 128 }));
    let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    assert!(check(objects(128).as_bytes()).is_ok());
    assert_eq!(check(objects(129).as_bytes()), Err(JsonError { kind: Kind::TooDeep, offset: 128 * 5 }));
    assert_eq!(check("[".repeat(1_000_000).as_bytes()).unwrap_err().kind, Kind::TooDeep);
    let wide = format!("[{}1]", "[{}],".repeat(10_000));
    assert!(check(wide.as_bytes()).is_ok());
    let strings = format!("[{}1]", r#""\"[[{{\\","#.repeat(1_000));
    assert!(check(strings.as_bytes()).is_ok());
    let after_strings = format!("[{}{}]", r#""\\","#.repeat(200), nested(128));
    assert_eq!(check(after_strings.as_bytes()).unwrap_err().kind, Kind::TooDeep);
}

#[test]
fn errors_say_what_to_do_and_never_repeat_the_body() {
    let error = check(b"{\"secret\": canary}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "at byte 11: the body is not valid JSON here; check quotes, commas, escapes and number formats"
    );
    assert_eq!(error.kind.code(), "json_syntax");
}

#[test]
fn a_comment_is_called_one() {
    for (text, offset) in [("{\"a\": 1 // b\n}", 8), ("{ /* a */ }", 2), ("[1, // b\n2]", 4), ("1 // a", 2)] {
        assert_eq!(check(text.as_bytes()), Err(JsonError { kind: Kind::Comment, offset }), "{text}");
    }
    assert!(check(b"\"// text\"").is_ok());
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,6}|[\\x00-\\x20\"\\\\]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-z\"]{0,3}", inner, 0..5).prop_map(Value::from_iter),
        ]
    })
}

/// What the gate accepts and `Value` does not: surrogates written as escapes, and numbers too large for f64.
fn is_odd(bytes: &[u8]) -> bool {
    let lower = bytes.to_ascii_lowercase();
    lower.windows(3).any(|window| window == b"\\ud")
        || lower.windows(2).any(|window| matches!(window, [b'0'..=b'9', b'e']))
}

proptest! {
    #[test]
    fn any_bytes_are_decided_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Err(error) = check(&bytes) {
            prop_assert!(error.offset <= bytes.len());
        }
    }

    #[test]
    fn bytes_like_json_are_decided_as_by_value(text in "[\\[\\]{}\",:0-9.eE+tfn\\\\u \n-]{0,40}") {
        let ours = check(text.as_bytes());
        if !is_odd(text.as_bytes()) {
            prop_assert_eq!(ours.is_ok(), serde_json::from_str::<Value>(&text).is_ok(), "{:?}", ours);
        }
    }

    #[test]
    fn documents_pass_and_damaged_ones_are_decided_as_by_value(
        value in value(), pretty in any::<bool>(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        prop_assert_eq!(check(text.as_bytes()), Ok(text.as_str()));
        let mut damaged = text.into_bytes();
        let at = at.index(damaged.len());
        damaged[at] = byte;
        let ours = check(&damaged);
        if !is_odd(&damaged) {
            prop_assert_eq!(ours.is_ok(), serde_json::from_slice::<Value>(&damaged).is_ok(), "{:?}", ours);
        }
        if let Err(error) = ours {
            prop_assert!(error.offset <= damaged.len());
        }
    }
}
