//! Senders that publish one event after the other until the gateway is gone.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::api::Api;
use crate::ledger::{SenderLedger, SenderLine};

/// The senders of one round.
pub(super) struct Load {
    senders: JoinSet<()>,
    shared: Arc<Shared>,
}

struct Shared {
    ledger: SenderLedger,
    padding: String,
    acked: watch::Sender<u64>,
    event_ids: Mutex<HashSet<String>>,
}

impl Load {
    pub(super) fn start(api: &Api, ledger: &SenderLedger, connections: usize, padding_bytes: usize) -> Self {
        let shared = Arc::new(Shared {
            ledger: ledger.clone(),
            padding: "x".repeat(padding_bytes),
            acked: watch::Sender::new(0),
            event_ids: Mutex::default(),
        });
        let mut senders = JoinSet::new();
        for _ in 0..connections {
            senders.spawn(send_until_gone(api.clone(), Arc::clone(&shared)));
        }
        Self { senders, shared }
    }

    /// Waits until that many events of this round are acknowledged, or every sender has ended.
    pub(super) async fn acked(&mut self, count: u64) {
        let mut acked = self.shared.acked.subscribe();
        let senders_end = async { while self.senders.join_next().await.is_some() {} };
        tokio::select! {
            // The sender half lives in `shared`, so the wait cannot fail.
            _ = acked.wait_for(|&acked| acked >= count) => {}
            () = senders_end => {}
        }
    }

    /// Waits until every sender has noticed that the gateway is gone; the ids of the acknowledged events.
    pub(super) async fn end(mut self) -> HashSet<String> {
        while let Some(ended) = self.senders.join_next().await {
            ended.expect("senders do not panic");
        }
        std::mem::take(&mut *self.shared.event_ids.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn send_until_gone(api: Api, shared: Arc<Shared>) {
    loop {
        let padding = &shared.padding;
        let (sequence, data) =
            shared.ledger.sent(|sequence| format!(r#"{{"sequence": {sequence}, "padding": "{padding}"}}"#));
        let body = format!(r#"{{"type":"crash.tested","data":{data}}}"#);
        let Ok(answer) = api.try_publish(body).await else {
            return shared.ledger.append(&SenderLine::Unknown { sequence });
        };
        if answer.status() != 202 {
            shared.ledger.append(&SenderLine::Refused { sequence, status: answer.status() });
            continue;
        }
        let event_id = answer.published().id;
        shared.ledger.append(&SenderLine::Acked { sequence, event_id: event_id.clone() });
        shared.event_ids.lock().unwrap_or_else(PoisonError::into_inner).insert(event_id);
        shared.acked.send_modify(|acked| *acked += 1);
    }
}
