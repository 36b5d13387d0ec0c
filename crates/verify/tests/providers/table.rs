//! What must be refused, and why, for every preset.

use stentor_verify::provider::presets;
use stentor_verify::provider::record::{Algorithm, SchemeRecord};
use stentor_verify::provider::{Special, preset};

use crate::vector::Vector;

/// Public keys of nobody here.
const RSA_KEY: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAnSz1O3KRCj00fo6H581flNxuh83hVMXqisLKvwPVy5nbLwWP1/mrttIGPwqGf8nCUBiR4ghJ8AUk1nb6jQr3JDHQbygOUoAQyPDYOO8q1WeKhaxu+9FiWO1uJ3liGMJ8CBG+9MpmBWoDv8NXFeWeCFMlP0l1NAydkCVNJAwwrNmfZjVaOepmfcSe2tywooQRaKAn7xLZTOQZSeQlRym+MHgWW9Fj72S4WqcXVA0uWzkRB8Z2cbQ7rkXBDznLJGeRXKlHyWOgjfzfsuzATTficCeJLsXWzgNQDhLHG5kMdvCH8zWBGFzGsCaYIGQw3/1QDo1aB3hy+5HzIYCCmg/m9wIDAQAB";
const P256_KEY_HEX: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200041a21a14186ee57cc687d7f6eccbc1b6f2e5ef89de858a26230d9c2a8b058d3af8e2b1aa9b2f5c77cc21a735ae1ef96d675ab3d13691b4cb6e81f75dd46644f40";

/// Whether the body is signed, rather than a token sent along.
pub(crate) fn signs_body(vector: &Vector) -> bool {
    record(vector).special.is_some() || record(vector).algorithm.is_some_and(Algorithm::signs)
}

fn record(vector: &Vector) -> &SchemeRecord {
    vector.scheme().record()
}

/// The header or headers of the signature.
fn signature_headers(vector: &Vector) -> Vec<String> {
    let names = match record(vector).special {
        Some(Special::Standard) => vec!["webhook-signature", "svix-signature"],
        Some(Special::Twilio) => vec!["x-twilio-signature"],
        Some(Special::Paypal) => vec!["paypal-transmission-sig"],
        Some(Special::Hubspot) => vec!["x-hubspot-signature-v3"],
        Some(Special::HubspotLegacy) => vec!["x-hubspot-signature"],
        Some(Special::Adyen | Special::Sns) => vec![],
        None => {
            let signature = record(vector).signature.as_ref();
            if signature.is_some_and(|signature| signature.query.is_some()) {
                return vec![];
            }
            let header = signature.and_then(|signature| signature.header.as_deref());
            let header = header.unwrap_or("authorization").to_owned();
            let is_numbered = record(vector).signature.as_ref().is_some_and(|signature| signature.numbered);
            return if is_numbered {
                vec![format!("{header}-1"), format!("{header}-2")]
            } else {
                vec![header]
            };
        }
    };
    let there = |name: &&str| vector.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
    names.into_iter().filter(there).map(str::to_owned).collect()
}

/// A body with one byte changed, inside of a value that every scheme covers.
fn altered(vector: &Vector) -> Vector {
    let mut altered = vector.clone();
    let changes = [
        ("AUTHORISATION", "AUTHORISATIOM"),
        ("\\\"a\\\":1", "\\\"a\\\":2"),
        ("You have", "You had "),
        ("Gr%C3%BC", "Gr%C3%BD"),
        ("A=1", "A=2"),
        ("e", "f"),
        ("u", "v"),
        ("a", "b"),
        ("i", "j"),
    ];
    let (from, to) = changes.into_iter().find(|(from, _)| vector.body.contains(from)).unwrap();
    // The last, so that names which are read first stay what they are.
    let at = altered.body.rfind(from).unwrap();
    altered.body.replace_range(at..at + from.len(), to);
    altered
}

