//! The declarative record of how one sender's requests are verified: the JSON that users write and that is stored.
//! Unchecked; [`Scheme`](super::Scheme) is the checked form.

use serde::{Deserialize, Serialize};

use super::challenge::Challenge;
use super::special::Special;

/// How one sender signs. Either `special`, or `algorithm` and `signature` with what they need.
///
/// The fields are described for users in `docs/verification.md`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemeRecord {
    /// A named scheme that the other fields cannot express; it excludes `algorithm` to `timestamp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub special: Option<Special>,
    /// What is computed or compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
    /// Where the signature (or the token) stands. Without it, `basic` reads `Authorization`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureRecord>,
    /// How the signature is written; `hex` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<SignatureEncoding>,
    /// How the secret's text becomes a key; `utf8` if absent, for asymmetric algorithms `base64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyForm>,
    /// The signed content, a template; `{body}` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<String>,
    /// Where the time of sending stands. With it, stale requests are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<TimestampRecord>,
    /// Greatest accepted distance between the timestamp and the clock, both ways, in seconds; 300 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance_seconds: Option<u64>,
    /// Where the sender's id of the event stands; `{id}` in the template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Place>,
    /// Where the id stands by which repetitions are recognised: the first place that holds something. `id` if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dedupe: Vec<Place>,
    /// Where the type of the event stands: the first place that holds something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub event_type: Vec<Place>,
    /// What a request must have besides its signature.
    #[serde(default, skip_serializing_if = "Required::is_empty")]
    pub require: Required,
    /// Which handshake is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Challenge>,
    /// Names of the request's headers that a raw forward keeps, so that the far end can verify again; `*` at the end
    /// stands for any rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forward: Vec<String>,
}

/// What is computed over the signed content, or compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// HMAC (RFC 2104) with SHA-1.
    HmacSha1,
    /// HMAC (RFC 2104) with SHA-256.
    HmacSha256,
    /// HMAC (RFC 2104) with SHA-512.
    HmacSha512,
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// ECDSA on P-256 with SHA-256 (FIPS 186-5); the signature in ASN.1 DER, or as the 64 bytes of r and s.
    EcdsaP256,
    /// RSASSA-PKCS1-v1_5 (RFC 8017) with SHA-256.
    RsaSha256,
    /// The header or parameter equals the secret.
    Equality,
    /// `Authorization: Basic` (RFC 7617) with the secret `username:password`.
    Basic,
}

impl Algorithm {
    /// Whether a digest or signature of the content is checked, rather than a fixed text.
    #[must_use]
    pub const fn signs(self) -> bool {
        !matches!(self, Self::Equality | Self::Basic)
    }

    /// Whether the receiver's key is public.
    #[must_use]
    pub const fn is_asymmetric(self) -> bool {
        matches!(self, Self::Ed25519 | Self::EcdsaP256 | Self::RsaSha256)
    }
}

/// Where the signature stands and how it is cut out of its header. Exactly one of `header` and `query`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignatureRecord {
    /// Name of the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// Name of the parameter in the query string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Stands before each signature: `sha256=`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// The header is a list of `name=value` parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<PartsRecord>,
    /// The header is a list of signatures with this between them. Entries without the prefix are passed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// The header occurs under its name followed by `-1`, `-2` and so on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub numbered: bool,
}

/// A header such as `t=1700000000,v1=5257a8…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartsRecord {
    /// Stands between the parts: `,` or `;`.
    pub separator: String,
    /// Name of the parts that are signatures: `v1`. There may be several.
    pub signature: String,
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignatureEncoding {
    /// Hexadecimal digits in either case.
    #[default]
    Hex,
    /// Standard base64, padded (RFC 4648 section 4).
    Base64,
    /// URL-safe base64 (RFC 4648 section 5), padded or not.
    Base64url,
}

/// How the text of a secret becomes key bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyForm {
    /// The bytes of the text as shown, any prefix included.
    #[default]
    Utf8,
    /// Hexadecimal digits.
    Hex,
    /// Standard base64. For ECDSA and RSA: of the key's DER `SubjectPublicKeyInfo`; PEM is read too.
    Base64,
    /// `whsec_` is taken off and the rest decoded from base64 (Standard Webhooks).
    Whsec,
}

/// Where the time of sending stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimestampRecord {
    /// Where.
    pub from: Place,
    /// How it is written.
    #[serde(default)]
    pub unit: TimeUnit,
}

/// How a time is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeUnit {
    /// Unix seconds.
    #[default]
    S,
    /// Unix milliseconds.
    Ms,
    /// RFC 3339.
    Iso,
}

/// A place in a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// The header with this name.
    Header(String),
    /// The parameter with this name in the query string.
    Query(String),
    /// The part with this name in the signature header (`parts`).
    Part(String),
    /// The text, number or truth value at this path in the JSON body: `data.items.0.id`. A backslash takes a full stop
    /// into a name.
    Body(String),
}

/// What a request must have besides its signature.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Required {
    /// Names of headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// Paths in the JSON body, with any value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub body: Vec<String>,
}

impl Required {
    /// Whether nothing is required.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.body.is_empty()
    }
}
