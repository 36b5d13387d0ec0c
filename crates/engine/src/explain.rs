//! Why an event went somewhere or did not (engine rule E21): by the configuration that was in force when it came, or, for an
//! event that is only thought of, by the one in force now.

mod backtest;

use std::sync::Arc;

use stentor_core::event::{Event, EventPattern, Origin};
use stentor_core::filter::{Explanation, Facts, Filter};
use stentor_core::id::{EventId, RouteId, TenantId, WebhookId};
use stentor_core::operational;
use stentor_core::profile::Profile;
use stentor_core::route::{Route, RouteStep, trace};
use stentor_core::webhook::Webhook;
use stentor_store::StoreError;
use stentor_store::routes::RoutesThen;

pub use self::backtest::{Backtest, BacktestRange, Match};
use crate::engine::Engine;
use crate::replay::facts_of;

/// The event that is asked about.
#[derive(Debug, Clone)]
pub enum Asked {
    /// One that is stored.
    Stored(EventId),
    /// One that is only thought of.
    Thought(Box<Event>),
}

/// What decides whether an event is taken, but for routes.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Event types.
    pub patterns: Vec<EventPattern>,
    /// Which of those events.
    pub filter: Option<Filter>,
    /// How paths are read.
    pub profile: Profile,
}

/// A choice asked of one event.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The first pattern that matches the type.
    pub pattern: Option<EventPattern>,
    /// What the filter says, whether or not the type matches; none without a filter.
    pub filter: Option<Explanation>,
}

/// Why an event goes to a webhook or does not.
#[derive(Debug, Clone)]
pub struct WebhookExplained {
    /// The event.
    pub event: Event,
    /// The configuration version that answers; none for the one in force now.
    pub version: Option<u64>,
    /// The webhook as it was at that version; none when it was not there.
    pub webhook: Option<Webhook>,
    /// What was asked: its own, or the draft.
    pub choice: Choice,
    /// What its event types and its filter say.
    pub chosen: Chosen,
    /// Whether it is an operational event that the webhook does not ask for by name or prefix, or that is about it.
    pub withheld: bool,
    /// The routes that name it.
    pub routes: Vec<(Arc<Route>, RouteStep)>,
}

impl WebhookExplained {
    /// Whether the event goes to the webhook.
    pub fn is_matched(&self) -> bool {
        let by_route = self.routes.iter().any(|(_, step)| *step == RouteStep::Taken);
        self.webhook.is_some()
            && !self.withheld
            && (self.chosen.pattern.is_some() || by_route)
            && self.chosen.filter.as_ref().is_none_or(|filter| filter.passed)
    }
}

/// What the routes of a tenant make of an event.
#[derive(Debug, Clone)]
pub struct RoutesExplained {
    /// The event.
    pub event: Event,
    /// The configuration version that answers; none for the one in force now.
    pub version: Option<u64>,
    /// Each route in the order in which they are tried.
    pub routes: Vec<RouteExplained>,
}

/// What one route makes of an event.
#[derive(Debug, Clone)]
pub struct RouteExplained {
    /// The route.
    pub route: Arc<Route>,
    /// What becomes of it.
    pub step: RouteStep,
    /// What was asked: its own, or the draft.
    pub choice: Choice,
    /// What its event types and its filter say.
    pub chosen: Chosen,
    /// Those of its webhooks that are not deleted.
    pub live: Vec<WebhookId>,
}

impl Choice {
    /// A webhook's own, or with another filter.
    pub fn of_webhook(webhook: &Webhook, draft: Option<Option<Filter>>) -> Self {
        let config = &webhook.config;
        let filter = draft.unwrap_or_else(|| config.filter.clone());
        Self { patterns: config.events.clone(), filter, profile: config.profile }
    }

    /// A route's own, or with another filter.
    pub fn of_route(route: &Route, draft: Option<Option<Filter>>) -> Self {
        let filter = draft.unwrap_or_else(|| route.config.filter.clone());
        Self { patterns: route.config.events.clone(), filter, profile: Profile::default() }
    }

