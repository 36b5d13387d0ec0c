//! Ed25519 keys (RFC 8032) in the Standard Webhooks text forms.

use std::fmt;

use ed25519_dalek::ed25519::signature::{MultipartSigner, MultipartVerifier};
use zeroize::Zeroizing;

use crate::error::KeyError;
use crate::secret::{decode_key, encode_key};

/// Prefix of a signing key in the Standard Webhooks text form.
pub(crate) const SIGNING_KEY_PREFIX: &str = "whsk_";
/// Prefix of a public key in the Standard Webhooks text form.
pub(crate) const PUBLIC_KEY_PREFIX: &str = "whpk_";

/// The sender's half of an ed25519 key pair. Zeroized on drop; `Debug` shows only the public half.
#[derive(Clone)]
pub struct SigningKey(Box<ed25519_dalek::SigningKey>);

impl SigningKey {
    /// Reads `whsk_` + base64 of either the 32-byte seed, or the 64 bytes of seed and public key that other
    /// senders store.
    ///
    /// # Errors
    /// [`KeyError::WrongPrefix`], [`KeyError::InvalidBase64`], [`KeyError::WrongLength`], or
    /// [`KeyError::InvalidKey`] when the public half does not belong to the seed.
    ///
    /// ```
    /// use stentor_verify::SigningKey;
    ///
    /// let key = SigningKey::parse("whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=")?;
    /// assert!(key.public_key().to_text().starts_with("whpk_"));
    /// # Ok::<(), stentor_verify::KeyError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = decode_prefixed(SIGNING_KEY_PREFIX, text)?;
        if let Ok(seed) = <&[u8; 32]>::try_from(bytes.as_slice()) {
            return Ok(Self(Box::new(ed25519_dalek::SigningKey::from_bytes(seed))));
        }
        let pair = <&[u8; 64]>::try_from(bytes.as_slice())
            .map_err(|_| KeyError::WrongLength { actual_bytes: bytes.len() })?;
        let key = ed25519_dalek::SigningKey::from_keypair_bytes(pair).map_err(|_| KeyError::InvalidKey)?;
        Ok(Self(Box::new(key)))
    }

    /// The `whsk_` text of a new key whose seed is 32 random bytes that the caller took from a cryptographic source.
    ///
    /// ```
    /// use stentor_verify::SigningKey;
    ///
    /// let entropy = [7; 32]; // from the operating system's random source in real use
    /// assert!(SigningKey::parse(&SigningKey::generate(entropy)).is_ok());
    /// ```
    #[must_use]
    pub fn generate(entropy: [u8; 32]) -> String {
        let entropy = Zeroizing::new(entropy);
        encode_key(SIGNING_KEY_PREFIX, &*entropy)
    }

    /// The half that receivers need.
    ///
    /// ```
    /// use stentor_verify::{PublicKey, SigningKey};
    ///
    /// let public_key = SigningKey::parse(&SigningKey::generate([7; 32]))?.public_key();
    /// assert_eq!(PublicKey::parse(&public_key.to_text())?, public_key);
    /// # Ok::<(), stentor_verify::KeyError>(())
    /// ```
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(Box::new(self.0.verifying_key()))
    }

    /// Signs the parts in order, without joining them.
    pub(crate) fn sign(&self, parts: &[&[u8]]) -> [u8; 64] {
        self.0.multipart_sign(parts).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").field("public_key", &self.public_key()).finish_non_exhaustive()
    }
}

/// The receiver's half of an ed25519 key pair.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(Box<ed25519_dalek::VerifyingKey>);

impl PublicKey {
    /// Reads `whpk_` + base64 of the 32-byte public key.
    ///
    /// # Errors
    /// [`KeyError::WrongPrefix`], [`KeyError::InvalidBase64`], [`KeyError::WrongLength`], or
    /// [`KeyError::InvalidKey`] for bytes that are no point of the curve or a point of small order.
    ///
    /// ```
    /// use stentor_verify::{KeyError, PublicKey};
    ///
    /// let text = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    /// assert_eq!(PublicKey::parse(text)?.to_text(), text);
    /// assert_eq!(PublicKey::parse("whpk_AAAA"), Err(KeyError::WrongLength { actual_bytes: 3 }));
    /// # Ok::<(), KeyError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = decode_prefixed(PUBLIC_KEY_PREFIX, text)?;
        let point = <&[u8; 32]>::try_from(bytes.as_slice())
            .map_err(|_| KeyError::WrongLength { actual_bytes: bytes.len() })?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(point).map_err(|_| KeyError::InvalidKey)?;
        // Under a key of small order one signature fits many contents.
        if key.is_weak() {
            return Err(KeyError::InvalidKey);
        }
        Ok(Self(Box::new(key)))
    }

    /// The `whpk_` text of this key.
    ///
    /// ```
    /// use stentor_verify::SigningKey;
    ///
    /// let key = SigningKey::parse("whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=")?;
    /// assert_eq!(key.public_key().to_text().len(), "whpk_".len() + 44);
    /// # Ok::<(), stentor_verify::KeyError>(())
    /// ```
    #[must_use]
    pub fn to_text(&self) -> String {
        encode_key(PUBLIC_KEY_PREFIX, self.0.as_bytes())
    }

    /// Whether the signature was made over these parts, in order, by the other half of this key.
    pub(crate) fn accepts(&self, parts: &[&[u8]], signature: &[u8; 64]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.0.multipart_verify(parts, &signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("PublicKey").field(&self.to_text()).finish()
    }
}

fn decode_prefixed(prefix: &'static str, text: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let encoded = text.strip_prefix(prefix).ok_or(KeyError::WrongPrefix { expected: prefix })?;
    decode_key(encoded)
}

#[cfg(test)]
mod tests;
