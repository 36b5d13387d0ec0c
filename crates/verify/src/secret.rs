//! Shared secrets: text forms, and the HMAC-SHA256 state that is prepared once per secret.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::error::KeyError;

/// Prefix of a shared secret in the Standard Webhooks text form.
const SECRET_PREFIX: &str = "whsec_";
/// Prefixes of ed25519 keys in the Standard Webhooks text form.
const ASYMMETRIC_PREFIXES: [&str; 2] = ["whsk_", "whpk_"];

/// A secret that sender and receiver share.
///
/// It holds the HMAC state after the key block instead of the key itself, which halves the work for a short body.
/// The state is zeroized on drop and stays behind one pointer, so that moving a secret leaves no copy behind.
#[derive(Clone)]
pub struct Secret {
    keyed: Box<Hmac<Sha256>>,
    standard: bool,
}

impl Secret {
    /// Reads a secret as Standard Webhooks uses it: `whsec_` + base64 stands for the decoded bytes, any other text
    /// for its own UTF-8 bytes (Standard Webhooks 1.0.0, "Signature scheme").
    ///
    /// Nothing is trimmed: a trailing line feed makes a `whsec_` secret invalid and another one different.
    ///
    /// # Errors
    /// [`KeyError::Empty`], [`KeyError::InvalidBase64`], or [`KeyError::AsymmetricKey`] for `whsk_` and `whpk_`.
    ///
    /// ```
    /// use stentor_verify::{KeyError, Secret};
    ///
    /// assert!(Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?.is_standard());
    /// assert!(!Secret::parse("correct horse battery staple")?.is_standard());
    /// assert_eq!(Secret::parse("whsec_???").unwrap_err(), KeyError::InvalidBase64);
    /// # Ok::<(), KeyError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if ASYMMETRIC_PREFIXES.iter().any(|prefix| text.starts_with(prefix)) {
            return Err(KeyError::AsymmetricKey);
        }
        let Some(encoded) = text.strip_prefix(SECRET_PREFIX) else {
            return Self::new(text.as_bytes(), false);
        };
        Self::new(&decode_key(encoded)?, true)
    }

    /// Takes the UTF-8 bytes of the whole text as shown, `whsec_` included, as the plain hex schemes of seeds 003
    /// and 004 do (`secret.encode()` in their samples).
    ///
    /// # Errors
    /// [`KeyError::Empty`].
    ///
    /// ```
    /// use stentor_verify::{Secret, plain};
    ///
    /// let as_shown = Secret::raw("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
    /// let decoded = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
    /// assert_ne!(plain::HEX.sign_body(&as_shown, b"{}"), plain::HEX.sign_body(&decoded, b"{}"));
    /// # Ok::<(), stentor_verify::KeyError>(())
    /// ```
    pub fn raw(text: &str) -> Result<Self, KeyError> {
        Self::new(text.as_bytes(), false)
    }

    /// Takes the key bytes themselves.
    ///
    /// # Errors
    /// [`KeyError::Empty`].
    ///
    /// ```
    /// use stentor_verify::{KeyError, Secret};
    ///
    /// assert!(Secret::from_bytes(&[7; 32]).is_ok());
    /// assert_eq!(Secret::from_bytes(&[]).unwrap_err(), KeyError::Empty);
    /// ```
    pub fn from_bytes(key: &[u8]) -> Result<Self, KeyError> {
        Self::new(key, false)
    }

    /// The `whsec_` text of 32 random bytes that the caller took from a cryptographic source.
    ///
    /// ```
    /// use stentor_verify::Secret;
    ///
    /// let entropy = [7; 32]; // from the operating system's random source in real use
    /// let text = Secret::generate(entropy);
    /// assert!(Secret::parse(&text)?.is_standard());
    /// # Ok::<(), stentor_verify::KeyError>(())
    /// ```
    #[must_use]
    pub fn generate(mut entropy: [u8; 32]) -> String {
        let text = encode_key(SECRET_PREFIX, &entropy);
        entropy.zeroize();
        text
    }

    /// Whether the secret was given in the `whsec_` form. Libraries of others base64-decode every secret, so a
    /// secret in another form is likely to fail in them.
    ///
    /// ```
    /// use stentor_verify::Secret;
    ///
    /// assert!(!Secret::raw("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?.is_standard());
    /// # Ok::<(), stentor_verify::KeyError>(())
    /// ```
    #[must_use]
    pub fn is_standard(&self) -> bool {
        self.standard
    }

    /// HMAC-SHA256 (RFC 2104) over the parts in order, without joining them.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::clone(&self.keyed);
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    fn new(key: &[u8], standard: bool) -> Result<Self, KeyError> {
        if key.is_empty() {
            return Err(KeyError::Empty);
        }
        let keyed = Hmac::new_from_slice(key).expect("HMAC takes keys of every length");
        Ok(Self { keyed: Box::new(keyed), standard })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Secret").field("standard", &self.standard).finish_non_exhaustive()
    }
}

