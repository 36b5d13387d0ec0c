use super::*;
use crate::error::KeyError;
use crate::{PublicKey, SigningKey};

/// The vector of the reference Go library.
const SIGNING_KEY: &str = "whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=";
const ED25519_SIGNATURE: &str =
    "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag==";

fn public_key() -> String {
    SigningKey::parse(SIGNING_KEY).unwrap().public_key().to_text()
}

#[test]
fn shared_vector() {
    assert_eq!(signer(&[SIGNING_KEY]).sign(ID, SENT_AT, BODY).unwrap(), ED25519_SIGNATURE);
    assert_eq!(verify_listed(&[&public_key()], ED25519_SIGNATURE), Ok(()));
}

/// The vector of Svix's server, whose keys are seed and public key in one.
#[test]
fn svix_vector() {
    let key = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
    let expected =
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";
    assert_eq!(signer(&[key]).sign(ID, SENT_AT, BODY).unwrap(), expected);
}

#[test]
fn both_kinds_in_one_header() {
    let header = signer(&[SECRET, SIGNING_KEY]).sign(ID, SENT_AT, BODY).unwrap();
    assert_eq!(header, format!("{SIGNATURE} {ED25519_SIGNATURE}"));
    assert_eq!(header.capacity(), header.len());
    assert_eq!(verify_listed(&[SECRET], &header), Ok(()));
    assert_eq!(verify_listed(&[&public_key()], &header), Ok(()));
}

#[test]
fn a_key_checks_only_its_own_version() {
    assert_eq!(verify_listed(&[&public_key()], SIGNATURE), Err(VerifyError::NoMatchingSignature));
    assert_eq!(verify_listed(&[SECRET], ED25519_SIGNATURE), Err(VerifyError::NoMatchingSignature));
    let strangers = SigningKey::parse(&SigningKey::generate([1; 32])).unwrap().public_key().to_text();
    assert_eq!(verify_listed(&[&strangers], ED25519_SIGNATURE), Err(VerifyError::NoMatchingSignature));
    assert_eq!(verify_listed(&[&strangers, &public_key()], ED25519_SIGNATURE), Ok(()));
}

/// Whoever knows the public key must not be able to use it as an HMAC key.
#[test]
fn a_public_key_is_no_shared_secret() {
    assert!(matches!(VerifierKey::parse(&public_key()), Ok(VerifierKey::PublicKey(_))));
    assert_eq!(SignerKey::parse(&public_key()).unwrap_err(), KeyError::AsymmetricKey);
    assert_eq!(VerifierKey::parse(SIGNING_KEY).unwrap_err(), KeyError::AsymmetricKey);
    let public = PublicKey::parse(&public_key()).unwrap();
    assert!(Verifier::new([public.into()]).is_ok());
}

#[test]
fn changed_content_is_seen() {
    let public_key = public_key();
    let verifier = verifier(&[&public_key]);
    let headers = Headers { id: ID, timestamp: "1614265330", signature: ED25519_SIGNATURE };
    assert_eq!(verifier.verify(&headers, &BODY[1..], SENT_AT), Err(VerifyError::NoMatchingSignature));
    let truncated = Headers { signature: &ED25519_SIGNATURE[..60], ..headers };
    assert_eq!(verifier.verify(&truncated, BODY, SENT_AT), Err(VerifyError::MalformedSignature));
}
