use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use stentor_core::attempt::{Attempt, AttemptOutcome};
use stentor_core::delivery::FinalState;
use stentor_core::event::{Event, EventContent, EventType, Origin};
use stentor_core::id::{DeliveryId, EventId, WebhookId};
use stentor_core::retry::{HealthChange, Step};
use stentor_core::shard::Shard;
use stentor_core::time::Time;
use stentor_store::journal::{NewDelivery, NewEvent, OutcomeWrite};
use stentor_store::lanes::LaneKey;
use tokio::sync::oneshot;

use super::*;
use crate::journal::{AcceptAnswer, Accepting, LaneEntry};

fn tenant(n: u8) -> TenantId {
    TenantId::from_bytes([n; 16])
}

/// An acceptance and the end that waits for it.
fn acceptance(owner: u8, bytes: usize) -> (AcceptEntry, oneshot::Receiver<AcceptAnswer>) {
    let (waiter, answer) = oneshot::channel();
    let content = EventContent {
        id: EventId::new(Time::ZERO, 0),
        event_type: EventType::parse("a").expect("valid"),
        time: Time::ZERO,
        subject: None,
        content_type: "application/json".into(),
        data: Bytes::from(vec![b'1'; bytes]),
        previous_data: None,
        arrival: None,
    };
    let event = Event {
        tenant: tenant(owner),
        content: Arc::new(content),
        accepted_at: Time::ZERO,
        metadata: None,
        origin: Origin::Api,
        config_version: 1,
        matched: 0,
    };
    let event = Box::new(NewEvent { event, idempotency: None, deliveries: vec![], message: None });
    let first = Accepting { event, webhooks: vec![], reservation: None };
    (AcceptEntry { first, others: vec![], waiter }, answer)
}

fn lane_write() -> Entry {
    let webhook = stentor_core::id::WebhookId::from_bytes([0; 16]);
    let lane = stentor_store::lanes::LaneKey { shard: stentor_core::shard::Shard::of(webhook), webhook };
    Entry::Lane(LaneEntry { lane, write: Write::Claim { deliveries: vec![DeliveryId::from_bytes([0; 16])] } })
}

fn limits() -> QueueLimits {
    QueueLimits { batch_items: 8, tenant_items: 20, items: 30, ..QueueLimits::default() }
}

fn owners(batch: &[Entry]) -> Vec<Option<TenantId>> {
    let owner = |entry: &Entry| match entry {
        Entry::Accept(entry) => Some(entry.first.event.event.tenant),
        _ => None,
    };
    batch.iter().map(owner).collect()
}

#[test]
fn tenants_take_turns_however_much_one_of_them_sends() {
    let mut queue = FairQueue::new(limits());
    let mut waiting = Vec::new();
    for owner in [1, 1, 1, 1, 1, 1, 2, 3] {
        let (entry, answer) = acceptance(owner, 1);
        queue.put_acceptance(entry).expect("room");
        waiting.push(answer);
    }
    let order: Vec<_> = owners(&queue.take()).into_iter().flatten().collect();
    assert_eq!(order, [1, 2, 3, 1, 1, 1, 1, 1].map(tenant));
}

#[test]
fn what_lanes_write_comes_first_but_leaves_half_to_acceptances() {
    let mut queue = FairQueue::new(limits());
    let mut waiting = Vec::new();
    for _ in 0..10 {
        queue.put_first(lane_write());
        let (entry, answer) = acceptance(1, 1);
        queue.put_acceptance(entry).expect("room");
        waiting.push(answer);
    }
    let batch = owners(&queue.take());
    assert_eq!(batch, [vec![None; 4], vec![Some(tenant(1)); 4]].concat());
    assert_eq!(queue.len(), 12);
    let mut rest = Vec::new();
    while queue.len() > 0 {
        rest.extend(owners(&queue.take()));
    }
    assert_eq!(rest.iter().filter(|owner| owner.is_none()).count(), 6, "nothing is lost");
}

#[test]
fn caps_hold_per_tenant_and_in_all() {
    let mut queue = FairQueue::new(limits());
    let mut waiting = Vec::new();
    let mut put = |owner: u8, bytes: usize| {
        let (entry, answer) = acceptance(owner, bytes);
        waiting.push(answer);
        queue.put_acceptance(entry)
    };
    assert!((0..20).all(|_| put(1, 1).is_ok()));
    assert_eq!(put(1, 1), Err(Busy::Tenant));
    assert!((0..10).all(|_| put(2, 1).is_ok()));
    assert_eq!(put(3, 1), Err(Busy::Everything));
    queue.close();
    let (entry, _answer) = acceptance(4, 1);
    assert_eq!(queue.put_acceptance(entry), Err(Busy::Closed));
}

