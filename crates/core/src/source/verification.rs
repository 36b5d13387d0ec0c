//! How a request to a source proves itself.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::place::{BodyPath, Place};

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

    /// Where the type of an event is looked for when the source does not say: the provider's own place, then `event` and
    /// `type` of the body (readings 000, 001).
    pub(super) fn event_type_places(&self) -> Vec<Place> {
        let provider = self.has_keys().then_some(Place::Provider);
        let body = ["event", "type"].map(|name| Place::Body(BodyPath::of_name(name)));
        provider.into_iter().chain(body).collect()
    }
}
