//! The writer: takes a batch, commits it, dispatches the results. One per process.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::poll;
use stentor_core::id::{EventId, TenantId, WebhookId};
use stentor_core::shard::Shard;
use stentor_store::Store;
use stentor_store::journal::{CommitResult, NewEvent, Write, Written};
use stentor_store::lanes::LaneKey;
use tracing::{error, warn};

use super::{Entry, Journal};
use crate::clock::Stopwatch;
use crate::feed::Feed;
use crate::limits::{Limits, Reservation};
use crate::metrics::Metrics;
use crate::shard::Shards;

/// Wait after a batch that could not be written, doubled up to the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_LONGEST: Duration = Duration::from_secs(2);
/// Entries that share the fixed cost of a commit well enough to begin it at once.
const WORTH_A_COMMIT: usize = 192;
/// How often all other tasks may have their turn before a batch is taken.
const GATHER_TURNS: usize = 8;

/// What stops the process when nothing may be acknowledged any more (engine rule E3).
pub type OnFatal = Arc<dyn Fn(&str) + Send + Sync>;

/// What is told when a webhook was disabled with an outcome.
pub type OnDisabled = Arc<dyn Fn(TenantId, WebhookId) + Send + Sync>;

/// The task that commits.
pub(crate) struct Writer {
    pub journal: Journal,
    pub store: Arc<dyn Store>,
    pub shards: Shards,
    pub limits: Arc<Limits>,
    pub metrics: Arc<Metrics>,
    pub feed: Arc<Feed>,
    pub on_fatal: OnFatal,
    pub on_disabled: OnDisabled,
    /// Called when an attempt ended a delivery as dead.
    pub on_dead: Arc<dyn Fn() + Send + Sync>,
}

impl Writer {
    /// Runs until the journal is closed and empty. A commit that is worth its cost is begun before the results of the last
    /// are dispatched, so that the database does not wait for us; dispatching stays in the order of the commits.
    pub(crate) async fn run(self) {
        let mut pause = PAUSE_FIRST;
        let mut done: Option<Committed> = None;
        while let Some(batch) = self.following(&mut done).await {
            let (batch, writes) = split(batch);
            self.journal.committing().get_or_insert_with(Stopwatch::start);
            let mut commit = self.store.commit(Arc::clone(&writes));
            let begun = poll!(&mut commit);
            if let Some(committed) = done.take() {
                self.dispatch(committed).await;
            }
            let result = match begun {
                Poll::Ready(result) => result,
                Poll::Pending => commit.await,
            };
            match result {
                CommitResult::Committed(results) => {
                    pause = PAUSE_FIRST;
                    *self.journal.committing() = None;
                    self.metrics.batch_committed(batch.len());
                    done = Some(Committed { batch, writes, results });
                }
                CommitResult::Fatal(reason) => {
                    error!(%reason, "the database failed; nothing may be acknowledged any more");
                    (self.on_fatal)(&reason);
                    return;
                }
                CommitResult::NotCommitted(reason) => {
                    warn!(items = batch.len(), %reason, "a batch was not committed");
                    self.give_back(batch, &writes, &reason);
                    self.rest(&mut pause).await;
                }
                CommitResult::Unknown(reason) => {
                    warn!(items = batch.len(), %reason, "whether a batch was committed is unknown");
                    self.resolve(batch, &writes, &reason).await;
                    self.rest(&mut pause).await;
                }
            }
        }
    }

    /// The next batch. When less waits than is worth a commit, what is committed is dispatched first: its answers bring more.
    /// None at the end.
    async fn following(&self, done: &mut Option<Committed>) -> Option<Vec<Entry>> {
        if done.is_some() && self.journal.waiting() >= WORTH_A_COMMIT {
            let batch = self.journal.queue().take();
            if !batch.is_empty() {
                return Some(batch);
            }
        }
        if let Some(committed) = done.take() {
            self.dispatch(committed).await;
        }
        self.next_batch().await
    }

    /// What waits, as soon as anything does. None at the end.
    async fn next_batch(&self) -> Option<Vec<Entry>> {
        loop {
            let filled = self.journal.shared.filled.notified();
            self.gather().await;
            {
                let mut queue = self.journal.queue();
                let batch = queue.take();
                if !batch.is_empty() {
                    return Some(batch);
                }
                if queue.is_closed() && queue.len() == 0 {
                    return None;
                }
            }
            filled.await;
        }
    }

