//! Signatures that carry their timestamp with them: one header such as `t=1700000000,v1=5257a8…`, HMAC-SHA256 in hex, several
//! of them while a secret is rotated. Convoy, Hook0 and Stripe write it, each with its own mark and separator.

use std::fmt::Write as _;

use subtle::{Choice, ConstantTimeEq};

use crate::decimal::Decimal;
use crate::error::VerifyError;
use crate::plain::{HEX, HEX_SIGNATURE_LENGTH_BYTES};
use crate::secret::Secret;
use crate::standard::MAX_LISTED_SIGNATURES;
use crate::tolerance::Tolerance;

/// What the signatures of one sender look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Stands before each signature: `v1` in `v1=5257a8…`.
    pub mark: &'static str,
    /// Stands between timestamp and body in what is signed.
    pub separator: &'static str,
}

/// Convoy's advanced signatures: `t=…,v1=…` over `timestamp,body`, in `X-Convoy-Signature`.
pub const CONVOY: Layout = Layout { mark: "v1", separator: "," };
/// Hook0's signatures of the body: `t=…,v0=…` over `timestamp.body`, in `X-Hook0-Signature`.
pub const HOOK0: Layout = Layout { mark: "v0", separator: "." };
/// Stripe's signatures: `t=…,v1=…` over `timestamp.body`, in `Stripe-Signature`.
pub const STRIPE: Layout = Layout { mark: "v1", separator: "." };

impl Layout {
    /// The value of the header: the time in Unix seconds, and one signature per secret. Build the secrets with
    /// [`Secret::raw`].
    ///
    /// ```
    /// use stentor_verify::{Secret, plain, timestamped};
    ///
    /// let secret = Secret::raw("endpoint secret")?;
    /// let expected = plain::HEX.sign_body(&secret, b"1700000000,{}");
    /// let header = timestamped::CONVOY.sign(&[secret], 1_700_000_000, b"{}");
    /// assert_eq!(header, format!("t=1700000000,v1={expected}"));
    /// # Ok::<(), stentor_verify::KeyError>(())
    /// ```
    #[must_use]
    pub fn sign(&self, secrets: &[Secret], timestamp_seconds: u64, body: &[u8]) -> String {
        let timestamp = Decimal::new(timestamp_seconds);
        let each = HEX_SIGNATURE_LENGTH_BYTES + self.mark.len() + 2;
        let mut header = String::with_capacity(22 + secrets.len() * each);
        write!(header, "t={timestamp_seconds}").expect("writing to a String");
        for secret in secrets {
            let digest = secret.mac(&[timestamp.as_bytes(), self.separator.as_bytes(), body]);
            write!(header, ",{}={}", self.mark, HEX.encode(&digest)).expect("writing to a String");
        }
        header
    }

    /// Accepts a header in which any listed signature was made with any of the secrets, if its timestamp is within the
    /// tolerance of `now_unix_seconds`. Fields with other names are ignored. All are compared in constant time.
    ///
    /// # Errors
    /// [`VerifyError::MalformedSignature`] without a timestamp or a well-formed signature,
    /// [`VerifyError::TooManySignatures`], those of [`Tolerance::check`], [`VerifyError::NoMatchingSignature`].
    ///
    /// ```
    /// use stentor_verify::{Secret, Tolerance, VerifyError, timestamped::HOOK0};
    ///
    /// let (new, old) = (Secret::raw("new secret")?, Secret::raw("old secret")?);
    /// let header = HOOK0.sign(&[new, old.clone()], 1_700_000_000, b"{}");
    /// let verify = |body, now| HOOK0.verify(&[old.clone()], &header, body, Tolerance::default(), now);
    /// assert_eq!(verify(b"{}", 1_700_000_007), Ok(()));
    /// assert_eq!(verify(b"[]", 1_700_000_007), Err(VerifyError::NoMatchingSignature));
    /// assert_eq!(verify(b"{}", 1_700_000_301), Err(VerifyError::TooOld));
    /// # Ok::<(), stentor_verify::KeyError>(())
    /// ```
    pub fn verify(
        &self,
        secrets: &[Secret],
        header: &str,
        body: &[u8],
        tolerance: Tolerance,
        now_unix_seconds: u64,
    ) -> Result<(), VerifyError> {
        let (timestamp, signatures) = self.read(header)?;
        tolerance.check(timestamp, now_unix_seconds)?;
        let parts = [timestamp.as_bytes(), self.separator.as_bytes(), body];
        let matched = secrets.iter().fold(Choice::from(0), |matched, secret| {
            let digest = secret.mac(&parts);
            signatures.iter().fold(matched, |matched, given| matched | digest.ct_eq(given))
        });
        if matched.into() { Ok(()) } else { Err(VerifyError::NoMatchingSignature) }
    }

