//! The signature of a request: which schemes, and the headers that they add.

mod prepared;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::prepared::{PreparedSignature, SigningError};

/// What a signature in one header covers (readings 003).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignedContent {
    /// The body alone.
    #[serde(rename = "body")]
    Body,
    /// The timestamp, a dot, and the body.
    #[serde(rename = "timestamp.body")]
    TimestampBody,
}

/// How the bytes of a signature are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// 64 lower-case hex digits.
    #[default]
    Hex,
    /// Padded base64.
    Base64,
}

/// One way of signing. The names are those of what is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scheme", rename_all = "snake_case")]
pub enum SignatureScheme {
    /// No signature.
    None,
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    Standard,
    /// The same under Svix's names: `svix-id`, `svix-timestamp`, `svix-signature`.
    Svix,
    /// HMAC-SHA256 in one header.
    #[serde(rename = "hex")]
    Hmac {
        /// The header that carries it.
        header: Box<str>,
        /// The header that carries the Unix seconds of the attempt, if any.
        timestamp_header: Option<Box<str>>,
        /// What it covers.
        content: SignedContent,
        /// How it is written.
        #[serde(default)]
        encoding: Encoding,
        /// Stands before it, such as `v0=`.
        #[serde(default, skip_serializing_if = "str::is_empty")]
        prefix: Box<str>,
    },
    /// Convoy's advanced signatures: `t=…,v1=…`.
    ConvoyAdvanced {
        /// The header that carries it.
        header: Box<str>,
    },
    /// Hook0's signatures: of the body `t=…,v0=…`, with headers beside it `t=…,h=…,v0=…,v1=…`.
    Hook0 {
        /// The header that carries it.
        header: Box<str>,
        /// Headers that `v1` covers, as far as a request has them, in lower case.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        covered: Vec<Box<str>>,
    },
}

impl SignatureScheme {
    /// Plain hex over the body in this header.
    pub fn hex(header: &str) -> Self {
        Self::Hmac {
            header: header.into(),
            timestamp_header: None,
            content: SignedContent::Body,
            encoding: Encoding::Hex,
            prefix: "".into(),
        }
    }

    /// Whether its header has room for the signature of one secret only.
    const fn is_one_value(&self) -> bool {
        matches!(self, Self::Hmac { .. })
    }

    /// The headers that it sets, as they are spelled.
    pub fn headers(&self) -> Vec<&str> {
        use stentor_verify::standard::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER};
        match self {
            Self::None => vec![],
            Self::Standard => vec![ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER],
            Self::Svix => vec![SVIX_ID, SVIX_TIMESTAMP, SVIX_SIGNATURE],
            Self::Hmac { header, timestamp_header, .. } => {
                std::iter::once(&**header).chain(timestamp_header.as_deref()).collect()
            }
            Self::ConvoyAdvanced { header } | Self::Hook0 { header, .. } => vec![header],
        }
    }

    /// The one of them that carries the signature itself.
    pub fn value_header(&self) -> Option<&str> {
        match self {
            Self::Hmac { header, .. } => Some(header),
            other => other.headers().last().copied(),
        }
    }

    /// Whether it covers headers, and so those that other signatures set.
    fn covers_headers(&self) -> bool {
        matches!(self, Self::Hook0 { covered, .. } if !covered.is_empty())
    }
}

const SVIX_ID: &str = "svix-id";
const SVIX_TIMESTAMP: &str = "svix-timestamp";
const SVIX_SIGNATURE: &str = "svix-signature";

/// How requests are signed: one scheme, and others beside it while receivers move from one to the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The scheme that the profile or the webhook names.
    #[serde(flatten)]
    pub main: SignatureScheme,
    /// Those beside it. No two set the same header.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<SignatureScheme>,
    /// Whether requests go out unsigned as long as there is no secret at all (seed 002).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

impl Signature {
    /// This scheme alone.
    pub const fn only(main: SignatureScheme) -> Self {
        Self { main, also: Vec::new(), optional: false }
    }

    /// The schemes, the main one first.
    pub fn schemes(&self) -> impl Iterator<Item = &SignatureScheme> {
        std::iter::once(&self.main).chain(&self.also)
    }

    /// The headers that it sets, as they are spelled.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        self.schemes().flat_map(SignatureScheme::headers)
    }

    /// The headers that carry the signatures themselves.
    pub fn value_headers(&self) -> impl Iterator<Item = &str> {
        self.schemes().filter_map(SignatureScheme::value_header)
    }

    /// A header that two schemes set.
    pub fn repeated_header(&self) -> Option<&str> {
        let headers: Vec<&str> = self.headers().collect();
        let repeats =
            |(n, name): (usize, &&str)| headers[..n].iter().any(|earlier| earlier.eq_ignore_ascii_case(name));
        headers.iter().enumerate().find(|(n, name)| repeats((*n, name))).map(|(_, name)| *name)
    }

    /// Whether anything is signed.
    pub fn signs(&self) -> bool {
        self.schemes().any(|scheme| *scheme != SignatureScheme::None)
    }

    /// Whether a secret must be there.
    pub fn needs_secret(&self) -> bool {
        self.signs() && !self.optional
    }

    /// Whether a header of it has room for the signature of one secret only, so that secrets take turns while one is
    /// rotated (readings, "over the wire").
    pub fn is_one_value(&self) -> bool {
        self.schemes().any(SignatureScheme::is_one_value)
    }
}
