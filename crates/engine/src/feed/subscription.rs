//! One who watches: reads a channel at its own pace, until it may not any more.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use stentor_core::id::{EventId, TenantId, TokenId};
use stentor_core::time::Time;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tracing::warn;

use super::item::{EventFacts, Item};
use super::position::Position;
use super::resume::Resumed;
use super::selection::Selection;
use super::{Owner, Place, WatchError};
use crate::engine::Engine;

/// Silence after which a sign of life is due, and time after which the right to watch is looked at again.
const QUIET: Duration = Duration::from_secs(15);
/// Most items handed out at once.
const ITEMS_MAX: usize = 64;

/// What a subscription has next.
#[derive(Debug)]
pub enum Next {
    /// Items, oldest first; at least one.
    Items(Vec<Arc<Item>>),
    /// Something is missing here.
    Gap {
        /// How many items of the channel, wanted or not; none when nobody knows.
        missed: Option<u64>,
        /// From when on something may be missing, when that is known.
        since: Option<Time>,
    },
    /// Nothing has happened for a while.
    Quiet,
    /// It may not go on: the token or tenant is gone, or the process is stopping.
    End,
}

/// One who watches. Dropping it gives its place back.
pub struct Subscription {
    engine: Engine,
    place: Place,
    /// The token that must live on; none for the operator's, which lives as long as the process.
    token: Option<TokenId>,
    selection: Selection,
    /// The number of the next item to be read.
    cursor: u64,
    wake: watch::Receiver<()>,
    tokens: watch::Receiver<()>,
    look_at: Instant,
    queued: VecDeque<Next>,
    /// Events that were read from the store and may come again.
    resumed: HashSet<EventId>,
}

impl Engine {
    /// Watches what happens to a tenant, or to requests that no source matched, after `last` if that is given.
    ///
    /// # Errors
    /// When too many watch already or the process is stopping.
    pub async fn watch(
        &self,
        owner: Owner,
        token: Option<TokenId>,
        selection: Selection,
        last: Option<Position>,
    ) -> Result<Subscription, WatchError> {
        let place = self.feed().join(owner)?;
        let (wake, tokens) = (place.channel.wake.subscribe(), self.authenticator().changes());
        let (start, end) = {
            let ring = place.channel.ring();
            (ring.start(), ring.end())
        };
        let mut subscription = Subscription {
            engine: self.clone(),
            token,
            selection,
            cursor: end,
            wake,
            tokens,
            look_at: Instant::now() + QUIET,
            queued: VecDeque::new(),
            resumed: HashSet::new(),
            place,
        };
        match last {
            None => {}
            // The last item is the channel's: what follows is still there, or the loop finds the gap.
            Some(last) if last.epoch == subscription.place.channel.epoch && last.sequence + 1 >= start => {
                subscription.cursor = end.min(last.sequence + 1);
            }
            Some(last) => subscription.resume(last).await,
        }
        Ok(subscription)
    }
}

impl Subscription {
    async fn resume(&mut self, last: Position) {
        let Resumed { gap, items } = self.engine.resumed(self.place.owner, &self.selection, last.at).await;
        self.resumed = items.iter().filter_map(|item| item.fact.event()).collect();
        self.queued.extend(gap);
        let mut items = items.into_iter().peekable();
        while items.peek().is_some() {
            self.queued.push_back(Next::Items(items.by_ref().take(ITEMS_MAX).collect()));
        }
    }

    /// What comes next. Waits for it.
    pub async fn next(&mut self) -> Next {
        loop {
            if !self.may_go_on().await {
                return Next::End;
            }
            if let Some(next) = self.queued.pop_front() {
                return next;
            }
            self.wake.mark_unchanged();
            if let Some(next) = self.read().await {
                return next;
            }
            if self.place.feed.is_closed() {
                return Next::End;
            }
            let is_quiet = tokio::select! {
                // The sender is in the channel, which this holds.
                _ = self.wake.changed() => false,
                _ = self.tokens.changed() => { self.tokens.mark_changed(); false }
                () = sleep_until(self.look_at) => true,
            };
            if is_quiet {
                return if self.may_go_on().await { Next::Quiet } else { Next::End };
            }
        }
    }

    /// What waits to be read, if any of it is wanted. None when nothing is left.
    async fn read(&mut self) -> Option<Next> {
        loop {
            let (missed, items) = {
                let ring = self.place.channel.ring();
                let missed = ring.start().saturating_sub(self.cursor);
                self.cursor = self.cursor.max(ring.start());
                let most = if missed > 0 { 0 } else { ITEMS_MAX };
                (missed, ring.from(self.cursor, most))
            };
            if missed > 0 {
                self.place.feed.missed.fetch_add(missed, Ordering::Relaxed);
                return Some(Next::Gap { missed: Some(missed), since: None });
            }
            if items.is_empty() {
                return None;
            }
            self.cursor += items.len() as u64;
            let wanted = self.wanted(items).await;
            if !wanted.is_empty() {
                return Some(Next::Items(wanted));
            }
            // A channel that is written all the time must not keep the thread.
            tokio::task::consume_budget().await;
        }
    }

    async fn wanted(&mut self, items: Vec<Arc<Item>>) -> Vec<Arc<Item>> {
        let mut wanted = Vec::with_capacity(items.len());
        for item in items {
            if !self.selection.may_take(&item) {
                continue;
            }
            if let (Some(event), Some(tenant)) = (item.unknown_event(), self.place.owner) {
                let event = self.look_up(tenant, event).await;
                item.learn(event);
            }
            let is_repeated = item.event().is_some_and(|event| {
                matches!(item.fact, super::Fact::Accepted { .. }) && self.resumed.remove(&event.id)
            });
            if self.selection.takes(&item) && !is_repeated {
                wanted.push(item);
            }
        }
        wanted
    }

    /// An event that was accepted before anybody watched.
    async fn look_up(&self, tenant: TenantId, event: EventId) -> Option<Arc<EventFacts>> {
        match self.engine.event_facts(tenant, event).await {
            Ok(found) => found.map(|facts| self.place.channel.ring().remember(Arc::new(facts))),
            Err(error) => {
                warn!(%event, %error, "an event of the live feed cannot be read");
                None
            }
        }
    }

    /// Looks whether the token and its tenant are still there: when a token changed here, and now and then for changes
    /// through other nodes.
    async fn may_go_on(&mut self) -> bool {
        if self.place.feed.is_closed() {
            return false;
        }
        let is_due = Instant::now() >= self.look_at;
        if !is_due && !self.tokens.has_changed().unwrap_or(true) {
            return true;
        }
        self.tokens.mark_unchanged();
        self.look_at = Instant::now() + QUIET;
        let Some(tenant) = self.place.owner else { return true };
        let store = self.engine.store();
        let is_there = async {
            if store.tenant(tenant).await?.is_none() {
                return Ok(false);
            }
            let Some(token) = self.token else { return Ok(true) };
            let now = self.engine.clock().now();
            Ok(store.tokens(tenant).await?.iter().any(|each| each.id == token && each.is_live(now)))
        };
        is_there.await.unwrap_or_else(|error: stentor_store::StoreError| {
            warn!(%error, "a stream ends: whether its token lives is unknown");
            false
        })
    }
}
