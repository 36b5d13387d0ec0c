//! One round: load, kill, restart, wait.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::sync::watch;

use super::{CrashOptions, Round, Senders};
use crate::api::Api;
use crate::checker::{self, Bounds, Report};
use crate::gateway::{Gateway, GatewayBuilder};
use crate::ledger::{BodyIs, ReceiverLedger, SenderLedger, SenderLine};
use crate::load::{Ended, Load, LoadOptions, Way};
use crate::receiver::Receiver;
use crate::{metrics, wait};

const WEBHOOK_PATH: &str = "/crash";
const IN_FLIGHT: &str = "stentor_in_flight";
const SCRAPE_INTERVAL: Duration = Duration::from_millis(5);
const TOLD_WITHIN: Duration = Duration::from_secs(30);

/// What lives through all rounds.
pub(super) struct Run {
    options: CrashOptions,
    gateway: Gateway,
    tenant: Api,
    ways: Vec<Way>,
    receiver: Receiver,
    sender: SenderLedger,
    /// How many requests of the receiver `missing` has been cleared of.
    looked_at: usize,
    /// Acknowledged and not yet arrived.
    missing: HashSet<String>,
    /// Arrived, perhaps before their acknowledgement was noted.
    arrived: HashSet<String>,
    /// Duplicates in the ledger so far.
    duplicates: usize,
    ledgers: TempDir,
}

/// The last word of the gateway on what is in flight.
#[derive(Clone, Copy)]
struct Scrape {
    in_flight: usize,
    /// How many requests had arrived before the gateway was asked.
    arrivals_before: usize,
}

impl Run {
    pub(super) async fn start(builder: GatewayBuilder, options: CrashOptions) -> Self {
        let ledgers = tempfile::tempdir().expect("a temporary directory");
        let sender = SenderLedger::create(&ledgers.path().join("sender.jsonl"));
        let receiver_ledger =
            ReceiverLedger::create(&ledgers.path().join("receiver.jsonl"), BodyIs::Envelope);
        let receiver = Receiver::start_with_ledger(receiver_ledger).await;
        let gateway = builder.start().await;
        let tenant = gateway.tenant("crash").await;
        tenant.create_webhook(&receiver.url(WEBHOOK_PATH), &options.webhook).await;
        let ways = match options.senders {
            Senders::Publishers => vec![Way::Publish],
            Senders::Sources => vec![Way::basic(&tenant).await, Way::signed(&tenant).await],
        };
        let (missing, arrived) = (HashSet::new(), HashSet::new());
        Self {
            options,
            gateway,
            tenant,
            ways,
            receiver,
            sender,
            looked_at: 0,
            missing,
            arrived,
            duplicates: 0,
            ledgers,
        }
    }

    pub(super) async fn round(&mut self, acks_before_kill: u64) -> Round {
        let (connections, padding_bytes) = (self.options.connections, self.options.padding_bytes);
        let options = LoadOptions { connections, event_type: "crash.tested", padding_bytes };
        let mut load = Load::start_by(&self.ways, &self.tenant, &self.sender, options);
        let acks_before_kill = usize::try_from(acks_before_kill).expect("fewer than memory can hold");
        let last = {
            let (told, mut last) = watch::channel(None);
            // A quick load may be done before the metric was read once.
            let enough = async {
                load.acked_or_ended(acks_before_kill).await;
                let first = last.wait_for(Option::is_some);
                tokio::time::timeout(TOLD_WITHIN, first).await.is_ok()
            };
            let is_told = tokio::select! {
                () = scrape(self.gateway.api(), &self.receiver, told) => false,
                is_told = enough => is_told,
            };
            assert!(is_told, "the gateway does not tell {IN_FLIGHT}");
            last.borrow().expect("it is told")
        };
        self.gateway.kill9().await;
        let mut ended = load.ended().await;
        let acked = ended.event_ids.len() as u64;
        self.drain().await;
        let in_flight_max = last.in_flight + (self.receiver.count() - last.arrivals_before);
        self.missing.extend(std::mem::take(&mut ended.event_ids));
        self.look();
        let left = self.missing.len();
        let (first_arrival, unrecognised) = self.recover(ended).await;
        self.wait_idle().await;
        let so_far = self.judge(usize::MAX).duplicates.len();
        let duplicates = so_far - self.duplicates;
        self.duplicates = so_far;
        Round { acked, in_flight_max, left, first_arrival, duplicates, unrecognised }
    }

