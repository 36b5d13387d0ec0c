//! The sender's side.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{HMAC_VERSION, content_parts, id_is_unambiguous};
use crate::decimal::Decimal;
#[cfg(feature = "ed25519")]
use crate::ed25519::{SIGNING_KEY_PREFIX, SigningKey};
use crate::error::{KeyError, SignError};
use crate::secret::Secret;

/// `v1,` and 32 bytes in base64, or `v1a,` and 64 bytes, each with the space before the next.
const HMAC_ENTRY_LENGTH_BYTES: usize = 3 + 44 + 1;
#[cfg(feature = "ed25519")]
const ED25519_ENTRY_LENGTH_BYTES: usize = 4 + 88 + 1;

/// A key that makes signatures.
#[derive(Debug, Clone)]
pub enum SignerKey {
    /// Makes `v1` signatures: HMAC-SHA256.
    Secret(Secret),
    /// Makes `v1a` signatures: ed25519.
    #[cfg(feature = "ed25519")]
    SigningKey(SigningKey),
}

impl SignerKey {
    /// Reads a key text: `whsk_…` as ed25519 signing key (with feature `ed25519`), anything else by
    /// [`Secret::parse`].
    ///
    /// # Errors
    /// Those of [`Secret::parse`] and `SigningKey::parse`. A `whpk_` key cannot sign.
    ///
    /// ```
    /// use stentor_verify::{KeyError, standard::SignerKey};
    ///
    /// let key = SignerKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
    /// assert!(matches!(key, SignerKey::Secret(_)));
    /// # Ok::<(), KeyError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        #[cfg(feature = "ed25519")]
        if text.starts_with(SIGNING_KEY_PREFIX) {
            return SigningKey::parse(text).map(Self::SigningKey);
        }
        Secret::parse(text).map(Self::Secret)
    }

    fn append_signature(&self, parts: &[&[u8]], header: &mut String) {
        match self {
            Self::Secret(secret) => {
                header.push_str(HMAC_VERSION);
                header.push(',');
                STANDARD.encode_string(secret.mac(parts), header);
            }
            #[cfg(feature = "ed25519")]
            Self::SigningKey(key) => {
                header.push_str(super::ED25519_VERSION);
                header.push(',');
                STANDARD.encode_string(key.sign(parts), header);
            }
        }
    }

    fn entry_length_bytes(&self) -> usize {
        match self {
            Self::Secret(_) => HMAC_ENTRY_LENGTH_BYTES,
            #[cfg(feature = "ed25519")]
            Self::SigningKey(_) => ED25519_ENTRY_LENGTH_BYTES,
        }
    }
}

impl From<Secret> for SignerKey {
    fn from(secret: Secret) -> Self {
        Self::Secret(secret)
    }
}

#[cfg(feature = "ed25519")]
impl From<SigningKey> for SignerKey {
    fn from(key: SigningKey) -> Self {
        Self::SigningKey(key)
    }
}

/// Signs with one or more keys. Build it once per set of keys and share it: the keys are prepared in it.
#[derive(Debug, Clone)]
pub struct Signer {
    keys: Vec<SignerKey>,
    header_length_bytes: usize,
}

impl Signer {
    /// Takes the keys in the order in which their signatures shall be listed; during rotation the new one first.
    ///
    /// # Errors
    /// [`KeyError::NoKeys`].
    ///
    /// ```
    /// use stentor_verify::{KeyError, standard::{Signer, SignerKey}};
    ///
    /// assert!(Signer::new([SignerKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?]).is_ok());
    /// assert_eq!(Signer::new([]).unwrap_err(), KeyError::NoKeys);
    /// # Ok::<(), KeyError>(())
    /// ```
    pub fn new(keys: impl IntoIterator<Item = SignerKey>) -> Result<Self, KeyError> {
        let keys: Vec<SignerKey> = keys.into_iter().collect();
        if keys.is_empty() {
            return Err(KeyError::NoKeys);
        }
        let entries_length_bytes: usize = keys.iter().map(SignerKey::entry_length_bytes).sum();
        Ok(Self { keys, header_length_bytes: entries_length_bytes - 1 })
    }

    /// The value of the `webhook-signature` header: one signature per key, separated by spaces. The timestamp is the
    /// time of the attempt in Unix seconds. The body is read in place, and only the returned text is allocated.
    ///
    /// # Errors
    /// [`SignError::InvalidId`] for an id that is empty or contains a full stop.
    ///
    /// ```
    /// use stentor_verify::standard::{Signer, SignerKey};
    ///
    /// let signer = Signer::new([SignerKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?])?;
    /// let header = signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#)?;
    /// assert_eq!(header, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sign(&self, id: &str, timestamp_seconds: u64, body: &[u8]) -> Result<String, SignError> {
        if !id_is_unambiguous(id) {
            return Err(SignError::InvalidId);
        }
        let timestamp = Decimal::new(timestamp_seconds);
        let parts = content_parts(id, timestamp.as_bytes(), body);
        let mut header = String::with_capacity(self.header_length_bytes);
        for key in &self.keys {
            if !header.is_empty() {
                header.push(' ');
            }
            key.append_signature(&parts, &mut header);
        }
        Ok(header)
    }
}