    /// Asks one event.
    pub fn ask(&self, facts: &Facts<'_>) -> Chosen {
        let matching = |pattern: &&EventPattern| pattern.matches(facts.event_type);
        Chosen {
            pattern: self.patterns.iter().find(matching).cloned(),
            filter: self.filter.as_ref().map(|filter| filter.explain(facts, self.profile)),
        }
    }
}

impl Engine {
    /// Why an event goes to a webhook or does not. A draft of a filter is asked as if it were the webhook's today. None when
    /// there is no such event or webhook.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn explain_webhook(
        &self,
        tenant: TenantId,
        id: WebhookId,
        asked: Asked,
        draft: Option<Option<Filter>>,
    ) -> Result<Option<WebhookExplained>, StoreError> {
        // A deleted webhook still answers for what it was.
        let Some(today) = self.store().lane_webhook(tenant, id).await? else { return Ok(None) };
        let Some((event, version)) = self.asked(tenant, asked, draft.is_some()).await? else {
            return Ok(None);
        };
        let webhook = match version {
            Some(version) => self.store().revision(tenant, id, version).await?,
            None => self.store().webhook(tenant, id).await?,
        };
        let choice = Choice::of_webhook(webhook.as_ref().unwrap_or(&today), draft);
        let view = event.content.view();
        let facts = facts_of(&event, view.as_deref());
        let mut chosen = choice.ask(&facts);
        let (kind, subject) = (&event.content.event_type, event.content.subject.as_deref());
        let withheld =
            event.origin == Origin::Operational && !operational::is_sent(&choice.patterns, id, kind, subject);
        if withheld {
            chosen.pattern = None;
        }
        let then = self.routes_then(tenant, version).await?;
        let mut routes = traced(&then, &facts);
        routes.retain(|(route, _)| route.config.webhooks.contains(&id));
        drop(view);
        Ok(Some(WebhookExplained { event, version, webhook, choice, chosen, withheld, routes }))
    }

    /// What the routes of a tenant make of an event, in their order; one of them may have a draft of a filter. None when there
    /// is no such event or no such route.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn explain_routes(
        &self,
        tenant: TenantId,
        asked: Asked,
        draft: Option<(RouteId, Option<Filter>)>,
    ) -> Result<Option<RoutesExplained>, StoreError> {
        let Some((event, version)) = self.asked(tenant, asked, draft.is_some()).await? else {
            return Ok(None);
        };
        let mut then = self.routes_then(tenant, version).await?;
        if let Some((id, filter)) = draft {
            let Some(route) = then.routes.iter_mut().find(|route| route.id == id) else { return Ok(None) };
            route.config.filter = filter;
        }
        let view = event.content.view();
        let facts = facts_of(&event, view.as_deref());
        let explained = |(route, step): (Arc<Route>, RouteStep)| {
            let choice = Choice::of_route(&route, None);
            let live = route.config.webhooks.iter().filter(|id| then.live.contains(id)).copied().collect();
            RouteExplained { step, chosen: choice.ask(&facts), choice, live, route }
        };
        let routes = traced(&then, &facts).into_iter().map(explained).collect();
        drop(view);
        Ok(Some(RoutesExplained { event, version, routes }))
    }

    /// The event, and the version in force when it came. A draft is asked of today's configuration.
    async fn asked(
        &self,
        tenant: TenantId,
        asked: Asked,
        has_draft: bool,
    ) -> Result<Option<(Event, Option<u64>)>, StoreError> {
        Ok(match asked {
            Asked::Thought(event) => Some((*event, None)),
            Asked::Stored(id) => self.store().event(tenant, id).await?.map(|event| {
                let version = (!has_draft).then_some(event.config_version);
                (event, version)
            }),
        })
    }

    async fn routes_then(&self, tenant: TenantId, version: Option<u64>) -> Result<RoutesThen, StoreError> {
        self.store().routes_at(tenant, version.unwrap_or(u64::MAX)).await
    }
}

fn traced(then: &RoutesThen, facts: &Facts<'_>) -> Vec<(Arc<Route>, RouteStep)> {
    trace(then.routes.iter().cloned().map(Arc::new), |id| then.live.contains(id), facts)
}
