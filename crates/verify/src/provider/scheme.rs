//! The checked form of a record.

use serde::{Deserialize, Serialize};

use super::body::Path;
use super::challenge::Challenge;
use super::key::{Key, KeyRefused, Material};
use super::moment::{DEFAULT_TOLERANCE_SECONDS, MAX_TOLERANCE_SECONDS};
use super::place::{Spot, header_name};
use super::record::{Algorithm, KeyForm, Place, SchemeRecord, SignatureEncoding, SignatureRecord, TimeUnit};
use super::special::Special;
use super::template::{self, Piece};

/// How requests of one sender are verified: a [`SchemeRecord`] that was checked, with everything in it prepared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SchemeRecord", into = "SchemeRecord")]
pub struct Scheme {
    record: Box<SchemeRecord>,
    pub(super) method: Method,
    pub(super) timestamp: Option<(Spot, TimeUnit)>,
    pub(super) tolerance_seconds: u64,
    pub(super) id: Option<Spot>,
    pub(super) dedupe: Vec<Spot>,
    pub(super) event_type: Vec<Spot>,
    pub(super) required_headers: Vec<Box<str>>,
    pub(super) required_fields: Vec<(Box<str>, Path)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Method {
    Special(Special),
    Declared(Declared),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) algorithm: Algorithm,
    pub(super) signature: SignatureRecord,
    pub(super) encoding: SignatureEncoding,
    pub(super) key: KeyForm,
    pub(super) signed: Vec<Piece>,
}

/// What is wrong in a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct SchemeError {
    /// The field, with full stops between the levels: `signature.header`, `dedupe.1`.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

fn wrong<T>(field: impl Into<String>, problem: impl Into<String>) -> Result<T, SchemeError> {
    Err(SchemeError { field: field.into(), problem: problem.into() })
}

/// Longest list in a record.
const LIST_MAX: usize = 32;
/// Longest text in a record, in bytes.
const TEXT_MAX_BYTES: usize = 256;

impl Scheme {
    /// The record that it was made from.
    #[must_use]
    pub fn record(&self) -> &SchemeRecord {
        &self.record
    }

    /// Which handshake is answered.
    #[must_use]
    pub fn challenge_kind(&self) -> Option<Challenge> {
        self.record.challenge
    }

    /// Whether the URL is signed, so that a request can only be verified when the public URL is known exactly.
    #[must_use]
    pub fn signs_url(&self) -> bool {
        match &self.method {
            Method::Special(special) => special.signs_url(),
            Method::Declared(declared) => declared.signed.contains(&Piece::Url),
        }
    }

    /// Whether its handshake needs a token beside the secret: [`Scheme::verify_token`].
    #[must_use]
    pub fn has_verify_token(&self) -> bool {
        self.record.challenge == Some(Challenge::Meta)
    }

    /// Prepares a secret: a shared secret, a public key, `username:password`, PayPal's webhook id, or the ARN of an SNS
    /// topic.
    ///
    /// # Errors
    /// When the text cannot be a key of this scheme.
    pub fn key(&self, text: &str) -> Result<Key, KeyRefused> {
        match &self.method {
            Method::Special(special) => special.key(text),
            Method::Declared(declared) => Key::parse(declared.algorithm, declared.key, text),
        }
    }

    /// Prepares the token that answers handshakes (Meta's `hub.verify_token`). It verifies nothing else, and may stand
    /// anywhere among the keys.
    ///
    /// # Errors
    /// [`KeyRefused::NoVerifyToken`] for schemes without one, [`KeyRefused::Empty`], [`KeyRefused::TooLong`].
    pub fn verify_token(&self, text: &str) -> Result<Key, KeyRefused> {
        if self.has_verify_token() {
            Key::with(Material::VerifyToken, text)
        } else {
            Err(KeyRefused::NoVerifyToken)
        }
    }

    /// Whether a raw forward keeps the header with this name.
    ///
    /// ```
    /// use stentor_verify::provider::preset;
    ///
    /// let github = &preset("github").expect("a preset").scheme;
    /// assert!(github.forwards("X-Hub-Signature-256") && !github.forwards("Cookie"));
    /// ```
    #[must_use]
    pub fn forwards(&self, name: &str) -> bool {
        self.record.forward.iter().any(|kept| match kept.strip_suffix('*') {
            Some(start) => name.get(..start.len()).is_some_and(|given| given.eq_ignore_ascii_case(start)),
            None => name.eq_ignore_ascii_case(kept),
        })
    }

