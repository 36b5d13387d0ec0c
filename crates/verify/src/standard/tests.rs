use super::{Headers, MAX_LISTED_SIGNATURES, Signer, SignerKey, Verifier, VerifierKey};
use crate::error::{SignError, VerifyError};
use crate::tolerance::Tolerance;

#[cfg(feature = "ed25519")]
mod ed25519;

// The vector that the reference libraries share.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const SENT_AT: u64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const OTHER_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn signer(keys: &[&str]) -> Signer {
    Signer::new(keys.iter().map(|key| SignerKey::parse(key).unwrap())).unwrap()
}

fn verifier(keys: &[&str]) -> Verifier {
    Verifier::new(keys.iter().map(|key| VerifierKey::parse(key).unwrap())).unwrap()
}

/// Verifies the shared vector with another signature header.
fn verify_listed(keys: &[&str], signature: &str) -> Result<(), VerifyError> {
    let headers = Headers { id: ID, timestamp: "1614265330", signature };
    verifier(keys).verify(&headers, BODY, SENT_AT)
}

#[test]
fn shared_vectors() {
    assert_eq!(signer(&[SECRET]).sign(ID, SENT_AT, BODY).unwrap(), SIGNATURE);
    assert_eq!(verify_listed(&[SECRET], SIGNATURE), Ok(()));
    let second = signer(&[OTHER_SECRET]).sign(
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        1_649_367_553,
        br#"{"email":"test@example.com","username":"test_user"}"#,
    );
    assert_eq!(second.unwrap(), "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
}

#[test]
fn every_flipped_byte_is_seen() {
    let verifier = verifier(&[SECRET]);
    let verify = |id: &str, timestamp: &str, body: &[u8]| {
        verifier.verify(&Headers { id, timestamp, signature: SIGNATURE }, body, SENT_AT)
    };
    assert_eq!(verify(ID, "1614265330", BODY), Ok(()));
    for position in 0..BODY.len() {
        let mut changed = BODY.to_vec();
        changed[position] ^= 1;
        assert_eq!(verify(ID, "1614265330", &changed), Err(VerifyError::NoMatchingSignature));
    }
    assert_eq!(verify(ID, "1614265330", &BODY[1..]), Err(VerifyError::NoMatchingSignature));
    assert_eq!(verify(ID, "1614265330", b""), Err(VerifyError::NoMatchingSignature));
    assert_eq!(verify(ID, "1614265331", BODY), Err(VerifyError::NoMatchingSignature));
    assert_eq!(verify(&ID[1..], "1614265330", BODY), Err(VerifyError::NoMatchingSignature));
}

#[test]
fn stale_and_future_timestamps() {
    let headers = Headers { id: ID, timestamp: "1614265330", signature: SIGNATURE };
    let verifier = verifier(&[SECRET]);
    assert_eq!(verifier.verify(&headers, BODY, SENT_AT + 300), Ok(()));
    assert_eq!(verifier.verify(&headers, BODY, SENT_AT + 301), Err(VerifyError::TooOld));
    assert_eq!(verifier.verify(&headers, BODY, SENT_AT - 300), Ok(()));
    assert_eq!(verifier.verify(&headers, BODY, SENT_AT - 301), Err(VerifyError::TooNew));
    let narrow = verifier.clone().with_tolerance(Tolerance::Seconds(0));
    assert_eq!(narrow.verify(&headers, BODY, SENT_AT + 1), Err(VerifyError::TooOld));
    assert_eq!(
        verifier.clone().with_tolerance(Tolerance::Unlimited).verify(&headers, BODY, u64::MAX),
        Ok(())
    );
    let spelled = Headers { timestamp: "+1614265330", ..headers };
    assert_eq!(verifier.verify(&spelled, BODY, SENT_AT), Err(VerifyError::InvalidTimestamp));
}

#[test]
fn ids_that_shift_the_content_are_refused() {
    for id in ["", ".", "msg_1.1614265330"] {
        assert_eq!(signer(&[SECRET]).sign(id, SENT_AT, BODY), Err(SignError::InvalidId));
    }
    // Signed as id "a", body "1614265330.b": the same bytes as id "a.1614265330", body "b".
    let signature = signer(&[SECRET]).sign("a", SENT_AT, b"1614265330.b").unwrap();
    let shifted = Headers { id: "a.1614265330", timestamp: "1614265330", signature: &signature };
    assert_eq!(verifier(&[SECRET]).verify(&shifted, b"b", SENT_AT), Err(VerifyError::InvalidId));
}

#[test]
fn wrong_and_rotated_secrets() {
    assert_eq!(verify_listed(&[OTHER_SECRET], SIGNATURE), Err(VerifyError::NoMatchingSignature));
    assert_eq!(verify_listed(&[OTHER_SECRET, SECRET], SIGNATURE), Ok(()));
    assert_eq!(verify_listed(&[SECRET, OTHER_SECRET], SIGNATURE), Ok(()));

    let both = signer(&[OTHER_SECRET, SECRET]).sign(ID, SENT_AT, BODY).unwrap();
    assert_eq!(both.split(' ').nth(1), Some(SIGNATURE));
    assert_eq!(both.capacity(), both.len());
    assert_eq!(verify_listed(&[OTHER_SECRET], &both), Ok(()));
    assert_eq!(verify_listed(&[SECRET], &both), Ok(()));
    assert_eq!(verify_listed(&["neither"], &both), Err(VerifyError::NoMatchingSignature));
}

#[test]
fn a_match_is_found_anywhere_in_the_list() {
    let wrong = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
    assert_eq!(verify_listed(&[SECRET], wrong), Err(VerifyError::NoMatchingSignature));
    assert_eq!(verify_listed(&[SECRET], &format!("v2,x {wrong} garbage {SIGNATURE} {wrong}")), Ok(()));
    let mut list = vec![wrong; MAX_LISTED_SIGNATURES - 1];
    list.push(SIGNATURE);
    assert_eq!(verify_listed(&[SECRET], &list.join(" ")), Ok(()));
    list.push(SIGNATURE);
    assert_eq!(verify_listed(&[SECRET], &list.join(" ")), Err(VerifyError::TooManySignatures));
}

#[test]
fn damaged_signatures() {
    let upper_case = format!("v1,{}", SIGNATURE["v1,".len()..].to_uppercase());
    assert_eq!(verify_listed(&[SECRET], &upper_case), Err(VerifyError::NoMatchingSignature));
    for (signature, expected) in [
        ("", VerifyError::MalformedSignature),
        (&SIGNATURE[..SIGNATURE.len() - 1], VerifyError::MalformedSignature),
        (&SIGNATURE[..20], VerifyError::MalformedSignature),
        (&SIGNATURE["v1,".len()..], VerifyError::MalformedSignature),
        (&SIGNATURE.replace(',', "="), VerifyError::MalformedSignature),
        (&SIGNATURE.replace("v1", "V1"), VerifyError::NoMatchingSignature),
        (&SIGNATURE.replace("v1", "v2"), VerifyError::NoMatchingSignature),
    ] {
        assert_eq!(verify_listed(&[SECRET], signature), Err(expected), "{signature:?}");
    }
}
