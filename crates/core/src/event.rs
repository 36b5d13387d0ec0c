//! Events: the facts that are delivered, and the patterns that choose them by type.

mod view;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::arrival::Arrival;
use crate::id::{EventId, TenantId};
use crate::limits::EVENT_TYPE_CHARS_MAX;
use crate::time::Time;

/// A dotted name such as `workflow.completed`: 1-128 of `[A-Za-z0-9_.:/-]` (readings 000, 001).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(Box<str>);

/// The text is not an event type, or not a pattern of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEventType {
    /// Empty, or longer than 128 characters.
    #[error("an event type has 1 to {EVENT_TYPE_CHARS_MAX} characters")]
    Length,
    /// A character outside the allowed set.
    #[error("an event type uses only letters, digits and _ . : / - (found {0:?})")]
    Character(char),
    /// A star anywhere but alone or after a final dot.
    #[error("a pattern is an event type, a prefix that ends in .* such as order.*, or * alone")]
    Star,
}

impl EventType {
    /// Checks and keeps the text.
    ///
    /// # Errors
    /// When it is empty, too long, or holds a character outside `[A-Za-z0-9_.:/-]`.
    pub fn parse(text: &str) -> Result<Self, InvalidEventType> {
        if text.is_empty() || text.len() > EVENT_TYPE_CHARS_MAX {
            return Err(InvalidEventType::Length);
        }
        match text.chars().find(|c| !(c.is_ascii_alphanumeric() || "_.:/-".contains(*c))) {
            Some(character) => Err(InvalidEventType::Character(character)),
            None => Ok(Self(text.into())),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Which event types a webhook receives: one type, everything below a prefix, or all.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EventPattern {
    /// Exactly this type.
    Exact(EventType),
    /// `order.*`: every type that starts with `order.`; the text kept is `order.`.
    Prefix(Box<str>),
    /// `*`: every type.
    All,
}

impl EventPattern {
    /// Parses `type`, `prefix.*` or `*`.
    ///
    /// # Errors
    /// When the text is none of the three.
    pub fn parse(text: &str) -> Result<Self, InvalidEventType> {
        if text == "*" {
            return Ok(Self::All);
        }
        if let Some(prefix) = text.strip_suffix(".*") {
            EventType::parse(prefix).map_err(|error| match error {
                InvalidEventType::Character('*') | InvalidEventType::Length => InvalidEventType::Star,
                other => other,
            })?;
            return Ok(Self::Prefix(format!("{prefix}.").into()));
        }
        if text.contains('*') {
            return Err(InvalidEventType::Star);
        }
        EventType::parse(text).map(Self::Exact)
    }

    /// Whether an event of this type is chosen.
    pub fn matches(&self, event_type: &str) -> bool {
        match self {
            Self::Exact(exact) => exact.as_str() == event_type,
            Self::Prefix(prefix) => event_type.starts_with(&**prefix),
            Self::All => true,
        }
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(exact) => f.write_str(exact.as_str()),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
            Self::All => f.write_str("*"),
        }
    }
}

impl Serialize for EventPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// How an event came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Published through the API.
    Api,
    /// Emitted by Stentor about itself: an operational event.
    Operational,
    /// Received by a source; its content has an [`Arrival`].
    Source,
}

impl Origin {
    /// The word kept in the store and shown by the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Operational => "operational",
            Self::Source => "source",
        }
    }

    /// The origin with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Api, Self::Operational, Self::Source].into_iter().find(|origin| origin.as_str() == word)
    }
}

/// What a receiver gets to see of an event, shared by all its deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventContent {
    /// The event's id; the same on every attempt of every delivery.
    pub id: EventId,
    /// Its type.
    pub event_type: EventType,
    /// When the fact happened, as the publisher says, or the time of acceptance.
    pub time: Time,
    /// What the event is about.
    pub subject: Option<Box<str>>,
    /// Media type of `data`.
    pub content_type: Box<str>,
    /// The exact bytes published.
    pub data: Bytes,
    /// The exact bytes of the earlier state, for events about a change.
    pub previous_data: Option<Bytes>,
    /// How it arrived, when a source received it. Formats other than `raw` show nothing of it.
    pub arrival: Option<Arc<Arrival>>,
}

impl EventContent {
    /// What every bound of memory counts: `data` and `previous_data` together, in bytes.
    pub fn bytes(&self) -> usize {
        self.data.len() + self.previous_data.as_ref().map_or(0, Bytes::len)
    }
}

/// An accepted event as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Whose it is.
    pub tenant: TenantId,
    /// What receivers see, shared with the lanes.
    pub content: Arc<EventContent>,
    /// When Stentor accepted it.
    pub accepted_at: Time,
    /// The publisher's own JSON object; never sent.
    pub metadata: Option<Bytes>,
    /// How it came in.
    pub origin: Origin,
    /// The tenant's configuration that routing used (engine rule E21).
    pub config_version: u64,
    /// How many webhooks matched.
    pub matched: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_a_length_and_an_alphabet() {
        for good in ["a", "workflow.completed", "A-b_c:d/e.f", &"x".repeat(128)] {
            assert!(EventType::parse(good).is_ok(), "{good}");
        }
        assert_eq!(EventType::parse(""), Err(InvalidEventType::Length));
        assert_eq!(EventType::parse(&"x".repeat(129)), Err(InvalidEventType::Length));
        assert_eq!(EventType::parse("a b"), Err(InvalidEventType::Character(' ')));
        assert_eq!(EventType::parse("order.*"), Err(InvalidEventType::Character('*')));
        assert_eq!(EventType::parse("é"), Err(InvalidEventType::Character('é')));
    }

    #[test]
    fn patterns_match_what_they_say() {
        let prefix = EventPattern::parse("order.*").expect("valid");
        assert!(prefix.matches("order.created") && prefix.matches("order.item.added"));
        assert!(!prefix.matches("order") && !prefix.matches("orders.created"));
        assert!(EventPattern::parse("*").expect("valid").matches("anything"));
        assert_eq!(prefix.to_string(), "order.*");
        for bad in ["*.created", "order.*.x", "ord*", ".**", "**", ".*"] {
            assert!(EventPattern::parse(bad).is_err(), "{bad}");
        }
    }
}
