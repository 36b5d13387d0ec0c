use http::HeaderMap;
use stentor_verify::standard::{Headers, Verifier, VerifierKey};
use stentor_verify::{Secret, Tolerance, hook0, plain, timestamped};

use super::*;
use crate::id::EventId;
use crate::profile::Profile;
use crate::time::Time;
use crate::webhook::{SecretText, SigningSecret};

const NOW: Time = Time::from_seconds(1_700_000_000);
const STANDARD: Signature = Signature::only(SignatureScheme::Standard);

fn secret(text: &str, from: i64, until: Option<i64>) -> SigningSecret {
    SigningSecret {
        value: SecretText::new(text.into()),
        active_from: Time::from_seconds(from),
        active_until: until.map(Time::from_seconds),
    }
}

fn signed(signature: &Signature, secrets: &[SigningSecret], now: Time) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let prepared = PreparedSignature::new(signature, secrets, now).expect("usable");
    prepared.sign(&EventId::from_bytes([3; 16]), now, b"{}", &mut headers);
    headers
}

fn verifies(headers: &HeaderMap, secret: &str) -> bool {
    let verifier = Verifier::new(vec![VerifierKey::parse(secret).expect("valid")]).expect("one key");
    let found = Headers::from_lookup(|name| headers.get(name)?.to_str().ok()).expect("present");
    verifier.verify(&found, b"{}", 1_700_000_000).is_ok()
}

#[test]
fn during_a_rotation_both_secrets_verify() {
    let secrets = [
        secret("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", 0, None),
        secret("an older secret of ours", 0, Some(1_700_000_060)),
    ];
    for scheme in [SignatureScheme::Standard, SignatureScheme::Svix] {
        let headers = signed(&Signature::only(scheme), &secrets, NOW);
        assert!(secrets.iter().all(|each| verifies(&headers, each.value.reveal())));
    }
    let prepared = PreparedSignature::new(&STANDARD, &secrets, NOW).expect("usable");
    assert_eq!(prepared.expires_at(), Some(Time::from_seconds(1_700_000_060)));
}

#[test]
fn a_one_value_header_has_one_signer() {
    let signature = Signature::only(Profile::Broxi.signature().main);
    let waiting = secret("the next secret", 1_700_000_500, None);
    let current = secret("whsec_shown", 0, Some(1_700_000_500));
    let headers = signed(&signature, &[waiting.clone(), current.clone()], NOW);
    let expected = plain::HEX.sign_body(&Secret::raw("whsec_shown").expect("valid"), b"{}");
    assert_eq!(headers["x-broxi-signature"], expected);
    assert_eq!(headers["x-broxi-timestamp"], "1700000000");
    let later = signed(&signature, &[waiting, current], Time::from_seconds(1_700_000_500));
    assert_ne!(later["x-broxi-signature"], expected);
    assert!(signature.is_one_value() && !STANDARD.is_one_value());
}

#[test]
fn the_standard_signature_goes_beside_the_one_of_seed_003() {
    let headers = signed(&Profile::Broxi.signature(), &[secret("webhook_secret_key_here", 0, None)], NOW);
    let plain = Secret::raw("webhook_secret_key_here").expect("valid");
    assert_eq!(headers["x-broxi-signature"], plain::HEX.sign_body(&plain, b"{}"));
    assert!(verifies(&headers, "webhook_secret_key_here"));
}

#[test]
fn a_conversation_is_signed_only_when_it_has_a_secret() {
    let signature = Profile::Conversation.signature();
    assert_eq!(signed(&signature, &[], NOW), HeaderMap::new());
    assert!(verifies(&signed(&signature, &[secret("some secret", 0, None)], NOW), "some secret"));
    // A secret that is over is not the same as none.
    let over = PreparedSignature::new(&signature, &[secret("some secret", 0, Some(1))], NOW);
    assert!(matches!(over, Err(SigningError::NoActiveSecret)));
    assert_eq!(signed(&Signature::only(SignatureScheme::None), &[], NOW), HeaderMap::new());
}

#[test]
fn without_an_active_secret_nothing_is_signed() {
    for secrets in [vec![], vec![secret("some old secret", 0, Some(1))]] {
        let prepared = PreparedSignature::new(&STANDARD, &secrets, NOW);
        assert!(matches!(prepared, Err(SigningError::NoActiveSecret)));
    }
}