    pub(super) fn judge(&self, duplicates_max: usize) -> Report {
        let sender = SenderLedger::read(&self.ledgers.path().join("sender.jsonl"));
        let receiver = ReceiverLedger::read(&self.ledgers.path().join("receiver.jsonl"));
        let webhooks = vec![WEBHOOK_PATH.to_owned()];
        checker::check(
            &sender,
            &receiver,
            &Bounds { webhooks, duplicates_max, ordered: self.options.ordered },
        )
    }

    /// Waits until the receiver has read all that the dead process had put on the wire.
    async fn drain(&self) {
        wait::until("the dead gateway's connections have ended", || async {
            (self.receiver.open_connections() == 0).then_some(())
        })
        .await;
    }

    /// Waits until nothing is in flight, so that repetitions are counted to the round that made them.
    async fn wait_idle(&self) {
        wait::until("nothing is in flight", || async {
            (self.gateway.metric(IN_FLIGHT).await? == 0.0).then_some(())
        })
        .await;
    }

    /// Sends again what senders to sources do not know the end of, and what they know is stored: how much of the latter
    /// the gateway does not know.
    async fn repeat(&mut self, ended: Ended) -> usize {
        for sent in ended.unanswered {
            self.missing.insert(sent.repeat(&self.tenant, &self.sender).await);
        }
        let mut unrecognised = 0;
        for (sent, event_id) in ended.last_acked {
            unrecognised += usize::from(sent.repeat(&self.tenant, &self.sender).await != event_id);
        }
        unrecognised
    }

    /// How many more events are stored than were sent to sources. Each number that was sent is one that is stored by now.
    pub(super) async fn surplus(&self) -> usize {
        if self.options.senders == Senders::Publishers {
            return 0;
        }
        let lines = SenderLedger::read(&self.ledgers.path().join("sender.jsonl"));
        let sent = lines.iter().filter(|line| matches!(line, SenderLine::Sent { .. })).count();
        self.tenant.list("/v1/events", "limit=250").await.len().abs_diff(sent)
    }

    /// Restarts, and waits until nothing is missing.
    async fn recover(&mut self, ended: Ended) -> (Option<Duration>, usize) {
        let (before, started) = (self.missing.len(), Instant::now());
        self.gateway.restart().await;
        let unrecognised = match self.options.senders {
            Senders::Publishers => 0,
            Senders::Sources => self.repeat(ended).await,
        };
        let deadline = self.options.recovery_deadline;
        let mut first_arrival = None;
        while !self.missing.is_empty() {
            let remaining = deadline.saturating_sub(started.elapsed());
            assert!(
                !remaining.is_zero(),
                "{} of {before} are missing {deadline:?} after the restart",
                self.missing.len()
            );
            wait::until_within(remaining, "something more arrives", || async {
                (self.receiver.count() > self.looked_at).then_some(())
            })
            .await;
            self.look();
            if first_arrival.is_none() && self.missing.len() < before {
                first_arrival = Some(started.elapsed());
            }
        }
        (first_arrival, unrecognised)
    }

    fn look(&mut self) {
        let requests = self.receiver.requests_since(self.looked_at);
        self.looked_at += requests.len();
        self.arrived
            .extend(requests.iter().filter_map(|request| request.header("webhook-id").map(str::to_owned)));
        self.missing.retain(|event_id| !self.arrived.contains(event_id));
    }
}

/// Asks for the metric again and again, until dropped.
async fn scrape(api: Api, receiver: &Receiver, told: watch::Sender<Option<Scrape>>) {
    let mut ticks = tokio::time::interval(SCRAPE_INTERVAL);
    loop {
        ticks.tick().await;
        let arrivals_before = receiver.count();
        let Ok(answer) = api.get("/metrics").await else { continue };
        let Some(in_flight) = metrics::sum(&answer.text(), IN_FLIGHT) else { continue };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
        let scrape = Scrape { in_flight: in_flight as usize, arrivals_before };
        told.send_replace(Some(scrape));
    }
}
