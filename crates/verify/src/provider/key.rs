//! Keys: the texts that users paste, prepared for one scheme.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use p256::pkcs8::DecodePublicKey;
use rsa::traits::PublicKeyParts;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::given::decode_hex;
use super::record::{Algorithm, KeyForm};
use crate::secret::decode_key;
use crate::standard::VerifierKey;

/// The smallest RSA modulus that is accepted, in bits (NIST SP 800-131A).
pub(super) const RSA_BITS_MIN: usize = 2_048;
const RSA_BITS_MAX: usize = 8_192;
const SECRET_PREFIX: &str = "whsec_";

/// A key that was made for one [`Scheme`](super::Scheme) by [`Scheme::key`](super::Scheme::key). Shows nothing, and is
/// wiped on drop.
#[derive(Clone)]
pub struct Key {
    pub(super) material: Material,
    /// As it was given, for finding out what would have fitted.
    pub(super) text: Zeroizing<String>,
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Key").finish_non_exhaustive()
    }
}

/// Why a text is no key of a scheme. Carries nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRefused {
    /// Nothing was given; anyone could sign with it.
    #[error("the secret is empty")]
    Empty,
    /// It is longer than any provider's.
    #[error("the secret is longer than 16 384 bytes")]
    TooLong,
    /// It is not written as the scheme has it.
    #[error("the secret is not {expected}")]
    Form {
        /// What it should be.
        expected: &'static str,
    },
    /// It is written as it should be, but is no usable key.
    #[error("this is not a usable key: {0}")]
    Unusable(&'static str),
    /// The scheme has no challenge that needs a token of its own.
    #[error("this scheme has no verify token")]
    NoVerifyToken,
}

/// Longest key text: a PEM bundle.
const TEXT_MAX_BYTES: usize = 16_384;

#[derive(Clone)]
pub(super) enum Material {
    Mac(MacKey),
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
    P256(Box<p256::ecdsa::VerifyingKey>),
    Rsa(Box<rsa::PublicKey>),
    Standard(VerifierKey),
    /// Compared, or part of what is signed; the text is in [`Key::text`].
    Text,
    /// Answers a handshake and verifies nothing.
    VerifyToken,
}

impl Key {
    /// Reads the text as the algorithm's key.
    pub(super) fn parse(algorithm: Algorithm, form: KeyForm, text: &str) -> Result<Self, KeyRefused> {
        let material = match algorithm {
            Algorithm::HmacSha1 | Algorithm::HmacSha256 | Algorithm::HmacSha512 => {
                Material::Mac(MacKey::new(algorithm, &bytes(form, text)?))
            }
            Algorithm::Ed25519 => Material::Ed25519(Box::new(ed25519(&bytes(form, text)?)?)),
            Algorithm::EcdsaP256 => {
                let key = p256::ecdsa::VerifyingKey::from_public_key_der(&spki(form, text)?);
                Material::P256(Box::new(key.map_err(|_| KeyRefused::Unusable("no public key of P-256"))?))
            }
            Algorithm::RsaSha256 => {
                let key = rsa::PublicKey::from_public_key_der(&spki(form, text)?);
                Material::Rsa(Box::new(usable_rsa(
                    key.map_err(|_| KeyRefused::Unusable("no public key of RSA"))?,
                )?))
            }
            Algorithm::Basic if !text.contains(':') => {
                return Err(KeyRefused::Form { expected: "username:password" });
            }
            Algorithm::Equality | Algorithm::Basic => Material::Text,
        };
        Self::with(material, text)
    }

    pub(super) fn with(material: Material, text: &str) -> Result<Self, KeyRefused> {
        if text.is_empty() {
            return Err(KeyRefused::Empty);
        }
        if text.len() > TEXT_MAX_BYTES {
            return Err(KeyRefused::TooLong);
        }
        Ok(Self { material, text: Zeroizing::new(text.to_owned()) })
    }

    /// Whether the given text is this key's. Takes the same time wherever they differ.
    pub(super) fn is_text(&self, given: &[u8]) -> bool {
        // Digests, so that the length does not show either.
        Sha256::digest(self.text.as_bytes()).ct_eq(&Sha256::digest(given)).into()
    }
}

/// Refuses sizes that are broken, or that only cost time.
pub(super) fn usable_rsa(key: rsa::PublicKey) -> Result<rsa::PublicKey, KeyRefused> {
    let bits = key.size() * 8;
    if (RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
        Ok(key)
    } else {
        Err(KeyRefused::Unusable("an RSA key has 2 048 to 8 192 bits"))
    }
}

