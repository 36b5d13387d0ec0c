//! Which webhooks an event goes to.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::Route;
use crate::event::EventPattern;
use crate::filter::{Facts, PathSet, Predicate, Seen};
use crate::id::WebhookId;
use crate::profile::Profile;
use crate::webhook::{Webhook, WebhookStatus};

/// An immutable table of one tenant's webhooks and routes, made for one configuration version (engine rule E7). Finding the
/// webhooks of an event costs in proportion to those that match, not to those that exist: they are found by event type
/// and, where their filter asks a field to equal something, by that field's value.
#[derive(Debug, Default)]
pub struct RoutingTable {
    version: u64,
    webhooks: Vec<Arc<Webhook>>,
    by_id: HashMap<WebhookId, u32>,
    /// What each webhook's filter asks.
    predicates: Vec<Option<Predicate>>,
    exact: HashMap<Box<str>, Row>,
    /// Keyed by the text up to and including a dot.
    prefixes: HashMap<Box<str>, Row>,
    all: Row,
    /// In the order in which they are tried: default routes come last.
    routes: Vec<TableRoute>,
    paths: PathSet,
}

/// The webhooks of one event pattern.
#[derive(Debug, Default)]
struct Row {
    /// Without a filter.
    free: Vec<u32>,
    /// With a filter that must be asked.
    filtered: Vec<u32>,
    /// With a filter that asks a path to be one of a few values: by path, by value.
    keyed: HashMap<u32, HashMap<String, Vec<u32>>>,
}

#[derive(Debug)]
struct TableRoute {
    route: Arc<Route>,
    predicate: Option<Predicate>,
    /// Those that are there.
    webhooks: Vec<u32>,
}

/// What became of a route when an event came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteStep {
    /// It takes the event.
    Taken,
    /// It does not take events of this type.
    Type,
    /// Its filter refuses the event.
    Filter,
    /// An earlier route took the event and let none after it try.
    NotReached,
    /// It is a default route, and another route took the event.
    NotNeeded,
    /// It is switched off.
    Inactive,
    /// Every webhook that it sends to was deleted, so it is passed over.
    NoWebhookLeft,
}

impl RouteStep {
    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Type => "type",
            Self::Filter => "filter",
            Self::NotReached => "not_reached",
            Self::NotNeeded => "not_needed",
            Self::Inactive => "inactive",
            Self::NoWebhookLeft => "no_webhook_left",
        }
    }
}

/// An event, looked at when the first filter asks.
struct Look<'t, 'a> {
    paths: &'t PathSet,
    facts: &'t Facts<'a>,
    seen: OnceCell<Seen<'a>>,
}

impl<'a> Look<'_, 'a> {
    fn seen(&self) -> &Seen<'a> {
        self.seen.get_or_init(|| self.paths.look(self.facts))
    }

    fn passes(&self, predicate: Option<&Predicate>) -> bool {
        predicate.is_none_or(|predicate| predicate.passes(self.seen()))
    }
}

impl RoutingTable {
    /// Builds the table. Paused and disabled webhooks match (their deliveries are held); deleted ones do not.
    pub fn new(
        version: u64,
        webhooks: impl IntoIterator<Item = Arc<Webhook>>,
        routes: impl IntoIterator<Item = Arc<Route>>,
    ) -> Self {
        let live = webhooks.into_iter().filter(|webhook| webhook.status != WebhookStatus::Deleted);
        let mut table = Self { version, webhooks: live.collect(), ..Self::default() };
        let mut paths = PathSet::default();
        let bound = |webhook: &Arc<Webhook>| {
            webhook.config.filter.as_ref().map(|filter| filter.bind(&mut paths, webhook.config.profile))
        };
        table.predicates = table.webhooks.iter().map(bound).collect();
        table.insert_webhooks();
        table.routes = in_order(routes, &mut paths, |id| table.by_id.get(id).copied());
        table.paths = paths;
        table
    }

