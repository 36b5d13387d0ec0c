//! Starting attempts: what a lane may do now.

use std::collections::HashSet;
use std::sync::Arc;

use stentor_core::delivery::{DeadReason, FinalState};
use stentor_core::id::{DeliveryId, WebhookId};
use stentor_core::time::Time;
use stentor_core::webhook::WebhookStatus;
use stentor_store::journal::{Write, Written};
use stentor_store::lanes::LaneKey;

use super::batching::{Group, Next};
use super::input::{Action, ReadKind};
use super::lane::{Flight, FlightPhase, Lane};
use super::state::{ShardState, Turn, give_back};
use super::{CLAIMS_MAX, LEFTOVER_ROWS};
use crate::journal::{Entry, LaneEntry};
use crate::permits::{Granted, Standing};
use crate::sender::AttemptInput;

impl ShardState {
    /// Starts what the lane may start, asks for pages, and sets its timer. Called after everything that touches a lane.
    pub(super) fn pump(&mut self, webhook: WebhookId, turn: &mut Turn<'_>) {
        let draining = self.draining;
        let Some(lane) = self.lanes.get_mut(&webhook) else { return };
        let waits_for = if lane.webhook.status == WebhookStatus::Deleted {
            sweep_out(lane, turn);
            None
        } else if draining || !lane.webhook.status.delivers() || is_being_disabled(lane) {
            None
        } else {
            start_all(lane, turn)
        };
        return_unused(lane, turn);
        park_unanswered(lane, turn);
        if !draining && let Some(kind) = lane.wanted_read(turn.now) {
            lane.begin_read(kind);
            turn.actions.push(Action::Read(lane.key, kind));
        }
        let wake = lane.next_timer(waits_for, turn.now);
        self.set_timer(webhook, wake);
    }

    /// A permit was set aside for a lane.
    pub(super) fn granted(&mut self, granted: Granted, turn: &mut Turn<'_>) {
        match self.lanes.get_mut(&granted.lane.webhook) {
            Some(lane) => {
                lane.granted.push_back(granted.standing);
                self.pump(granted.lane.webhook, turn);
            }
            None => give_back(granted.tenant, Some(granted.standing), false, turn),
        }
    }

    /// Something that a lane wrote is stored.
    pub(super) fn written(&mut self, key: LaneKey, written: Written, turn: &mut Turn<'_>) {
        let Some(lane) = self.lanes.get_mut(&key.webhook) else { return };
        match written {
            Written::Claimed(rows) if self.draining => {
                for flight in rows.iter().filter_map(|(id, _)| lane.flights.remove(id)) {
                    flight.end(lane.tenant, turn);
                }
            }
            Written::Claimed(rows) => claimed(lane, &rows, turn),
            Written::Finished(ids) => {
                for id in ids {
                    lane.note_changed(id);
                    lane.withdrawing.remove(&id);
                    if let Some(withdrawal) = self.withdrawn.get_mut(&id) {
                        withdrawal.has_ended = true;
                    }
                    if let Some(flight) = lane.flights.remove(&id) {
                        flight.end(lane.tenant, turn);
                    }
                }
                lane.read_not_before = Time::ZERO;
            }
            _ => {
                // A claim or an end could not be stored: what they were for is read again after a while.
                let claiming = |flight: &mut Flight| flight.phase == FlightPhase::Claiming;
                for (_, flight) in lane.flights.extract_if(|_, flight| claiming(flight)) {
                    flight.end(lane.tenant, turn);
                }
                lane.withdrawing.clear();
                lane.forget_memory();
                lane.read_not_before = turn.now.plus(super::READ_PAUSE);
            }
        }
        self.pump(key.webhook, turn);
    }
}

impl Lane {
    fn next_timer(&self, waits_for: Option<Time>, now: Time) -> Option<Time> {
        let patience = self.pace.patience();
        let unanswered = self.started.front().map(|(since, _)| since.plus(patience));
        let due = if self.is_ordered() { None } else { self.next_due.filter(|due| *due > now) };
        let read = (self.read_not_before > now).then_some(self.read_not_before);
        [waits_for, unanswered, due, read].into_iter().flatten().min()
    }

