//! A model of everything around a shard: the store, the wire, the journal, and messages that take their time.

mod stored;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use stentor_core::address::AddressPolicy;
use stentor_core::attempt::AttemptOutcome;
use stentor_core::batch::Batch;
use stentor_core::delivery::PendingDelivery;
use stentor_core::destination_url::DestinationUrl;
use stentor_core::event::{EventContent, EventPattern, EventType};
use stentor_core::id::{BatchId, DeliveryId, EventId, TenantId, WebhookId};
use stentor_core::policy::{PolicyOverrides, Schedule};
use stentor_core::shard::Shard;
use stentor_core::time::Time;
use stentor_core::webhook::{Webhook, WebhookConfig, WebhookSecrets, WebhookStatus};
use stentor_store::lanes::{LaneKey, WaitingLane};

use crate::journal::Entry;
use crate::permits::{Granted, Permits, Standing};
use crate::sender::AttemptInput;
use crate::shard::input::{Action, Attempted, Handed, Input, ReadKind};
use crate::shard::lane::LaneLimits;
use crate::shard::state::{PermitSource, ShardOptions, ShardState};

pub(super) const START: Time = Time::from_seconds(1_700_000_000);

pub(super) struct TestPermits(pub(super) Permits, pub(super) bool);

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
    fn board(&mut self, members: u32) {
        self.0.board(members);
    }
    fn leave(&mut self, members: u32) {
        self.0.leave(members);
    }
}

pub(super) fn webhook(ordered: bool, status: WebhookStatus, version: u64) -> Arc<Webhook> {
    let id = WebhookId::from_bytes([9; 16]);
    let schedule = Schedule::List([0, 5, 5, 5, 5, 5, 5, 5].map(Duration::from_secs).into());
    Arc::new(Webhook {
        id,
        tenant: TenantId::from_bytes([1; 16]),
        shard: Shard::of(id),
        config: WebhookConfig {
            policy: PolicyOverrides { schedule: Some(schedule), ..PolicyOverrides::default() },
            limits: stentor_core::profile::WebhookLimits { concurrency: Some(3), rate: None },
            ordered,
            ..WebhookConfig::new(
                DestinationUrl::parse("https://example.com/", &AddressPolicy::closed()).expect("valid"),
                vec![EventPattern::All],
            )
        },
        secrets: WebhookSecrets { signing: vec![], headers: Default::default() },
        status,
        version,
        created_at: START,
        updated_at: START,
    })
}

/// Messages on their way, and what the store holds.
pub(super) struct World {
    pub(super) state: ShardState,
    pub(super) permits: TestPermits,
    pub(super) webhook: Arc<Webhook>,
    pub(super) now: Time,
    pub(super) stored: BTreeMap<(i64, DeliveryId), PendingDelivery>,
    pub(super) mail: VecDeque<Input>,
    /// Attempts on the wire, and what the receiver will say.
    pub(super) wire: Vec<(DeliveryId, u32)>,
    /// Outcomes and other writes not committed yet.
    pub(super) journal: VecDeque<Entry>,
    /// Reads issued: what the database saw when they ran is decided when they are taken off here.
    pub(super) reads: VecDeque<(LaneKey, ReadKind)>,
    pub(super) answers: VecDeque<Input>,
    pub(super) started: HashMap<DeliveryId, Vec<u32>>,
    pub(super) delivered: Vec<DeliveryId>,
    pub(super) cancelled: HashSet<DeliveryId>,
    pub(super) committed: Vec<DeliveryId>,
    pub(super) next: u64,
    pub(super) contents: HashMap<DeliveryId, Arc<EventContent>>,
    /// The members that go with a leader on the wire.
    pub(super) aboard: HashMap<DeliveryId, Vec<DeliveryId>>,
    /// The last request that each delivery went in: the number of the attempt, when, the batch and all its members.
    pub(super) sent: HashMap<DeliveryId, Sent>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) number: u32,
    pub(super) at: Time,
    pub(super) batch: BatchId,
    pub(super) members: Vec<DeliveryId>,
}