    fn insert_webhooks(&mut self) {
        let equalities: Vec<_> = self
            .predicates
            .iter()
            .map(|predicate| predicate.as_ref().map(Predicate::equalities).unwrap_or_default())
            .collect();
        let mut values: HashMap<u32, HashSet<&str>> = HashMap::new();
        for (path, keys) in equalities.iter().flatten() {
            values.entry(*path).or_default().extend(keys.iter().map(String::as_str));
        }
        for (index, (webhook, equal)) in (0_u32..).zip(self.webhooks.iter().zip(&equalities)) {
            // The path with the most values tells webhooks apart best.
            let best = equal.iter().max_by_key(|(path, _)| values[path].len());
            let is_filtered = webhook.config.filter.is_some();
            for pattern in &webhook.config.events {
                let row = match pattern {
                    EventPattern::Exact(exact) => self.exact.entry(exact.as_str().into()).or_default(),
                    EventPattern::Prefix(prefix) => self.prefixes.entry(prefix.clone()).or_default(),
                    EventPattern::All => &mut self.all,
                };
                row.insert(index, is_filtered, best);
            }
            self.by_id.insert(webhook.id, index);
        }
    }

    /// A webhook, whatever it asks for.
    pub fn webhook(&self, id: WebhookId) -> Option<&Arc<Webhook>> {
        self.by_id.get(&id).map(|index| &self.webhooks[*index as usize])
    }

    /// The configuration version that the table was made for.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// All webhooks in the table.
    pub fn webhooks(&self) -> &[Arc<Webhook>] {
        &self.webhooks
    }

    /// The webhooks that an event goes to, each once, in order of creation: by their own event types or through a route,
    /// and in both cases only if their own filter passes it.
    pub fn matching(&self, facts: &Facts<'_>) -> Vec<Arc<Webhook>> {
        let look = self.look(facts);
        let mut found: Vec<u32> = Vec::new();
        for row in self.rows(facts.event_type) {
            found.extend(&row.free);
            found.extend(row.filtered.iter().filter(|index| self.passes(**index, &look)));
            for (path, by_value) in &row.keyed {
                for key in look.seen().keys(*path) {
                    let candidates = by_value.get(&key).into_iter().flatten();
                    found.extend(candidates.filter(|index| self.passes(**index, &look)));
                }
            }
        }
        walk(&self.routes, &look, |route, step| {
            if step == RouteStep::Taken {
                found.extend(route.webhooks.iter().filter(|index| self.passes(**index, &look)));
            }
        });
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|index| Arc::clone(&self.webhooks[index as usize])).collect()
    }

    /// Whether an event goes to one webhook.
    pub fn sends_to(&self, facts: &Facts<'_>, id: WebhookId) -> bool {
        let Some(index) = self.by_id.get(&id) else { return false };
        let look = self.look(facts);
        let patterns = &self.webhooks[*index as usize].config.events;
        let mut sent = patterns.iter().any(|pattern| pattern.matches(facts.event_type));
        if !sent {
            walk(&self.routes, &look, |route, step| {
                sent |= step == RouteStep::Taken && route.webhooks.contains(index);
            });
        }
        sent && self.passes(*index, &look)
    }

    /// Whether an event's type alone tells if it goes to a webhook.
    pub fn is_chosen_by_type(&self, id: WebhookId) -> bool {
        let Some(index) = self.by_id.get(&id) else { return true };
        self.predicates[*index as usize].is_none()
            && self.routes.iter().all(|route| !route.webhooks.contains(index))
    }

    /// About how much work an event of this type and size makes at most, in bytes looked at: so that whoever asks can
    /// do a lot of it aside.
    pub fn work(&self, event_type: &str, bytes: usize) -> usize {
        let filtered: usize = self.rows(event_type).map(|row| row.filtered.len() + row.keyed.len()).sum();
        let routes = self.routes.iter().filter(|route| route.predicate.is_some()).count();
        (filtered + routes).saturating_mul(bytes)
    }

    fn look<'t, 'a>(&'t self, facts: &'t Facts<'a>) -> Look<'t, 'a> {
        Look { paths: &self.paths, facts, seen: OnceCell::new() }
    }

    fn passes(&self, index: u32, look: &Look<'_, '_>) -> bool {
        look.passes(self.predicates[index as usize].as_ref())
    }

    /// The rows of every pattern that matches the type.
    fn rows<'t>(&'t self, event_type: &'t str) -> impl Iterator<Item = &'t Row> {
        let below = event_type.match_indices('.').map(|(dot, _)| &event_type[..=dot]);
        let prefixes = below.filter_map(|prefix| self.prefixes.get(prefix));
        std::iter::once(&self.all).chain(self.exact.get(event_type)).chain(prefixes)
    }
}