    /// Whoever was woken meanwhile gets to put its next write first, as long as that makes the batch larger: what a commit
    /// costs is shared by all that is in it. Costs nothing when nobody else runs.
    async fn gather(&self) {
        let mut waiting = self.journal.waiting();
        for _ in 0..GATHER_TURNS {
            tokio::task::yield_now().await;
            let more = self.journal.waiting();
            if more <= waiting {
                return;
            }
            waiting = more;
        }
    }

    async fn rest(&self, pause: &mut Duration) {
        tokio::time::sleep(*pause).await;
        *pause = (*pause * 2).min(PAUSE_LONGEST);
    }

    /// Publishers are told that nothing is stored; what lanes wrote is kept and written again.
    fn give_back(&self, batch: Vec<Pending>, writes: &[Write], reason: &str) {
        let mut again = Vec::new();
        for (pending, write) in batch.into_iter().zip(writes) {
            if let Some(entry) = pending.not_committed(write, reason) {
                again.push(entry);
            }
        }
        self.journal.queue().put_back(again);
    }

    /// After a lost commit: events that turn out to be stored are handed over, though their publishers are told to try
    /// again; everything else is written again, which changes nothing where it was stored.
    async fn resolve(&self, batch: Vec<Pending>, writes: &[Write], reason: &str) {
        let asked: Vec<(TenantId, EventId)> = writes
            .iter()
            .flat_map(accepted_events)
            .map(|event| (event.event.tenant, event.event.content.id))
            .collect();
        let stored = loop {
            match self.store.stored_events(&asked).await {
                Ok(stored) => break stored,
                Err(error) => {
                    warn!(%error, "cannot find out what was committed");
                    tokio::time::sleep(PAUSE_LONGEST).await;
                }
            }
        };
        let (accepted, others): (Vec<_>, Vec<_>) =
            batch.into_iter().zip(writes).partition(|(pending, _)| matches!(pending, Pending::Accept { .. }));
        for (mut pending, write) in accepted {
            for (index, event) in accepted_events(write).iter().enumerate() {
                if stored.contains(&event.event.content.id) {
                    self.count(pending.reservation(index), event);
                    self.shards.reread(event.event.tenant, event.deliveries.iter()).await;
                }
            }
            pending.fail(reason);
        }
        let mut again = Vec::new();
        for (pending, write) in others {
            self.reread_unknown(write).await;
            again.extend(pending.not_committed(write, reason));
        }
        self.journal.queue().put_back(again);
    }

    /// Counts an event that is stored within the limits of its tenant.
    pub(super) fn count(&self, reservation: Option<Reservation>, event: &NewEvent) {
        match reservation {
            Some(reservation) => reservation.stored(),
            None => self.limits.stored_without(event),
        }
    }

    /// A command, or a delivery to a fallback, that may be stored: whoever asked is told to try again, and its lanes look for
    /// themselves.
    async fn reread_unknown(&self, write: &Write) {
        match write {
            Write::Retry { tenant, delivery, .. } => match self.store.delivery(*tenant, *delivery).await {
                Ok(Some(row)) => {
                    let lane = LaneKey { shard: row.shard, webhook: row.webhook };
                    self.shards.reread_lane(lane, *tenant).await;
                }
                Ok(None) => {}
                Err(error) => warn!(%error, %delivery, "whether it is to be sent again is unknown"),
            },
            Write::Outcome(outcome) => {
                if let Some(fallback) = &outcome.fallback {
                    let webhook = fallback.webhook;
                    let lane = LaneKey { shard: Shard::of(webhook), webhook };
                    self.shards.reread_lane(lane, outcome.tenant).await;
                }
            }
            Write::Outcomes(outcomes) => {
                // All of them have the same fallback.
                let first = outcomes.first().filter(|first| first.fallback.is_some()).cloned();
                if let Some(first) = first {
                    Box::pin(self.reread_unknown(&Write::Outcome(Box::new(first)))).await;
                }
            }
            Write::Redeliver { tenant, deliveries, .. } => {
                self.shards.reread(*tenant, deliveries.iter()).await;
            }
            Write::Replay { tenant, items, .. } => {
                self.shards.reread(*tenant, items.iter().take(1).map(|(_, delivery)| delivery)).await;
            }
            Write::Broadcast(step) => {
                for event in &step.events {
                    self.shards.reread(event.event.tenant, event.deliveries.iter()).await;
                }
            }
            _ => {}
        }
    }
}

