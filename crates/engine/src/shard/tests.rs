//! The pure step of a shard against a model of the store: whatever the order in which commits, pages, attempts and
//! outcomes come in, each delivery is attempted until it is final, never twice at a time, and none is left (E2, E5).

mod interleavings;
mod stopped;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use stentor_core::address::AddressPolicy;
use stentor_core::attempt::AttemptOutcome;
use stentor_core::delivery::PendingDelivery;
use stentor_core::destination_url::DestinationUrl;
use stentor_core::event::{EventContent, EventPattern, EventType};
use stentor_core::id::{DeliveryId, EventId, TenantId, WebhookId};
use stentor_core::policy::{PolicyOverrides, Schedule};
use stentor_core::profile::Profile;
use stentor_core::retry::Step;
use stentor_core::shard::Shard;
use stentor_core::time::Time;
use stentor_core::webhook::{Webhook, WebhookConfig, WebhookSecrets, WebhookStatus};
use stentor_store::journal::{Write, Written};
use stentor_store::lanes::{DuePage, LaneKey, LoadedDelivery};

use super::input::{Action, Attempted, Handed, Input, PageRows, ReadKind, RecordAnswer, Recorded};
use super::lane::LaneLimits;
use super::state::{PermitSource, ShardOptions, ShardState};
use crate::journal::Entry;
use crate::permits::{Granted, Permits, Standing};

const START: Time = Time::from_seconds(1_700_000_000);

struct TestPermits(Permits, bool);

impl PermitSource for TestPermits {
    fn acquire(&mut self, tenant: TenantId, lane: LaneKey, standing: Standing) -> bool {
        self.0.acquire(tenant, lane, standing)
    }
    fn release(&mut self, tenant: TenantId, standing: Standing) -> Option<Granted> {
        self.0.release(tenant, standing)
    }
    fn park(&mut self, tenant: TenantId, standing: Standing) -> (bool, Option<Granted>) {
        self.0.park(tenant, standing)
    }
    fn unpark(&mut self) {
        self.0.unpark();
    }
    fn acquire_alone(&mut self) -> bool {
        !std::mem::replace(&mut self.1, true)
    }
    fn release_alone(&mut self) {
        self.1 = false;
    }
}

fn webhook(ordered: bool, status: WebhookStatus, version: u64) -> Arc<Webhook> {
    let id = WebhookId::from_bytes([9; 16]);
    let schedule = Schedule::List([0, 5, 5, 5, 5, 5, 5, 5].map(Duration::from_secs).into());
    Arc::new(Webhook {
        id,
        tenant: TenantId::from_bytes([1; 16]),
        shard: Shard::of(id),
        config: WebhookConfig {
            name: None,
            url: DestinationUrl::parse("https://example.com/", &AddressPolicy::closed()).expect("valid"),
            events: vec![EventPattern::All],
            profile: Profile::Standard,
            policy: PolicyOverrides { schedule: Some(schedule), ..PolicyOverrides::default() },
            signature: None,
            limits: stentor_core::profile::WebhookLimits { concurrency: Some(3), rate: None },
            ordered,
            metadata: None,
        },
        secrets: WebhookSecrets { signing: vec![], headers: Default::default() },
        status,
        version,
        created_at: START,
        updated_at: START,
    })
}

/// Messages on their way, and what the store holds.
struct World {
    state: ShardState,
    permits: TestPermits,
    webhook: Arc<Webhook>,
    now: Time,
    stored: BTreeMap<(i64, DeliveryId), PendingDelivery>,
    mail: VecDeque<Input>,
    /// Attempts on the wire, and what the receiver will say.
    wire: Vec<(DeliveryId, u32)>,
    /// Outcomes and other writes not committed yet.
    journal: VecDeque<Entry>,
    /// Reads issued: what the database saw when they ran is decided when they are taken off here.
    reads: VecDeque<(LaneKey, ReadKind)>,
    answers: VecDeque<Input>,
    started: HashMap<DeliveryId, Vec<u32>>,
    delivered: Vec<DeliveryId>,
    cancelled: HashSet<DeliveryId>,
    committed: Vec<DeliveryId>,
    next: u64,
}

impl World {
    fn new(ordered: bool, capacity: usize, after_unclean_end: bool) -> Self {
        let lane = LaneLimits { rows: capacity, bytes: 1 << 20, large_bytes: 1 << 16 };
        Self {
            state: ShardState::new(ShardOptions {
                lane,
                started_at: START,
                after_unclean_end,
                is_first_start: !after_unclean_end,
            }),
            permits: TestPermits(Permits::new(8), false),
            webhook: webhook(ordered, WebhookStatus::Active, 1),
            now: START,
            stored: BTreeMap::new(),
            mail: VecDeque::new(),
            wire: Vec::new(),
            journal: VecDeque::new(),
            reads: VecDeque::new(),
            answers: VecDeque::new(),
            started: HashMap::new(),
            delivered: Vec::new(),
            cancelled: HashSet::new(),
            committed: Vec::new(),
            next: 0,
        }
    }