/// What becomes of each route when an event comes by, in the order in which they are tried. `is_live` tells which webhooks
/// are not deleted.
pub fn trace(
    routes: impl IntoIterator<Item = Arc<Route>>,
    is_live: impl Fn(&WebhookId) -> bool,
    facts: &Facts<'_>,
) -> Vec<(Arc<Route>, RouteStep)> {
    let mut paths = PathSet::default();
    let routes = in_order(routes, &mut paths, |id| is_live(id).then_some(0));
    let mut steps = Vec::with_capacity(routes.len());
    let look = Look { paths: &paths, facts, seen: OnceCell::new() };
    walk(&routes, &look, |route, step| steps.push((Arc::clone(&route.route), step)));
    steps
}

/// Routes as they are tried: default routes come last.
fn in_order(
    routes: impl IntoIterator<Item = Arc<Route>>,
    paths: &mut PathSet,
    webhook: impl Fn(&WebhookId) -> Option<u32>,
) -> Vec<TableRoute> {
    let mut routes: Vec<_> = routes.into_iter().collect();
    routes.sort_by_key(|route| (route.config.is_default, route.position));
    let bound = |route: Arc<Route>| TableRoute {
        predicate: route.config.filter.as_ref().map(|filter| filter.bind(paths, Profile::default())),
        webhooks: route.config.webhooks.iter().filter_map(&webhook).collect(),
        route,
    };
    routes.into_iter().map(bound).collect()
}

fn walk<'r>(routes: &'r [TableRoute], look: &Look<'_, '_>, mut visit: impl FnMut(&'r TableRoute, RouteStep)) {
    let (mut taken, mut stopped) = (false, false);
    for route in routes {
        let step = route.step(look, taken, stopped);
        if step == RouteStep::Taken {
            // A default route that goes on lets the defaults after it try, too.
            taken |= !route.route.config.is_default;
            stopped = !route.route.config.goes_on;
        }
        visit(route, step);
    }
}

impl Row {
    fn insert(&mut self, index: u32, is_filtered: bool, equal: Option<&(u32, BTreeSet<String>)>) {
        let push = |list: &mut Vec<u32>| {
            if list.last() != Some(&index) {
                list.push(index);
            }
        };
        match equal {
            Some((path, keys)) => {
                let by_value = self.keyed.entry(*path).or_default();
                keys.iter().for_each(|key| push(by_value.entry(key.clone()).or_default()));
            }
            None if is_filtered => push(&mut self.filtered),
            None => push(&mut self.free),
        }
    }
}

impl TableRoute {
    fn step(&self, look: &Look<'_, '_>, taken: bool, stopped: bool) -> RouteStep {
        let config = &self.route.config;
        if !config.active {
            RouteStep::Inactive
        } else if self.webhooks.is_empty() && !config.webhooks.is_empty() {
            RouteStep::NoWebhookLeft
        } else if config.is_default && taken {
            RouteStep::NotNeeded
        } else if stopped {
            RouteStep::NotReached
        } else if !config.events.iter().any(|pattern| pattern.matches(look.facts.event_type)) {
            RouteStep::Type
        } else if !look.passes(self.predicate.as_ref()) {
            RouteStep::Filter
        } else {
            RouteStep::Taken
        }
    }
}

#[cfg(test)]
mod tests;