    /// The timestamp and the well-formed signatures.
    fn read<'a>(&self, header: &'a str) -> Result<(&'a str, Vec<[u8; 32]>), VerifyError> {
        let fields = || header.split(',').filter_map(|field| field.trim().split_once('='));
        if fields().nth(MAX_LISTED_SIGNATURES + 1).is_some() {
            return Err(VerifyError::TooManySignatures);
        }
        let timestamp = fields().find(|(name, _)| *name == "t").map(|(_, value)| value);
        let timestamp = timestamp.ok_or(VerifyError::MalformedSignature)?;
        let listed = fields().filter(|(name, _)| *name == self.mark);
        let signatures: Vec<_> = listed.filter_map(|(_, value)| HEX.decode(value)).collect();
        if signatures.is_empty() { Err(VerifyError::MalformedSignature) } else { Ok((timestamp, signatures)) }
    }
}

#[cfg(test)]
mod tests {
    use super::{CONVOY, HOOK0, STRIPE};
    use crate::{Secret, Tolerance, VerifyError};

    const NOW: u64 = 1_700_000_000;

    fn check(header: &str) -> Result<(), VerifyError> {
        let secrets = [Secret::raw("secret").unwrap()];
        STRIPE.verify(&secrets, header, b"{}", Tolerance::default(), NOW)
    }

    #[test]
    fn layouts_are_told_apart() {
        let secrets = [Secret::raw("secret").unwrap()];
        let stripe = STRIPE.sign(&secrets, NOW, b"{}");
        assert_eq!(check(&stripe), Ok(()));
        assert_eq!(check(&CONVOY.sign(&secrets, NOW, b"{}")), Err(VerifyError::NoMatchingSignature));
        assert_eq!(check(&HOOK0.sign(&secrets, NOW, b"{}")), Err(VerifyError::MalformedSignature));
        assert_eq!(check(&format!("{stripe},v0=abc,extra=1")), Ok(()));
        let (timestamp, signature) = stripe.split_once(',').unwrap();
        assert_eq!(check(&format!("{signature}, {timestamp}")), Ok(()));
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let zeros = "0".repeat(64);
        for (header, expected) in [
            (String::new(), VerifyError::MalformedSignature),
            ("t=1700000000".into(), VerifyError::MalformedSignature),
            (format!("v1={zeros}"), VerifyError::MalformedSignature),
            ("t=1700000000,v1=00".into(), VerifyError::MalformedSignature),
            (format!("t=soon,v1={zeros}"), VerifyError::InvalidTimestamp),
            (format!("t=1700000301,v1={zeros}"), VerifyError::TooNew),
            (format!("t=1700000000,v1={zeros}"), VerifyError::NoMatchingSignature),
            (format!("t=1700000000{}", format!(",v1={zeros}").repeat(33)), VerifyError::TooManySignatures),
        ] {
            assert_eq!(check(&header), Err(expected), "{header}");
        }
    }

    #[test]
    fn a_known_vector() {
        // Made with `printf '1700000000,{"a":1}' | openssl dgst -sha256 -hmac endpoint-secret`.
        let header = CONVOY.sign(&[Secret::raw("endpoint-secret").unwrap()], NOW, b"{\"a\":1}");
        assert_eq!(
            header,
            "t=1700000000,v1=bd7a24dbb69fec5794e26a369c122cf8f04c53c1c33cdd941401b35ba8d547c5"
        );
    }
}
