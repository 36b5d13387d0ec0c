use proptest::prelude::*;

use super::{Hint, with_space, without_space};
use crate::provider::{Refusal, Request, Scheme, preset, verify};
use crate::{Secret, plain};

const URL: &str = "http://example.com/in";
const NOW: u64 = 1_700_000_000_000;

/// The hint for a signature that was made with `key` over `content`.
fn hint(record: &str, configured: &str, key: &[u8], content: &str, body: &str) -> Option<Hint> {
    let scheme: Scheme = serde_json::from_str(record).unwrap();
    let signature = plain::HEX.sign_body(&Secret::from_bytes(key).unwrap(), content.as_bytes());
    let headers: [(&str, &[u8]); 2] = [("x-sig", signature.as_bytes()), ("x-time", b"1700000000")];
    let request =
        Request { method: "POST", url: URL, headers: &headers, body: body.as_bytes(), certificate: None };
    match verify(&scheme, &[scheme.key(configured).unwrap()], &request, NOW) {
        Err(Refusal::NoKeyMatches { hint }) => hint,
        other => panic!("{other:?}"),
    }
}

const PLAIN: &str = r#"{"algorithm":"hmac-sha256","signature":{"header":"x-sig"}}"#;
const TIMED: &str = r#"{"algorithm":"hmac-sha256","signature":{"header":"x-sig"},"signed":"v0:{timestamp}:{body}",
    "timestamp":{"from":{"header":"x-time"}}}"#;
const ADDRESSED: &str =
    r#"{"algorithm":"hmac-sha256","signature":{"header":"x-sig"},"signed":"{url}{body}"}"#;

#[test]
fn secrets_in_another_form() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let decoded = crate::secret::decode_key(&secret["whsec_".len()..]).unwrap();
    assert_eq!(hint(PLAIN, secret, &decoded, "{}", "{}"), Some(Hint::SecretShouldBeDecoded));
    let whsec = PLAIN.replace("\"signature\"", "\"key\":\"whsec\",\"signature\"");
    assert_eq!(hint(&whsec, secret, secret.as_bytes(), "{}", "{}"), Some(Hint::SecretIsWholeText));
    assert_eq!(hint(PLAIN, "secret\n", b"secret", "{}", "{}"), Some(Hint::SecretHasSpaces));
    assert_eq!(hint(PLAIN, "c2VjcmV0", b"secret", "{}", "{}"), Some(Hint::SecretIsBase64));
    assert_eq!(hint(PLAIN, "0a0b", b"\x0a\x0b", "{}", "{}"), Some(Hint::SecretIsHex));
    assert_eq!(hint(PLAIN, "secret", b"another", "{}", "{}"), None);
}

#[test]
fn altered_bodies() {
    let of = |signed, received| hint(PLAIN, "secret", b"secret", signed, received);
    assert_eq!(of("{}", "{}\n"), Some(Hint::BodyGotLineFeed));
    assert_eq!(of("{}", "{}\r\n"), Some(Hint::BodyGotLineFeed));
    assert_eq!(of("{}\n", "{}"), Some(Hint::BodyLostLineFeed));
    let (compact, spaced, pretty) = (
        r#"{"a":"x, y: \" z","b":[1,2]}"#,
        r#"{"a": "x, y: \" z", "b": [1, 2]}"#,
        "{\n  \"a\": \"x, y: \\\" z\",\n  \"b\": [1, 2]\n}",
    );
    assert_eq!(of(compact, pretty), Some(Hint::BodyWrittenAnew));
    assert_eq!(of(spaced, compact), Some(Hint::BodyWrittenAnew));
    assert_eq!(of(compact, spaced), Some(Hint::BodyWrittenAnew));
    assert_eq!(of(r#"{"a":1}"#, r#"{"a":2}"#), None);
    let large = format!("\"{}\"\n", "x".repeat(70_000));
    assert_eq!(of(large.trim(), &large), None, "large bodies are not tried");
}

#[test]
fn other_contents() {
    assert_eq!(hint(TIMED, "secret", b"secret", "{}", "{}"), Some(Hint::BodyAlone));
    assert_eq!(hint(TIMED, "secret", b"secret", "1700000000.{}", "{}"), Some(Hint::TimestampAndBody));
    let of = |url: &str| hint(ADDRESSED, "secret", b"secret", &format!("{url}{{}}"), "{}");
    assert_eq!(of("https://example.com/in"), Some(Hint::UrlScheme));
    assert_eq!(of("http://example.com/in/"), Some(Hint::UrlSlash));
    assert_eq!(of("http://example.com/out"), None);
}

#[test]
fn special_schemes_are_tried_too() {
    let with = |name: &str, configured: &str, url: &str, headers: &[(&str, &str)]| {
        let scheme = &preset(name).unwrap().scheme;
        let headers: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let request = Request { method: "POST", url, headers: &headers, body: b"{}", certificate: None };
        match verify(scheme, &[scheme.key(configured).unwrap()], &request, NOW) {
            Err(Refusal::NoKeyMatches { hint }) => hint,
            other => panic!("{other:?}"),
        }
    };
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let sign = |content: &str| plain::BASE64.sign_body(&Secret::raw(secret).unwrap(), content.as_bytes());
    let standard = |content: &str| {
        let signature = format!("v1,{}", sign(content));
        let headers = [
            ("webhook-id", "a"),
            ("webhook-timestamp", "1700000000"),
            ("webhook-signature", signature.as_str()),
        ];
        with("standard", secret, URL, &headers)
    };
    assert_eq!(standard("a.1700000000.{}"), Some(Hint::SecretIsWholeText));
    assert_eq!(standard("b.1700000000.{}"), None);
    let signature = sign("POSThttps://example.com/in{}1700000000000");
    let headers =
        [("x-hubspot-signature-v3", signature.as_str()), ("x-hubspot-request-timestamp", "1700000000000")];
    assert_eq!(with("hubspot", secret, URL, &headers), Some(Hint::UrlScheme));
    // Made with `printf 'https://example.com/inA1' | openssl dgst -sha1 -hmac token -binary | base64`.
    let headers = [
        ("x-twilio-signature", "xIFYgv7PzpRd1X7oBPXIRBdOfd8="),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let scheme = &preset("twilio").unwrap().scheme;
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let request = Request { method: "POST", url: URL, headers: &headers, body: b"A=1", certificate: None };
    let refused = verify(scheme, &[scheme.key("token").unwrap()], &request, NOW);
    assert_eq!(refused, Err(Refusal::NoKeyMatches { hint: Some(Hint::UrlScheme) }));
}

#[test]
fn sentences() {
    let refusal = Refusal::NoKeyMatches { hint: Some(Hint::BodyAlone) };
    let said =
        "no secret fits the signature, but it fits the body alone, without anything before or after it";
    assert_eq!(refusal.to_string(), said);
    let said = "no secret fits the signature: it is another secret, or the body was altered";
    assert_eq!(Refusal::NO_KEY_MATCHES.to_string(), said);
}

proptest! {
    #[test]
    fn layouts_say_the_same(body in "[\\[\\]{}\",:a0 \\\\\n]{0,60}") {
        let compact = without_space(body.as_bytes());
        if let Ok(value) = serde_json::from_str::<serde_json::Value>(&body) {
            prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&compact).unwrap(), value.clone());
            prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&with_space(&compact)).unwrap(), value);
        }
    }
}