#[test]
fn an_altered_byte_is_refused() {
    for vector in Vector::all() {
        if !signs_body(&vector) {
            continue;
        }
        let is_hashed = vector.url.contains("bodySHA256");
        let expected = if is_hashed { "body_hash_differs" } else { "no_key_matches" };
        assert_eq!(altered(&vector).verdict(), expected, "{}", vector.preset);
        let mut cut = vector.clone();
        // Of a form, the last character may say nothing: `Empty=`.
        cut.body.truncate(cut.body.len() - 2);
        let expected = match record(&vector).special {
            Some(Special::Adyen | Special::Sns) => "body_not_json",
            _ => expected,
        };
        assert_eq!(cut.verdict(), expected, "{}", vector.preset);
        let mut moved = vector.clone();
        moved.url.push_str("?other");
        let expected =
            if vector.scheme().signs_url() && !moved.body.is_empty() { "no_key_matches" } else { "accepted" };
        let signs_url =
            vector.preset != "hubspot-legacy" || vector.headers.iter().any(|(_, value)| value == "v2");
        if !vector.url.contains('?') && signs_url {
            assert_eq!(moved.verdict(), expected, "{}", vector.preset);
        }
    }
}

#[test]
fn another_secret_is_refused() {
    for vector in Vector::all() {
        // That of another vector of the same kind of key.
        let other = match (record(&vector).special, record(&vector).algorithm) {
            (Some(Special::Standard), _) => "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".to_owned(),
            _ if vector.preset == "custom-whsec" => "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".to_owned(),
            (Some(Special::Sns), _) => "arn:aws:sns:us-east-1:123456789012:others".to_owned(),
            (_, Some(Algorithm::RsaSha256)) => RSA_KEY.to_owned(),
            _ if vector.preset == "custom-ecdsa-fixed" => P256_KEY_HEX.to_owned(),
            (_, Some(Algorithm::EcdsaP256)) => "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==".to_owned(),
            (_, Some(Algorithm::Ed25519)) => "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a".to_owned(),
            (_, Some(Algorithm::Basic)) => "user:other".to_owned(),
            _ => "0123456789abcdef0123456789abcdef".to_owned(),
        };
        let other = vector.scheme().key(&other).unwrap();
        let expected = match (record(&vector).special, signs_body(&vector)) {
            (Some(Special::Sns), _) => "other_topic",
            (_, true) => "no_key_matches",
            (_, false) => "wrong_token",
        };
        let verdict = vector.verdict_with(std::slice::from_ref(&other), vector.now_unix_ms);
        assert_eq!(verdict, expected, "{}", vector.preset);
        // During a rotation either may have signed.
        let verified = vector.verify_with(&[other, vector.key()], vector.now_unix_ms).unwrap();
        assert_eq!(verified.key_index, 1, "{}", vector.preset);
        assert_eq!(vector.verdict_with(&[], vector.now_unix_ms), "no_keys");
    }
}

#[test]
fn stale_requests_are_refused() {
    let mut with_time = 0;
    for vector in Vector::all() {
        let special = matches!(
            record(&vector).special,
            Some(Special::Standard | Special::Paypal | Special::Sns | Special::Hubspot)
        );
        let has_time = special || record(&vector).timestamp.is_some();
        let at = |now| vector.verdict_with(&[vector.key()], now);
        let tolerance_ms = record(&vector).tolerance_seconds.unwrap_or(300) * 1000;
        let (late, early) = (vector.now_unix_ms + tolerance_ms, vector.now_unix_ms - tolerance_ms);
        if has_time {
            with_time += 1;
            assert_eq!(at(late - 2_000), "accepted", "{}", vector.preset);
            assert_eq!(at(late + 2_000), "too_old", "{}", vector.preset);
            assert_eq!(at(early + 2_000), "accepted", "{}", vector.preset);
            assert_eq!(at(early - 2_000), "too_new", "{}", vector.preset);
        } else {
            assert_eq!(at(vector.now_unix_ms + 86_400_000), "accepted", "{}", vector.preset);
        }
    }
    assert!(with_time >= 20, "{with_time}");
}