/// Decodes the base64 part of a key text: standard alphabet, padded, canonical, as all libraries read it.
pub(crate) fn decode_key(encoded: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    // Decoding into a buffer of the full size never reallocates, so no unwiped copy is left on the heap.
    let mut decoded = Zeroizing::new(vec![0; base64::decoded_len_estimate(encoded.len())]);
    let length = STANDARD.decode_slice(encoded, &mut decoded).map_err(|_| KeyError::InvalidBase64)?;
    decoded.truncate(length);
    Ok(decoded)
}

/// Writes a key text: the prefix, then base64.
pub(crate) fn encode_key(prefix: &str, key: &[u8]) -> String {
    let encoded_length = base64::encoded_len(key.len(), true).expect("a key is far shorter than memory");
    let mut text = String::with_capacity(prefix.len() + encoded_length);
    text.push_str(prefix);
    STANDARD.encode_string(key, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::{Secret, encode_key};
    use crate::error::KeyError;

    const BODY: &[&[u8]] = &[b"body"];

    #[test]
    fn text_forms_stand_for_the_right_bytes() {
        let text = Secret::generate([0xAB; 32]);
        assert_eq!(text.len(), "whsec_".len() + 44);
        assert_eq!(text.capacity(), text.len());
        let mac = |secret: Result<Secret, KeyError>| secret.unwrap().mac(BODY);
        assert_eq!(mac(Secret::parse(&text)), mac(Secret::from_bytes(&[0xAB; 32])));
        assert_eq!(mac(Secret::raw(&text)), mac(Secret::from_bytes(text.as_bytes())));
        assert_eq!(mac(Secret::parse("plain ü")), mac(Secret::from_bytes("plain ü".as_bytes())));
        assert_ne!(mac(Secret::parse(&text)), mac(Secret::raw(&text)));
    }

    #[test]
    fn splitting_the_content_changes_nothing() {
        let secret = Secret::raw("key").unwrap();
        assert_eq!(secret.mac(&[b"", b"bo", b"dy"]), secret.mac(BODY));
    }

    #[test]
    fn refused_texts() {
        let refused = |text: &str| Secret::parse(text).unwrap_err();
        assert_eq!(refused(""), KeyError::Empty);
        assert_eq!(refused("whsec_"), KeyError::Empty);
        for text in
            ["whsec_A", "whsec_AA", "whsec_AB==", "whsec_AAA_", "whsec_AAAA\n", "whsec_ AAAA", "whsec_é"]
        {
            assert_eq!(refused(text), KeyError::InvalidBase64, "{text:?}");
        }
        for prefix in ["whsk_", "whpk_"] {
            assert_eq!(refused(&encode_key(prefix, &[1; 32])), KeyError::AsymmetricKey);
        }
        assert_eq!(Secret::raw("").unwrap_err(), KeyError::Empty);
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", Secret::raw("hunter2").unwrap()), "Secret { standard: false, .. }");
        assert_eq!(format!("{:?}", Secret::parse("whsec_AAAA").unwrap()), "Secret { standard: true, .. }");
    }

    /// Fails to compile when a dependency's `zeroize` feature is switched off.
    #[test]
    fn key_material_is_wiped() {
        fn wiped_on_drop<T: zeroize::ZeroizeOnDrop>() {}
        wiped_on_drop::<sha2::Sha256>();
        #[cfg(feature = "ed25519")]
        wiped_on_drop::<ed25519_dalek::SigningKey>();
    }
}
