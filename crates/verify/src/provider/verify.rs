//! The one entry point: is this request from the sender?

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::Verifier as _;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::body::{self, Path};
use super::given::Given;
use super::hint;
use super::key::{Key, Material};
use super::moment;
use super::place::{self, Spot};
use super::record::Algorithm;
use super::refusal::Refusal;
use super::request::Request;
use super::scheme::{Declared, Method, Scheme};
use super::template::{Piece, crc32};

/// What a verified request tells about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// The sender's id of the event.
    pub event_id: Option<String>,
    /// By what repetitions are recognised. Not every sender signs it. A text over 256 bytes is replaced by its SHA-256.
    pub dedupe_id: Option<String>,
    /// The sender's name for the kind of event; at most 256 bytes.
    pub event_type: Option<String>,
    /// When the sender sent it, in Unix milliseconds.
    pub timestamp_unix_ms: Option<u64>,
    /// Which of the keys fitted.
    pub key_index: usize,
}

/// Longest text that [`Verified`] hands on, in bytes.
const TEXT_MAX_BYTES: usize = 256;

/// Decides whether one of the keys' holders sent this request, and sent it about now (`now_unix_ms`).
///
/// Shared secrets are compared in constant time, all of them. For PayPal and Amazon SNS ask
/// [`needs_certificate`](super::needs_certificate) first.
///
/// # Errors
/// The exact reason.
///
/// ```
/// use stentor_verify::provider::{Refusal, Request, preset, verify};
///
/// let scheme = &preset("github").expect("a preset").scheme;
/// let keys = [scheme.key("It's a Secret to Everybody")?];
/// // The example of GitHub's documentation.
/// let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
/// let headers: [(&str, &[u8]); 2] = [("X-Hub-Signature-256", signature.as_bytes()), ("X-GitHub-Event", b"push")];
/// let request = |body| Request {
///     method: "POST", url: "https://example.com/in/src_1", headers: &headers, body, certificate: None,
/// };
/// let verified = verify(scheme, &keys, &request(b"Hello, World!"), 1_700_000_000_000)?;
/// assert_eq!(verified.event_type.as_deref(), Some("push"));
/// let refused = verify(scheme, &keys, &request(b"Hello, World?"), 1_700_000_000_000).unwrap_err();
/// assert_eq!(refused.code(), "no_key_matches");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn verify(
    scheme: &Scheme,
    keys: &[Key],
    request: &Request<'_>,
    now_unix_ms: u64,
) -> Result<Verified, Refusal> {
    if !keys.iter().any(|key| !matches!(key.material, Material::VerifyToken)) {
        return Err(Refusal::NoKeys);
    }
    for name in &scheme.required_headers {
        request.needed_header(name)?;
    }
    let verified = match &scheme.method {
        Method::Special(special) => special.verify(scheme, keys, request, now_unix_ms)?,
        Method::Declared(declared) => declared.verify(scheme, keys, request, now_unix_ms)?,
    };
    Ok(bounded(verified))
}

impl Declared {
    fn verify(
        &self,
        scheme: &Scheme,
        keys: &[Key],
        request: &Request<'_>,
        now_unix_ms: u64,
    ) -> Result<Verified, Refusal> {
        if self.algorithm == Algorithm::Basic {
            let key_index = self.basic(keys, request)?;
            return scheme.facts(request, None, None, key_index, now_unix_ms);
        }
        let given = Given::read(&self.signature, request)?;
        // What the body holds is read only once it is known who wrote it.
        let (mut timestamp, mut timestamp_text) = (None, None);
        if let Some((spot, unit)) = scheme.timestamp.as_ref().filter(|(spot, _)| spot.path().is_none()) {
            let place = spot.named();
            let text = spot.outside(request, Some(&given))?;
            let text = text.ok_or_else(|| Refusal::TimestampMissing(place.clone()))?;
            timestamp = Some(moment::check(&text, *unit, &place, scheme.tolerance_seconds, now_unix_ms)?);
            timestamp_text = Some(text);
        }
        let key_index = if self.algorithm == Algorithm::Equality {
            let matched = (0..keys.len()).filter(|index| keys[*index].is_text(given.texts[0].as_bytes()));
            matched.fold(None, |first: Option<usize>, index| first.or(Some(index))).ok_or_else(|| {
                let name = self.signature.header.as_deref().or(self.signature.query.as_deref());
                Refusal::WrongToken(name.unwrap_or_default().into())
            })?
        } else {
            self.signed(scheme, keys, request, &given, timestamp_text.as_deref())?
        };
        scheme.facts(request, Some(&given), timestamp, key_index, now_unix_ms)
    }