#[test]
fn encodings_and_prefixes() {
    let scheme = |encoding, content, prefix: &str| SignatureScheme::Hmac {
        header: "x-sig".into(),
        timestamp_header: Some("x-time".into()),
        content,
        encoding,
        prefix: prefix.into(),
    };
    let secrets = [secret("some secret", 0, None)];
    let key = [Secret::raw("some secret").expect("valid")];
    let outpost = signed(&Signature::only(scheme(Encoding::Hex, SignedContent::Body, "v0=")), &secrets, NOW);
    assert_eq!(outpost["x-sig"], format!("v0={}", plain::HEX.sign_body(&key[0], b"{}")));
    let shopify = signed(&Signature::only(scheme(Encoding::Base64, SignedContent::Body, "")), &secrets, NOW);
    assert_eq!(plain::BASE64.verify_body(&key, shopify["x-sig"].to_str().expect("ASCII"), b"{}"), Ok(()));
    let timed =
        signed(&Signature::only(scheme(Encoding::Base64, SignedContent::TimestampBody, "")), &secrets, NOW);
    assert_eq!(timed["x-sig"], plain::BASE64.sign_body(&key[0], b"1700000000.{}"));
    assert_eq!(timed["x-time"], "1700000000");
}

#[test]
fn timestamped_headers_list_every_active_secret() {
    let secrets = [secret("newer secret", 0, None), secret("older secret", 0, Some(1_700_000_060))];
    let schemes = [
        (SignatureScheme::ConvoyAdvanced { header: "x-convoy-signature".into() }, timestamped::CONVOY),
        (SignatureScheme::Hook0 { header: "x-hook0-signature".into(), covered: vec![] }, timestamped::HOOK0),
    ];
    for (scheme, layout) in schemes {
        let name = scheme.headers()[0].to_owned();
        let headers = signed(&Signature::only(scheme), &secrets, NOW);
        let header = headers[&*name].to_str().expect("ASCII");
        for each in &secrets {
            let key = [Secret::raw(each.value.reveal()).expect("valid")];
            assert_eq!(layout.verify(&key, header, b"{}", Tolerance::default(), 1_700_000_000), Ok(()));
        }
    }
}

#[test]
fn hook0_covers_the_headers_that_are_there_those_of_other_signatures_included() {
    let covered = vec!["webhook-id".into(), "x-missing".into(), "content-type".into()];
    let main = SignatureScheme::Hook0 { header: "x-hook0-signature".into(), covered };
    let signature = Signature { also: vec![SignatureScheme::Standard], ..Signature::only(main) };
    let secrets = [secret("newer secret", 0, None), secret("older secret", 0, Some(1_700_000_060))];
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().expect("visible"));
    let prepared = PreparedSignature::new(&signature, &secrets, NOW).expect("usable");
    prepared.sign(&EventId::from_bytes([3; 16]), NOW, b"{}", &mut headers);
    let header = headers["x-hook0-signature"].to_str().expect("ASCII").to_owned();
    assert!(header.starts_with("t=1700000000,h=webhook-id content-type,v0="), "{header}");
    for each in &secrets {
        let key = [Secret::raw(each.value.reveal()).expect("valid")];
        let verify = |headers: &HeaderMap| {
            let find = |name: &str| headers.get(name)?.to_str().ok();
            hook0::verify(&key, &header, find, b"{}", Tolerance::default(), 1_700_000_000)
        };
        assert_eq!(verify(&headers), Ok(()));
        let mut other = headers.clone();
        other.insert("webhook-id", "evt_other".parse().expect("visible"));
        assert!(verify(&other).is_err());
    }
    // What Hook0's own receivers look at is that of the secret that they have had longest.
    let (_, last) = header.rsplit_once(",v1=").expect("two of them");
    let oldest = hook0::sign(
        &[Secret::raw("older secret").expect("valid")],
        1_700_000_000,
        &[
            ("webhook-id", headers["webhook-id"].to_str().expect("ASCII")),
            ("content-type", "application/json"),
        ],
        b"{}",
    );
    assert!(oldest.ends_with(last));
}

#[test]
fn two_schemes_cannot_set_the_same_header() {
    let also = vec![SignatureScheme::hex("X-Sig"), SignatureScheme::hex("x-sig")];
    let signature = Signature { also, ..STANDARD };
    assert_eq!(signature.repeated_header(), Some("x-sig"));
    let prepared = PreparedSignature::new(&signature, &[secret("some secret", 0, None)], NOW);
    assert!(matches!(prepared, Err(SigningError::RepeatedHeader(_))));
    assert_eq!(Profile::Broxi.signature().repeated_header(), None);
}

#[test]
fn what_was_stored_by_earlier_versions_is_read() {
    let stored = r#"{"scheme":"hex","header":"x-a","timestamp_header":null,"content":"body"}"#;
    let read: Signature = serde_json::from_str(stored).expect("readable");
    assert_eq!(read, Signature::only(SignatureScheme::hex("x-a")));
    assert_eq!(serde_json::from_str::<Signature>(r#"{"scheme":"standard"}"#).expect("readable"), STANDARD);
    for profile in Profile::ALL {
        let text = serde_json::to_string(&profile.signature()).expect("plain JSON");
        assert_eq!(serde_json::from_str::<Signature>(&text).expect("readable"), profile.signature());
    }
}