#[test]
fn damaged_signatures_are_refused() {
    for vector in Vector::all() {
        for name in signature_headers(&vector) {
            let mut cut = vector.clone();
            let value = cut.header(&name);
            value.truncate(value.len() - 8);
            let verdict = cut.verdict();
            // In a list the other entries are still well written.
            let is_list = record(&vector).signature.as_ref().is_some_and(|signature| {
                signature.parts.is_some() || signature.separator.is_some() || signature.numbered
            });
            let expected: &[&str] = match (record(&vector).special, signs_body(&vector)) {
                (Some(Special::Standard), _) => &["malformed_header"],
                (_, false) => &["wrong_token", "wrong_encoding"],
                (_, true) if is_list => &["no_key_matches", "wrong_encoding", "accepted"],
                (_, true)
                    if record(&vector).algorithm.is_some_and(Algorithm::is_asymmetric)
                        && vector.preset != "discord" =>
                {
                    &["no_key_matches"]
                }
                (_, true) => &["wrong_length"],
            };
            assert!(expected.contains(&verdict), "{} {name}: {verdict}", vector.preset);
            if vector.preset != "docusign" {
                assert_ne!(verdict, "accepted", "{}", vector.preset);
            }
            let mut repeated = vector.clone();
            let again = (name.clone(), repeated.header(&name).clone());
            repeated.headers.push(again);
            assert_eq!(repeated.verdict(), "repeated_header", "{}", vector.preset);
        }
    }
}

#[test]
fn a_missing_header_is_named() {
    for vector in Vector::all() {
        let names = signature_headers(&vector);
        let without = names.iter().fold(vector.clone(), |vector, name| vector.without_header(name));
        if let Some(first) = names.first() {
            let refusal = without.verify_with(&[vector.key()], vector.now_unix_ms).unwrap_err();
            assert_eq!(refusal.code(), "missing_header", "{}", vector.preset);
            let said = refusal.to_string().to_lowercase();
            let family = first.trim_start_matches("svix-").trim_start_matches("webhook-");
            assert!(said.contains(&family.to_lowercase()), "{}: {said}", vector.preset);
        }
    }
}

#[test]
fn a_missing_timestamp_is_named() {
    for (name, header) in [
        ("slack", "x-slack-request-timestamp"),
        ("zoom", "x-zm-request-timestamp"),
        ("discord", "x-signature-timestamp"),
        ("broxi", "x-broxi-timestamp"),
        ("hubspot", "x-hubspot-request-timestamp"),
        ("zendesk", "x-zendesk-webhook-signature-timestamp"),
    ] {
        let vector = Vector::all().into_iter().find(|vector| vector.preset == name).unwrap();
        assert_eq!(vector.clone().without_header(header).verdict(), "timestamp_missing", "{name}");
        let mut broken = vector;
        *broken.header(header) = "yesterday".into();
        assert_eq!(broken.verdict(), "timestamp_malformed", "{name}");
    }
}

#[test]
fn what_broxi_must_send_is_named() {
    let scheme = &preset("broxi").unwrap().scheme;
    assert_eq!(scheme.record().require.body, ["event", "timestamp", "data"]);
    assert!(presets().iter().all(|preset| preset.scheme.record().tolerance_seconds != Some(0)));
}

/// A raw forward keeps what the far end needs to verify again, except for secrets.
#[test]
fn what_is_signed_is_forwarded() {
    for vector in Vector::all() {
        for name in signature_headers(&vector) {
            assert_eq!(vector.scheme().forwards(&name), signs_body(&vector), "{}: {name}", vector.preset);
        }
        let mut kept = vector.clone();
        kept.headers.retain(|(name, _)| vector.scheme().forwards(name) || name == "Content-Type");
        if signs_body(&vector) {
            kept.is_accepted();
        }
        for secret in ["Authorization", "Cookie", "X-Forwarded-For", "X-Gitlab-Token"] {
            assert!(!vector.scheme().forwards(secret), "{}: {secret}", vector.preset);
        }
    }
}
