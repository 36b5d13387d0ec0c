use proptest::prelude::*;

use super::*;

fn written(text: &str) -> String {
    let mut out = b"before ".to_vec();
    stringify(text.as_bytes(), &mut out).expect("JSON");
    String::from_utf8(out).expect("UTF-8").strip_prefix("before ").expect("kept").to_owned()
}

#[test]
fn white_space_goes_and_order_stays() {
    assert_eq!(
        written(" { \"b\" : [ 1 , true,\tnull ] ,\r\n\"a\":{ } , \"c\": [ ] } "),
        r#"{"b":[1,true,null],"a":{},"c":[]}"#
    );
    assert_eq!(written("\"x\""), "\"x\"");
}

#[test]
fn indices_come_first_and_repeated_keys_keep_their_place() {
    assert_eq!(
        written(r#"{"b":1,"10":2,"a":3,"9":4,"01":5,"-1":6}"#),
        r#"{"9":4,"10":2,"b":1,"a":3,"01":5,"-1":6}"#
    );
    assert_eq!(written(r#"{"a":1,"b":2,"\u0061":{"x":[9]}}"#), r#"{"a":{"x":[9]},"b":2}"#);
    assert_eq!(
        written(r#"{"4294967294":1,"4294967295":2,"1":3}"#),
        r#"{"1":3,"4294967294":1,"4294967295":2}"#
    );
    assert_eq!(written(r#"{"__proto__":1,"a":2,"__proto__":3}"#), r#"{"__proto__":3,"a":2}"#);
    let many: String = (0..40).map(|n| format!("\"k{n}\":{n},")).collect();
    assert_eq!(
        written(&format!("{{{many}\"k3\":99}}")),
        format!("{{{}}}", many.replace("\"k3\":3", "\"k3\":99").trim_end_matches(','))
    );
    assert_eq!(written(r#"[{"x":{"2":0,"1":{"b":0,"0":0}}}]"#), r#"[{"x":{"1":{"0":0,"b":0},"2":0}}]"#);
}

#[test]
fn strings_are_escaped_only_where_they_must_be() {
    assert_eq!(written(r#""\u00e9\/\u2028\ud83c\udfba\u007f""#), "\"é/\u{2028}🎺\u{7f}\"");
    assert_eq!(
        written(r#""\u0022\u005c\u0008\u000c\u000a\u000d\u0009\u0000\u001F""#),
        r#""\"\\\b\f\n\r\t\u0000\u001f""#
    );
    assert_eq!(
        written(r#""\uD800\uD800\udc00 \uDC00x \ud83cx \uD83C""#),
        "\"\\ud800\u{10000} \\udc00x \\ud83cx \\ud83c\""
    );
}

#[test]
fn numbers_that_would_change_are_told() {
    let text = br#"{"a": 1.0, "b": [12345678901234567890, -0]}"#;
    let mut out = Vec::new();
    let kept = stringify(text, &mut out).expect("JSON");
    assert_eq!(out, br#"{"a":1,"b":[12345678901234567890,-0]}"#);
    let numbers: Vec<&[u8]> = kept.into_iter().map(|place| &text[place]).collect();
    assert_eq!(numbers, [&b"12345678901234567890"[..], b"-0"]);
    assert_eq!(stringify(b"[1,2.5]", &mut Vec::new()), Ok(Kept::new()));
    let repeated = br#"{"a": -0, "b": {"x": 1e400, "x": [-0, {"1": 1e401}]}, "2": 1e402, "a": 1}"#;
    let kept = stringify(repeated, &mut Vec::new()).expect("JSON");
    let numbers: Vec<&[u8]> = kept.into_iter().map(|place| &repeated[place]).collect();
    assert_eq!(numbers, [&b"-0"[..], b"1e401", b"1e402"]);
}

#[test]
fn what_is_not_json_is_refused() {
    let deep = "[".repeat(129) + &"]".repeat(129);
    for text in [
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\"}",
        "{a:1}",
        "[1 2]",
        "tru",
        "\"\\x\"",
        "\"\\u12\"",
        "\"a\nb\"",
        "1 1",
        "nul",
        &deep,
    ] {
        assert_eq!(stringify(text.as_bytes(), &mut Vec::new()), Err(NotJson), "{text}");
    }
    assert_eq!(stringify(b"\"\xff\"", &mut Vec::new()), Err(NotJson));
    let allowed = "[".repeat(128) + &"]".repeat(128);
    assert_eq!(written(&allowed), allowed);
}

proptest! {
    #[test]
    fn writing_twice_changes_nothing_more(value in "[\\[\\]{}\",:0-9a-c.eE+\\- \\\\u]{0,40}") {
        let mut once = Vec::new();
        prop_assert_eq!(stringify(value.as_bytes(), &mut once).is_ok(), crate::json::check(value.as_bytes()).is_ok());
        if crate::json::check(value.as_bytes()).is_ok() {
            let mut twice = Vec::new();
            stringify(&once, &mut twice).expect("what was written is JSON");
            prop_assert_eq!(once, twice);
        }
    }
}
