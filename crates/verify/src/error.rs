//! The closed sets of ways in which a key, a signing call or a received webhook can be wrong.
//! No variant carries key bytes, a signature or body content, so every error is safe to log.

use thiserror::Error;

/// Why a secret or key text was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The key is empty; anyone could sign with it.
    #[error("the key is empty")]
    Empty,
    /// The part after the prefix is not standard, padded base64 (RFC 4648 section 4).
    #[error("the part after the key's prefix is not valid base64")]
    InvalidBase64,
    /// A `whsk_` or `whpk_` key was given where a shared secret is needed. A public key used as a
    /// shared secret would let everybody who knows it forge signatures.
    #[error("an ed25519 key (whsk_ or whpk_) is not usable here as a shared secret")]
    AsymmetricKey,
    /// The text does not start with the prefix that this kind of key must have.
    #[error("the key must start with {expected}")]
    WrongPrefix {
        /// `whsk_` or `whpk_`.
        expected: &'static str,
    },
    /// The decoded key has a length that this kind of key never has.
    #[error("the decoded key has {actual_bytes} bytes, which is not a length of an ed25519 key")]
    WrongLength {
        /// Decoded length in bytes.
        actual_bytes: usize,
    },
    /// The bytes are no usable ed25519 key: not a curve point, a weak point, or halves that do not match.
    #[error("the bytes are not a usable ed25519 key")]
    InvalidKey,
    /// A signer or verifier was built without any key.
    #[error("at least one key is needed")]
    NoKeys,
}

/// Why nothing was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignError {
    /// The id is empty or contains a full stop, which would make the signed content ambiguous
    /// (Standard Webhooks 1.0.0, "Signature scheme").
    #[error("the webhook id is empty or contains a full stop")]
    InvalidId,
}

/// Why a received webhook was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The header with this name is absent.
    #[error("the header {0} is missing")]
    MissingHeader(&'static str),
    /// The request lacks a header that its signature covers.
    #[error("a header that the signature covers is missing")]
    CoveredHeaderMissing,
    /// The id is empty or contains a full stop, which would make the signed content ambiguous
    /// (Standard Webhooks 1.0.0, "Signature scheme").
    #[error("the webhook id is empty or contains a full stop")]
    InvalidId,
    /// The timestamp is not a non-negative decimal number of Unix seconds.
    #[error("the timestamp is not a number of Unix seconds")]
    InvalidTimestamp,
    /// The timestamp lies further in the past than the tolerance allows.
    #[error("the timestamp is too far in the past")]
    TooOld,
    /// The timestamp lies further in the future than the tolerance allows.
    #[error("the timestamp is too far in the future")]
    TooNew,
    /// The signature value has not the form that its scheme prescribes.
    #[error("the signature is malformed")]
    MalformedSignature,
    /// The header lists more than [`MAX_LISTED_SIGNATURES`](crate::standard::MAX_LISTED_SIGNATURES)
    /// signatures; checking them all would be work that a stranger chose.
    #[error("too many signatures are listed")]
    TooManySignatures,
    /// The form is right, but no listed signature was made with a known key over this content.
    #[error("no signature matches")]
    NoMatchingSignature,
}
