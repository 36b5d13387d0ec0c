use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Answer, challenge};
use crate::provider::{Key, Refusal, Request, Scheme, preset};
use crate::{Secret, plain};

const NOW: u64 = 1_700_000_000_000;

fn scheme(name: &str) -> &'static Scheme {
    &preset(name).unwrap().scheme
}

fn ask(
    name: &str,
    keys: &[Key],
    method: &str,
    query: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Option<Answer>, Refusal> {
    let url = format!("https://example.com/in/src_1{query}");
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let request = Request { method, url: &url, headers: &headers, body: body.as_bytes(), certificate: None };
    challenge(scheme(name), keys, &request, NOW)
}

fn mac(secret: &str, content: &str) -> String {
    plain::HEX.sign_body(&Secret::raw(secret).unwrap(), content.as_bytes())
}

fn code(answer: Result<Option<Answer>, Refusal>) -> &'static str {
    match answer {
        Ok(Some(_)) => "answered",
        Ok(None) => "none",
        Err(refusal) => refusal.code(),
    }
}

#[test]
fn slack_gets_its_challenge_back_when_it_signed() {
    let keys = [scheme("slack").key("secret").unwrap()];
    let body = r#"{"token":"x","challenge":"3eZbrw1aB<b>","type":"url_verification"}"#;
    let signature = format!("v0={}", mac("secret", &format!("v0:1700000000:{body}")));
    let headers = [("x-slack-request-timestamp", "1700000000"), ("x-slack-signature", signature.as_str())];
    let answer = ask("slack", &keys, "POST", "", &headers, body).unwrap().unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "3eZbrw1aB<b>"));
    assert_eq!(answer.headers[0], ("content-type", "text/plain".into()));
    assert_eq!(code(ask("slack", &keys, "POST", "", &[], body)), "missing_header");
    let other = [scheme("slack").key("other").unwrap()];
    assert_eq!(code(ask("slack", &other, "POST", "", &headers, body)), "no_key_matches");
    assert_eq!(code(ask("slack", &keys, "POST", "", &headers, r#"{"type":"event_callback"}"#)), "none");
}

#[test]
fn zoom_gets_the_hmac_of_its_token() {
    let keys = [scheme("zoom").key("secret").unwrap()];
    let asked = |token: &str| {
        let body = format!(r#"{{"event":"endpoint.url_validation","payload":{{"plainToken":"{token}"}}}}"#);
        let signature = format!("v0={}", mac("secret", &format!("v0:1700000000:{body}")));
        let headers = [("x-zm-request-timestamp", "1700000000"), ("x-zm-signature", signature.as_str())];
        ask("zoom", &keys, "POST", "", &headers, &body)
    };
    let answer = asked("qgg8vlvZRS6UYooatFL8Aw").unwrap().unwrap();
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["plainToken"], "qgg8vlvZRS6UYooatFL8Aw");
    // Made with `printf qgg8vlvZRS6UYooatFL8Aw | openssl dgst -sha256 -hmac secret`.
    assert_eq!(body["encryptedToken"], "72cef096bfd47c0b8664df30d07721641e4abd7e885ba432204260db477a9a3e");
    // It would be the signature of a webhook.
    assert_eq!(code(asked("v0:1700000000:[]")), "none");
    let body = r#"{"event":"endpoint.url_validation","payload":{"plainToken":"a"}}"#;
    assert_eq!(code(ask("zoom", &keys, "POST", "", &[], body)), "missing_header");
}

#[test]
fn meta_needs_the_verify_token() {
    let meta = scheme("meta");
    let keys = [meta.key("app secret").unwrap(), meta.verify_token("chosen").unwrap()];
    let query = "?hub.mode=subscribe&hub.verify_token=chosen&hub.challenge=%3Ca%3E";
    let answer = ask("meta", &keys, "GET", query, &[], "").unwrap().unwrap();
    assert_eq!((answer.body.as_str(), answer.headers.len()), ("<a>", 2));
    assert_eq!(code(ask("meta", &keys, "GET", &query.replace("chosen", "other"), &[], "")), "wrong_token");
    assert_eq!(code(ask("meta", &keys[..1], "GET", query, &[], "")), "no_keys");
    assert_eq!(code(ask("meta", &keys, "GET", "?hub.mode=subscribe", &[], "")), "missing_parameter");
    assert_eq!(code(ask("meta", &keys, "POST", query, &[], "")), "none");
    // The token signs nothing.
    let request =
        Request { method: "POST", url: "https://example.com", headers: &[], body: b"", certificate: None };
    assert_eq!(crate::provider::verify(meta, &keys[1..], &request, NOW), Err(Refusal::NoKeys));
    assert!(scheme("github").verify_token("x").is_err());
}

#[test]
fn x_gets_the_hmac_of_its_token() {
    let keys = [scheme("x").key("secret").unwrap()];
    let answer = ask("x", &keys, "GET", "?crc_token=abc-DEF_123", &[], "").unwrap().unwrap();
    let digest: Vec<u8> = super::super::given::decode_hex(&mac("secret", "abc-DEF_123")).unwrap();
    assert_eq!(answer.body, format!(r#"{{"response_token":"sha256={}"}}"#, STANDARD.encode(digest)));
    // It would be the signature of a webhook with this body.
    assert_eq!(code(ask("x", &keys, "GET", "?crc_token=%7B%22a%22:1%7D", &[], "")), "none");
    assert_eq!(code(ask("x", &[], "GET", "?crc_token=abc", &[], "")), "no_keys");
    assert_eq!(code(ask("x", &keys, "GET", "", &[], "")), "none");
}

#[test]
fn discord_pings_are_answered_by_their_kind() {
    use ed25519_dalek::{Signer, SigningKey};

    let signing = SigningKey::from_bytes(&[7; 32]);
    let public: String =
        signing.verifying_key().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let keys = [scheme("discord").key(&public).unwrap()];
    let asked = |body: &str| {
        let signature = signing.sign(format!("1700000000{body}").as_bytes());
        let signature: String = signature.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let headers = [("x-signature-timestamp", "1700000000"), ("x-signature-ed25519", signature.as_str())];
        ask("discord", &keys, "POST", "", &headers, body)
    };
    assert_eq!(asked(r#"{"id":"1","token":"t","type":1}"#).unwrap().unwrap().body, r#"{"type":1}"#);
    assert_eq!(asked(r#"{"version":1,"application_id":"1","type":0}"#).unwrap().unwrap().status, 204);
    assert_eq!(code(asked(r#"{"version":1,"type":1,"event":{"type":"X"}}"#)), "none");
    assert_eq!(code(ask("discord", &keys, "POST", "", &[], r#"{"type":0}"#)), "missing_header");
}

#[test]
fn xero_gets_200_or_401_and_no_body() {
    let keys = [scheme("xero").key("secret").unwrap()];
    let body = r#"{"events":[],"firstEventSequence":0,"lastEventSequence":0,"entropy":"S0m3r4Nd0mt3xt"}"#;
    let digest = super::super::given::decode_hex(&mac("secret", body)).unwrap();
    let answer =
        ask("xero", &keys, "POST", "", &[("x-xero-signature", &STANDARD.encode(digest))], body).unwrap();
    assert_eq!(answer, Some(Answer { status: 200, ..Answer::default() }));
    let wrong = STANDARD.encode([0; 32]);
    assert_eq!(code(ask("xero", &keys, "POST", "", &[("x-xero-signature", &wrong)], body)), "no_key_matches");
    assert_eq!(scheme("xero").refused_answer().unwrap().status, 401);
    assert_eq!(scheme("xero").accepted_answer().unwrap(), Answer { status: 200, ..Answer::default() });
    let event = r#"{"events":[{"eventType":"CREATE"}],"firstEventSequence":1,"entropy":"x"}"#;
    assert_eq!(code(ask("xero", &keys, "POST", "", &[], event)), "none");
}

#[test]
fn plain_echoes() {
    let okta =
        ask("okta", &[], "GET", "", &[("X-Okta-Verification-Challenge", "a\"b")], "").unwrap().unwrap();
    assert_eq!(okta.body, r#"{"verification":"a\"b"}"#);
    assert_eq!(code(ask("okta", &[], "POST", "", &[("x-okta-verification-challenge", "a")], "")), "none");
    assert_eq!(ask("dropbox", &[], "GET", "?challenge=ab%20c", &[], "").unwrap().unwrap().body, "ab c");
    assert_eq!(
        code(ask("dropbox", &[], "GET", &format!("?challenge={}", "x".repeat(1_025)), &[], "")),
        "none"
    );
    assert_eq!(scheme("adyen").accepted_answer().unwrap().body, "[accepted]");
    assert_eq!(scheme("github").accepted_answer(), None);
    assert_eq!(code(ask("github", &[], "GET", "?challenge=a", &[], "")), "none");
}

#[test]
fn cloudevents_grants_the_origin() {
    let origin = ("WebHook-Request-Origin", "eventemitter.example.com");
    let answer = ask("cloudevents", &[], "OPTIONS", "", &[origin, ("WebHook-Request-Rate", "120")], "")
        .unwrap()
        .unwrap();
    let granted = ["POST", "eventemitter.example.com", "120"];
    assert_eq!(answer.headers.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), granted);
    assert_eq!(code(ask("cloudevents", &[], "OPTIONS", "", &[], "")), "missing_header");
    for value in ["a\tb", "a b", "é"] {
        assert_eq!(
            code(ask("cloudevents", &[], "OPTIONS", "", &[(origin.0, value)], "")),
            "malformed_header"
        );
    }
    assert_eq!(
        code(ask("cloudevents", &[], "OPTIONS", "", &[origin, ("webhook-request-rate", "1\r\nx: y")], "")),
        "malformed_header"
    );
    assert_eq!(code(ask("cloudevents", &[], "POST", "", &[origin], "")), "none");
}
