//! Signing: schemes with their keys, made once and used for many requests.

use std::fmt;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use stentor_verify::standard::{ID_HEADER, SIGNATURE_HEADER, Signer, SignerKey, TIMESTAMP_HEADER};
use stentor_verify::timestamped::{self, Layout};
use stentor_verify::{Secret, hook0, plain};

use super::{Encoding, SVIX_ID, SVIX_SIGNATURE, SVIX_TIMESTAMP, Signature, SignatureScheme, SignedContent};
use crate::time::Time;
use crate::webhook::SigningSecret;

/// The secrets or the scheme cannot sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// A secret does not hold a usable key.
    #[error("the signing secret cannot be used: {0}")]
    Secret(#[from] stentor_verify::KeyError),
    /// No secret signs at this time.
    #[error("no signing secret is active")]
    NoActiveSecret,
    /// A header name of the scheme is not one.
    #[error("the signature header {0:?} is not a header name")]
    Header(String),
    /// Two schemes set the same header.
    #[error("the header {0} is set by two signatures")]
    RepeatedHeader(String),
}

/// Schemes with their keys.
pub struct PreparedSignature {
    methods: Vec<Method>,
    expires_at: Option<Time>,
}

enum Method {
    Standard {
        signer: Signer,
        names: [HeaderName; 3],
    },
    Hmac {
        secret: Secret,
        header: HeaderName,
        timestamp_header: Option<HeaderName>,
        content: SignedContent,
        encoding: Encoding,
        prefix: Box<str>,
    },
    Timestamped {
        secrets: Vec<Secret>,
        header: HeaderName,
        layout: Layout,
    },
    Hook0 {
        /// The oldest last: Hook0's own receivers look at the last one.
        secrets: Vec<Secret>,
        header: HeaderName,
        covered: Vec<HeaderName>,
    },
}

impl PreparedSignature {
    /// Prepares the keys that sign at `now`. A one-value header has one active signer, the newest; the others carry a
    /// signature of each.
    ///
    /// # Errors
    /// When a secret cannot be used, none is active although one is needed, or a header name is malformed or repeated.
    pub fn new(signature: &Signature, secrets: &[SigningSecret], now: Time) -> Result<Self, SigningError> {
        if let Some(name) = signature.repeated_header() {
            return Err(SigningError::RepeatedHeader(name.to_owned()));
        }
        let active: Vec<&SigningSecret> = secrets.iter().filter(|secret| secret.signs_at(now)).collect();
        let unsigned = !signature.signs() || (signature.optional && secrets.is_empty());
        if active.is_empty() && !unsigned {
            return Err(SigningError::NoActiveSecret);
        }
        let mut schemes: Vec<_> = signature.schemes().filter(|_| !unsigned).collect();
        schemes.sort_by_key(|scheme| scheme.covers_headers());
        let methods: Result<Vec<_>, _> =
            schemes.into_iter().filter_map(|scheme| Method::new(scheme, &active).transpose()).collect();
        let changes = secrets.iter().flat_map(|secret| [Some(secret.active_from), secret.active_until]);
        Ok(Self { methods: methods?, expires_at: changes.flatten().filter(|at| *at > now).min() })
    }

    /// When another set of keys signs, if that is known already.
    pub const fn expires_at(&self) -> Option<Time> {
        self.expires_at
    }

    /// Signs exactly these bytes and adds the headers; a scheme that covers headers finds the others in `headers`. `id` is that of the event or the batch, `now` the time of the attempt:
    /// every attempt is signed anew.
    pub fn sign(&self, id: &dyn fmt::Display, now: Time, body: &[u8], headers: &mut HeaderMap) {
        let seconds = u64::try_from(now.unix_seconds()).unwrap_or(0);
        for method in &self.methods {
            method.sign(id, seconds, body, headers);
        }
    }
}

