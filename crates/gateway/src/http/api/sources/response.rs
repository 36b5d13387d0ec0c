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
pub(super) struct ResponseView {
    /// The first rule that the event meets answers, the ordinary answer when none does; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "objects")]
    rules: Vec<AnswerView>,
    /// One after the other, and then from the first again; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "objects")]
    sequence: Vec<AnswerView>,
}

/// A response that you write, and in `rules` when it is given.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AnswerView {
    /// What the event must hold, as for webhooks; only in `rules`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    filters: Option<Box<RawValue>>,
    /// More of the same; both must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    conditions: Option<Box<RawValue>>,
    /// 200 to 599. With another than 2xx the request is not taken: nothing is stored.
    status: u16,
    /// At most 16; those that frame the answer are set by the server.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    /// At most 16 384 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    body: String,
    /// Held back for so many milliseconds, at most 30 000.
    #[serde(default)]
    delay_ms: u64,
}

impl AnswerView {
    fn showing(response: &SimulatedResponse) -> Self {
        Self {
            filters: None,
            conditions: None,
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

impl ResponseView {
    pub(super) fn showing(simulation: &Simulation) -> Self {
        match simulation {
            Simulation::Sequence(responses) => {
                Self { sequence: responses.iter().map(AnswerView::showing).collect(), ..Self::default() }
            }
            Simulation::Rules(rules) => {
                let show = |rule: &ResponseRule| {
                    let (filters, conditions) = filter_parts(rule.when.as_ref());
                    AnswerView { filters, conditions, ..AnswerView::showing(&rule.response) }
                };
                Self { rules: rules.iter().map(show).collect(), ..Self::default() }
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
            for (index, answer) in self.sequence.iter().enumerate() {
                if answer.filters.is_some() || answer.conditions.is_some() {
                    let pointer = format!("/response/sequence/{index}");
                    errors.push(FieldError::new(pointer, "only rules have filters and conditions"));
                }
            }
            return Some(Simulation::Sequence(self.sequence.into_iter().map(AnswerView::response).collect()));
        }
        let mut rules = Vec::with_capacity(self.rules.len());
        for (index, answer) in self.rules.into_iter().enumerate() {
            let mut inside = Vec::new();
            let when = checked_filter(answer.filters.as_deref(), answer.conditions.as_deref(), &mut inside);
            errors.extend(inside.into_iter().map(|error| FieldError {
                pointer: format!("/response/rules/{index}{}", error.pointer),
                ..error
            }));
            rules.push(ResponseRule { when, response: answer.response() });
        }
        Some(Simulation::Rules(rules))
    }
}