    fn key(&self) -> LaneKey {
        LaneKey { shard: self.webhook.shard, webhook: self.webhook.id }
    }

    /// Commits a row; positions of unordered webhooks may go back a little, as accept times do. They are unique.
    fn commit(&mut self, back: i64) {
        self.next += 1;
        let ordered = self.webhook.config.ordered;
        // Steps of ten go back by whole steps and a remainder that no other row has.
        let position = self.now.as_micros() + (self.next as i64) * 10
            - if ordered { 0 } else { back * 10 - back.min(9) };
        let id = DeliveryId::new(START, self.next << 2);
        let event = EventId::new(START, self.next << 2);
        let pending = PendingDelivery {
            id,
            tenant: self.webhook.tenant,
            event,
            webhook: self.webhook.id,
            shard: self.webhook.shard,
            position,
            due_at: None,
            attempts: 0,
            claims: 0,
        };
        let content = Arc::new(EventContent {
            id: event,
            event_type: EventType::parse("a").expect("valid"),
            time: START,
            content_type: "application/json".into(),
            data: Bytes::from_static(b"1"),
            previous_data: None,
        });
        self.stored.insert((position, id), pending.clone());
        self.committed.push(id);
        let webhook = Arc::clone(&self.webhook);
        self.mail.push_back(Input::Handed(vec![Handed { pending, content, webhook }]));
    }

    fn deliver_mail(&mut self) {
        if let Some(input) = self.mail.pop_front() {
            self.step(input);
        }
    }

    fn step(&mut self, input: Input) {
        let mut actions = Vec::new();
        self.state.step(input, self.now, &mut || 0.0, &mut self.permits, &mut actions);
        for action in actions {
            match action {
                Action::Start(input) => {
                    assert!(!self.wire.iter().any(|(id, _)| *id == input.delivery), "twice at a time");
                    assert!(!self.delivered.contains(&input.delivery), "after it was delivered");
                    assert!(!self.cancelled.contains(&input.delivery), "after it was withdrawn");
                    self.started.entry(input.delivery).or_default().push(input.number);
                    self.wire.push((input.delivery, input.number));
                }
                Action::Read(key, kind) => self.reads.push_back((key, kind)),
                Action::Put(entry) => self.journal.push_back(entry),
                Action::Forward(granted) => self.mail.push_back(Input::Granted(granted)),
                Action::ReadHealth(lane, _) => self.mail.push_back(Input::Health(lane.webhook, None)),
                Action::Load(_) => panic!("the lane is known"),
                Action::CountOrphan => panic!("nothing is an orphan here"),
            }
        }
    }

    /// Runs a read against the store as it is now; the answer comes later.
    fn run_read(&mut self) {
        let Some((key, kind)) = self.reads.pop_front() else { return };
        let load = |pending: &PendingDelivery| LoadedDelivery { pending: pending.clone(), content: None };
        let half = (self.state.options.lane.rows / 2).max(1);
        let rows = match kind {
            ReadKind::Fresh { after } => PageRows::ByPosition(
                self.stored
                    .values()
                    .filter(|row| row.due_at.is_none() && row.position > after)
                    .take(half)
                    .map(load)
                    .collect(),
            ),
            ReadKind::Ordered { after } => PageRows::ByPosition(
                self.stored.values().filter(|row| row.position > after).take(half).map(load).collect(),
            ),
            ReadKind::Leftover => PageRows::ByPosition(self.stored.values().take(500).map(load).collect()),
            ReadKind::Due { until, rows } => {
                let mut due: Vec<_> = self.stored.values().filter(|row| row.due_at.is_some()).collect();
                due.sort_by_key(|row| row.due_at);
                let (page, rest): (Vec<_>, Vec<_>) = due
                    .into_iter()
                    .enumerate()
                    .partition(|(n, row)| *n < rows as usize && row.due_at <= Some(until));
                let next_due = rest.iter().filter_map(|(_, row)| row.due_at).min();
                PageRows::Due(DuePage {
                    rows: page.into_iter().map(|(_, row)| load(row)).collect(),
                    next_due,
                })
            }
        };
        self.answers.push_back(Input::Page(key, Box::new(rows)));
    }

    fn return_read(&mut self) {
        if let Some(answer) = self.answers.pop_front() {
            self.step(answer);
        }
    }

