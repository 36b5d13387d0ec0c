//! Answers.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use stentor_core::event::{Event, EventPattern, EventType};
use stentor_core::filter::{ClauseReport, Explanation, Reason, Shown};
use stentor_core::id::{EventId, RouteId, WebhookId};
use stentor_core::time::Time;
use stentor_engine::explain::{
    Backtest, Choice, Chosen, Match, RouteExplained, RoutesExplained, WebhookExplained,
};
use utoipa::ToSchema;

use crate::http::extract::Cursor;

mod summary;

/// One event, or the past.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum WebhookAnswer {
    Event(Box<WebhookExplanation>),
    Backtest(BacktestView),
}

/// One event, or the past.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum RouteAnswer {
    Event(Box<RoutesView>),
    Backtest(BacktestView),
}

/// Why an event goes to a webhook or does not.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WebhookExplanation {
    #[schema(value_type = String)]
    webhook_id: WebhookId,
    #[serde(flatten)]
    asked: AskedView,
    /// Whether the event goes to the webhook.
    matched: bool,
    /// The answer in a sentence.
    summary: String,
    /// The webhook's status then: `active`, `paused` or `disabled` (deliveries are held while it is not active); null when
    /// it was not there.
    status: Option<&'static str>,
    #[serde(flatten)]
    choice: ChoiceView,
    /// The routes that send to the webhook, in the order in which they are tried.
    routes: Vec<RouteStepView>,
}

/// The event, and by what it is judged.
#[derive(Debug, Serialize, ToSchema)]
struct AskedView {
    /// Null for one that is only thought of.
    #[schema(value_type = Option<String>)]
    event_id: Option<EventId>,
    #[schema(value_type = String)]
    event_type: EventType,
    /// The version of the tenant's configuration when the event came; null when today's is asked.
    config_version: Option<u64>,
}

/// What event types and filter say.
#[derive(Debug, Serialize, ToSchema)]
struct ChoiceView {
    events: TypesView,
    /// What the filter says, whether or not the type matches; null without a filter.
    filter: Option<FilterView>,
}

/// What event types say.
#[derive(Debug, Serialize, ToSchema)]
struct TypesView {
    #[schema(value_type = Vec<String>)]
    patterns: Vec<EventPattern>,
    matched: bool,
    /// The first one that matches.
    #[schema(value_type = Option<String>)]
    pattern: Option<EventPattern>,
}

/// What a filter says.
#[derive(Debug, Serialize, ToSchema)]
struct FilterView {
    passed: bool,
    /// In the order in which they are written; those inside `any`, `all` and `not` follow it.
    clauses: Vec<ClauseView>,
    /// `yes`; `never` when clauses exclude each other whatever an event holds; `only_lists` when only a list could meet both.
    #[schema(example = "yes")]
    can_match: &'static str,
    contradictions: Vec<ContradictionView>,
}

/// A clause and what it saw.
#[derive(Debug, Serialize, ToSchema)]
struct ClauseView {
    /// Where it is written: a JSON Pointer into the webhook, or into a route's `match`.
    #[schema(example = "/filters/user_id/starts_with")]
    pointer: String,
    /// Null for `all`, `any` and `not`.
    #[schema(example = "user_id")]
    path: Option<String>,
    #[schema(example = "starts_with")]
    test: &'static str,
    /// What it compares with; shortened to a text when it is long.
    #[schema(value_type = Option<serde_json::Value>)]
    operand: Option<Box<RawValue>>,
    /// The first values that the path selects, each shortened to a text when it is long.
    #[schema(value_type = Vec<serde_json::Value>)]
    seen: Vec<Box<RawValue>>,
    /// How many values it selects; a list counts, and so does each of its elements.
    seen_count: usize,
    passed: bool,
    /// `missing`, `type`, `infinite`, `too_long`, `value`, `present` or `inside`, when it does not hold.
    #[schema(value_type = Option<String>)]
    reason: Option<Reason>,
}

/// Clauses that exclude each other.
#[derive(Debug, Serialize, ToSchema)]
struct ContradictionView {
    clauses: Vec<String>,
    detail: String,
}

/// What became of a route.
#[derive(Debug, Serialize, ToSchema)]
struct RouteStepView {
    #[schema(value_type = String)]
    route_id: RouteId,
    name: Option<String>,
    /// `taken`, `type`, `filter`, `not_reached` (an earlier one took the event), `not_needed` (a default route), `inactive` or
    /// `no_webhook_left`.
    #[schema(example = "taken")]
    outcome: &'static str,
}

/// What the routes make of an event.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RoutesView {
    #[serde(flatten)]
    asked: AskedView,
    /// Where the routes send it, each once. A webhook's own filter still stands.
    #[schema(value_type = Vec<String>)]
    webhooks: Vec<WebhookId>,
    /// In the order in which they are tried.
    routes: Vec<RouteExplanation>,
}

/// What one route makes of an event.
#[derive(Debug, Serialize, ToSchema)]
struct RouteExplanation {
    #[serde(flatten)]
    step: RouteStepView,
    #[serde(flatten)]
    choice: ChoiceView,
    /// Those of its webhooks that are not deleted.
    #[schema(value_type = Vec<String>)]
    webhooks: Vec<WebhookId>,
}