    /// What to attempt next: fresh rows and due retries in turn; of an ordered lane only the head.
    fn next(&mut self, now: Time) -> Next {
        if self.is_ordered() {
            return match self.memory.front() {
                _ if !self.flights.is_empty() || !self.withdrawing.is_empty() => Next::Nothing,
                None => Next::Nothing,
                Some(head) => match head.pending.due_at {
                    Some(due) if due > now => Next::At(due),
                    Some(_) => Next::Memory,
                    None => self.fresh(now),
                },
            };
        }
        if !self.retries.is_empty() && (self.retry_turn || self.memory.is_empty()) {
            return Next::Retry;
        }
        match self.fresh(now) {
            Next::Nothing | Next::At(_) if !self.retries.is_empty() => Next::Retry,
            next => next,
        }
    }
}

/// Starts attempts while everything allows it. Answers the time that the next one waits for.
fn start_all(lane: &mut Lane, turn: &mut Turn<'_>) -> Option<Time> {
    loop {
        let claiming = claiming(lane);
        if lane.on_wire + claiming >= lane.pace.window() {
            return None;
        }
        let next = match lane.next(turn.now) {
            Next::Nothing => return None,
            Next::At(due) => return Some(due),
            next => next,
        };
        // A claimed start is noted only once it is made: until then nobody knows whether the rate allows another.
        if claiming > 0 && lane.gate.is_some() {
            return None;
        }
        if let Some(earliest) =
            lane.gate.as_ref().map(|gate| gate.earliest(turn.now)).filter(|at| *at > turn.now)
        {
            return Some(earliest);
        }
        let standing = permit(lane, turn)?;
        let Some(group) = lane.take_next(&next) else {
            lane.granted.push_back(standing);
            return None;
        };
        lane.retry_turn = !matches!(next, Next::Retry);
        if let Err(group) = begin(lane, group, standing, turn) {
            lane.granted.push_back(standing);
            lane.put_back(group, &next);
            return Some(turn.now.plus(super::ALONE_PAUSE));
        }
    }
}

/// Whether an outcome that disables the webhook is being written.
fn is_being_disabled(lane: &Lane) -> bool {
    lane.failing.since().is_some() && lane.flights.values().any(|flight| flight.disables)
}

fn claiming(lane: &Lane) -> u32 {
    // Claims are written only after an unclean end, so most lanes have none.
    if lane.claim_before == i64::MIN {
        return 0;
    }
    let claiming = lane.flights.values().filter(|flight| is_claiming(flight)).count();
    u32::try_from(claiming).unwrap_or(u32::MAX)
}

fn permit(lane: &mut Lane, turn: &mut Turn<'_>) -> Option<Standing> {
    if let Some(standing) = lane.granted.pop_front() {
        return Some(standing);
    }
    let standing = lane.pace.standing();
    if turn.permits.acquire(lane.tenant, lane.key, standing) {
        return Some(standing);
    }
    None
}

/// A request whose claim is being written; the others of a batch go with their leader's.
fn is_claiming(flight: &Flight) -> bool {
    flight.phase == FlightPhase::Claiming && flight.leader.is_none()
}

/// Begins an attempt, or its claim when a row may have been in flight as a process ended. Gives the group back when it must
/// wait for another that runs alone.
fn begin(lane: &mut Lane, group: Group, standing: Standing, turn: &mut Turn<'_>) -> Result<(), Group> {
    let claim = group.rows().any(|queued| queued.pending.position < lane.claim_before);
    let alone = claim && group.rows().any(|queued| queued.pending.claims > 0);
    if alone && !turn.permits.acquire_alone() {
        return Err(group);
    }
    let id = group.first.pending.id;
    let others: Vec<DeliveryId> = group.others.iter().map(|queued| queued.pending.id).collect();
    if !others.is_empty() {
        turn.permits.board(u32::try_from(others.len()).unwrap_or(u32::MAX));
    }
    for queued in group.others {
        lane.flights.insert(queued.pending.id, Flight::following(queued, Some(id)));
    }
    lane.flights.insert(id, Flight::leading(group.first, others, standing, alone));
    lane.last_active = turn.now;
    if claim {
        let write = Write::Claim { deliveries: lane.aboard(id) };
        turn.actions.push(Action::Put(Entry::Lane(LaneEntry { lane: lane.key, write })));
    } else {
        launch(lane, id, turn);
    }
    Ok(())
}