    fn end_attempt(&mut self, pick: usize, fails: bool) {
        if self.wire.is_empty() {
            return;
        }
        let (delivery, number) = self.wire.swap_remove(pick % self.wire.len());
        let fails = fails && number < 6;
        let outcome = if fails {
            AttemptOutcome::Refused { status: 500, retry_after: None }
        } else {
            AttemptOutcome::Delivered { status: 200 }
        };
        let webhook = self.webhook.id;
        let (started_at, duration) = (self.now, Duration::from_millis(2));
        let attempted = Attempted { webhook, delivery, started_at, duration, outcome, response: None };
        self.step(Input::Attempted(Box::new(attempted)));
    }

    fn commit_write(&mut self) {
        let Some(entry) = self.journal.pop_front() else { return };
        match entry {
            Entry::Outcome { outcome, .. } => {
                let id = outcome.attempt.delivery;
                let place = self.stored.iter().find(|(_, row)| row.id == id).map(|(place, _)| *place);
                let applied = place.is_some();
                if let Some(place) = place {
                    match outcome.step {
                        Step::RetryAt(at) => {
                            let row = self.stored.get_mut(&place).expect("found");
                            assert_eq!(outcome.attempt.number, row.attempts + 1, "gapless");
                            row.attempts += 1;
                            row.claims = 0;
                            row.due_at = Some(at);
                        }
                        Step::Final(state) => {
                            self.stored.remove(&place);
                            assert!(!self.delivered.contains(&id));
                            if state == stentor_core::delivery::FinalState::Delivered {
                                self.delivered.push(id);
                            } else {
                                self.cancelled.insert(id);
                            }
                        }
                    }
                }
                let webhook = self.webhook.id;
                self.mail.push_back(Input::Recorded(vec![Recorded {
                    webhook,
                    delivery: id,
                    answer: if applied { RecordAnswer::Applied } else { RecordAnswer::Superseded },
                    disabled: None,
                }]));
            }
            Entry::Lane(lane) => {
                let written = match lane.write {
                    Write::Claim { deliveries } => {
                        let mut claimed = Vec::new();
                        for row in self.stored.values_mut().filter(|row| deliveries.contains(&row.id)) {
                            row.claims += 1;
                            claimed.push((row.id, row.claims));
                        }
                        Written::Claimed(claimed)
                    }
                    Write::Finish { deliveries, .. } => {
                        self.stored.retain(|_, row| !deliveries.contains(&row.id));
                        self.cancelled.extend(deliveries.iter().copied());
                        Written::Finished(deliveries)
                    }
                    other => panic!("a lane does not write {other:?}"),
                };
                self.mail.push_back(Input::Written(lane.lane, Box::new(written)));
            }
            _ => panic!("a lane does not write this"),
        }
    }

    fn is_quiet(&self) -> bool {
        self.mail.is_empty()
            && self.wire.is_empty()
            && self.journal.is_empty()
            && self.reads.is_empty()
            && self.answers.is_empty()
    }

    /// Lets everything run to its end.
    fn settle(&mut self) {
        for _ in 0..200_000 {
            self.deliver_mail();
            self.run_read();
            self.return_read();
            self.end_attempt(0, false);
            self.commit_write();
            if self.is_quiet() {
                if self.stored.is_empty() {
                    return;
                }
                let Some(at) = self.state.next_wake() else {
                    panic!("rows are left and nothing waits: {:?}", self.stored)
                };
                self.now = self.now.max(at);
                self.step(Input::Wake);
            }
        }
        panic!("does not come to an end");
    }
}

#[derive(Debug, Clone)]
enum Op {
    Commit(i64),
    Mail,
    RunRead,
    ReturnRead,
    End(usize, bool),
    Write,
    Pass(u64),
    Withdraw(usize),
    Pause,
    Resume,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0_i64..10).prop_map(Op::Commit),
        6 => Just(Op::Mail),
        3 => Just(Op::RunRead),
        3 => Just(Op::ReturnRead),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(pick, fails)| Op::End(pick, fails)),
        5 => Just(Op::Write),
        2 => (0_u64..7_000).prop_map(Op::Pass),
        1 => any::<usize>().prop_map(Op::Withdraw),
        1 => Just(Op::Pause),
        1 => Just(Op::Resume),
    ]
}