/// What stored events would have done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BacktestView {
    /// Events looked at.
    examined: u64,
    /// Those that match.
    matched: u64,
    /// Those of another type.
    other_type: u64,
    /// Those of the right type that the filter refuses.
    refused: u64,
    /// By clause, as a JSON Pointer, how many it refuses; one event may count for several.
    refused_by: BTreeMap<String, u64>,
    /// The newest that match.
    matches: Vec<MatchView>,
    /// Where to go on; null when all of the time was looked at.
    next_cursor: Option<String>,
    can_match: &'static str,
    contradictions: Vec<ContradictionView>,
}

/// An event that matches.
#[derive(Debug, Serialize, ToSchema)]
struct MatchView {
    #[schema(value_type = String)]
    id: EventId,
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    event_type: EventType,
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Time,
}

impl WebhookExplanation {
    pub(super) fn new(id: WebhookId, explained: &WebhookExplained) -> Self {
        Self {
            webhook_id: id,
            asked: AskedView::new(&explained.event, explained.version),
            matched: explained.is_matched(),
            summary: summary::of(explained),
            status: explained.webhook.as_ref().map(|webhook| webhook.status.as_str()),
            choice: ChoiceView::new(&explained.choice, &explained.chosen),
            routes: explained
                .routes
                .iter()
                .map(|(route, step)| RouteStepView {
                    route_id: route.id,
                    name: route.config.name.clone(),
                    outcome: step.as_str(),
                })
                .collect(),
        }
    }
}

impl AskedView {
    fn new(event: &Event, version: Option<u64>) -> Self {
        // One that is only thought of belongs to no version.
        let is_stored = event.config_version > 0;
        Self {
            event_id: is_stored.then_some(event.content.id),
            event_type: event.content.event_type.clone(),
            config_version: version,
        }
    }
}

impl ChoiceView {
    fn new(choice: &Choice, chosen: &Chosen) -> Self {
        let (can_match, contradictions) = judged(choice);
        let filter = chosen.filter.as_ref().map(|Explanation { passed, clauses }| FilterView {
            passed: *passed,
            clauses: clauses.iter().map(ClauseView::new).collect(),
            can_match,
            contradictions,
        });
        Self {
            events: TypesView {
                patterns: choice.patterns.clone(),
                matched: chosen.pattern.is_some(),
                pattern: chosen.pattern.clone(),
            },
            filter,
        }
    }
}

fn judged(choice: &Choice) -> (&'static str, Vec<ContradictionView>) {
    let Some(filter) = &choice.filter else { return ("yes", Vec::new()) };
    let (verdict, found) = filter.judge();
    let told = found.into_iter().map(|one| ContradictionView { clauses: one.pointers, detail: one.detail });
    (verdict.as_str(), told.collect())
}

impl ClauseView {
    fn new(report: &ClauseReport) -> Self {
        let json = |shown: &Shown| RawValue::from_string(shown.0.clone()).ok();
        Self {
            pointer: report.pointer.clone(),
            path: report.path.clone(),
            test: report.test,
            operand: report.operand.as_ref().and_then(json),
            seen: report.seen.iter().filter_map(json).collect(),
            seen_count: report.seen_count,
            passed: report.passed,
            reason: report.reason,
        }
    }
}

impl RoutesView {
    pub(super) fn new(explained: RoutesExplained) -> Self {
        let mut webhooks: Vec<WebhookId> = Vec::new();
        for route in explained.routes.iter().filter(|route| route.step.as_str() == "taken") {
            let new = route.live.iter().filter(|id| !webhooks.contains(id)).copied().collect::<Vec<_>>();
            webhooks.extend(new);
        }
        Self {
            asked: AskedView::new(&explained.event, explained.version),
            webhooks,
            routes: explained.routes.into_iter().map(RouteExplanation::new).collect(),
        }
    }

    /// The same with one route alone; none when it was not there.
    pub(super) fn only(mut self, id: RouteId) -> Option<Self> {
        self.routes.retain(|route| route.step.route_id == id);
        (!self.routes.is_empty()).then_some(self)
    }
}

impl RouteExplanation {
    fn new(explained: RouteExplained) -> Self {
        Self {
            step: RouteStepView {
                route_id: explained.route.id,
                name: explained.route.config.name.clone(),
                outcome: explained.step.as_str(),
            },
            choice: ChoiceView::new(&explained.choice, &explained.chosen),
            webhooks: explained.live,
        }
    }
}

impl BacktestView {
    pub(super) fn new(choice: &Choice, tested: Backtest) -> Self {
        let (can_match, contradictions) = judged(choice);
        let shown = |Match { id, event_type, accepted_at }| MatchView { id, event_type, accepted_at };
        Self {
            examined: tested.examined,
            matched: tested.matched,
            other_type: tested.other_type,
            refused: tested.refused,
            refused_by: tested.refused_by,
            matches: tested.matches.into_iter().map(shown).collect(),
            next_cursor: tested.stopped_at.map(|id| Cursor::after(id).to_string()),
            can_match,
            contradictions,
        }
    }
}
