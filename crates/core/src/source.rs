//! Sources: where inbound webhooks come from, how they prove themselves, and what becomes of them.

mod check;
mod dedupe;
mod event_type;
mod peers;
mod place;
mod public_url;
mod refusal;
mod response;
#[cfg(test)]
mod tests;
mod verification;

use std::collections::BTreeMap;
use std::time::Duration;

use http::HeaderName;
use serde::{Deserialize, Serialize};

use crate::id::{SourceId, TenantId};
use crate::rate::Rate;
use crate::time::Time;
use crate::webhook::SecretText;

pub use self::check::{ALL_HEADERS, may_be_kept};
pub use self::dedupe::Dedupe;
pub use self::event_type::EventTypeRule;
pub use self::peers::{AllowedPeers, InvalidNetwork};
pub use self::place::{BodyPath, InvalidBodyPath, Place};
pub use self::public_url::{InvalidPublicUrl, PublicUrl};
pub use self::refusal::SourceRefusal;
pub use self::response::{ResponseRule, SimulatedResponse, Simulation};
pub use self::verification::{VERIFY_TOKEN, Verification};

/// Which bodies a source takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Only JSON, said to be so by its content type (readings 000, 001).
    Json,
    /// Bytes of any kind; what is not JSON is kept as it came.
    Any,
}

impl Content {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Json, Self::Any];

    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Any => "any",
        }
    }

    /// The one with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|content| content.as_str() == word)
    }
}

/// What becomes of a request that does not prove itself (readings 003).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnInvalid {
    /// It is answered 401 and nothing is stored of it but that it was refused.
    #[default]
    Reject,
    /// It is answered 200 and kept among the refused requests; it becomes no event.
    #[serde(rename = "store_and_200")]
    StoreAnd200,
}

impl OnInvalid {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Reject, Self::StoreAnd200];

    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::StoreAnd200 => "store_and_200",
        }
    }

    /// The one with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == word)
    }
}

/// Whether one body can hold several events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// One request is one event.
    #[default]
    None,
    /// Each element of a JSON array is an event of its own, all in one commit (readings 000, 001).
    Array,
}

impl Split {
    /// Both.
    pub const ALL: [Self; 2] = [Self::None, Self::Array];

    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Array => "array",
        }
    }

    /// The one with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|split| split.as_str() == word)
    }
}

/// The part of a source that may be kept and shown in the clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceConfig {
    /// Name shown to people.
    pub name: String,
    /// What it is for, in the owner's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How a request proves itself.
    pub verification: Verification,
    /// Which bodies it takes; by its verification when none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// What becomes of a request that does not prove itself.
    #[serde(default)]
    pub on_invalid: OnInvalid,
    /// What tells that two requests are the same.
    #[serde(default)]
    pub dedupe: Dedupe,
    /// Whether one body can hold several events.
    #[serde(default)]
    pub split: Split,
    /// Where the type of its events comes from.
    #[serde(default)]
    pub event_type: EventTypeRule,
    /// Which addresses may send; all when it names none.
    #[serde(default, skip_serializing_if = "AllowedPeers::is_empty")]
    pub allow: AllowedPeers,
    /// Most requests in any window of the period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// What it answers instead of the ordinary answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Simulation>,
    /// Headers that are kept with an event, besides those of the preset and [`KEPT_ALWAYS`]. Lower-case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep_headers: Vec<String>,
    /// The URL that the sender was told, for providers that sign it, when it is not the one that arrives here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_url: Option<PublicUrl>,
    /// Largest body in bytes, at most [`BODY_BYTES_MAX`](crate::limits::BODY_BYTES_MAX), which it is when none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_body_bytes: Option<u32>,
}

/// Headers that every event from a source keeps when the request had them.
pub const KEPT_ALWAYS: [HeaderName; 2] = [http::header::CONTENT_TYPE, http::header::USER_AGENT];

impl SourceConfig {
    /// A source with that verification in which nothing else is set.
    pub fn new(name: String, verification: Verification) -> Self {
        Self {
            name,
            description: None,
            verification,
            content: None,
            on_invalid: OnInvalid::default(),
            dedupe: Dedupe::default(),
            split: Split::default(),
            event_type: EventTypeRule::default(),
            allow: AllowedPeers::default(),
            rate: None,
            response: None,
            keep_headers: Vec::new(),
            public_url: None,
            max_body_bytes: None,
        }
    }

    /// Which bodies it takes: JSON only when it has credentials and says nothing else (readings 000, 001).
    pub fn effective_content(&self) -> Content {
        let of_verification = if self.verification.is_basic() { Content::Json } else { Content::Any };
        self.content.unwrap_or(of_verification)
    }

    /// Largest body, in bytes.
    pub fn effective_max_body_bytes(&self) -> usize {
        let most = crate::limits::BODY_BYTES_MAX;
        self.max_body_bytes
            .and_then(|bytes| usize::try_from(bytes).ok())
            .map_or(most, |bytes| bytes.min(most))
    }

    /// Where an event's type is looked for, in this order, before the default is taken.
    pub fn event_type_places(&self) -> Vec<Place> {
        match &self.event_type.from {
            Some(places) => places.clone(),
            None => self.verification.event_type_places(),
        }
    }

    /// Whether an address may send.
    pub fn admits(&self, peer: std::net::IpAddr) -> bool {
        self.allow.admits(peer)
    }
}

/// A secret that requests are verified with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceKey {
    /// The secret as the provider shows it.
    pub value: SecretText,
    /// Until when it is accepted; without end for the current one.
    pub until: Option<Time>,
}

impl SourceKey {
    /// Whether it verifies at `now`.
    pub fn verifies_at(&self, now: Time) -> bool {
        self.until.is_none_or(|end| now < end)
    }
}

/// The part of a source that is encrypted at rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceSecrets {
    /// Secrets, newest first; several are accepted during rotation.
    pub keys: Vec<SourceKey>,
    /// Options of the verification that are secrets too, by name, such as the `verify_token` of a challenge.
    pub options: BTreeMap<String, SecretText>,
}

impl SourceSecrets {
    /// Those that verify at `now`, newest first.
    pub fn keys_at(&self, now: Time) -> impl Iterator<Item = &SecretText> {
        self.keys.iter().filter(move |key| key.verifies_at(now)).map(|key| &key.value)
    }

    /// Puts a new secret in front; those before it are accepted for `overlap` from `now` at most.
    pub fn rotate(&mut self, value: SecretText, overlap: Duration, now: Time) {
        let until = now.plus(overlap);
        for key in &mut self.keys {
            key.until = Some(key.until.map_or(until, |end| end.min(until)));
        }
        self.keys.insert(0, SourceKey { value, until: None });
        self.keys.retain(|key| key.verifies_at(now));
    }
}

/// Where inbound webhooks come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its id.
    pub id: SourceId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Whether it takes requests.
    pub active: bool,
    /// What may be kept in the clear.
    pub config: SourceConfig,
    /// What is encrypted at rest.
    pub secrets: SourceSecrets,
    /// The tenant's configuration version of its last change.
    pub version: u64,
    /// When it was created.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    /// When it deletes itself, if it was made for a while only.
    pub expires_at: Option<Time>,
}

impl Source {
    /// Whether it takes requests at `now`.
    pub fn takes_at(&self, now: Time) -> bool {
        self.active && self.expires_at.is_none_or(|end| now < end)
    }
}
