//! The smaller parts of a source as the API writes and reads them.

use std::time::Duration;

use http::HeaderName;
use serde::{Deserialize, Serialize};
use stentor_core::event::EventType;
use stentor_core::rate::Rate;
use stentor_core::source::{BodyPath, Dedupe, EventTypeRule, Place};
use utoipa::ToSchema;

use crate::http::extract::Seconds;
use crate::http::problem::FieldError;

/// Where in a request a value is: `"provider"`, `{"header": "x-id"}` or `{"body": "data.id"}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PlaceView {
    /// Nowhere: nothing is told apart.
    Off,
    /// Where the provider puts it.
    Provider,
    /// In a header.
    Header(String),
    /// In the JSON body, by a dotted path.
    Body(String),
}

impl PlaceView {
    fn showing(place: &Place) -> Self {
        match place {
            Place::Provider => Self::Provider,
            Place::Header(name) => Self::Header(name.to_string()),
            Place::Body(path) => Self::Body(path.to_string()),
        }
    }

    /// None for `off`.
    fn place(&self, pointer: &str, errors: &mut Vec<FieldError>) -> Option<Place> {
        match self {
            Self::Off => None,
            Self::Provider => Some(Place::Provider),
            Self::Header(name) => match HeaderName::from_bytes(name.as_bytes()) {
                Ok(name) => Some(Place::Header(name)),
                Err(_) => {
                    let detail = "must be the name of a header";
                    errors.push(FieldError::new(format!("{pointer}/header"), detail));
                    None
                }
            },
            Self::Body(path) => match BodyPath::parse(path) {
                Ok(path) => Some(Place::Body(path)),
                Err(error) => {
                    errors.push(FieldError::new(format!("{pointer}/body"), error.to_string()));
                    None
                }
            },
        }
    }
}

/// What tells that two requests are the same.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DedupeView {
    /// `"provider"` when not given; `"off"` tells nothing apart.
    by: Option<PlaceView>,
    /// For how long it is remembered, 60 to 604 800 seconds; 1 day when not given.
    window: Option<Seconds>,
}

impl DedupeView {
    pub(super) fn showing(dedupe: &Dedupe) -> Self {
        let by = dedupe.by.as_ref().map_or(PlaceView::Off, PlaceView::showing);
        Self { by: Some(by), window: Some(Seconds(dedupe.window)) }
    }

    pub(super) fn rule(&self, errors: &mut Vec<FieldError>) -> Dedupe {
        let default = Dedupe::default();
        Dedupe {
            by: match &self.by {
                None => default.by,
                Some(by) => by.place("/dedupe/by", errors),
            },
            window: self.window.map_or(default.window, |window| window.0),
        }
    }
}

/// Where the type of an event comes from.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TypeRuleView {
    /// The places that are looked at, in this order, at most 8. When not given: where the provider puts it, then `event` and
    /// `type` of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Vec<PlaceView>>,
    /// The type when none of them holds one; `webhook.received` when not given.
    #[schema(value_type = Option<String>, example = "webhook.received")]
    default: Option<EventType>,
}

impl TypeRuleView {
    pub(super) fn showing(rule: &EventTypeRule) -> Self {
        let from = rule.from.as_ref().map(|places| places.iter().map(PlaceView::showing).collect());
        Self { from, default: Some(rule.default.clone()) }
    }

    pub(super) fn rule(self, errors: &mut Vec<FieldError>) -> EventTypeRule {
        let from = self.from.map(|places| {
            let each = places.iter().enumerate();
            each.filter_map(|(index, place)| place.place(&format!("/event_type/from/{index}"), errors))
                .collect()
        });
        EventTypeRule { from, default: self.default.unwrap_or_else(|| EventTypeRule::default().default) }
    }
}

/// Most requests in any window of the period.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceRateView {
    /// Requests, 1 to 1 000 000.
    count: u32,
    /// Length of the window, 1 to 86 400 seconds.
    period: Seconds,
}

impl SourceRateView {
    pub(super) fn showing(rate: Rate) -> Self {
        Self { count: rate.count, period: Seconds(rate.period) }
    }

    pub(super) fn rate(self) -> Rate {
        let Seconds(period): Seconds = self.period;
        Rate { count: self.count, period: period.max(Duration::ZERO) }
    }
}
