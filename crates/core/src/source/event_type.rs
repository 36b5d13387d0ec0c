//! Where the type of an event from a source comes from.

use serde::{Deserialize, Serialize};

use super::place::Place;
use crate::event::EventType;

/// The type of an event that says none itself, unless its source has another.
const DEFAULT_TYPE: &str = "webhook.received";

/// Where the type of an event comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventTypeRule {
    /// The places that are looked at, in this order; those of the verification when none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Vec<Place>>,
    /// The type when none of them holds one.
    pub default: EventType,
}

impl Default for EventTypeRule {
    fn default() -> Self {
        Self { from: None, default: EventType::parse(DEFAULT_TYPE).expect("a valid type") }
    }
}