impl Method {
    /// None for the scheme that signs nothing. `active` holds a secret, newest first.
    fn new(scheme: &SignatureScheme, active: &[&SigningSecret]) -> Result<Option<Self>, SigningError> {
        let raw = |secret: &&SigningSecret| Secret::raw(secret.value.reveal());
        let each = || active.iter().map(raw).collect::<Result<Vec<_>, _>>();
        let method = match scheme {
            SignatureScheme::None => return Ok(None),
            SignatureScheme::Standard => {
                Self::standard(active, [ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER])?
            }
            SignatureScheme::Svix => Self::standard(active, [SVIX_ID, SVIX_TIMESTAMP, SVIX_SIGNATURE])?,
            SignatureScheme::Hmac { header, timestamp_header, content, encoding, prefix } => Self::Hmac {
                secret: raw(active.first().ok_or(SigningError::NoActiveSecret)?)?,
                header: header_name(header)?,
                timestamp_header: timestamp_header.as_deref().map(header_name).transpose()?,
                content: *content,
                encoding: *encoding,
                prefix: prefix.clone(),
            },
            SignatureScheme::ConvoyAdvanced { header } => Self::Timestamped {
                secrets: each()?,
                header: header_name(header)?,
                layout: timestamped::CONVOY,
            },
            SignatureScheme::Hook0 { header, covered } if covered.is_empty() => Self::Timestamped {
                secrets: each()?,
                header: header_name(header)?,
                layout: timestamped::HOOK0,
            },
            SignatureScheme::Hook0 { header, covered } => Self::Hook0 {
                secrets: each()?,
                header: header_name(header)?,
                covered: covered.iter().map(|name| header_name(name)).collect::<Result<_, _>>()?,
            },
        };
        Ok(Some(method))
    }

    fn standard(active: &[&SigningSecret], names: [&'static str; 3]) -> Result<Self, SigningError> {
        let keys: Result<Vec<_>, _> = active.iter().map(|s| SignerKey::parse(s.value.reveal())).collect();
        Ok(Self::Standard { signer: Signer::new(keys?)?, names: names.map(HeaderName::from_static) })
    }

    fn sign(&self, id: &dyn fmt::Display, seconds: u64, body: &[u8], headers: &mut HeaderMap) {
        match self {
            Self::Standard { signer, names: [id_header, timestamp_header, signature_header] } => {
                let id = id.to_string();
                let signature = signer.sign(&id, seconds, body).expect("an id is not empty and holds no dot");
                headers.insert(id_header.clone(), visible(&id));
                headers.insert(timestamp_header.clone(), HeaderValue::from(seconds));
                headers.insert(signature_header.clone(), visible(&signature));
            }
            Self::Hmac { secret, header, timestamp_header, content, encoding, prefix } => {
                let encoding = match encoding {
                    Encoding::Hex => plain::HEX,
                    Encoding::Base64 => plain::BASE64,
                };
                let mut signature = match content {
                    SignedContent::Body => encoding.sign_body(secret, body),
                    SignedContent::TimestampBody => encoding.sign_timestamp_body(secret, seconds, body),
                };
                signature.insert_str(0, prefix);
                headers.insert(header.clone(), visible(&signature));
                if let Some(name) = timestamp_header {
                    headers.insert(name.clone(), HeaderValue::from(seconds));
                }
            }
            Self::Timestamped { secrets, header, layout } => {
                headers.insert(header.clone(), visible(&layout.sign(secrets, seconds, body)));
            }
            Self::Hook0 { secrets, header, covered } => {
                let present =
                    |name: &HeaderName| Some((name.clone(), headers.get(name)?.to_str().ok()?.to_owned()));
                let present: Vec<_> = covered.iter().filter_map(present).collect();
                let covered: Vec<_> = present.iter().map(|(name, value)| (name.as_str(), &**value)).collect();
                headers.insert(header.clone(), visible(&hook0::sign(secrets, seconds, &covered, body)));
            }
        }
    }
}

fn header_name(text: &str) -> Result<HeaderName, SigningError> {
    HeaderName::try_from(text).map_err(|_| SigningError::Header(text.to_owned()))
}

fn visible(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("ids, prefixes and signatures are visible ASCII")
}
