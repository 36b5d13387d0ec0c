//! What a source answers instead of the ordinary answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::filter::Filter;

/// What a source answers instead of the ordinary answer. A 2xx leaves only after the commit (readings 000, 001).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Simulation {
    /// The first rule whose condition the event meets; the ordinary answer when none does.
    Rules(Vec<ResponseRule>),
    /// One after the other, and from the first again after the last. A new process begins with the first.
    Sequence(Vec<SimulatedResponse>),
}

/// Equal when it was written the same.
impl Eq for Simulation {}

/// A response and when it is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResponseRule {
    /// What the event must hold; none means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Filter>,
    /// The response.
    pub response: SimulatedResponse,
}

/// A response that the owner wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimulatedResponse {
    /// HTTP status, 200 to 599. With one that is not 2xx the request is refused by choice: nothing is stored.
    pub status: u16,
    /// Names, lower-case, and values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// Body.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// How long it is held back.
    #[serde(default)]
    pub delay: Duration,
}

impl SimulatedResponse {
    /// Whether the request is taken, so that the response leaves only after the commit.
    pub const fn accepts(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}
