//! `PATCH` of a route.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use stentor_core::event::EventPattern;
use stentor_core::id::WebhookId;
use stentor_core::route::Route;
use stentor_engine::routes::RouteChange;
use utoipa::ToSchema;

use super::settings::{check_parts, checked_match};
use crate::http::api::filter::filter_parts;
use crate::http::extract::object;
use crate::http::problem::Problem;

/// Any members of a route; null removes what may be missing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"match": {"filters": {"plan": "pro"}, "conditions": null}, "active": true}))]
pub(super) struct RoutePatch {
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<String>)]
    name: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = u32, required = false)]
    position: Option<u32>,
    #[serde(rename = "match", default, deserialize_with = "given_object")]
    #[schema(value_type = RouteMatchPatch, required = false)]
    matched: Option<RouteMatchPatch>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Vec<String>, required = false)]
    webhooks: Option<Vec<WebhookId>>,
    #[serde(rename = "continue", default, deserialize_with = "given")]
    #[schema(value_type = bool, required = false)]
    goes_on: Option<bool>,
    #[serde(rename = "default", default, deserialize_with = "given")]
    #[schema(value_type = bool, required = false)]
    is_default: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool, required = false)]
    active: Option<bool>,
}

/// Any members of `match`; null takes the restriction off.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RouteMatchPatch {
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<Vec<String>>)]
    events: Option<Option<Vec<EventPattern>>>,
    /// Replaced as a whole.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Object>)]
    filters: Option<Box<RawValue>>,
    /// Replaced as a whole.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Object>)]
    conditions: Option<Box<RawValue>>,
}

impl RoutePatch {
    /// What the patch makes of the route.
    pub(super) fn change(self, route: &Route) -> Result<RouteChange, Problem> {
        let mut errors = Vec::new();
        let patch = self.matched.unwrap_or_default();
        let events = patch.events.map(|events| events.unwrap_or_else(|| vec![EventPattern::All]));
        let name = self.name.as_ref().and_then(Option::as_deref);
        check_parts(name, events.as_deref(), self.webhooks.as_deref(), &mut errors);
        let filter = (patch.filters.is_some() || patch.conditions.is_some()).then(|| {
            let (filters, conditions) = filter_parts(route.config.filter.as_ref());
            let (filters, conditions) = (patch.filters.or(filters), patch.conditions.or(conditions));
            checked_match(filters.as_deref(), conditions.as_deref(), &mut errors)
        });
        if !errors.is_empty() {
            return Err(Problem::invalid_body(errors));
        }
        Ok(RouteChange {
            name: self.name,
            events,
            filter,
            webhooks: self.webhooks,
            goes_on: self.goes_on,
            is_default: self.is_default,
            active: self.active,
            position: self.position,
        })
    }
}

/// A member that is there, null included.
fn named<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

fn given_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    object(deserializer).map(Some)
}

/// A member that is there and must have a value, if it is not left out.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
