//! Plain signatures: one header with HMAC-SHA256 in hex or base64, without prefix.
//!
//! Seeds 003 and 004 sign the body alone in hex; a variant of seed 003 signs `timestamp.body`. Shopify and others write base64. All use the whole
//! secret as shown for a key, so build it with [`Secret::raw`].

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::{Choice, ConstantTimeEq};

use crate::decimal::Decimal;
use crate::error::VerifyError;
use crate::secret::Secret;
use crate::tolerance::Tolerance;

/// Length of a hex signature in bytes of text.
pub const HEX_SIGNATURE_LENGTH_BYTES: usize = 64;

/// 64 lower-case hex digits.
pub const HEX: Encoding = Encoding::Hex;
/// Padded, standard base64.
pub const BASE64: Encoding = Encoding::Base64;

/// How the 32 bytes of a signature are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// 64 lower-case hex digits.
    Hex,
    /// 44 characters of padded, standard base64 (RFC 4648 section 4).
    Base64,
}

impl Encoding {
    /// Signs the body alone (seed 003's generator, seed 004). Allocates only the returned text.
    ///
    /// ```
    /// use stentor_verify::{Secret, plain};
    ///
    /// let secret = Secret::raw("Jefe")?;
    /// let body = b"what do ya want for nothing?";
    /// let signature = plain::HEX.sign_body(&secret, body);
    /// assert_eq!(signature, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    /// let signature = plain::BASE64.sign_body(&secret, body);
    /// assert_eq!(signature, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
    /// # Ok::<(), stentor_verify::KeyError>(())
    /// ```
    #[must_use]
    pub fn sign_body(self, secret: &Secret, body: &[u8]) -> String {
        self.encode(&secret.mac(&[body]))
    }

    /// Signs `timestamp.body` (seed 003's tolerant variant) with the timestamp in Unix seconds. Allocates only the
    /// returned text.
    ///
    /// ```
    /// use stentor_verify::{Secret, plain};
    ///
    /// let secret = Secret::raw("your_webhook_secret")?;
    /// let signature = plain::HEX.sign_timestamp_body(&secret, 1_700_000_000, b"{}");
    /// assert_eq!(signature, plain::HEX.sign_body(&secret, b"1700000000.{}"));
    /// # Ok::<(), stentor_verify::KeyError>(())
    /// ```
    #[must_use]
    pub fn sign_timestamp_body(self, secret: &Secret, timestamp_seconds: u64, body: &[u8]) -> String {
        self.encode(&secret.mac(&[Decimal::new(timestamp_seconds).as_bytes(), b".", body]))
    }

    /// Accepts a signature over the body alone that was made with any of the secrets. All secrets are tried, and the
    /// digests are compared in constant time.
    ///
    /// Such a signature never expires. Where the sender adds a timestamp header, [`Tolerance::check`] can refuse a
    /// wrong clock, but not a replay.
    ///
    /// # Errors
    /// [`VerifyError::MalformedSignature`] unless the text is exactly 64 lower-case hex digits, or canonical base64 of 32 bytes;
    /// [`VerifyError::NoMatchingSignature`].
    ///
    /// ```
    /// use stentor_verify::{Secret, VerifyError, plain};
    ///
    /// let secrets = [Secret::raw("new secret")?, Secret::raw("old secret")?];
    /// let signature = plain::HEX.sign_body(&secrets[1], b"{}");
    /// assert_eq!(plain::HEX.verify_body(&secrets, &signature, b"{}"), Ok(()));
    /// assert_eq!(plain::HEX.verify_body(&secrets, &signature, b"[]"), Err(VerifyError::NoMatchingSignature));
    /// assert_eq!(plain::BASE64.verify_body(&secrets, "e30=", b"{}"), Err(VerifyError::MalformedSignature));
    /// # Ok::<(), stentor_verify::KeyError>(())
    /// ```
    pub fn verify_body(self, secrets: &[Secret], signature: &str, body: &[u8]) -> Result<(), VerifyError> {
        self.verify(secrets, signature, &[body])
    }

    /// Accepts a signature over `timestamp.body` that was made with any of the secrets, if the timestamp (the header's
    /// text, Unix seconds) is within the tolerance of `now_unix_seconds`. All secrets are tried, and the digests are
    /// compared in constant time.
    ///
    /// # Errors
    /// Those of [`Tolerance::check`] and of [`Encoding::verify_body`].
    ///
    /// ```
    /// use stentor_verify::{Secret, Tolerance, VerifyError, plain};
    ///
    /// let secrets = [Secret::raw("your_webhook_secret")?];
    /// let signature = plain::HEX.sign_timestamp_body(&secrets[0], 1_700_000_000, b"{}");
    /// let verify = |now_unix_seconds| {
    ///     let tolerance = Tolerance::default();
    ///     plain::HEX.verify_timestamp_body(&secrets, &signature, "1700000000", b"{}", tolerance, now_unix_seconds)
    /// };
    /// assert_eq!(verify(1_700_000_007), Ok(()));
    /// assert_eq!(verify(1_700_000_301), Err(VerifyError::TooOld));
    /// # Ok::<(), stentor_verify::KeyError>(())
    /// ```
    pub fn verify_timestamp_body(
        self,
        secrets: &[Secret],
        signature: &str,
        timestamp: &str,
        body: &[u8],
        tolerance: Tolerance,
        now_unix_seconds: u64,
    ) -> Result<(), VerifyError> {
        tolerance.check(timestamp, now_unix_seconds)?;
        self.verify(secrets, signature, &[timestamp.as_bytes(), b".", body])
    }

    fn verify(self, secrets: &[Secret], signature: &str, parts: &[&[u8]]) -> Result<(), VerifyError> {
        let given = self.decode(signature).ok_or(VerifyError::MalformedSignature)?;
        // No early exit: the time taken must not tell which secret matched.
        let matched =
            secrets.iter().fold(Choice::from(0), |matched, secret| matched | secret.mac(parts).ct_eq(&given));
        if matched.into() { Ok(()) } else { Err(VerifyError::NoMatchingSignature) }
    }

    pub(crate) fn encode(self, digest: &[u8; 32]) -> String {
        match self {
            Self::Hex => {
                let mut text = String::with_capacity(HEX_SIGNATURE_LENGTH_BYTES);
                append_hex(digest, &mut text);
                text
            }
            Self::Base64 => STANDARD.encode(digest),
        }
    }

    /// The one reader of plain signatures: nothing before, after or between the characters, and one way to write each.
    pub(crate) fn decode(self, text: &str) -> Option<[u8; 32]> {
        match self {
            Self::Hex => decode_hex(text),
            Self::Base64 => {
                // The decoder wants room for its estimate of 44 characters.
                let mut decoded = [0; 33];
                let length = STANDARD.decode_slice(text, &mut decoded).ok()?;
                decoded[..length].try_into().ok()
            }
        }
    }
}

/// Appends lower-case hex digits.
pub(crate) fn append_hex(bytes: &[u8], text: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 0x0F)]));
    }
}

fn decode_hex(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; HEX_SIGNATURE_LENGTH_BYTES] = text.as_bytes().try_into().ok()?;
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
