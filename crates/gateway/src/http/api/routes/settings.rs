//! What a caller sets of a route.

use std::collections::HashSet;
use std::hash::Hash;

use serde::Deserialize;
use serde_json::value::RawValue;
use stentor_core::event::EventPattern;
use stentor_core::id::WebhookId;
use stentor_core::limits::{PATTERNS_MAX, ROUTE_WEBHOOKS_MAX};
use stentor_core::route::RouteConfig;
use utoipa::ToSchema;

use crate::http::api::filter::checked_filter;
use crate::http::api::tenants::text_refusal;
use crate::http::extract::optional_object;
use crate::http::problem::{FieldError, Problem};

/// A route to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "severe errors",
    "match": {"events": ["workflow.failed"], "filters": {"error.code": ["CRITICAL_ERROR", "SECURITY_BREACH"]}},
    "webhooks": ["wh_01h455vb4pex5vsknk084sn02q"],
}))]
pub(super) struct NewRoute {
    /// Shown to people; 1 to 1 024 bytes.
    pub(super) name: Option<String>,
    /// Its place among the routes, from 0; at the end when not given.
    pub(super) position: Option<u32>,
    /// Which events it takes; every one when not given.
    #[serde(rename = "match", default, deserialize_with = "optional_object")]
    pub(super) matched: Option<RouteMatch>,
    /// Where it sends them, at most 100. An empty list takes the events and sends them nowhere.
    #[schema(value_type = Vec<String>)]
    pub(super) webhooks: Vec<WebhookId>,
    /// Whether the routes after it are tried as well.
    #[serde(rename = "continue", default)]
    pub(super) goes_on: bool,
    /// Whether it is tried last, and only when no other route took the event.
    #[serde(rename = "default", default)]
    pub(super) is_default: bool,
    /// Whether it is tried at all.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub(super) active: bool,
}

/// Which events a route takes.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteMatch {
    /// Event types, prefixes such as `invoice.*`, or `*`; at most 100. Every type when not given.
    #[schema(value_type = Option<Vec<String>>)]
    pub(super) events: Option<Vec<EventPattern>>,
    /// By what their data hold, as for webhooks.
    #[schema(value_type = Option<Object>)]
    pub(super) filters: Option<Box<RawValue>>,
    /// More of the same; both must hold.
    #[schema(value_type = Option<Object>)]
    pub(super) conditions: Option<Box<RawValue>>,
}

impl NewRoute {
    /// Checks every rule that does not need the engine; all that are broken are told at once.
    pub(super) fn check(self) -> Result<(RouteConfig, Option<u32>), Problem> {
        let mut errors = Vec::new();
        let matched = self.matched.unwrap_or_default();
        check_parts(self.name.as_deref(), matched.events.as_deref(), Some(&self.webhooks), &mut errors);
        let filter = checked_match(matched.filters.as_deref(), matched.conditions.as_deref(), &mut errors);
        if !errors.is_empty() {
            return Err(Problem::invalid_body(errors));
        }
        let config = RouteConfig {
            name: self.name,
            events: matched.events.unwrap_or_else(|| vec![EventPattern::All]),
            filter,
            webhooks: self.webhooks,
            goes_on: self.goes_on,
            is_default: self.is_default,
            active: self.active,
        };
        Ok((config, self.position))
    }
}

/// The rules of names, event types and webhooks.
pub(super) fn check_parts(
    name: Option<&str>,
    events: Option<&[EventPattern]>,
    webhooks: Option<&[WebhookId]>,
    errors: &mut Vec<FieldError>,
) {
    if let Some(refusal) = name.and_then(text_refusal) {
        errors.push(FieldError::new("/name", refusal));
    }
    if events.is_some_and(|events| events.is_empty() || events.len() > PATTERNS_MAX) {
        errors.push(FieldError::new("/match/events", format!("must hold 1 to {PATTERNS_MAX} event types")));
    }
    let webhooks = webhooks.unwrap_or_default();
    if webhooks.len() > ROUTE_WEBHOOKS_MAX {
        errors.push(FieldError::new("/webhooks", format!("must hold at most {ROUTE_WEBHOOKS_MAX} webhooks")));
    }
    errors.extend(named_twice("/webhooks", webhooks));
}

/// The filter of a route, whose objects stand in `match`.
pub(super) fn checked_match(
    filters: Option<&RawValue>,
    conditions: Option<&RawValue>,
    errors: &mut Vec<FieldError>,
) -> Option<stentor_core::filter::Filter> {
    let mut inside = Vec::new();
    let filter = checked_filter(filters, conditions, &mut inside);
    let placed = |error: FieldError| FieldError { pointer: format!("/match{}", error.pointer), ..error };
    errors.extend(inside.into_iter().map(placed));
    filter
}

/// Refuses a list that names something twice.
pub(super) fn check_once<T: Eq + Hash>(pointer: &str, list: &[T]) -> Result<(), Problem> {
    named_twice(pointer, list).map_or(Ok(()), |error| Err(Problem::invalid_body(vec![error])))
}

fn named_twice<T: Eq + Hash>(pointer: &str, list: &[T]) -> Option<FieldError> {
    let mut seen = HashSet::new();
    let again = list.iter().position(|item| !seen.insert(item))?;
    Some(FieldError::new(format!("{pointer}/{again}"), "is named twice"))
}

const fn yes() -> bool {
    true
}
