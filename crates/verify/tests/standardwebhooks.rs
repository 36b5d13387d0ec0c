//! Cross-check with the reference library: each side accepts what the other signed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in the functions its cases share too")]

use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use proptest::prelude::*;
use standardwebhooks::Webhook;
use stentor_verify::Secret;
use stentor_verify::standard::{
    Headers, ID_HEADER, SIGNATURE_HEADER, Signer, SignerKey, TIMESTAMP_HEADER, Verifier, VerifierKey,
};

#[expect(clippy::disallowed_methods, reason = "the reference library compares with the system clock itself")]
fn now_unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Does the reference library accept these header values?
fn reference_accepts(secret: &str, id: &str, timestamp: u64, signature: &str, body: &[u8]) -> bool {
    let mut headers = HeaderMap::new();
    headers.insert(ID_HEADER, id.parse().unwrap());
    headers.insert(TIMESTAMP_HEADER, timestamp.to_string().parse().unwrap());
    headers.insert(SIGNATURE_HEADER, signature.parse().unwrap());
    Webhook::new(secret).unwrap().verify(body, &headers).is_ok()
}

fn verifier(secret: &str) -> Verifier {
    Verifier::new([VerifierKey::parse(secret).unwrap()]).unwrap()
}

proptest! {
    #[test]
    fn the_reference_accepts_ours(
        keys in prop::collection::vec(any::<[u8; 32]>(), 1..4),
        id in "[A-Za-z0-9_-]{1,64}",
        body in "\\PC{0,200}",
    ) {
        let secrets: Vec<String> = keys.into_iter().map(Secret::generate).collect();
        let signer = Signer::new(secrets.iter().map(|secret| SignerKey::parse(secret).unwrap())).unwrap();
        let now = now_unix_seconds();
        let signature = signer.sign(&id, now, body.as_bytes()).unwrap();
        for secret in &secrets {
            prop_assert!(reference_accepts(secret, &id, now, &signature, body.as_bytes()));
        }
        let changed = format!("{body}x");
        prop_assert!(!reference_accepts(&secrets[0], &id, now, &signature, changed.as_bytes()));
    }

    #[test]
    fn we_accept_the_reference(
        key: [u8; 32],
        id in "[A-Za-z0-9_-]{1,64}",
        body in "\\PC{0,200}",
        timestamp in 0..i64::MAX,
    ) {
        let secret = Secret::generate(key);
        let signature = Webhook::new(&secret).unwrap().sign(&id, timestamp, body.as_bytes()).unwrap();
        let sent_at = u64::try_from(timestamp).unwrap();
        let text = timestamp.to_string();
        let headers = Headers { id: &id, timestamp: &text, signature: &signature };
        prop_assert_eq!(verifier(&secret).verify(&headers, body.as_bytes(), sent_at), Ok(()));
        let changed = format!("{body}x");
        prop_assert!(verifier(&secret).verify(&headers, changed.as_bytes(), sent_at).is_err());
    }

    #[test]
    fn both_make_the_same_signature(key: [u8; 32], id in "[A-Za-z0-9_-]{1,64}", body in "\\PC{0,200}", at: u32) {
        let secret = Secret::generate(key);
        let theirs = Webhook::new(&secret).unwrap().sign(&id, i64::from(at), body.as_bytes()).unwrap();
        let ours = Signer::new([SignerKey::parse(&secret).unwrap()]).unwrap();
        prop_assert_eq!(ours.sign(&id, u64::from(at), body.as_bytes()).unwrap(), theirs);
    }
}

#[test]
fn a_header_map_is_a_lookup() {
    let mut received = HeaderMap::new();
    received.insert("Svix-Id", "msg_1".parse().unwrap());
    received.insert("Svix-Timestamp", "1614265330".parse().unwrap());
    received.insert("Svix-Signature", "v1,AAAA".parse().unwrap());
    let headers = Headers::from_lookup(|name| received.get(name)?.to_str().ok());
    assert_eq!(headers, Ok(Headers { id: "msg_1", timestamp: "1614265330", signature: "v1,AAAA" }));
}