    /// Whether the value of the header is the secret itself, as a token is, rather than a signature made with it.
    ///
    /// ```
    /// use stentor_verify::provider::preset;
    ///
    /// assert!(preset("gitlab").expect("a preset").scheme.holds_secret("X-Gitlab-Token"));
    /// assert!(!preset("github").expect("a preset").scheme.holds_secret("X-Hub-Signature-256"));
    /// ```
    #[must_use]
    pub fn holds_secret(&self, name: &str) -> bool {
        let is_token = self.record.algorithm.is_some_and(|algorithm| !algorithm.signs());
        let header = self.record.signature.as_ref().and_then(|signature| signature.header.as_deref());
        is_token && name.eq_ignore_ascii_case(header.unwrap_or("authorization"))
    }
}

impl From<Scheme> for SchemeRecord {
    fn from(scheme: Scheme) -> Self {
        *scheme.record
    }
}

impl TryFrom<SchemeRecord> for Scheme {
    type Error = SchemeError;

    /// Checks a record.
    ///
    /// # Errors
    /// With the name of the first field that is wrong.
    fn try_from(record: SchemeRecord) -> Result<Self, SchemeError> {
        let method = method(&record)?;
        let has_parts = record.signature.as_ref().is_some_and(|signature| signature.parts.is_some());
        let spot =
            |field: &str, place: &Place| Spot::new(place, has_parts).or_else(|problem| wrong(field, problem));
        let spots = |field: &str, places: &[Place]| {
            within(field, places.len())?;
            let each = places.iter().enumerate();
            each.map(|(index, place)| spot(&format!("{field}.{index}"), place)).collect::<Result<Vec<_>, _>>()
        };
        let timestamp = record.timestamp.as_ref();
        let timestamp = timestamp
            .map(|timestamp| Ok((spot("timestamp.from", &timestamp.from)?, timestamp.unit)))
            .transpose()?;
        let tolerance_seconds = record.tolerance_seconds.unwrap_or(DEFAULT_TOLERANCE_SECONDS);
        if !(1..=MAX_TOLERANCE_SECONDS).contains(&tolerance_seconds) {
            return wrong("tolerance_seconds", format!("1 to {MAX_TOLERANCE_SECONDS}"));
        }
        let has_time = match &method {
            Method::Special(special) => special.has_time(),
            Method::Declared(_) => timestamp.is_some(),
        };
        if record.tolerance_seconds.is_some() && !has_time {
            return wrong("tolerance_seconds", "there is no timestamp to hold it against");
        }
        if let Method::Declared(declared) = &method {
            check_pieces(declared, &record)?;
        }
        let required_headers = names("require.headers", &record.require.headers)?;
        within("require.body", record.require.body.len())?;
        let fields = record.require.body.iter().enumerate().map(|(index, path)| {
            let parsed =
                Path::parse(path).or_else(|problem| wrong(format!("require.body.{index}"), problem))?;
            Ok((path.as_str().into(), parsed))
        });
        let forward: Vec<String> =
            record.forward.iter().map(|name| name.strip_suffix('*').unwrap_or(name).to_owned()).collect();
        names("forward", &forward)?;
        Ok(Self {
            method,
            timestamp,
            tolerance_seconds,
            id: record.id.as_ref().map(|place| spot("id", place)).transpose()?,
            dedupe: spots("dedupe", &record.dedupe)?,
            event_type: spots("event_type", &record.event_type)?,
            required_headers,
            required_fields: fields.collect::<Result<_, _>>()?,
            record: Box::new(record),
        })
    }
}

fn within(field: &str, length: usize) -> Result<(), SchemeError> {
    if length > LIST_MAX { wrong(field, format!("at most {LIST_MAX} entries")) } else { Ok(()) }
}

fn names(field: &str, given: &[String]) -> Result<Vec<Box<str>>, SchemeError> {
    within(field, given.len())?;
    let each = given.iter().enumerate();
    each.map(|(index, name)| header_name(name).or_else(|problem| wrong(format!("{field}.{index}"), problem)))
        .collect()
}

