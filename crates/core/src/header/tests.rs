use proptest::prelude::*;

use super::{CustomHeaders, HeaderRefusal, is_reserved};

fn one(name: &str, value: &str) -> Result<CustomHeaders, HeaderRefusal> {
    CustomHeaders::parse([(name, value)])
}

#[test]
fn accepted_headers_keep_order_spelling_and_bytes() {
    let given = [("X-Custom-Header", "value"), ("Authorization", "Bearer a b\tc~!"), ("x-empty", "")];
    let headers = CustomHeaders::parse(given).unwrap();
    assert_eq!(headers.iter().collect::<Vec<_>>(), given);
    assert_eq!(headers.len(), 3);
    assert!(headers.contains("AUTHORIZATION") && !headers.contains("x-other"));
    let (name, value) = headers.wire().next().unwrap();
    assert_eq!((name.as_str(), value.as_bytes()), ("x-custom-header", &b"value"[..]));
    assert!(headers.wire().all(|(_, value)| value.is_sensitive()));
    assert!(CustomHeaders::default().is_empty());
}

#[test]
fn reserved_names_are_refused_in_any_case() {
    let names = [
        "Host",
        "Content-Length",
        "content-type",
        "Content-Encoding",
        "Transfer-Encoding",
        "TE",
        "Trailer",
        "Connection",
        "Keep-Alive",
        "Upgrade",
        "Expect",
        "HTTP2-Settings",
        "Proxy-Authorization",
        "proxy-connection",
        "Webhook-Id",
        "webhook-timestamp",
        "WEBHOOK-SIGNATURE",
        "webhook-hops",
        "X-Broxi-Signature",
        "x-broxi-timestamp",
        "X-Webhook-Signature",
        "svix-id",
        "Svix-Signature",
        "X-Forwarded-For",
        "x-forwarded-host",
        "Forwarded",
        "X-Real-IP",
        "Cookie",
        "ce-id",
    ];
    for name in names {
        assert_eq!(one(name, "v"), Err(HeaderRefusal::Reserved { name: name.to_owned() }), "{name}");
        assert!(is_reserved(&name.to_ascii_uppercase()), "{name}");
    }
    for name in
        ["Authorization", "X-Api-Key", "X-Webhook-Token", "hostname", "webhook", "proxy", "User-Agent"]
    {
        assert!(one(name, "v").is_ok(), "{name}");
    }
}

#[test]
fn names_are_tokens() {
    for name in ["", " ", "a b", "a:", ":path", "a\r\nb", "a\0", "ä", "a(b)", "x-\u{212a}ey"] {
        assert_eq!(one(name, "v"), Err(HeaderRefusal::NameInvalid { position: 1 }), "{name:?}");
    }
    assert!(one("!#$%&'*+-.^_`|~09azAZ", "v").is_ok());
}

#[test]
fn values_are_visible_ascii_without_padding() {
    let name = || "X-A".to_owned();
    for value in ["a\r\nHost: b", "a\nb", "a\rb", "a\0b", "a\x7fb", "a\x1bb", "ä", "\u{feff}"] {
        assert_eq!(one("X-A", value), Err(HeaderRefusal::ValueInvalid { name: name() }), "{value:?}");
    }
    for value in [" a", "a ", "\ta", "a\t", " "] {
        assert_eq!(one("X-A", value), Err(HeaderRefusal::ValuePadded { name: name() }), "{value:?}");
    }
}

#[test]
fn duplicates_are_found_across_cases() {
    let refused = CustomHeaders::parse([("X-A", "1"), ("X-B", "2"), ("x-a", "3")]);
    assert_eq!(refused, Err(HeaderRefusal::Duplicate { name: "x-a".to_owned() }));
}

#[test]
fn each_limit_passes_at_its_value_and_not_beyond() {
    let many = |count: usize| CustomHeaders::parse((0..count).map(|n| (format!("x-{n}"), "v")));
    assert!(many(32).is_ok());
    assert_eq!(many(33), Err(HeaderRefusal::TooMany));
    assert!(one(&"n".repeat(128), "v").is_ok());
    assert_eq!(one(&"n".repeat(129), "v"), Err(HeaderRefusal::NameTooLong { position: 1 }));
    assert!(one("x", &"v".repeat(4096)).is_ok());
    assert_eq!(one("x", &"v".repeat(4097)), Err(HeaderRefusal::ValueTooLong { name: "x".to_owned() }));
    let sized = |last: usize| {
        let sizes = [4095, 4095, 4095, last];
        CustomHeaders::parse(
            sizes.iter().zip(["a", "b", "c", "d"]).map(|(size, name)| (name, "v".repeat(*size))),
        )
    };
    assert!(sized(4095).is_ok());
    assert_eq!(sized(4096), Err(HeaderRefusal::TooLarge));
}

#[test]
fn values_are_in_no_debug_or_error_text() {
    let headers = one("Authorization", "Bearer canary").unwrap();
    assert_eq!(format!("{headers:?}"), r#"{"Authorization": "[hidden]"}"#);
    assert!(!format!("{:?}", headers.wire().collect::<Vec<_>>()).contains("canary"));
    for value in ["canary\n", " canary", &"canary".repeat(1000)] {
        let refusal = one("Authorization", value).unwrap_err();
        assert!(!format!("{refusal:?} {refusal}").contains("canary"));
    }
}

#[test]
fn the_stored_form_keeps_everything_and_is_checked_again() {
    let headers = CustomHeaders::parse([("X-B", "2"), ("X-A", "")]).unwrap();
    let stored = serde_json::to_string(&headers).unwrap();
    assert_eq!(stored, r#"[["X-B","2"],["X-A",""]]"#);
    assert_eq!(serde_json::from_str::<CustomHeaders>(&stored).unwrap(), headers);
    assert!(serde_json::from_str::<CustomHeaders>(r#"[["Host","x"]]"#).is_err());
}

proptest! {
    #[test]
    fn whatever_passes_is_safe_on_the_wire(name in "[a-zA-Z:-]{0,12}|\\PC{0,8}", value in "[ -~\t]{0,20}|(?s).{0,12}") {
        if let Ok(headers) = one(&name, &value) {
            let (wire_name, wire_value) = headers.wire().next().unwrap();
            prop_assert_eq!(wire_name.as_str(), name.to_ascii_lowercase());
            prop_assert_eq!(wire_value.as_bytes(), value.as_bytes());
            prop_assert!(!value.contains(['\r', '\n', '\0']));
            prop_assert_eq!(headers.iter().next(), Some((name.as_str(), value.as_str())));
        }
    }
}
