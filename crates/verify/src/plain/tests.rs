use proptest::prelude::*;

use super::{BASE64, HEX};
use crate::error::VerifyError;
use crate::secret::Secret;
use crate::tolerance::Tolerance;

const NOW: u64 = 1_700_000_000;

fn secret(text: &str) -> Secret {
    Secret::raw(text).unwrap()
}

/// RFC 4231 sections 4.2 to 4.8, without the truncated case 5.
#[test]
fn rfc_4231_vectors() {
    let counting: Vec<u8> = (1..=25).collect();
    let long_content =
        b"This is a test using a larger than block-size key and a larger than block-size data. \
        The key needs to be hashed before being used by the HMAC algorithm.";
    let vectors: [(&[u8], &[u8], &str); 6] = [
        (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (&counting, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
        (
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (&[0xaa; 131], long_content, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
    ];
    for (key, content, expected) in vectors {
        let secrets = [Secret::from_bytes(key).unwrap()];
        let signature = HEX.sign_body(&secrets[0], content);
        assert_eq!(signature, expected);
        assert_eq!(signature.capacity(), signature.len());
        assert_eq!(HEX.verify_body(&secrets, expected, content), Ok(()));
    }
}

#[test]
fn every_flipped_bit_is_seen() {
    let secrets = [secret("key")];
    let body = b"{\"event\":\"workflow.completed\"}";
    let signature = HEX.sign_body(&secrets[0], body);
    for bit in 0..body.len() * 8 {
        let mut changed = body.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(HEX.verify_body(&secrets, &signature, &changed), Err(VerifyError::NoMatchingSignature));
    }
    let digest = HEX.decode(&signature).unwrap();
    for bit in 0..256 {
        let mut changed = digest;
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(
            HEX.verify_body(&secrets, &HEX.encode(&changed), body),
            Err(VerifyError::NoMatchingSignature)
        );
    }
}

#[test]
fn only_64_lower_case_digits_are_a_signature() {
    let secrets = [secret("key")];
    let good = HEX.sign_body(&secrets[0], b"");
    let refused = [
        String::new(),
        good[..63].to_owned(),
        good[..32].to_owned(),
        format!("{good}0"),
        format!("{good} "),
        format!(" {}", &good[1..]),
        format!("sha256={good}"),
        format!("{good} {good}"),
        format!("{good},{good}"),
        good.to_uppercase(),
        format!("g{}", &good[1..]),
        format!("0x{}", &good[2..]),
        "é".repeat(32),
    ];
    assert!(
        good.bytes().any(|byte| byte.is_ascii_lowercase()),
        "upper case must differ for this test to mean anything"
    );
    for text in refused {
        assert_eq!(HEX.verify_body(&secrets, &text, b""), Err(VerifyError::MalformedSignature), "{text:?}");
    }
}

#[test]
fn any_of_the_secrets_may_have_signed() {
    let secrets = [secret("new"), secret("old")];
    for signer in &secrets {
        assert_eq!(HEX.verify_body(&secrets, &HEX.sign_body(signer, b"body"), b"body"), Ok(()));
    }
    let stranger = HEX.sign_body(&secret("other"), b"body");
    assert_eq!(HEX.verify_body(&secrets, &stranger, b"body"), Err(VerifyError::NoMatchingSignature));
    assert_eq!(HEX.verify_body(&[], &stranger, b"body"), Err(VerifyError::NoMatchingSignature));
}

#[test]
fn the_timestamp_is_signed_and_checked() {
    let secrets = [secret("whsec_c2hvd24=")];
    let signature = HEX.sign_timestamp_body(&secrets[0], NOW, b"{}");
    let verify = |timestamp: &str, tolerance, now| {
        HEX.verify_timestamp_body(&secrets, &signature, timestamp, b"{}", tolerance, now)
    };
    let default = Tolerance::default();
    assert_eq!(verify("1700000000", default, NOW + 300), Ok(()));
    assert_eq!(verify("1700000000", default, NOW + 301), Err(VerifyError::TooOld));
    assert_eq!(verify("1700000000", default, NOW - 301), Err(VerifyError::TooNew));
    assert_eq!(verify("1700000000", Tolerance::Unlimited, 0), Ok(()));
    assert_eq!(verify("1700000001", default, NOW), Err(VerifyError::NoMatchingSignature));
    assert_eq!(verify("01700000000", default, NOW), Err(VerifyError::NoMatchingSignature));
    assert_eq!(verify("", default, NOW), Err(VerifyError::InvalidTimestamp));
    assert_eq!(HEX.verify_body(&secrets, &signature, b"{}"), Err(VerifyError::NoMatchingSignature));
}

proptest! {
    #[test]
    fn signed_is_accepted(key in ".{1,80}", body: Vec<u8>, timestamp: u64) {
        let secrets = [secret(&key)];
        prop_assert_eq!(HEX.verify_body(&secrets, &HEX.sign_body(&secrets[0], &body), &body), Ok(()));
        let signature = HEX.sign_timestamp_body(&secrets[0], timestamp, &body);
        let text = timestamp.to_string();
        let result = HEX.verify_timestamp_body(&secrets, &signature, &text, &body, Tolerance::Seconds(0), timestamp);
        prop_assert_eq!(result, Ok(()));
    }

    #[test]
    fn base64_is_the_same_in_other_letters(key in ".{1,80}", body: Vec<u8>, timestamp: u64, text in "[A-Za-z0-9+/=_-]{40,46}") {
        let secrets = [secret(&key)];
        let signature = BASE64.sign_body(&secrets[0], &body);
        prop_assert_eq!(BASE64.decode(&signature), HEX.decode(&HEX.sign_body(&secrets[0], &body)));
        prop_assert_eq!(BASE64.verify_body(&secrets, &signature, &body), Ok(()));
        let signature = BASE64.sign_timestamp_body(&secrets[0], timestamp, &body);
        let at = timestamp.to_string();
        let result = BASE64.verify_timestamp_body(&secrets, &signature, &at, &body, Tolerance::Seconds(0), timestamp);
        prop_assert_eq!(result, Ok(()));
        if let Some(digest) = BASE64.decode(&text) {
            prop_assert_eq!(BASE64.encode(&digest), text);
        }
    }

    #[test]
    fn decoding_inverts_encoding(digest: [u8; 32]) {
        prop_assert_eq!(HEX.decode(&HEX.encode(&digest)), Some(digest));
    }

    #[test]
    fn any_text_is_decided(text in "([0-9a-f]{64}|[0-9a-fA-Fé]{60,68}|.{0,80})") {
        let lower_hex = text.len() == 64 && text.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
        prop_assert_eq!(HEX.decode(&text).is_some(), lower_hex);
    }
}
