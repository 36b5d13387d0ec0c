//! What a source answers instead of the ordinary answer, as the API writes and reads it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use stentor_core::source::{ResponseRule, SimulatedResponse, Simulation};
use utoipa::ToSchema;

use crate::http::api::filter::{checked_filter, filter_parts};
use crate::http::extract::objects;
use crate::http::problem::FieldError;

/// Either `rules` or `sequence`.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SimulationView {
    /// The first rule that the event meets answers, the ordinary answer when none does; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "objects")]
    rules: Vec<AnswerRule>,
    /// One after the other, and then from the first again; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "objects")]
    sequence: Vec<SimulatedAnswer>,
}

/// A response that you write.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SimulatedAnswer {
    /// 200 to 599. With another than 2xx the request is not taken: nothing is stored.
    status: u16,
    /// At most 16; those that frame the answer are set by the server.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(required = false)]
    headers: BTreeMap<String, String>,
    /// At most 16 384 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    body: String,
    /// Held back for so many milliseconds, at most 30 000.
    #[serde(default)]
    #[schema(required = false)]
    delay_ms: u64,
}

/// A response that you write and when it is given. It stands flat, which serde cannot do for what refuses unknown members.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AnswerRule {
    /// What the event must hold, as for webhooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    filters: Option<Box<RawValue>>,
    /// More of the same; both must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    conditions: Option<Box<RawValue>>,
    /// As in `sequence`.
    status: u16,
    /// As in `sequence`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(required = false)]
    headers: BTreeMap<String, String>,
    /// As in `sequence`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    body: String,
    /// As in `sequence`.
    #[serde(default)]
    #[schema(required = false)]
    delay_ms: u64,
}

impl SimulatedAnswer {
    fn showing(response: &SimulatedResponse) -> Self {
        Self {
            status: response.status,
            headers: response.headers.iter().cloned().collect(),
            body: response.body.clone(),
            delay_ms: u64::try_from(response.delay.as_millis()).unwrap_or(u64::MAX),
        }
    }

    fn response(self) -> SimulatedResponse {
        let lower = |(name, value): (String, String)| (name.to_ascii_lowercase(), value);
        SimulatedResponse {
            status: self.status,
            headers: self.headers.into_iter().map(lower).collect(),
            body: self.body,
            delay: Duration::from_millis(self.delay_ms),
        }
    }
}

impl AnswerRule {
    fn showing(rule: &ResponseRule) -> Self {
        let (filters, conditions) = filter_parts(rule.when.as_ref());
        let SimulatedAnswer { status, headers, body, delay_ms } = SimulatedAnswer::showing(&rule.response);
        Self { filters, conditions, status, headers, body, delay_ms }
    }

    fn rule(self, errors: &mut Vec<FieldError>) -> ResponseRule {
        let Self { filters, conditions, status, headers, body, delay_ms } = self;
        let when = checked_filter(filters.as_deref(), conditions.as_deref(), errors);
        ResponseRule { when, response: SimulatedAnswer { status, headers, body, delay_ms }.response() }
    }
}

impl SimulationView {
    pub(super) fn showing(simulation: &Simulation) -> Self {
        match simulation {
            Simulation::Sequence(responses) => {
                Self { sequence: responses.iter().map(SimulatedAnswer::showing).collect(), ..Self::default() }
            }
            Simulation::Rules(rules) => {
                Self { rules: rules.iter().map(AnswerRule::showing).collect(), ..Self::default() }
            }
        }
    }

    pub(super) fn simulation(self, errors: &mut Vec<FieldError>) -> Option<Simulation> {
        if self.rules.is_empty() == self.sequence.is_empty() {
            errors.push(FieldError::new(
                "/response",
                "must have either rules or sequence, with something in it",
            ));
            return None;
        }
        if self.rules.is_empty() {
            return Some(Simulation::Sequence(
                self.sequence.into_iter().map(SimulatedAnswer::response).collect(),
            ));
        }
        let mut rules = Vec::with_capacity(self.rules.len());
        for (index, rule) in self.rules.into_iter().enumerate() {
            let mut inside = Vec::new();
            rules.push(rule.rule(&mut inside));
            errors.extend(inside.into_iter().map(|error| FieldError {
                pointer: format!("/response/rules/{index}{}", error.pointer),
                ..error
            }));
        }
        Some(Simulation::Rules(rules))
    }
}
