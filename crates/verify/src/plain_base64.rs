//! Plain base64 signatures: one header with HMAC-SHA256 in padded, standard base64, as Shopify and others write it. The same
//! as [`crate::hex`] in another encoding, so build the key with [`Secret::raw`].

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::{Choice, ConstantTimeEq};

use crate::decimal::Decimal;
use crate::error::VerifyError;
use crate::secret::Secret;
use crate::tolerance::Tolerance;

/// Signs the body alone. Allocates only the returned text.
///
/// ```
/// use stentor_verify::{Secret, plain_base64};
///
/// let secret = Secret::raw("Jefe")?;
/// let signature = plain_base64::sign_body(&secret, b"what do ya want for nothing?");
/// assert_eq!(signature, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
/// # Ok::<(), stentor_verify::KeyError>(())
/// ```
#[must_use]
pub fn sign_body(secret: &Secret, body: &[u8]) -> String {
    STANDARD.encode(secret.mac(&[body]))
}

/// Signs `timestamp.body` with the timestamp in Unix seconds. Allocates only the returned text.
///
/// ```
/// use stentor_verify::{Secret, plain_base64};
///
/// let secret = Secret::raw("your_webhook_secret")?;
/// let signature = plain_base64::sign_timestamp_body(&secret, 1_700_000_000, b"{}");
/// assert_eq!(signature, plain_base64::sign_body(&secret, b"1700000000.{}"));
/// # Ok::<(), stentor_verify::KeyError>(())
/// ```
#[must_use]
pub fn sign_timestamp_body(secret: &Secret, timestamp_seconds: u64, body: &[u8]) -> String {
    STANDARD.encode(secret.mac(&[Decimal::new(timestamp_seconds).as_bytes(), b".", body]))
}

/// Accepts a signature over the body alone that was made with any of the secrets. All secrets are tried, and the digests
/// are compared in constant time. Such a signature never expires.
///
/// # Errors
/// [`VerifyError::MalformedSignature`] unless the text is canonical base64 of 32 bytes,
/// [`VerifyError::NoMatchingSignature`].
///
/// ```
/// use stentor_verify::{Secret, VerifyError, plain_base64};
///
/// let secrets = [Secret::raw("new secret")?, Secret::raw("old secret")?];
/// let signature = plain_base64::sign_body(&secrets[1], b"{}");
/// assert_eq!(plain_base64::verify_body(&secrets, &signature, b"{}"), Ok(()));
/// assert_eq!(plain_base64::verify_body(&secrets, &signature, b"[]"), Err(VerifyError::NoMatchingSignature));
/// assert_eq!(plain_base64::verify_body(&secrets, "e30=", b"{}"), Err(VerifyError::MalformedSignature));
/// # Ok::<(), stentor_verify::KeyError>(())
/// ```
pub fn verify_body(secrets: &[Secret], signature: &str, body: &[u8]) -> Result<(), VerifyError> {
    verify(secrets, signature, &[body])
}

/// Accepts a signature over `timestamp.body` that was made with any of the secrets, if the timestamp (the header's text,
/// Unix seconds) is within the tolerance of `now_unix_seconds`.
///
/// # Errors
/// Those of [`Tolerance::check`] and of [`verify_body`].
///
/// ```
/// use stentor_verify::{Secret, Tolerance, VerifyError, plain_base64};
///
/// let secrets = [Secret::raw("your_webhook_secret")?];
/// let signature = plain_base64::sign_timestamp_body(&secrets[0], 1_700_000_000, b"{}");
/// let verify = |now_unix_seconds| {
///     let tolerance = Tolerance::default();
///     plain_base64::verify_timestamp_body(&secrets, &signature, "1700000000", b"{}", tolerance, now_unix_seconds)
/// };
/// assert_eq!(verify(1_700_000_007), Ok(()));
/// assert_eq!(verify(1_700_000_301), Err(VerifyError::TooOld));
/// # Ok::<(), stentor_verify::KeyError>(())
/// ```
pub fn verify_timestamp_body(
    secrets: &[Secret],
    signature: &str,
    timestamp: &str,
    body: &[u8],
    tolerance: Tolerance,
    now_unix_seconds: u64,
) -> Result<(), VerifyError> {
    tolerance.check(timestamp, now_unix_seconds)?;
    verify(secrets, signature, &[timestamp.as_bytes(), b".", body])
}

fn verify(secrets: &[Secret], signature: &str, parts: &[&[u8]]) -> Result<(), VerifyError> {
    let given = decode(signature).ok_or(VerifyError::MalformedSignature)?;
    // No early exit: the time taken must not tell which secret matched.
    let matched =
        secrets.iter().fold(Choice::from(0), |matched, secret| matched | secret.mac(parts).ct_eq(&given));
    if matched.into() { Ok(()) } else { Err(VerifyError::NoMatchingSignature) }
}

fn decode(text: &str) -> Option<[u8; 32]> {
    // The decoder wants room for its estimate of 44 characters.
    let mut decoded = [0; 33];
    let length = STANDARD.decode_slice(text, &mut decoded).ok()?;
    decoded[..length].try_into().ok()
}