    fn basic(&self, keys: &[Key], request: &Request<'_>) -> Result<usize, Refusal> {
        let name = self.signature.header.as_deref().unwrap_or_default();
        let value = request.needed_header(name)?;
        let (scheme, encoded) = value.split_once(' ').unwrap_or((value, ""));
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(Refusal::malformed(name, "Basic and credentials"));
        }
        let pair = STANDARD
            .decode(encoded.trim_start())
            .map_err(|_| Refusal::WrongEncoding { expected: "base64" })?;
        let matched = (0..keys.len()).filter(|index| keys[*index].is_text(&pair));
        matched
            .fold(None, |first: Option<usize>, index| first.or(Some(index)))
            .ok_or_else(|| Refusal::WrongToken(name.into()))
    }

    fn signed(
        &self,
        scheme: &Scheme,
        keys: &[Key],
        request: &Request<'_>,
        given: &Given<'_>,
        timestamp: Option<&str>,
    ) -> Result<usize, Refusal> {
        let signatures = given.decoded(self.encoding, self.algorithm.signature_bytes())?;
        let content = self.content(scheme, request, given, timestamp)?;
        let parts: Vec<&[u8]> = content.iter().map(Cow::as_ref).collect();
        matching(keys, &parts, &signatures).ok_or_else(|| Refusal::NoKeyMatches {
            hint: hint::find(self, keys, request, &content, &signatures),
        })
    }

    /// What is signed, in pieces.
    fn content<'a>(
        &self,
        scheme: &Scheme,
        request: &Request<'a>,
        given: &Given<'a>,
        timestamp: Option<&str>,
    ) -> Result<Vec<Cow<'a, [u8]>>, Refusal> {
        let mut content: Vec<Cow<'a, [u8]>> = Vec::with_capacity(self.signed.len());
        for piece in &self.signed {
            content.push(match piece {
                Piece::Text(text) => Cow::Owned(text.as_bytes().to_vec()),
                Piece::Timestamp => Cow::Owned(timestamp.unwrap_or_default().as_bytes().to_vec()),
                Piece::Id => {
                    let spot = scheme.id.as_ref();
                    let text = spot.map_or(Ok(None), |spot| spot.outside(request, Some(given)))?;
                    Cow::Owned(text.ok_or_else(|| missing(spot))?.into_owned().into_bytes())
                }
                Piece::Method => Cow::Borrowed(request.method.as_bytes()),
                Piece::Url => Cow::Borrowed(request.url.as_bytes()),
                Piece::Body => Cow::Borrowed(request.body),
                Piece::BodyCrc32 => Cow::Owned(crc32(request.body).to_string().into_bytes()),
                Piece::Header(name) => Cow::Borrowed(request.needed_header(name)?.as_bytes()),
            });
        }
        Ok(content)
    }
}

fn missing(spot: Option<&Spot>) -> Refusal {
    match spot {
        Some(Spot::Query(name)) => Refusal::MissingParameter(name.clone()),
        Some(Spot::Header(name)) => Refusal::MissingHeader(name.clone()),
        _ => Refusal::MissingField("id".into()),
    }
}

impl Algorithm {
    /// Length of a signature, where the key does not decide it.
    pub(super) const fn signature_bytes(self) -> Option<usize> {
        match self {
            Self::HmacSha1 => Some(20),
            Self::HmacSha256 => Some(32),
            Self::HmacSha512 | Self::Ed25519 => Some(64),
            Self::EcdsaP256 | Self::RsaSha256 | Self::Equality | Self::Basic => None,
        }
    }
}