/// The bytes that the text stands for.
pub(super) fn bytes(form: KeyForm, text: &str) -> Result<Zeroizing<Vec<u8>>, KeyRefused> {
    if text.len() > TEXT_MAX_BYTES {
        return Err(KeyRefused::TooLong);
    }
    let decoded = match form {
        KeyForm::Utf8 => Zeroizing::new(text.as_bytes().to_vec()),
        KeyForm::Hex => Zeroizing::new(
            decode_hex(text).ok_or(KeyRefused::Form { expected: "hexadecimal digits, two a byte" })?,
        ),
        KeyForm::Base64 => decode_key(text).map_err(|_| KeyRefused::Form { expected: "base64" })?,
        KeyForm::Whsec => {
            let encoded = text.strip_prefix(SECRET_PREFIX);
            let encoded = encoded.ok_or(KeyRefused::Form { expected: "whsec_ followed by base64" })?;
            decode_key(encoded).map_err(|_| KeyRefused::Form { expected: "whsec_ followed by base64" })?
        }
    };
    if decoded.is_empty() { Err(KeyRefused::Empty) } else { Ok(decoded) }
}

fn ed25519(bytes: &[u8]) -> Result<ed25519_dalek::VerifyingKey, KeyRefused> {
    let point = bytes.try_into().map_err(|_| KeyRefused::Unusable("an ed25519 key has 32 bytes"))?;
    let key = ed25519_dalek::VerifyingKey::from_bytes(point);
    // Under a key of small order one signature fits many contents.
    key.ok().filter(|key| !key.is_weak()).ok_or(KeyRefused::Unusable("no point of the curve, or a weak one"))
}

/// DER of a `SubjectPublicKeyInfo`, which providers show as PEM or as the base64 inside of it.
fn spki(form: KeyForm, text: &str) -> Result<Vec<u8>, KeyRefused> {
    const EXPECTED: KeyRefused = KeyRefused::Form { expected: "a public key in PEM or base64" };
    if form != KeyForm::Base64 {
        return bytes(form, text).map(|bytes| bytes.to_vec());
    }
    if text.len() > TEXT_MAX_BYTES {
        return Err(KeyRefused::TooLong);
    }
    let mut inner = text.trim();
    if let Some(after) = inner.strip_prefix("-----BEGIN PUBLIC KEY-----") {
        inner = after.split_once("-----END PUBLIC KEY-----").ok_or(EXPECTED)?.0;
    }
    let encoded: String = inner.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    STANDARD.decode(encoded).ok().filter(|der| !der.is_empty()).ok_or(EXPECTED)
}

/// The state of an HMAC after its key block; zeroized on drop, and behind a pointer so that a move leaves no copy.
#[derive(Clone)]
pub(super) enum MacKey {
    Sha1(Box<Hmac<Sha1>>),
    Sha256(Box<Hmac<Sha256>>),
    Sha512(Box<Hmac<Sha512>>),
}

impl MacKey {
    pub(super) fn new(algorithm: Algorithm, key: &[u8]) -> Self {
        const ANY_LENGTH: &str = "HMAC takes keys of every length";
        match algorithm {
            Algorithm::HmacSha1 => Self::Sha1(Box::new(Hmac::new_from_slice(key).expect(ANY_LENGTH))),
            Algorithm::HmacSha512 => Self::Sha512(Box::new(Hmac::new_from_slice(key).expect(ANY_LENGTH))),
            _ => Self::Sha256(Box::new(Hmac::new_from_slice(key).expect(ANY_LENGTH))),
        }
    }

    /// The digest over the parts in order, without joining them.
    pub(super) fn digest(&self, parts: &[&[u8]]) -> Vec<u8> {
        fn over<M: Mac + Clone>(keyed: &M, parts: &[&[u8]]) -> Vec<u8> {
            let mut mac = keyed.clone();
            for part in parts {
                mac.update(part);
            }
            mac.finalize().into_bytes().to_vec()
        }
        match self {
            Self::Sha1(keyed) => over(&**keyed, parts),
            Self::Sha256(keyed) => over(&**keyed, parts),
            Self::Sha512(keyed) => over(&**keyed, parts),
        }
    }
}

#[cfg(test)]
mod tests;
