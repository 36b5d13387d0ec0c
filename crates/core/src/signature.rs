//! The signature of a request: which scheme, and the headers that it adds.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use stentor_verify::standard::{ID_HEADER, SIGNATURE_HEADER, Signer, SignerKey, TIMESTAMP_HEADER};
use stentor_verify::{Secret, hex};

use crate::id::EventId;
use crate::time::Time;
use crate::webhook::SigningSecret;

/// What a hex signature covers (readings 003).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignedContent {
    /// The body alone.
    #[serde(rename = "body")]
    Body,
    /// The timestamp, a dot, and the body.
    #[serde(rename = "timestamp.body")]
    TimestampBody,
}

/// How requests are signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scheme", rename_all = "snake_case")]
pub enum SignatureScheme {
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    Standard,
    /// Lower-case hex HMAC-SHA256 in one header.
    Hex {
        /// The header that carries it.
        header: Box<str>,
        /// The header that carries the Unix seconds of the attempt, if any.
        timestamp_header: Option<Box<str>>,
        /// What it covers.
        content: SignedContent,
    },
}

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
}

/// A scheme with its keys, made once and used for many requests.
pub struct PreparedSignature {
    method: Method,
    expires_at: Option<Time>,
}

enum Method {
    Standard(Signer),
    Hex { secret: Secret, header: HeaderName, timestamp_header: Option<HeaderName>, content: SignedContent },
}

impl PreparedSignature {
    /// Prepares the keys that sign at `now`. A one-value header has one active signer, the newest; the standard header
    /// carries a signature of each.
    ///
    /// # Errors
    /// When a secret cannot be used, none is active, or a header name is malformed.
    pub fn new(scheme: &SignatureScheme, secrets: &[SigningSecret], now: Time) -> Result<Self, SigningError> {
        let active: Vec<&SigningSecret> = secrets.iter().filter(|secret| secret.signs_at(now)).collect();
        let newest = active.first().ok_or(SigningError::NoActiveSecret)?;
        let method = match scheme {
            SignatureScheme::Standard => {
                let keys: Result<Vec<_>, _> =
                    active.iter().map(|s| SignerKey::parse(s.value.reveal())).collect();
                Method::Standard(Signer::new(keys?)?)
            }
            SignatureScheme::Hex { header, timestamp_header, content } => Method::Hex {
                secret: Secret::raw(newest.value.reveal())?,
                header: header_name(header)?,
                timestamp_header: timestamp_header.as_deref().map(header_name).transpose()?,
                content: *content,
            },
        };
        let changes = secrets.iter().flat_map(|secret| [Some(secret.active_from), secret.active_until]);
        Ok(Self { method, expires_at: changes.flatten().filter(|at| *at > now).min() })
    }

    /// When another set of keys signs, if that is known already.
    pub const fn expires_at(&self) -> Option<Time> {
        self.expires_at
    }

    /// Signs exactly these bytes and adds the headers. `now` is the time of the attempt: every attempt is signed anew.
    pub fn sign(&self, event: EventId, now: Time, body: &[u8], headers: &mut HeaderMap) {
        let seconds = u64::try_from(now.unix_seconds()).unwrap_or(0);
        match &self.method {
            Method::Standard(signer) => {
                let id = event.to_string();
                let signature =
                    signer.sign(&id, seconds, body).expect("an event id is not empty and holds no dot");
                headers.insert(HeaderName::from_static(ID_HEADER), visible(&id));
                headers.insert(HeaderName::from_static(TIMESTAMP_HEADER), HeaderValue::from(seconds));
                headers.insert(HeaderName::from_static(SIGNATURE_HEADER), visible(&signature));
            }
            Method::Hex { secret, header, timestamp_header, content } => {
                let signature = match content {
                    SignedContent::Body => hex::sign_body(secret, body),
                    SignedContent::TimestampBody => hex::sign_timestamp_body(secret, seconds, body),
                };
                headers.insert(header.clone(), visible(&signature));
                if let Some(name) = timestamp_header {
                    headers.insert(name.clone(), HeaderValue::from(seconds));
                }
            }
        }
    }
}

fn header_name(text: &str) -> Result<HeaderName, SigningError> {
    HeaderName::try_from(text).map_err(|_| SigningError::Header(text.to_owned()))
}

fn visible(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("ids and signatures are visible ASCII")
}

#[cfg(test)]
mod tests {
    use stentor_verify::standard::{Headers, Verifier, VerifierKey};

    use super::*;
    use crate::webhook::SecretText;

    const NOW: Time = Time::from_seconds(1_700_000_000);

    fn secret(text: &str, from: i64, until: Option<i64>) -> SigningSecret {
        SigningSecret {
            value: SecretText::new(text.into()),
            active_from: Time::from_seconds(from),
            active_until: until.map(Time::from_seconds),
        }
    }

    fn signed(scheme: &SignatureScheme, secrets: &[SigningSecret], now: Time) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let prepared = PreparedSignature::new(scheme, secrets, now).expect("usable");
        prepared.sign(EventId::from_bytes([3; 16]), now, b"{}", &mut headers);
        headers
    }

    #[test]
    fn during_a_rotation_both_secrets_verify() {
        let secrets = [
            secret("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", 0, None),
            secret("an older secret of ours", 0, Some(1_700_000_060)),
        ];
        let headers = signed(&SignatureScheme::Standard, &secrets, NOW);
        for each in &secrets {
            let verifier = Verifier::new(vec![VerifierKey::parse(each.value.reveal()).expect("valid")]);
            let found = Headers::from_lookup(|name| headers.get(name)?.to_str().ok()).expect("present");
            assert_eq!(verifier.expect("one key").verify(&found, b"{}", 1_700_000_000), Ok(()));
        }
        let prepared = PreparedSignature::new(&SignatureScheme::Standard, &secrets, NOW).expect("usable");
        assert_eq!(prepared.expires_at(), Some(Time::from_seconds(1_700_000_060)));
    }

    #[test]
    fn a_one_value_header_has_one_signer() {
        let scheme = crate::profile::Profile::Broxi.signature();
        let waiting = secret("the next secret", 1_700_000_500, None);
        let current = secret("whsec_shown", 0, Some(1_700_000_500));
        let headers = signed(&scheme, &[waiting.clone(), current.clone()], NOW);
        let expected = hex::sign_body(&Secret::raw("whsec_shown").expect("valid"), b"{}");
        assert_eq!(headers["x-broxi-signature"], expected);
        assert_eq!(headers["x-broxi-timestamp"], "1700000000");
        let later = signed(&scheme, &[waiting, current], Time::from_seconds(1_700_000_500));
        assert_ne!(later["x-broxi-signature"], expected);
    }

    #[test]
    fn without_an_active_secret_nothing_is_signed() {
        let over = [secret("some old secret", 0, Some(1))];
        let prepared = PreparedSignature::new(&SignatureScheme::Standard, &over, NOW);
        assert!(matches!(prepared, Err(SigningError::NoActiveSecret)));
    }
}