/// A claim is stored. Those of a batch are claimed in one write and share what follows; one that has ended since is left
/// behind.
fn claimed(lane: &mut Lane, rows: &[(DeliveryId, u8)], turn: &mut Turn<'_>) {
    let Some((first, _)) = rows.first() else { return };
    let claims = rows.iter().map(|(_, claims)| *claims).max().unwrap_or(0);
    let aboard = lane.aboard(*first);
    if aboard.first().and_then(|leader| lane.flights.get(leader)).is_none_or(|flight| !is_claiming(flight)) {
        return;
    }
    if aboard.len() > rows.len() {
        let claimed: HashSet<DeliveryId> = rows.iter().map(|(id, _)| *id).collect();
        for ended in aboard.iter().filter(|id| !claimed.contains(*id)) {
            lane.disembark(*ended, turn);
        }
    }
    let aboard = lane.aboard(*first);
    if claims >= CLAIMS_MAX {
        let state = FinalState::Dead(DeadReason::Poison);
        turn.actions.push(super::record::finish(lane.key, aboard, state, turn.now));
    } else if let Some(leader) = aboard.first() {
        launch(lane, *leader, turn);
    }
}

fn launch(lane: &mut Lane, id: DeliveryId, turn: &mut Turn<'_>) {
    let Some(flight) = lane.flights.get_mut(&id) else { return };
    flight.phase = FlightPhase::OnWire { since: turn.now };
    if let Some(gate) = &mut lane.gate {
        gate.record(turn.now);
    }
    lane.on_wire += 1;
    lane.started.push_back((turn.now, id));
    let batch = lane.board(id);
    let Some(flight) = lane.flights.get_mut(&id) else { return };
    let pending = &flight.queued.pending;
    turn.actions.push(Action::Start(AttemptInput {
        webhook: Arc::clone(&lane.webhook),
        event: pending.event,
        content: flight.queued.content.take(),
        delivery: id,
        number: pending.attempts + 1,
        position: lane.webhook.config.ordered.then_some(pending.position),
        test: false,
        batch,
    }));
}

/// Permits that were set aside and find nothing to start go back.
fn return_unused(lane: &mut Lane, turn: &mut Turn<'_>) {
    while let Some(standing) = lane.granted.pop_front() {
        give_back(lane.tenant, Some(standing), false, turn);
    }
}

/// Requests that are unanswered for too long leave their permits to others and narrow the lane.
fn park_unanswered(lane: &mut Lane, turn: &mut Turn<'_>) {
    let patience = lane.pace.patience();
    while let Some((since, id)) = lane.started.front().copied() {
        let Some(flight) =
            lane.flights.get_mut(&id).filter(|flight| flight.phase == (FlightPhase::OnWire { since }))
        else {
            lane.started.pop_front();
            continue;
        };
        if turn.now.since(since) < patience {
            return;
        }
        lane.started.pop_front();
        lane.pace.unanswered();
        if let Some(standing) = flight.permit {
            let (parked, granted) = turn.permits.park(lane.tenant, standing);
            if parked {
                flight.permit = None;
            }
            turn.actions.extend(granted.map(Action::Forward));
        }
    }
}

/// The rows of a deleted webhook are read and cancelled.
fn sweep_out(lane: &mut Lane, turn: &mut Turn<'_>) {
    let more = lane.spilled || lane.next_due.is_some();
    if more && lane.reading.is_none() && lane.read_not_before <= turn.now {
        // Rows in flight are still in the store; ask for enough to see past them.
        let in_flight = u32::try_from(lane.flights.len()).unwrap_or(u32::MAX);
        let kind = ReadKind::Leftover { rows: LEFTOVER_ROWS.saturating_add(in_flight) };
        lane.begin_read(kind);
        turn.actions.push(Action::Read(lane.key, kind));
    }
}
