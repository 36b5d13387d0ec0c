//! How a request to a source proves itself.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stentor_verify::provider::{Scheme, SchemeRecord, preset};

use super::place::{BodyPath, Place};
use super::{SourceRefusal, SourceSecrets};
use crate::limits::{SECRET_OPTIONS_MAX, SECRETS_MAX, VERIFICATION_BYTES_MAX};

/// The one option that is no secret: greatest accepted distance between timestamp and clock, in seconds.
const TOLERANCE: &str = "tolerance_seconds";
/// The secret option of schemes whose handshake needs a token beside the secret.
pub const VERIFY_TOKEN: &str = "verify_token";

/// How a request to a source proves itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// It does not: whoever knows the URL may send.
    None,
    /// By a credential of the source (seeds 000, 001).
    Basic,
    /// As a provider signs, by the name of its preset.
    Preset {
        /// The preset's name.
        name: String,
        /// What the preset leaves open and is no secret.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        options: Map<String, Value>,
    },
    /// By a record of the owner's own.
    Custom {
        /// The record.
        scheme: Value,
    },
}

impl Verification {
    /// The word for its kind: `none`, `basic`, `custom`, or the preset's name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::None => "none",
            Self::Basic => "basic",
            Self::Preset { name, .. } => name,
            Self::Custom { .. } => "custom",
        }
    }

    /// Whether its requests carry credentials.
    pub const fn is_basic(&self) -> bool {
        matches!(self, Self::Basic)
    }

    /// Whether it verifies with secrets of the source.
    pub const fn has_keys(&self) -> bool {
        matches!(self, Self::Preset { .. } | Self::Custom { .. })
    }

    /// The scheme that requests are verified by; none without secrets.
    ///
    /// # Errors
    /// The field that is no good.
    pub fn scheme(&self) -> Result<Option<Scheme>, SourceRefusal> {
        match self {
            Self::None | Self::Basic => Ok(None),
            Self::Preset { name, options } => of_preset(name, options).map(Some),
            Self::Custom { scheme } => {
                let record = SchemeRecord::deserialize(scheme)
                    .map_err(|error| SourceRefusal::at("/verification/scheme", error.to_string()))?;
                checked(record, "/verification/scheme").map(Some)
            }
        }
    }

    /// Where the type of an event is looked for when the source does not say: the provider's own place, then `event` and
    /// `type` of the body (readings 000, 001).
    pub(super) fn event_type_places(&self) -> Vec<Place> {
        let provider = self.has_keys().then_some(Place::Provider);
        let body = ["event", "type"].map(|name| Place::Body(BodyPath::of_name(name)));
        provider.into_iter().chain(body).collect()
    }

    /// What is no good of it and of the secrets that it is to have.
    pub(super) fn refusals(&self, secrets: &SourceSecrets) -> Vec<SourceRefusal> {
        let bytes = serde_json::to_vec(self).map_or(usize::MAX, |bytes| bytes.len());
        if bytes > VERIFICATION_BYTES_MAX {
            let detail = format!("must be at most {VERIFICATION_BYTES_MAX} bytes of JSON");
            return vec![SourceRefusal::at("/verification", detail)];
        }
        match self.scheme() {
            Err(refusal) => vec![refusal],
            Ok(None) => without_secrets(secrets),
            Ok(Some(scheme)) => with_secrets(&scheme, secrets),
        }
    }
}

fn checked(record: SchemeRecord, pointer: &str) -> Result<Scheme, SourceRefusal> {
    Scheme::try_from(record).map_err(|error| {
        SourceRefusal::at(format!("{pointer}/{}", error.field.replace('.', "/")), error.problem)
    })
}

fn of_preset(name: &str, options: &Map<String, Value>) -> Result<Scheme, SourceRefusal> {
    let Some(preset) = preset(name) else {
        let detail = "is no preset; GET /v1/source-presets lists them";
        return Err(SourceRefusal::at("/verification/preset", detail));
    };
    if let Some(unknown) = options.keys().find(|option| *option != TOLERANCE) {
        return Err(SourceRefusal::at(format!("/verification/{unknown}"), "is no option of a preset"));
    }
    let Some(tolerance) = options.get(TOLERANCE) else { return Ok(preset.scheme.clone()) };
    let pointer = format!("/verification/{TOLERANCE}");
    let Some(seconds) = tolerance.as_u64() else {
        return Err(SourceRefusal::at(pointer, "must be a whole number of seconds"));
    };
    let mut record = preset.scheme.record().clone();
    record.tolerance_seconds = Some(seconds);
    Scheme::try_from(record).map_err(|error| SourceRefusal::at(pointer, error.problem))
}

fn without_secrets(secrets: &SourceSecrets) -> Vec<SourceRefusal> {
    let mut broken = Vec::new();
    if !secrets.keys.is_empty() {
        let detail = "is not used by this verification; credentials of a Basic source are made by the server";
        broken.push(SourceRefusal::at("/verification/secret", detail));
    }
    broken.extend(secrets.options.keys().map(|option| {
        SourceRefusal::at(format!("/verification/{option}"), "is not used by this verification")
    }));
    broken
}

fn with_secrets(scheme: &Scheme, secrets: &SourceSecrets) -> Vec<SourceRefusal> {
    let mut broken = Vec::new();
    if secrets.keys.is_empty() {
        broken.push(SourceRefusal::at("/verification/secret", "is needed: requests are verified with it"));
    }
    if secrets.keys.len() > SECRETS_MAX || secrets.options.len() > SECRET_OPTIONS_MAX {
        broken.push(SourceRefusal::at("/verification/secret", format!("at most {SECRETS_MAX} may overlap")));
    }
    let refused = secrets.keys.iter().find_map(|key| scheme.key(key.value.reveal()).err());
    if let Some(refused) = refused {
        broken.push(SourceRefusal::at("/verification/secret", refused.to_string()));
    }
    for (option, value) in &secrets.options {
        let refused = match option.as_str() {
            VERIFY_TOKEN => scheme.verify_token(value.reveal()).err().map(|error| error.to_string()),
            _ => Some("is no option of this verification".to_owned()),
        };
        broken.extend(refused.map(|detail| SourceRefusal::at(format!("/verification/{option}"), detail)));
    }
    broken
}
