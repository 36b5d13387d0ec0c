//! Deliveries that go in one request (engine rule E23): which of those in memory, and how they fly together.
//!
//! The first member *leads*: its flight holds the permit and names the others, whose flights name it. So pages and commands
//! know every member, and only the leader is on the wire.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use stentor_core::batch::{Batch, Due, Quiet, Waiting, compose};
use stentor_core::envelope::{Shape, member_bytes_at_most};
use stentor_core::id::{BatchId, DeliveryId};
use stentor_core::time::Time;
use stentor_core::webhook::Webhook;

use super::lane::{Flight, FlightPhase, Lane, Queued};
use super::state::{Turn, give_back};
use crate::sender::{BatchInput, MemberInput};

/// The weight of a delivery that shares no request.
const ALONE: usize = usize::MAX;

/// How fresh deliveries gather in a lane.
#[derive(Debug)]
pub(super) struct Gathering {
    rule: Batch,
    shape: Shape,
    /// Known to have nothing due, as long as it admits what comes.
    quiet: Option<Quiet>,
}

impl Gathering {
    pub(super) fn of(webhook: &Webhook) -> Option<Box<Self>> {
        let rule = webhook.config.batch?;
        Some(Box::new(Self { rule, shape: webhook.config.shape(webhook.tenant), quiet: None }))
    }

    /// At most so many bytes it takes of a body. Only a first attempt may be of several.
    fn weigh(&self, queued: &Queued, claim_before: i64) -> usize {
        let pending = &queued.pending;
        let suspect = pending.claims > 0 && pending.position < claim_before;
        if pending.attempts > 0 || pending.due_at.is_some() || suspect {
            return ALONE;
        }
        let content = queued.content.as_ref();
        let bytes = content.and_then(|content| member_bytes_at_most(&self.shape, content));
        bytes.map_or(ALONE, |bytes| bytes + 1)
    }
}

fn waiting(queued: &Queued) -> Waiting<'_> {
    let shares = queued.weight != ALONE;
    let content = queued.content.as_ref().filter(|_| shares);
    Waiting {
        event_type: content.map(|content| content.event_type.as_str()),
        bytes: queued.weight,
        since: queued.pending.id.created_at(),
    }
}

/// What a lane has to do next.
pub(super) enum Next {
    Nothing,
    At(Time),
    /// The lowest in memory.
    Memory,
    /// These of memory, by their places.
    Gathered(Vec<usize>),
    Retry,
}

/// What one request is for. The others go with the first.
pub(super) struct Group {
    pub(super) first: Queued,
    pub(super) others: Vec<Queued>,
}

impl Group {
    pub(super) fn rows(&self) -> impl Iterator<Item = &Queued> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// From rows of one batch, as they come.
    fn in_order(mut rows: Vec<Queued>) -> Option<Self> {
        rows.sort_unstable_by_key(|queued| (queued.pending.position, queued.pending.id));
        let mut rows = VecDeque::from(rows);
        Some(Self { first: rows.pop_front()?, others: rows.into() })
    }
}

impl Lane {
    /// Notes what a row that goes into memory takes of a body.
    pub(super) fn weigh(&mut self, queued: &mut Queued) {
        let Some(gathering) = &mut self.gathering else { return };
        queued.weight = gathering.weigh(queued, self.claim_before);
        if let Some(quiet) = &mut gathering.quiet
            && !quiet.admits(&gathering.rule, &waiting(queued))
        {
            gathering.quiet = None;
        }
    }

