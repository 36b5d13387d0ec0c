//! The shapes of request bodies.

use serde::{Deserialize, Serialize};

/// The shape of the request body. A profile brings one; a webhook may choose another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `{"type","timestamp","data"}`.
    Standard,
    /// `{"event","timestamp","webhook_id","delivery_id","data"}` (seed 003).
    Broxi,
    /// `{"conversation_id","data","timestamp"}` (seed 002).
    Conversation,
    /// `{"id","type","created_at","data":{"object"},"previous_data"}` (seed 004).
    Resource,
    /// The event's bytes, unchanged.
    Raw,
    /// `CloudEvents` 1.0 in one JSON object.
    Cloudevents,
    /// `CloudEvents` 1.0 with the attributes in headers and the event's bytes as the body.
    CloudeventsBinary,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 7] = [
        Self::Standard,
        Self::Broxi,
        Self::Conversation,
        Self::Resource,
        Self::Raw,
        Self::Cloudevents,
        Self::CloudeventsBinary,
    ];

    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Broxi => "broxi",
            Self::Conversation => "conversation",
            Self::Resource => "resource",
            Self::Raw => "raw",
            Self::Cloudevents => "cloudevents",
            Self::CloudeventsBinary => "cloudevents_binary",
        }
    }

    /// The format with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }

    /// Whether it has a body for several events.
    pub const fn holds_batches(self) -> bool {
        !matches!(self, Self::Raw | Self::CloudeventsBinary)
    }

    /// Whether it is one of the two of `CloudEvents`.
    pub const fn is_cloudevents(self) -> bool {
        matches!(self, Self::Cloudevents | Self::CloudeventsBinary)
    }
}
