//! Plain hex signatures: one header with 64 lower-case hex digits of HMAC-SHA256, without prefix.
//!
//! Seeds 003 and 004 sign the body alone; a variant of seed 003 signs `timestamp.body`. Both use the whole secret
//! as shown for a key, so build it with [`Secret::raw`].

use subtle::{Choice, ConstantTimeEq};

use crate::decimal::Decimal;
use crate::error::VerifyError;
use crate::secret::Secret;
use crate::tolerance::Tolerance;

/// Length of a hex signature in bytes of text.
pub const SIGNATURE_LENGTH_BYTES: usize = 64;

/// Signs the body alone (seed 003's generator, seed 004). Allocates only the returned text.
///
/// ```
/// use stentor_verify::{Secret, hex};
///
/// let secret = Secret::raw("Jefe")?;
/// let signature = hex::sign_body(&secret, b"what do ya want for nothing?");
/// assert_eq!(signature, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
/// # Ok::<(), stentor_verify::KeyError>(())
/// ```
#[must_use]
pub fn sign_body(secret: &Secret, body: &[u8]) -> String {
    encode(&secret.mac(&[body]))
}

/// Signs `timestamp.body` (seed 003's tolerant variant) with the timestamp in Unix seconds. Allocates only the
/// returned text.
///
/// ```
/// use stentor_verify::{Secret, hex};
///
/// let secret = Secret::raw("your_webhook_secret")?;
/// let signature = hex::sign_timestamp_body(&secret, 1_700_000_000, b"{}");
/// assert_eq!(signature, hex::sign_body(&secret, b"1700000000.{}"));
/// # Ok::<(), stentor_verify::KeyError>(())
/// ```
#[must_use]
pub fn sign_timestamp_body(secret: &Secret, timestamp_seconds: u64, body: &[u8]) -> String {
    encode(&secret.mac(&[Decimal::new(timestamp_seconds).as_bytes(), b".", body]))
}

/// Accepts a signature over the body alone that was made with any of the secrets. All secrets are tried, and the
/// digests are compared in constant time.
///
/// Such a signature never expires. Where the sender adds a timestamp header, [`Tolerance::check`] can refuse a
/// wrong clock, but not a replay.
///
/// # Errors
/// [`VerifyError::MalformedSignature`] unless the text is exactly 64 lower-case hex digits,
/// [`VerifyError::NoMatchingSignature`].
///
/// ```
/// use stentor_verify::{Secret, VerifyError, hex};
///
/// let secrets = [Secret::raw("new secret")?, Secret::raw("old secret")?];
/// let signature = hex::sign_body(&secrets[1], b"{}");
/// assert_eq!(hex::verify_body(&secrets, &signature, b"{}"), Ok(()));
/// assert_eq!(hex::verify_body(&secrets, &signature, b"[]"), Err(VerifyError::NoMatchingSignature));
/// # Ok::<(), stentor_verify::KeyError>(())
/// ```
pub fn verify_body(secrets: &[Secret], signature: &str, body: &[u8]) -> Result<(), VerifyError> {
    verify(secrets, signature, &[body])
}

/// Accepts a signature over `timestamp.body` that was made with any of the secrets, if the timestamp (the header's
/// text, Unix seconds) is within the tolerance of `now_unix_seconds`. All secrets are tried, and the digests are
/// compared in constant time.
///
/// # Errors
/// Those of [`Tolerance::check`], [`VerifyError::MalformedSignature`] unless the text is exactly 64 lower-case hex
/// digits, [`VerifyError::NoMatchingSignature`].
///
/// ```
/// use stentor_verify::{Secret, Tolerance, VerifyError, hex};
///
/// let secrets = [Secret::raw("your_webhook_secret")?];
/// let signature = hex::sign_timestamp_body(&secrets[0], 1_700_000_000, b"{}");
/// let verify = |now_unix_seconds| {
///     let tolerance = Tolerance::default();
///     hex::verify_timestamp_body(&secrets, &signature, "1700000000", b"{}", tolerance, now_unix_seconds)
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

pub(crate) fn encode(digest: &[u8; 32]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(SIGNATURE_LENGTH_BYTES);
    for byte in digest {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 0x0F)]));
    }
    text
}

/// The one reader of hex signatures: exactly 64 digits of `0-9a-f`, nothing else.
pub(crate) fn decode(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; SIGNATURE_LENGTH_BYTES] = text.as_bytes().try_into().ok()?;
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit_value(pair[0])? << 4 | digit_value(pair[1])?;
    }
    Some(digest)
}

fn digit_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