/// The first key that made one of the signatures over the parts.
pub(super) fn matching(keys: &[Key], parts: &[&[u8]], signatures: &[Vec<u8>]) -> Option<usize> {
    // The public-key libraries take the content in one piece.
    let mut joined: Option<Vec<u8>> = None;
    let mut first = None;
    for (index, key) in keys.iter().enumerate() {
        let matches = match &key.material {
            // No early exit: the time taken must not tell which secret or signature matched.
            Material::Mac(mac) => {
                let digest = mac.digest(parts);
                bool::from(signatures.iter().fold(Choice::from(0), |any, given| any | digest.ct_eq(given)))
            }
            Material::Ed25519(_) | Material::P256(_) | Material::Rsa(_) => {
                let content = joined.get_or_insert_with(|| parts.concat());
                signatures.iter().any(|given| accepts(&key.material, content, given))
            }
            Material::Standard(_) | Material::Text | Material::VerifyToken => false,
        };
        if matches && first.is_none() {
            first = Some(index);
        }
    }
    first
}

fn accepts(key: &Material, content: &[u8], given: &[u8]) -> bool {
    match key {
        Material::Ed25519(key) => ed25519_dalek::Signature::from_slice(given)
            .is_ok_and(|signature| key.verify_strict(content, &signature).is_ok()),
        Material::P256(key) => {
            let der = p256::ecdsa::Signature::from_der(given);
            der.or_else(|_| p256::ecdsa::Signature::from_slice(given))
                .is_ok_and(|signature| key.verify(content, &signature).is_ok())
        }
        Material::Rsa(key) => rsa_accepts_sha256(key, content, given),
        _ => false,
    }
}

/// RSASSA-PKCS1-v1_5 with SHA-256.
pub(super) fn rsa_accepts_sha256(key: &rsa::PublicKey, content: &[u8], given: &[u8]) -> bool {
    key.verify(rsa::Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(content), given).is_ok()
}

impl Scheme {
    /// What a request whose signature is good tells, after the checks that need its body.
    pub(super) fn facts(
        &self,
        request: &Request<'_>,
        given: Option<&Given<'_>>,
        timestamp: Option<u64>,
        key_index: usize,
        now_unix_ms: u64,
    ) -> Result<Verified, Refusal> {
        let spots = || self.id.iter().chain(&self.dedupe).chain(&self.event_type);
        let dated = self.timestamp.as_ref().and_then(|(spot, unit)| Some((spot, *unit, spot.path()?)));
        let paths: Vec<&Path> = (self.required_fields.iter().map(|(_, path)| path))
            .chain(dated.map(|(_, _, path)| path))
            .chain(spots().filter_map(Spot::path))
            .collect();
        let is_needed = !self.required_fields.is_empty() || dated.is_some();
        let found = if paths.is_empty() { Ok(Vec::new()) } else { body::find(request.body, &paths) };
        let values = match found {
            Ok(values) => values,
            Err(refusal) if is_needed => return Err(refusal),
            // A ping, a form: then it has no id and no type.
            Err(_) => vec![None; paths.len()],
        };
        let mut values = values.into_iter();
        for (name, _) in &self.required_fields {
            values.next().flatten().ok_or_else(|| Refusal::MissingField(name.clone()))?;
        }
        let mut timestamp_unix_ms = timestamp;
        if let Some((spot, unit, _)) = dated {
            let place = spot.named();
            let text = values.next().flatten().and_then(body::scalar);
            let text = text.ok_or_else(|| Refusal::TimestampMissing(place.clone()))?;
            let at = moment::check(&text, unit, &place, self.tolerance_seconds, now_unix_ms)?;
            timestamp_unix_ms = Some(at);
        }
        let id = self.id.as_slice();
        let event_id = place::first(id, request, given, &mut values)?;
        let dedupe_id = place::first(&self.dedupe, request, given, &mut values)?;
        let event_type = place::first(&self.event_type, request, given, &mut values)?;
        let dedupe_id = dedupe_id.or_else(|| event_id.clone());
        Ok(Verified { event_id, dedupe_id, event_type, timestamp_unix_ms, key_index })
    }
}

/// Keeps what strangers may have chosen short.
fn bounded(mut verified: Verified) -> Verified {
    let short = |text: &String| text.len() <= TEXT_MAX_BYTES;
    verified.event_id = verified.event_id.filter(short);
    verified.event_type = verified.event_type.filter(short);
    verified.dedupe_id = verified.dedupe_id.map(|text| {
        if short(&text) { text } else { format!("sha256:{}", hint::hex(&Sha256::digest(text.as_bytes()))) }
    });
    verified
}