    /// What of the fresh rows in memory may go: the lowest, or a batch.
    pub(super) fn fresh(&mut self, now: Time) -> Next {
        if self.memory.is_empty() {
            return Next::Nothing;
        }
        let (ordered, pressed) = (self.is_ordered(), self.is_pressed());
        let Some(gathering) = &mut self.gathering else { return Next::Memory };
        let known = gathering.quiet.filter(|quiet| !pressed && quiet.until.is_none_or(|until| now < until));
        let quiet = match known {
            Some(quiet) => quiet,
            None => match compose(&gathering.rule, ordered, pressed, self.memory.iter().map(waiting), now) {
                Due::Now(places) => {
                    gathering.quiet = None;
                    return Next::Gathered(places);
                }
                Due::Nothing(quiet) => *gathering.quiet.insert(quiet),
            },
        };
        quiet.until.map_or(Next::Nothing, Next::At)
    }

    /// Below how many rows in memory more are read: a batch must find its members there.
    pub(super) fn read_below(&self) -> usize {
        let few = self.limits.rows / 4 + 1;
        self.gathering.as_ref().map_or(few, |gathering| few.max(gathering.rule.size as usize))
    }

    /// Whether memory takes no more although the store has more: then waiting for further members is in vain.
    pub(super) fn is_pressed(&self) -> bool {
        self.spilled && !self.has_room_to_read()
    }

    /// Whether more rows may be read into memory.
    pub(super) fn has_room_to_read(&self) -> bool {
        let is_full = self.gathering.is_some() && self.memory_bytes >= self.limits.bytes;
        self.memory.len() < self.read_below() && !is_full
    }

    /// Takes what is next out of memory.
    pub(super) fn take_next(&mut self, next: &Next) -> Option<Group> {
        match next {
            Next::Nothing | Next::At(_) => None,
            Next::Memory => {
                let first = self.pop_memory()?;
                let mut others = Vec::new();
                if let Some(batch) = self.kept_batch(&first) {
                    while self.memory.front().is_some_and(|queued| queued.pending.batch == Some(batch)) {
                        others.extend(self.pop_memory());
                    }
                }
                Some(Group { first, others })
            }
            Next::Gathered(places) => Group::in_order(self.extract(places)),
            Next::Retry => {
                let first = self.retries.pop_front()?;
                let Some(batch) = self.kept_batch(&first) else {
                    return Some(Group { first, others: Vec::new() });
                };
                let is_member = |queued: &Queued| queued.pending.batch == Some(batch);
                let (mut members, rest): (Vec<_>, VecDeque<_>) =
                    (Vec::new(), std::mem::take(&mut self.retries));
                members.push(first);
                for queued in rest {
                    if is_member(&queued) {
                        members.push(queued);
                    } else {
                        self.retries.push_back(queued);
                    }
                }
                Group::in_order(members)
            }
        }
    }

    /// The batch that a row stays in. What the webhook has become cannot hold one any more sends its members alone.
    fn kept_batch(&self, queued: &Queued) -> Option<BatchId> {
        queued.pending.batch.filter(|_| self.holds_batches)
    }

    /// Takes the rows at these places out of memory.
    fn extract(&mut self, places: &[usize]) -> Vec<Queued> {
        let is_prefix = places.last().is_some_and(|last| last + 1 == places.len());
        if is_prefix {
            return (0..places.len()).filter_map(|_| self.pop_memory()).collect();
        }
        let places: HashSet<usize> = places.iter().copied().collect();
        let mut taken = Vec::with_capacity(places.len());
        let mut left = VecDeque::with_capacity(self.memory.len());
        for (place, queued) in std::mem::take(&mut self.memory).into_iter().enumerate() {
            if places.contains(&place) {
                taken.push(queued);
            } else {
                left.push_back(queued);
            }
        }
        self.memory = left;
        self.count_memory();
        taken
    }

    /// Puts a group back from where it was taken: it cannot start now.
    pub(super) fn put_back(&mut self, group: Group, next: &Next) {
        let is_retry = matches!(next, Next::Retry);
        for queued in std::iter::once(group.first).chain(group.others).collect::<Vec<_>>().into_iter().rev() {
            if is_retry {
                self.retries.push_front(queued);
            } else {
                self.put_in_place(queued);
            }
        }
    }