/// A batch that is committed and not dispatched yet.
pub(super) struct Committed {
    pub batch: Vec<Pending>,
    pub writes: Arc<[Write]>,
    pub results: Vec<Written>,
}

/// What is known of an event beside its write.
pub(super) struct AcceptPart {
    pub webhooks: Vec<Arc<stentor_core::webhook::Webhook>>,
    pub reservation: Option<Reservation>,
}

/// An entry whose write is in the batch.
pub(super) enum Pending {
    Accept {
        /// One for each event.
        parts: Vec<AcceptPart>,
        waiter: tokio::sync::oneshot::Sender<super::AcceptAnswer>,
    },
    Outcome(LaneKey),
    Lane(LaneKey),
    Command(tokio::sync::oneshot::Sender<Result<Written, String>>),
}

impl Pending {
    /// Tells who waits that it did not work. What a lane wrote comes back as an entry to be written again.
    fn not_committed(self, write: &Write, reason: &str) -> Option<Entry> {
        match self {
            Self::Outcome(lane) => match write {
                Write::Outcome(outcome) => Some(Entry::Outcome { lane, outcome: outcome.clone() }),
                Write::Outcomes(outcomes) => Some(Entry::Outcomes { lane, outcomes: outcomes.clone() }),
                _ => None,
            },
            Self::Lane(lane) => Some(Entry::Lane(super::LaneEntry { lane, write: write.clone() })),
            other => {
                other.fail(reason);
                None
            }
        }
    }

    fn reservation(&mut self, index: usize) -> Option<Reservation> {
        match self {
            Self::Accept { parts, .. } => parts.get_mut(index)?.reservation.take(),
            _ => None,
        }
    }

    fn fail(self, reason: &str) {
        match self {
            Self::Accept { waiter, parts } => {
                // Its place is free before the publisher can try again.
                drop(parts);
                let _ = waiter.send(super::AcceptAnswer::Failed(reason.to_owned()));
            }
            Self::Command(waiter) => {
                let _ = waiter.send(Err(reason.to_owned()));
            }
            Self::Outcome(_) | Self::Lane(_) => {}
        }
    }
}

fn split(batch: Vec<Entry>) -> (Vec<Pending>, Arc<[Write]>) {
    let mut pending = Vec::with_capacity(batch.len());
    let mut writes = Vec::with_capacity(batch.len());
    for entry in batch {
        let (rest, write) = match entry {
            Entry::Accept(entry) => accept(entry),
            Entry::Outcome { lane, outcome } => (Pending::Outcome(lane), Write::Outcome(outcome)),
            Entry::Outcomes { lane, outcomes } => (Pending::Outcome(lane), Write::Outcomes(outcomes)),
            Entry::Lane(entry) => (Pending::Lane(entry.lane), entry.write),
            Entry::Command { write, waiter } => (Pending::Command(waiter), write),
        };
        pending.push(rest);
        writes.push(write);
    }
    (pending, writes.into())
}

fn accept(entry: super::AcceptEntry) -> (Pending, Write) {
    let super::AcceptEntry { first, others, waiter } = entry;
    let part = |accepting: super::Accepting| {
        let super::Accepting { event, webhooks, reservation } = accepting;
        (event, AcceptPart { webhooks, reservation })
    };
    let (event, first) = part(first);
    if others.is_empty() {
        return (Pending::Accept { parts: vec![first], waiter }, Write::Accept(event));
    }
    let (mut events, mut parts) = (vec![*event], vec![first]);
    for (event, other) in others.into_iter().map(part) {
        events.push(*event);
        parts.push(other);
    }
    (Pending::Accept { parts, waiter }, Write::AcceptAll(events))
}

/// The events that a write is to accept for a publisher.
pub(super) fn accepted_events(write: &Write) -> &[NewEvent] {
    match write {
        Write::Accept(event) => std::slice::from_ref(&**event),
        Write::AcceptAll(events) => events,
        _ => &[],
    }
}