impl World {
    pub(super) fn new(ordered: bool, capacity: usize, after_unclean_end: bool) -> Self {
        let lane = LaneLimits { rows: capacity, bytes: 1 << 20, large_bytes: 1 << 16 };
        Self {
            state: ShardState::new(ShardOptions {
                lane,
                started_at: START,
                after_unclean_end,
                starts_known_since: if after_unclean_end { START } else { Time::ZERO },
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
            contents: HashMap::new(),
            aboard: HashMap::new(),
            sent: HashMap::new(),
        }
    }

    /// One whose deliveries gather.
    pub(super) fn gathering(ordered: bool, capacity: usize, rule: Batch) -> Self {
        let mut world = Self::new(ordered, capacity, false);
        let mut webhook = Webhook::clone(&world.webhook);
        webhook.config.batch = Some(rule);
        world.webhook = Arc::new(webhook);
        world
    }

    /// The webhook with another status and version.
    pub(super) fn changed(&self, status: WebhookStatus, version: u64) -> Arc<Webhook> {
        Arc::new(Webhook { status, version, ..Webhook::clone(&self.webhook) })
    }

    /// The process ends and another begins: only what is stored is left.
    pub(super) fn crash(&mut self) {
        self.now = self.now.plus(Duration::from_secs(1));
        self.mail.clear();
        self.wire.clear();
        self.aboard.clear();
        self.journal.clear();
        self.reads.clear();
        self.answers.clear();
        let options = ShardOptions {
            started_at: self.now,
            after_unclean_end: true,
            starts_known_since: self.now,
            ..self.state.options
        };
        self.state = ShardState::new(options);
        self.permits = TestPermits(Permits::new(8), false);
        let waiting = self.waiting();
        self.step(Input::Open(Box::new(waiting), Arc::clone(&self.webhook)));
    }

    pub(super) fn key(&self) -> LaneKey {
        LaneKey { shard: self.webhook.shard, webhook: self.webhook.id }
    }

    /// Commits a row; positions of unordered webhooks may go back a little, as accept times do. They are unique.
    pub(super) fn commit(&mut self, back: i64) {
        self.next += 1;
        let ordered = self.webhook.config.ordered;
        // Steps of ten go back by whole steps and a remainder that no other row has.
        let position = self.now.as_micros() + (self.next as i64) * 10
            - if ordered { 0 } else { back * 10 - back.min(9) };
        let id = DeliveryId::new(self.now, self.next << 2);
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
            batch: None,
        };
        let content = Arc::new(EventContent {
            id: event,
            event_type: EventType::parse(if self.next % 5 < 3 { "a" } else { "b" }).expect("valid"),
            time: START,
            subject: None,
            content_type: "application/json".into(),
            data: Bytes::from_static(b"1"),
            previous_data: None,
            arrival: None,
        });
        self.stored.insert((position, id), pending.clone());
        self.contents.insert(id, Arc::clone(&content));
        self.committed.push(id);
        let webhook = Arc::clone(&self.webhook);
        self.mail.push_back(Input::Handed(vec![Handed { pending, content, webhook }]));
    }

    pub(super) fn deliver_mail(&mut self) {
        if let Some(input) = self.mail.pop_front() {
            self.step(input);
        }
    }

    /// What a sweep says of this webhook's stored rows.
    pub(super) fn waiting(&self) -> WaitingLane {
        let (key, tenant) = (self.key(), self.webhook.tenant);
        WaitingLane { key, tenant, fresh: true, next_due: None, failing_since: None }
    }

    /// A sweep finds stored rows of a webhook without a lane: its webhook is read, which takes its time.
    pub(super) fn find(&mut self, waiting: WaitingLane) {
        let mut actions = Vec::new();
        let found = Input::Found(Box::new(waiting));
        self.state.step(found, self.now, &mut || 0.0, &mut self.permits, &mut actions);
        assert!(matches!(actions[..], [Action::Load(_)]));
    }

    pub(super) fn step(&mut self, input: Input) {
        let mut actions = Vec::new();
        self.state.step(input, self.now, &mut || 0.0, &mut self.permits, &mut actions);
        for action in actions {
            match action {
                Action::Start(input) => self.start(&input),
                Action::Read(key, kind) => self.reads.push_back((key, kind)),
                Action::Put(entry) => self.journal.push_back(entry),
                Action::Forward(granted) => self.mail.push_back(Input::Granted(granted)),
                Action::ReadHealth(lane, _) => self.mail.push_back(Input::Health(lane.webhook, None)),
                Action::Load(waiting) => {
                    self.mail.push_back(Input::Open(waiting, Arc::clone(&self.webhook)));
                }
                Action::CountOrphan => panic!("nothing is an orphan here"),
            }
        }
    }

    fn start(&mut self, input: &AttemptInput) {
        let others = input.batch.iter().flat_map(|batch| &batch.others);
        let others: Vec<DeliveryId> = others.map(|member| member.delivery).collect();
        let members: Vec<DeliveryId> =
            std::iter::once(input.delivery).chain(others.iter().copied()).collect();
        for member in &members {
            let on_wire = self.wire.iter().any(|(id, _)| id == member);
            assert!(
                !on_wire && !self.aboard.values().any(|others| others.contains(member)),
                "twice at a time"
            );
            assert!(!self.delivered.contains(member), "after it was delivered");
            assert!(!self.cancelled.contains(member), "after it was withdrawn");
            self.started.entry(*member).or_default().push(input.number);
        }
        if let Some(batch) = &input.batch {
            assert_eq!(batch.id, BatchId::of(members.iter().copied()));
            let sent = Sent { number: input.number, at: self.now, batch: batch.id, members: members.clone() };
            for member in &members {
                let before = self.sent.insert(*member, sent.clone());
                if let Some(before) = before.filter(|_| input.number > 1) {
                    assert_eq!(
                        (before.batch, before.members),
                        (batch.id, members.clone()),
                        "a retry is the same"
                    );
                }
            }
        }
        self.aboard.insert(input.delivery, others);
        self.wire.push((input.delivery, input.number));
    }

    pub(super) fn return_read(&mut self) {
        if let Some(answer) = self.answers.pop_front() {
            self.step(answer);
        }
    }

    pub(super) fn end_attempt(&mut self, pick: usize, fails: bool) {
        if self.wire.is_empty() {
            return;
        }
        let (delivery, number) = self.wire.swap_remove(pick % self.wire.len());
        self.aboard.remove(&delivery);
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

    pub(super) fn is_quiet(&self) -> bool {
        self.mail.is_empty()
            && self.wire.is_empty()
            && self.journal.is_empty()
            && self.reads.is_empty()
            && self.answers.is_empty()
    }

    /// Lets everything run to its end.
    pub(super) fn settle(&mut self) {
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