    /// Whether a request for this row has the form of a batch.
    fn has_batch_form(&self, queued: &Queued) -> bool {
        self.gathering.is_some() || self.kept_batch(queued).is_some()
    }

    /// Makes ready what a request sends of a batch, and notes what its members keep if it fails. None for a request of one
    /// event.
    pub(super) fn board(&mut self, leader: DeliveryId) -> Option<Box<BatchInput>> {
        let flight = self.flights.get(&leader)?;
        if !self.has_batch_form(&flight.queued) {
            return None;
        }
        let phase = flight.phase;
        let members: Arc<[DeliveryId]> = flight.others.as_slice().into();
        let id = BatchId::of(std::iter::once(leader).chain(members.iter().copied()));
        // One alone is the same batch whenever it is worked out.
        let kept = (!members.is_empty() || flight.queued.pending.batch.is_some()).then_some(id);
        let mut others = Vec::with_capacity(members.len());
        for member in members.iter().chain(std::iter::once(&leader)) {
            let Some(flight) = self.flights.get_mut(member) else { continue };
            flight.phase = phase;
            flight.kept = kept;
            if *member != leader {
                let content = flight.queued.content.take();
                others.push(MemberInput { event: flight.queued.pending.event, delivery: *member, content });
            }
        }
        Some(Box::new(BatchInput { id, others }))
    }

    /// Every delivery of the request that this one is part of, its leader first.
    pub(super) fn aboard(&self, delivery: DeliveryId) -> Vec<DeliveryId> {
        let Some(flight) = self.flights.get(&delivery) else { return Vec::new() };
        let leader = flight.leader.unwrap_or(delivery);
        let others = self.flights.get(&leader).map(|flight| flight.others.as_slice()).unwrap_or_default();
        std::iter::once(leader).chain(others.iter().copied()).collect()
    }

    /// Takes one out of a request that is not made yet. Another leads when it led.
    pub(super) fn disembark(&mut self, delivery: DeliveryId, turn: &mut Turn<'_>) {
        let Some(mut flight) = self.flights.remove(&delivery) else { return };
        if let Some(leader) = flight.leader {
            if let Some(leader) = self.flights.get_mut(&leader) {
                leader.others.retain(|other| *other != delivery);
            }
            turn.permits.leave(1);
            return;
        }
        if flight.others.is_empty() {
            return give_back(self.tenant, flight.permit, flight.alone, turn);
        }
        let heir = flight.others.remove(0);
        for other in &flight.others {
            if let Some(other) = self.flights.get_mut(other) {
                other.leader = Some(heir);
            }
        }
        if let Some(heir) = self.flights.get_mut(&heir) {
            heir.leader = None;
            heir.others = flight.others;
            heir.permit = flight.permit;
            heir.alone = flight.alone;
        }
        turn.permits.leave(1);
    }
}

impl Flight {
    /// The flight of one that leads, or goes alone.
    pub(super) fn leading(
        queued: Queued,
        others: Vec<DeliveryId>,
        permit: crate::permits::Standing,
        alone: bool,
    ) -> Self {
        Self { others, permit: Some(permit), alone, ..Self::following(queued, None) }
    }

    /// The flight of one that goes with another.
    pub(super) fn following(queued: Queued, leader: Option<DeliveryId>) -> Self {
        Self {
            queued,
            phase: FlightPhase::Claiming,
            permit: None,
            withdraw: false,
            retry_at: None,
            alone: false,
            disables: false,
            leader,
            others: Vec::new(),
            kept: None,
        }
    }

    /// Whether others are in the same request.
    pub(super) fn is_shared(&self) -> bool {
        self.leader.is_some() || !self.others.is_empty()
    }

    /// Gives back what the flight held.
    pub(super) fn end(&self, tenant: stentor_core::id::TenantId, turn: &mut Turn<'_>) {
        if self.leader.is_some() {
            turn.permits.leave(1);
        } else {
            give_back(tenant, self.permit, self.alone, turn);
        }
    }
}