fn run(world: &mut World, ops: &[Op]) {
    let mut version = 1;
    for op in ops {
        match op {
            Op::Commit(back) => world.commit(*back),
            Op::Mail => world.deliver_mail(),
            Op::RunRead => world.run_read(),
            Op::ReturnRead => world.return_read(),
            Op::End(pick, fails) => world.end_attempt(*pick, *fails),
            Op::Write => world.commit_write(),
            Op::Pass(ms) => {
                world.now = world.now.plus(Duration::from_millis(*ms));
                world.step(Input::Wake);
            }
            Op::Withdraw(pick) => withdraw(world, *pick),
            Op::Pause | Op::Resume => {
                version += 1;
                let status =
                    if matches!(op, Op::Pause) { WebhookStatus::Paused } else { WebhookStatus::Active };
                let ordered = world.webhook.config.ordered;
                world.webhook = webhook(ordered, status, version);
                world.step(Input::Configure(Arc::clone(&world.webhook)));
            }
        }
    }
    let ordered = world.webhook.config.ordered;
    world.webhook = webhook(ordered, WebhookStatus::Active, version + 1);
    world.step(Input::Configure(Arc::clone(&world.webhook)));
    world.settle();
}

fn withdraw(world: &mut World, pick: usize) {
    let pending: Vec<_> = world.stored.keys().copied().collect();
    let Some((position, id)) = pending.get(pick % pending.len().max(1)).copied() else { return };
    let (reply, mut answer) = tokio::sync::oneshot::channel();
    world.step(Input::Withdraw(world.key(), id, reply));
    if answer.try_recv() == Ok(false) {
        world.stored.remove(&(position, id));
        world.cancelled.insert(id);
        world.step(Input::Withdrawn(world.key(), id));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn each_delivery_is_attempted_to_its_end_and_none_is_left(ops in proptest::collection::vec(op(), 1..250)) {
        let mut world = World::new(false, 4, false);
        run(&mut world, &ops);
        prop_assert_eq!(world.delivered.len() + world.cancelled.len(), world.committed.len());
        for (id, numbers) in &world.started {
            let expected: Vec<u32> = (1..=numbers.len() as u32).collect();
            prop_assert_eq!(numbers, &expected, "attempts of {} are not 1..n", id);
        }
    }

    #[test]
    fn an_ordered_lane_delivers_in_order(ops in proptest::collection::vec(op(), 1..250)) {
        let mut world = World::new(true, 4, false);
        run(&mut world, &ops);
        let order: Vec<_> = world.committed.iter().filter(|id| !world.cancelled.contains(id)).copied().collect();
        prop_assert_eq!(&world.delivered, &order);
    }
}

#[test]
fn rows_of_an_unclean_end_are_claimed_before_they_are_sent() {
    let mut world = World::new(false, 4, true);
    world.now = START.minus(Duration::from_secs(60));
    for _ in 0..6 {
        world.commit(0);
    }
    world.mail.clear();
    world.now = START;
    world.step(Input::Configure(Arc::clone(&world.webhook)));
    for _ in 0..2 {
        world.run_read();
        world.return_read();
    }
    assert!(world.wire.is_empty(), "nothing is sent before its claim is committed");
    world.commit_write();
    world.deliver_mail();
    assert_eq!(world.wire.len(), 1);
    world.settle();
    assert_eq!(world.delivered.len(), 6);
}

#[test]
fn a_row_found_in_flight_three_times_is_given_up_and_others_flow() {
    let mut world = World::new(false, 4, true);
    world.now = START.minus(Duration::from_secs(60));
    for _ in 0..3 {
        world.commit(0);
    }
    world.mail.clear();
    world.now = START;
    let poison = world.committed[1];
    world.stored.values_mut().filter(|row| row.id == poison).for_each(|row| row.claims = 2);
    world.step(Input::Configure(Arc::clone(&world.webhook)));
    world.settle();
    assert!(!world.started.contains_key(&poison));
    assert_eq!((world.delivered.len(), world.cancelled.len()), (2, 1));
}

#[test]
fn a_deleted_webhook_s_rows_are_cancelled_without_an_attempt() {
    let mut world = World::new(false, 4, false);
    world.webhook = webhook(false, WebhookStatus::Paused, 1);
    for _ in 0..20 {
        world.commit(0);
    }
    while !world.mail.is_empty() {
        world.deliver_mail();
    }
    let deleted = webhook(false, WebhookStatus::Deleted, 2);
    world.step(Input::Configure(deleted));
    world.settle();
    assert_eq!((world.started.len(), world.cancelled.len()), (0, 20));
}

#[test]
fn never_more_on_the_wire_than_the_webhook_allows() {
    let mut world = World::new(false, 64, false);
    for _ in 0..40 {
        world.commit(0);
    }
    let mut most = 0;
    for _ in 0..2_000 {
        world.deliver_mail();
        most = most.max(world.wire.len());
        if world.wire.len() >= 3 || world.mail.is_empty() {
            world.end_attempt(1, false);
        }
        world.commit_write();
    }
    assert_eq!((most, world.delivered.len()), (3, 40));
}
