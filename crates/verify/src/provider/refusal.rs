//! Why a request was not accepted: the closed set of exact reasons.
//!
//! No variant carries key bytes, a signature or body content, so every refusal is safe to log and to show.

use super::hint::Hint;

/// Why a request was not accepted. `Display` is one sentence that helps the one who set the source up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A header that the scheme needs is absent or empty.
    #[error("the header {0} is missing")]
    MissingHeader(Box<str>),
    /// A header that must be there once occurs several times.
    #[error("the header {0} occurs more than once")]
    RepeatedHeader(Box<str>),
    /// A header has not the form of the scheme.
    #[error("the header {name} has not the expected form: {expected}")]
    MalformedHeader {
        /// Its name.
        name: Box<str>,
        /// What was expected.
        expected: Box<str>,
    },
    /// A query parameter that the scheme needs is absent.
    #[error("the query parameter {0} is missing")]
    MissingParameter(Box<str>),
    /// A field that the scheme needs is absent from the body.
    #[error("the body has no field {0}")]
    MissingField(Box<str>),
    /// The signature is not written in the scheme's encoding.
    #[error("the signature is not written in {expected}")]
    WrongEncoding {
        /// `hex`, `base64` or `base64url`.
        expected: &'static str,
    },
    /// The decoded signature has not the length that the algorithm gives.
    #[error(
        "the signature has {actual_bytes} bytes instead of {expected_bytes}; was it cut off, or made with another algorithm?"
    )]
    WrongLength {
        /// Length that the algorithm gives, in bytes.
        expected_bytes: usize,
        /// Length of what was received, in bytes.
        actual_bytes: usize,
    },
    /// More signatures are listed than will be checked.
    #[error("more than 32 signatures are listed")]
    TooManySignatures,
    /// The signature lists only versions that are not known.
    #[error("none of the listed signatures is of a known version; {0} is known")]
    UnknownVersion(Box<str>),
    /// No key fits: another secret, or altered bytes.
    #[error("no secret fits the signature{}", Hint::clause(.hint.as_ref()))]
    NoKeyMatches {
        /// What would have fitted, if that could be found out.
        hint: Option<Hint>,
    },
    /// The token, or username and password, is not the configured one.
    #[error("the token in {0} is not the configured one")]
    WrongToken(Box<str>),
    /// The source has no secret to verify with.
    #[error("no secret is configured to verify with")]
    NoKeys,
    /// The timestamp is absent.
    #[error("the timestamp is missing in {0}")]
    TimestampMissing(Box<str>),
    /// The timestamp has not the form of the scheme.
    #[error("the timestamp in {place} is not {expected}")]
    TimestampMalformed {
        /// Where it stands.
        place: Box<str>,
        /// What it should be.
        expected: &'static str,
    },
    /// The request is older than the tolerance.
    #[error(
        "the request was sent {age_seconds} s ago, more than the {tolerance_seconds} s allowed: a late repetition, or a wrong clock"
    )]
    TooOld {
        /// Its age in whole seconds, rounded up.
        age_seconds: u64,
        /// What is allowed, in seconds.
        tolerance_seconds: u64,
    },
    /// The request's timestamp is further in the future than the tolerance.
    #[error(
        "the request's timestamp is {ahead_seconds} s in the future, more than the {tolerance_seconds} s allowed: one of the clocks is wrong"
    )]
    TooNew {
        /// How far ahead in whole seconds, rounded up.
        ahead_seconds: u64,
        /// What is allowed, in seconds.
        tolerance_seconds: u64,
    },
    /// The id would make the signed content ambiguous (Standard Webhooks).
    #[error("the id is empty or contains a full stop")]
    InvalidId,
    /// The body is not JSON although the scheme reads it.
    #[error("the body is not valid JSON at line {line}, column {column}")]
    BodyNotJson {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// The hash of the body that the URL carries is that of other bytes (Twilio's `bodySHA256`).
    #[error("the body is not the one whose hash the parameter {0} carries")]
    BodyHashDiffers(Box<str>),
    /// A notification is for another subscription than the configured one (Amazon SNS).
    #[error("the message is of another topic than the configured ones")]
    OtherTopic,
    /// The algorithm that the request names is not accepted.
    #[error("the algorithm {0} that the request names is not supported")]
    UnsupportedAlgorithm(Box<str>),
    /// The certificate's URL is not one of the provider.
    #[error("the certificate's URL is not accepted: {0}")]
    CertificateUrlRefused(&'static str),
    /// The certificate was not given.
    #[error("the certificate of the signature is not there yet; it must be fetched first")]
    CertificateMissing,
    /// The certificate cannot be trusted.
    #[error("the certificate of the signature is not accepted: {0}")]
    CertificateRefused(&'static str),
}

impl Refusal {
    /// The stable name of this reason.
    ///
    /// ```
    /// assert_eq!(stentor_verify::provider::Refusal::TooManySignatures.code(), "too_many_signatures");
    /// ```
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MissingHeader(_) => "missing_header",
            Self::RepeatedHeader(_) => "repeated_header",
            Self::MalformedHeader { .. } => "malformed_header",
            Self::MissingParameter(_) => "missing_parameter",
            Self::MissingField(_) => "missing_field",
            Self::WrongEncoding { .. } => "wrong_encoding",
            Self::WrongLength { .. } => "wrong_length",
            Self::TooManySignatures => "too_many_signatures",
            Self::UnknownVersion(_) => "unknown_version",
            Self::NoKeyMatches { .. } => "no_key_matches",
            Self::WrongToken(_) => "wrong_token",
            Self::NoKeys => "no_keys",
            Self::TimestampMissing(_) => "timestamp_missing",
            Self::TimestampMalformed { .. } => "timestamp_malformed",
            Self::TooOld { .. } => "too_old",
            Self::TooNew { .. } => "too_new",
            Self::InvalidId => "invalid_id",
            Self::BodyNotJson { .. } => "body_not_json",
            Self::BodyHashDiffers(_) => "body_hash_differs",
            Self::OtherTopic => "other_topic",
            Self::UnsupportedAlgorithm(_) => "unsupported_algorithm",
            Self::CertificateUrlRefused(_) => "certificate_url_refused",
            Self::CertificateMissing => "certificate_missing",
            Self::CertificateRefused(_) => "certificate_refused",
        }
    }

    pub(super) fn malformed(name: &str, expected: impl Into<Box<str>>) -> Self {
        Self::MalformedHeader { name: name.into(), expected: expected.into() }
    }

    pub(super) const NO_KEY_MATCHES: Self = Self::NoKeyMatches { hint: None };
}
