//! How requests to a source prove themselves, as the API writes and reads it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stentor_core::source::{Source, VERIFY_TOKEN, Verification};
use stentor_core::time::Time;
use stentor_core::webhook::SecretText;
use utoipa::ToSchema;

use crate::http::problem::FieldError;

const TOLERANCE: &str = "tolerance_seconds";

/// How requests prove themselves: a preset, or a record of your own.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"preset": "github", "secret": "the secret that the provider has"}))]
pub(super) struct VerificationSettings {
    /// `basic` (credentials), `none`, or a name of `GET /v1/source-presets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    preset: Option<String>,
    /// A record of your own instead of a preset; see the page on verification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    scheme: Option<Value>,
    /// What the provider calls the signing secret, the public key or the token. Kept encrypted and never shown.
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<String>)]
    pub(super) secret: Option<SecretText>,
    /// The token of a handshake, where the provider has one beside the secret. Never shown.
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<String>)]
    pub(super) verify_token: Option<SecretText>,
    /// Greatest accepted distance between the time of a request and the clock; the preset's when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tolerance_seconds: Option<u64>,
}

impl VerificationSettings {
    pub(super) fn of(source: &Source) -> Self {
        let empty =
            Self { preset: None, scheme: None, secret: None, verify_token: None, tolerance_seconds: None };
        match &source.config.verification {
            Verification::Custom { scheme } => Self { scheme: Some(scheme.clone()), ..empty },
            Verification::Preset { name, options } => Self {
                preset: Some(name.clone()),
                tolerance_seconds: options.get(TOLERANCE).and_then(Value::as_u64),
                ..empty
            },
            other => Self { preset: Some(other.as_str().to_owned()), ..empty },
        }
    }

    pub(super) fn verification(&self, errors: &mut Vec<FieldError>) -> Verification {
        let name = match (&self.preset, &self.scheme) {
            (Some(name), None) => name.as_str(),
            (None, Some(scheme)) => return Verification::Custom { scheme: scheme.clone() },
            _ => {
                errors.push(FieldError::new("/verification", "must have either preset or scheme"));
                return Verification::Basic;
            }
        };
        let mut options = Map::new();
        if let Some(seconds) = self.tolerance_seconds {
            options.insert(TOLERANCE.into(), seconds.into());
        }
        let plain = match name {
            "none" => Verification::None,
            "basic" => Verification::Basic,
            _ => return Verification::Preset { name: name.to_owned(), options },
        };
        if self.tolerance_seconds.is_some() {
            let pointer = format!("/verification/{TOLERANCE}");
            errors.push(FieldError::new(pointer, "is not used by this verification"));
        }
        plain
    }

    pub(super) fn secret_options(&self) -> BTreeMap<String, SecretText> {
        self.verify_token.iter().map(|token| (VERIFY_TOKEN.to_owned(), token.clone())).collect()
    }
}

/// How requests prove themselves, without secrets.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VerificationView {
    #[serde(flatten)]
    settings: VerificationSettings,
    /// The secrets that are accepted, newest first.
    secrets: Vec<SourceSecretView>,
    /// Whether a handshake has a token.
    has_verify_token: bool,
}

/// A secret, told by its first characters.
#[derive(Debug, Serialize, ToSchema)]
struct SourceSecretView {
    #[schema(example = "wh…")]
    secret: String,
    /// Until when it is accepted; null for the current one.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
}

impl VerificationView {
    pub(super) fn of(source: &Source) -> Self {
        let secrets = source.secrets.keys.iter();
        Self {
            settings: VerificationSettings::of(source),
            secrets: secrets
                .map(|key| SourceSecretView { secret: key.value.masked(), until: key.until })
                .collect(),
            has_verify_token: source.secrets.options.contains_key(VERIFY_TOKEN),
        }
    }
}