fn method(record: &SchemeRecord) -> Result<Method, SchemeError> {
    if let Some(special) = record.special {
        let excluded = [
            ("algorithm", record.algorithm.is_some()),
            ("signature", record.signature.is_some()),
            ("encoding", record.encoding.is_some()),
            ("key", record.key.is_some()),
            ("signed", record.signed.is_some()),
            ("timestamp", record.timestamp.is_some()),
        ];
        if let Some((field, _)) = excluded.into_iter().find(|(_, is_there)| *is_there) {
            return wrong(field, "a special scheme has its own");
        }
        return Ok(Method::Special(special));
    }
    let Some(algorithm) = record.algorithm else {
        return wrong("algorithm", "either algorithm or special is needed");
    };
    let signature = match &record.signature {
        Some(signature) => signature.clone(),
        None if algorithm == Algorithm::Basic => {
            SignatureRecord { header: Some("authorization".into()), ..SignatureRecord::default() }
        }
        None => return wrong("signature", "needed unless the algorithm is basic"),
    };
    check_signature(&signature)?;
    if !algorithm.signs() {
        for (field, is_there) in [
            ("signed", record.signed.is_some()),
            ("encoding", record.encoding.is_some()),
            ("key", record.key.is_some()),
        ] {
            if is_there {
                return wrong(field, "only signatures have it, and this algorithm compares texts");
            }
        }
    }
    let default_key = if algorithm.is_asymmetric() { KeyForm::Base64 } else { KeyForm::Utf8 };
    let key = record.key.unwrap_or(default_key);
    if algorithm.is_asymmetric() && matches!(key, KeyForm::Utf8 | KeyForm::Whsec) {
        return wrong("key", "a public key is written in hex or base64");
    }
    let template = record.signed.as_deref().unwrap_or("{body}");
    too_long("signed", template)?;
    Ok(Method::Declared(Declared {
        algorithm,
        signature,
        encoding: record.encoding.unwrap_or_default(),
        key,
        signed: template::parse(template).or_else(|problem| wrong("signed", problem))?,
    }))
}

fn check_signature(signature: &SignatureRecord) -> Result<(), SchemeError> {
    match (&signature.header, &signature.query) {
        (Some(name), None) => {
            header_name(name).or_else(|problem| wrong("signature.header", problem))?;
        }
        (None, Some(name)) if name.is_empty() => {
            return wrong("signature.query", "the name of the parameter is empty");
        }
        (None, Some(name)) => too_long("signature.query", name)?,
        (None, None) => return wrong("signature.header", "either header or query is needed"),
        (Some(_), Some(_)) => return wrong("signature.query", "either header or query, not both"),
    }
    let splits = [
        ("signature.parts", signature.parts.is_some()),
        ("signature.separator", signature.separator.is_some()),
        ("signature.numbered", signature.numbered),
    ];
    let mut used = splits.into_iter().filter(|(_, is_used)| *is_used);
    if let Some((field, _)) = used.next() {
        if signature.query.is_some() {
            return wrong(field, "only a header is split");
        }
        if let Some((second, _)) = used.next() {
            return wrong(second, format!("not together with {field}"));
        }
    }
    too_long("signature.prefix", &signature.prefix)?;
    if let Some(parts) = &signature.parts {
        separator("signature.parts.separator", &parts.separator)?;
        if parts.signature.is_empty() || parts.signature.contains('=') {
            return wrong("signature.parts.signature", "a name without =");
        }
        too_long("signature.parts.signature", &parts.signature)?;
    }
    signature.separator.as_deref().map_or(Ok(()), |text| separator("signature.separator", text))
}

fn separator(field: &str, text: &str) -> Result<(), SchemeError> {
    if (1..=4).contains(&text.len()) { Ok(()) } else { wrong(field, "1 to 4 bytes") }
}

fn too_long(field: &str, text: &str) -> Result<(), SchemeError> {
    if text.len() > TEXT_MAX_BYTES { wrong(field, format!("at most {TEXT_MAX_BYTES} bytes")) } else { Ok(()) }
}

/// What the template names must have a source.
fn check_pieces(declared: &Declared, record: &SchemeRecord) -> Result<(), SchemeError> {
    let in_body = |place: &Place| matches!(place, Place::Body(_));
    if declared.signed.contains(&Piece::Timestamp) {
        match &record.timestamp {
            None => return wrong("timestamp", "the template has {timestamp}"),
            Some(timestamp) if in_body(&timestamp.from) => {
                return wrong("timestamp.from", "what the template takes stands outside of the body");
            }
            Some(_) => {}
        }
    }
    if declared.signed.contains(&Piece::Id) {
        match &record.id {
            None => return wrong("id", "the template has {id}"),
            Some(place) if in_body(place) => {
                return wrong("id", "what the template takes stands outside of the body");
            }
            Some(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
