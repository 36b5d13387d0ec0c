//! Senders that send one event after the other, and the ledger of what they were answered.

mod ended;
mod ledgers;
mod way;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinSet;

pub use self::ended::{Ended, Sent};
pub use self::ledgers::Ledgers;
pub use self::way::Way;
use crate::api::{Api, text};
use crate::ledger::{SenderLedger, SenderLine};
use crate::wait;

/// Senders that publish until they are stopped or nobody answers.
#[derive(Debug)]
pub struct Load {
    senders: JoinSet<()>,
    shared: Arc<Shared>,
}

/// What is published.
#[derive(Debug, Clone, Copy)]
pub struct LoadOptions<'a> {
    /// How many publish at once.
    pub connections: usize,
    /// The type of every event.
    pub event_type: &'a str,
    /// Filler in each event, in bytes.
    pub padding_bytes: usize,
}

#[derive(Debug)]
struct Shared {
    ledger: SenderLedger,
    event_type: String,
    padding: String,
    stop: AtomicBool,
    acked: watch::Sender<usize>,
    ended: Mutex<Ended>,
}

impl Load {
    /// Starts publishers; each notes in the ledger what it sends and what it is answered.
    #[must_use]
    pub fn start(api: &Api, ledger: &SenderLedger, options: LoadOptions<'_>) -> Self {
        Self::start_by(&[Way::Publish], api, ledger, options)
    }

    /// The same by several ways, one sender after the other by the next of them.
    #[must_use]
    pub fn start_by(ways: &[Way], api: &Api, ledger: &SenderLedger, options: LoadOptions<'_>) -> Self {
        let shared = Arc::new(Shared {
            ledger: ledger.clone(),
            event_type: options.event_type.to_owned(),
            padding: "x".repeat(options.padding_bytes),
            stop: AtomicBool::new(false),
            acked: watch::Sender::new(0),
            ended: Mutex::default(),
        });
        let mut senders = JoinSet::new();
        for way in ways.iter().cycle().take(options.connections) {
            senders.spawn(send(way.clone(), api.clone(), Arc::clone(&shared)));
        }
        Self { senders, shared }
    }

    /// Waits until that many events are acknowledged.
    ///
    /// # Panics
    /// When they are not in time.
    pub async fn acked(&self, count: usize) {
        let mut acked = self.shared.acked.subscribe();
        let waited = tokio::time::timeout(wait::DEADLINE, acked.wait_for(|&acked| acked >= count)).await;
        assert!(waited.is_ok(), "waited for {count} acknowledgements in vain");
    }

    /// Waits until that many events are acknowledged, or every sender has ended.
    pub async fn acked_or_ended(&mut self, count: usize) {
        let mut acked = self.shared.acked.subscribe();
        let senders_end = async { while self.senders.join_next().await.is_some() {} };
        tokio::select! {
            // The sender half lives in `shared`, so the wait cannot fail.
            _ = acked.wait_for(|&acked| acked >= count) => {}
            () = senders_end => {}
        }
    }

    /// How many events are acknowledged by now.
    #[must_use]
    pub fn acked_so_far(&self) -> usize {
        *self.shared.acked.borrow()
    }

    /// Waits until every sender got no answer; the ids of the acknowledged events.
    ///
    /// # Panics
    /// When a sender did.
    pub async fn end(self) -> HashSet<String> {
        self.ended().await.event_ids
    }

    /// Waits until every sender got no answer; what they leave behind.
    ///
    /// # Panics
    /// When a sender did.
    pub async fn ended(mut self) -> Ended {
        while let Some(ended) = self.senders.join_next().await {
            ended.expect("senders do not panic");
        }
        std::mem::take(&mut *self.shared.ended())
    }

    /// Lets every sender finish its request; the ids of the acknowledged events.
    pub async fn stop(self) -> HashSet<String> {
        self.shared.stop.store(true, Ordering::Release);
        self.end().await
    }
}

impl Shared {
    fn ended(&self) -> MutexGuard<'_, Ended> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn send(way: Way, api: Api, shared: Arc<Shared>) {
    let (event_type, padding) = (&shared.event_type, &shared.padding);
    let mut last_acked = None;
    while !shared.stop.load(Ordering::Acquire) {
        let (sequence, data) =
            shared.ledger.sent(|sequence| format!(r#"{{"sequence": {sequence}, "padding": "{padding}"}}"#));
        let answer = way.send(&api, event_type, sequence, &data).await;
        let sent = Sent { sequence, data, way: way.clone() };
        let Ok(answer) = answer else {
            shared.ledger.append(&SenderLine::Unknown { sequence });
            shared.ended().unanswered.push(sent);
            break;
        };
        if answer.status() != way.stored_status() {
            shared.ledger.append(&SenderLine::Refused { sequence, status: answer.status() });
            continue;
        }
        let event_id = text(&answer.json(), "id");
        shared.ledger.append(&SenderLine::Acked { sequence, event_id: event_id.clone() });
        shared.ended().event_ids.insert(event_id.clone());
        last_acked = Some((sent, event_id));
        shared.acked.send_modify(|acked| *acked += 1);
    }
    shared.ended().last_acked.extend(last_acked);
}