#[test]
fn one_large_payload_per_batch_and_a_batch_stays_within_its_bytes() {
    let mut queue = FairQueue::new(limits());
    let mut waiting = Vec::new();
    for owner in 1..=3 {
        let (entry, answer) = acceptance(owner, 300 * 1024);
        queue.put_acceptance(entry).expect("room");
        waiting.push(answer);
    }
    assert_eq!(queue.take().len(), 1);
    assert_eq!(queue.take().len(), 1);
    assert_eq!((queue.take().len(), queue.len()), (1, 0));
    for _ in 0..3 {
        let (entry, answer) = acceptance(1, 10 * 1024 * 1024);
        queue.put_acceptance(entry).expect("room");
        waiting.push(answer);
    }
    assert_eq!(queue.take().len(), 1, "the largest payload fits a batch of its own");
    queue.put_first(lane_write());
    let batch = queue.take();
    assert_eq!(owners(&batch), [None, Some(tenant(1))], "and beside what lanes write");
}

#[test]
fn a_publisher_that_stopped_waiting_is_left_out() {
    let mut queue = FairQueue::new(limits());
    let (gone, answer) = acceptance(1, 1);
    drop(answer);
    let (stays, _answer) = acceptance(2, 1);
    queue.put_acceptance(gone).expect("room");
    queue.put_acceptance(stays).expect("room");
    assert_eq!(owners(&queue.take()), [Some(tenant(2))]);
    assert_eq!((queue.len(), queue.bytes), (0, 0));
}

fn new_delivery() -> NewDelivery {
    let webhook = WebhookId::from_bytes([0; 16]);
    let (id, shard) = (DeliveryId::from_bytes([0; 16]), Shard::of(webhook));
    NewDelivery { id, webhook, shard, position: 0, ordered: false, due_at: None }
}

fn outcome() -> Entry {
    let webhook = WebhookId::from_bytes([0; 16]);
    let shard = Shard::of(webhook);
    let attempt = Attempt {
        delivery: DeliveryId::from_bytes([0; 16]),
        number: 1,
        started_at: Time::ZERO,
        duration: Duration::ZERO,
        outcome: AttemptOutcome::Unsendable,
        response: None,
    };
    let outcome = Box::new(OutcomeWrite {
        tenant: tenant(1),
        event: EventId::from_bytes([0; 16]),
        webhook,
        shard,
        attempt,
        step: Step::Final(FinalState::Delivered),
        health: HealthChange::Unchanged,
        disable: None,
        fallback: None,
        batch: None,
        now: Time::ZERO,
    });
    Entry::Outcome { lane: LaneKey { shard, webhook }, outcome }
}

#[test]
fn a_batch_brings_no_more_new_deliveries_than_it_ends_or_than_its_least() {
    let limits = QueueLimits { batch_deliveries: 6, ..QueueLimits::default() };
    let (mut queue, mut waiting) = (FairQueue::new(limits), Vec::new());
    let mut put = |queue: &mut FairQueue, deliveries: usize| {
        let (mut entry, answer) = acceptance(1, 1);
        entry.first.event.deliveries = vec![new_delivery(); deliveries];
        queue.put_acceptance(entry).expect("room");
        waiting.push(answer);
    };
    let new = |batch: &[Entry]| -> usize {
        let deliveries = |entry: &Entry| match entry {
            Entry::Accept(entry) => entry.first.event.deliveries.len(),
            _ => 0,
        };
        batch.iter().map(deliveries).sum()
    };
    for _ in 0..10 {
        put(&mut queue, 3);
    }
    assert_eq!(new(&queue.take()), 6, "without outcomes the least");
    for _ in 0..12 {
        queue.put_first(outcome());
    }
    assert_eq!(new(&queue.take()), 12, "as many as end");
    assert_eq!((new(&queue.take()), new(&queue.take())), (6, 6));
    put(&mut queue, 1_000);
    assert_eq!(new(&queue.take()), 1_000, "one event always fits, however many deliveries it has");
}
