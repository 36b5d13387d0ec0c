//! Senders and ledgers of tests that end the gateway while it works.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use stentor_testkit::api::Api;
use stentor_testkit::checker::{self, Bounds, Report};
use stentor_testkit::ledger::{BodyIs, ReceiverLedger, SenderLedger, SenderLine};
use stentor_testkit::receiver::Receiver;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What was sent and what arrived, in files.
pub struct Ledgers {
    directory: TempDir,
    pub sender: SenderLedger,
}

impl Ledgers {
    /// New ones, and the receiver that writes one of them.
    pub async fn start() -> (Self, Receiver) {
        let directory = tempfile::tempdir().unwrap();
        let sender = SenderLedger::create(&directory.path().join("sender.jsonl"));
        let ledger = ReceiverLedger::create(&directory.path().join("receiver.jsonl"), BodyIs::Envelope);
        (Self { directory, sender }, Receiver::start_with_ledger(ledger).await)
    }

    /// The checker's judgement on the webhooks with these paths.
    pub fn judge(&self, paths: &[&str], ordered: bool, duplicates_max: usize) -> Report {
        let sender = self.sent();
        let mut receiver = ReceiverLedger::read(&self.directory.path().join("receiver.jsonl"));
        receiver.retain(|line| paths.contains(&line.webhook.as_str()));
        let webhooks = paths.iter().map(|path| (*path).to_owned()).collect();
        checker::check(&sender, &receiver, &Bounds { webhooks, duplicates_max, ordered })
    }

    /// The sender's lines.
    pub fn sent(&self) -> Vec<SenderLine> {
        SenderLedger::read(&self.directory.path().join("sender.jsonl"))
    }
}

/// Senders that publish one event after the other until they are stopped or nobody answers.
pub struct Load {
    senders: JoinSet<()>,
    shared: Arc<Shared>,
}

struct Shared {
    ledger: SenderLedger,
    stop: AtomicBool,
    acked: watch::Sender<usize>,
    event_ids: Mutex<HashSet<String>>,
}

impl Load {
    pub fn start(api: &Api, ledgers: &Ledgers, connections: usize) -> Self {
        let shared = Arc::new(Shared {
            ledger: ledgers.sender.clone(),
            stop: AtomicBool::new(false),
            acked: watch::Sender::new(0),
            event_ids: Mutex::default(),
        });
        let mut senders = JoinSet::new();
        for _ in 0..connections {
            senders.spawn(send(api.clone(), Arc::clone(&shared)));
        }
        Self { senders, shared }
    }

    /// Waits until that many events are acknowledged.
    pub async fn acked(&self, count: usize) {
        let mut acked = self.shared.acked.subscribe();
        let waited = acked.wait_for(|&acked| acked >= count);
        let waited = tokio::time::timeout(stentor_testkit::wait::DEADLINE, waited).await;
        assert!(waited.is_ok(), "waited for {count} acknowledgements in vain");
    }

    /// How many events are acknowledged by now.
    pub fn acked_so_far(&self) -> usize {
        *self.shared.acked.borrow()
    }

    /// Waits until every sender got no answer; the ids of the acknowledged events.
    pub async fn end(mut self) -> HashSet<String> {
        while let Some(ended) = self.senders.join_next().await {
            ended.expect("senders do not panic");
        }
        std::mem::take(&mut *self.shared.event_ids.lock().unwrap())
    }

    /// Lets every sender finish its request; the ids of the acknowledged events.
    pub async fn stop(self) -> HashSet<String> {
        self.shared.stop.store(true, Ordering::Release);
        self.end().await
    }
}

async fn send(api: Api, shared: Arc<Shared>) {
    while !shared.stop.load(Ordering::Acquire) {
        let (sequence, data) = shared.ledger.sent(|sequence| format!(r#"{{"sequence": {sequence}}}"#));
        let body = format!(r#"{{"type":"load.sent","data":{data}}}"#);
        let Ok(answer) = api.try_publish(body).await else {
            return shared.ledger.append(&SenderLine::Unknown { sequence });
        };
        if answer.status() != 202 {
            shared.ledger.append(&SenderLine::Refused { sequence, status: answer.status() });
            continue;
        }
        let event_id = answer.published().id;
        shared.ledger.append(&SenderLine::Acked { sequence, event_id: event_id.clone() });
        shared.event_ids.lock().unwrap().insert(event_id);
        shared.acked.send_modify(|acked| *acked += 1);
    }
}
