//! The step under every order that threads can make (E2): one commits and hands over, one reads pages whose answers are
//! late, one performs attempts, one commits outcomes. A lane of four rows attempts each delivery once and leaves none; a
//! lane that waits for something that never comes is a deadlock, which the scheduler finds.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use shuttle::sync::Mutex;
use shuttle::sync::mpsc::{Receiver, Sender, channel};
use shuttle::thread;
use stentor_core::attempt::AttemptOutcome;
use stentor_core::delivery::PendingDelivery;
use stentor_core::event::{EventContent, EventType};
use stentor_core::id::{DeliveryId, EventId};
use stentor_core::time::Time;
use stentor_core::webhook::{Webhook, WebhookStatus};
use stentor_store::lanes::{LaneKey, LoadedDelivery};

use super::{Permits, START, ShardOptions, ShardState, TestPermits, webhook};
use crate::journal::Entry;
use crate::shard::input::{Action, Attempted, Handed, Input, PageRows, ReadKind, RecordAnswer, Recorded};
use crate::shard::lane::LaneLimits;

const CAPACITY: usize = 4;
const ROWS: u64 = 14;
const SCHEDULES: usize = 1_500;

type Stored = Arc<Mutex<BTreeMap<(i64, DeliveryId), PendingDelivery>>>;

fn pending(webhook: &Webhook, n: u64) -> PendingDelivery {
    PendingDelivery {
        id: DeliveryId::new(START, n << 2),
        tenant: webhook.tenant,
        event: EventId::new(START, n << 2),
        webhook: webhook.id,
        shard: webhook.shard,
        position: START.as_micros() + i64::try_from(n).expect("few rows"),
        due_at: None,
        attempts: 0,
        claims: 0,
        batch: None,
    }
}

/// The journal's writer: what is committed is handed over, in that order, two rows at a time.
fn commit(webhook: &Arc<Webhook>, stored: &Stored, mail: &Sender<Input>) {
    for pair in 0..ROWS / 2 {
        let rows = [pending(webhook, 2 * pair), pending(webhook, 2 * pair + 1)];
        stored.lock().expect("no panic").extend(rows.iter().map(|row| ((row.position, row.id), row.clone())));
        let handed = rows.map(|pending| {
            let content = EventContent {
                id: pending.event,
                event_type: EventType::parse("a").expect("valid"),
                time: START,
                subject: None,
                content_type: "application/json".into(),
                data: Bytes::from_static(b"1"),
                previous_data: None,
                arrival: None,
            };
            Handed { pending, content: Arc::new(content), webhook: Arc::clone(webhook) }
        });
        mail.send(Input::Handed(handed.into())).expect("the actor runs");
    }
}

/// Pages show the store as it was when they were read, however late they are.
fn read_pages(reads: &Receiver<(LaneKey, ReadKind)>, stored: &Stored, mail: &Sender<Input>) {
    while let Ok((key, kind)) = reads.recv() {
        let ReadKind::Fresh { after } = kind else { panic!("nothing is due here: {kind:?}") };
        let rows: Vec<LoadedDelivery> = stored
            .lock()
            .expect("no panic")
            .values()
            .filter(|row| row.position > after)
            .take(CAPACITY / 2)
            .map(|row| LoadedDelivery { pending: row.clone(), content: None })
            .collect();
        thread::yield_now();
        if mail.send(Input::Page(key, Box::new(PageRows::ByPosition(rows)))).is_err() {
            return;
        }
    }
}

fn attempt(starts: &Receiver<DeliveryId>, webhook: &Webhook, mail: &Sender<Input>) {
    while let Ok(delivery) = starts.recv() {
        let attempted = Attempted {
            webhook: webhook.id,
            delivery,
            started_at: START,
            duration: Duration::from_millis(2),
            outcome: AttemptOutcome::Delivered { status: 200 },
            response: None,
        };
        mail.send(Input::Attempted(Box::new(attempted))).expect("the actor runs");
    }
}

fn record(outcomes: &Receiver<DeliveryId>, webhook: &Webhook, stored: &Stored, mail: &Sender<Input>) {
    while let Ok(delivery) = outcomes.recv() {
        stored.lock().expect("no panic").retain(|(_, id), _| *id != delivery);
        let recorded =
            Recorded { webhook: webhook.id, delivery, answer: RecordAnswer::Applied, disabled: None };
        mail.send(Input::Recorded(vec![recorded])).expect("the actor runs");
    }
}

fn one_life() {
    let webhook = webhook(false, WebhookStatus::Active, 1);
    let stored = Stored::default();
    let (mail, inbox) = channel();
    let (to_pager, reads) = channel();
    let (to_wire, starts) = channel();
    let (to_journal, outcomes) = channel();
    let threads = [
        thread::spawn({
            let (webhook, stored, mail) = (Arc::clone(&webhook), Arc::clone(&stored), mail.clone());
            move || commit(&webhook, &stored, &mail)
        }),
        thread::spawn({
            let (stored, mail) = (Arc::clone(&stored), mail.clone());
            move || read_pages(&reads, &stored, &mail)
        }),
        thread::spawn({
            let (webhook, mail) = (Arc::clone(&webhook), mail.clone());
            move || attempt(&starts, &webhook, &mail)
        }),
        thread::spawn({
            let (stored, mail) = (Arc::clone(&stored), mail.clone());
            move || record(&outcomes, &webhook, &stored, &mail)
        }),
    ];
    let lane = LaneLimits { rows: CAPACITY, bytes: 1 << 20, large_bytes: 1 << 16 };
    let options =
        ShardOptions { lane, started_at: START, after_unclean_end: false, starts_known_since: Time::ZERO };
    let (mut state, mut permits) = (ShardState::new(options), TestPermits(Permits::new(8), false));
    let (mut started, mut ended) = (HashSet::new(), 0);
    while ended < ROWS {
        let input = inbox.recv().expect("something is on its way");
        ended += u64::from(matches!(input, Input::Recorded(_)));
        let mut actions = Vec::new();
        state.step(input, START, &mut || 0.0, &mut permits, &mut actions);
        for action in actions {
            match action {
                Action::Start(input) => {
                    assert!(started.insert(input.delivery), "started twice");
                    to_wire.send(input.delivery).expect("the wire is there");
                }
                Action::Read(key, kind) => to_pager.send((key, kind)).expect("the pager runs"),
                Action::Put(Entry::Outcome { outcome, .. }) => {
                    to_journal.send(outcome.attempt.delivery).expect("the journal runs");
                }
                Action::Forward(granted) => mail.send(Input::Granted(granted)).expect("it is our own"),
                _ => panic!("nothing of the kind is needed here"),
            }
        }
    }
    drop((to_pager, to_wire, to_journal, inbox));
    for thread in threads {
        thread.join().expect("no thread panics");
    }
    assert!(stored.lock().expect("no panic").is_empty());
    assert_eq!((started.len() as u64, state.in_flight()), (ROWS, 0));
}

#[test]
fn e2_each_delivery_is_started_once_whatever_the_threads_do() {
    shuttle::check_random(one_life, SCHEDULES);
}

#[test]
fn e2_nor_does_an_unfair_scheduler_find_another_order() {
    shuttle::check_pct(one_life, SCHEDULES / 3, 3);
}
