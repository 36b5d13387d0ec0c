//! The receiver's side.

use subtle::{Choice, ConstantTimeEq};

use super::listed::Listed;
use super::{Headers, content_parts, id_is_unambiguous};
#[cfg(feature = "ed25519")]
use crate::ed25519::{PUBLIC_KEY_PREFIX, PublicKey};
use crate::error::{KeyError, VerifyError};
use crate::secret::Secret;
use crate::tolerance::Tolerance;

/// A key that checks signatures. Each kind checks only its own version, so that a public key is never used as a
/// shared secret.
#[derive(Debug, Clone)]
pub enum VerifierKey {
    /// Checks `v1` signatures: HMAC-SHA256.
    Secret(Secret),
    /// Checks `v1a` signatures: ed25519.
    #[cfg(feature = "ed25519")]
    PublicKey(PublicKey),
}

impl VerifierKey {
    /// Reads a key text: `whpk_…` as ed25519 public key (with feature `ed25519`), anything else by
    /// [`Secret::parse`].
    ///
    /// # Errors
    /// Those of [`Secret::parse`] and `PublicKey::parse`. A `whsk_` key belongs to the sender alone.
    ///
    /// ```
    /// use stentor_verify::{KeyError, standard::VerifierKey};
    ///
    /// let key = VerifierKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
    /// assert!(matches!(key, VerifierKey::Secret(_)));
    /// # Ok::<(), KeyError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        #[cfg(feature = "ed25519")]
        if text.starts_with(PUBLIC_KEY_PREFIX) {
            return PublicKey::parse(text).map(Self::PublicKey);
        }
        Secret::parse(text).map(Self::Secret)
    }

    fn matches(&self, parts: &[&[u8]], listed: &Listed) -> Choice {
        match self {
            // Without a v1 entry there is nothing to compare with, so the body need not be hashed.
            Self::Secret(_) if listed.hmac.is_empty() => Choice::from(0),
            Self::Secret(secret) => {
                let expected = secret.mac(parts);
                listed.hmac.iter().fold(Choice::from(0), |matched, given| matched | given.ct_eq(&expected))
            }
            // Nothing is secret here, so the first match may end the search.
            #[cfg(feature = "ed25519")]
            Self::PublicKey(key) => {
                Choice::from(u8::from(listed.ed25519.iter().any(|given| key.accepts(parts, given))))
            }
        }
    }
}

impl From<Secret> for VerifierKey {
    fn from(secret: Secret) -> Self {
        Self::Secret(secret)
    }
}

#[cfg(feature = "ed25519")]
impl From<PublicKey> for VerifierKey {
    fn from(key: PublicKey) -> Self {
        Self::PublicKey(key)
    }
}

/// Checks received webhooks against one or more keys. Build it once and share it.
#[derive(Debug, Clone)]
pub struct Verifier {
    keys: Vec<VerifierKey>,
    tolerance: Tolerance,
}

impl Verifier {
    /// Takes the trusted keys, with the default [`Tolerance`] of 300 seconds.
    ///
    /// # Errors
    /// [`KeyError::NoKeys`].
    ///
    /// ```
    /// use stentor_verify::{KeyError, standard::{Verifier, VerifierKey}};
    ///
    /// assert!(Verifier::new([VerifierKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?]).is_ok());
    /// assert_eq!(Verifier::new([]).unwrap_err(), KeyError::NoKeys);
    /// # Ok::<(), KeyError>(())
    /// ```
    pub fn new(keys: impl IntoIterator<Item = VerifierKey>) -> Result<Self, KeyError> {
        let keys: Vec<VerifierKey> = keys.into_iter().collect();
        if keys.is_empty() {
            return Err(KeyError::NoKeys);
        }
        Ok(Self { keys, tolerance: Tolerance::default() })
    }

    /// The same verifier with another tolerance.
    ///
    /// ```
    /// use stentor_verify::{KeyError, Tolerance, standard::{Verifier, VerifierKey}};
    ///
    /// let key = VerifierKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
    /// let verifier = Verifier::new([key])?.with_tolerance(Tolerance::Seconds(60));
    /// # Ok::<(), KeyError>(())
    /// ```
    #[must_use]
    pub fn with_tolerance(self, tolerance: Tolerance) -> Self {
        Self { tolerance, ..self }
    }

    /// Accepts the webhook if its timestamp is within the tolerance of `now_unix_seconds` and any listed signature
    /// was made with any of the keys over exactly this id, timestamp and body. The body is the bytes as received,
    /// never parsed and written again. Shared secrets are compared in constant time, without early exit.
    ///
    /// A webhook may arrive more than once: keep the ids of the last minutes to recognise a repetition.
    ///
    /// # Errors
    /// Every [`VerifyError`] except `MissingHeader`. The timestamp is checked before the signatures.
    ///
    /// ```
    /// use stentor_verify::VerifyError;
    /// use stentor_verify::standard::{Headers, Verifier, VerifierKey};
    ///
    /// let verifier = Verifier::new([VerifierKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?])?;
    /// let headers = Headers {
    ///     id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    ///     timestamp: "1614265330",
    ///     signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    /// };
    /// let body = br#"{"test": 2432232314}"#;
    /// assert_eq!(verifier.verify(&headers, body, 1_614_265_340), Ok(()));
    /// assert_eq!(verifier.verify(&headers, b"{}", 1_614_265_340), Err(VerifyError::NoMatchingSignature));
    /// assert_eq!(verifier.verify(&headers, body, 1_700_000_000), Err(VerifyError::TooOld));
    /// # Ok::<(), stentor_verify::KeyError>(())
    /// ```
    pub fn verify(
        &self,
        headers: &Headers<'_>,
        body: &[u8],
        now_unix_seconds: u64,
    ) -> Result<(), VerifyError> {
        if !id_is_unambiguous(headers.id) {
            return Err(VerifyError::InvalidId);
        }
        self.tolerance.check(headers.timestamp, now_unix_seconds)?;
        let listed = Listed::parse(headers.signature)?;
        // The timestamp is hashed as it was written, so that a sender's leading zeros do no harm.
        let parts = content_parts(headers.id, headers.timestamp.as_bytes(), body);
        let matched =
            self.keys.iter().fold(Choice::from(0), |matched, key| matched | key.matches(&parts, &listed));
        if matched.into() { Ok(()) } else { Err(VerifyError::NoMatchingSignature) }
    }
}
