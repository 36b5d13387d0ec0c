//! What was sent and what arrived, in files that survive the gateway.

use tempfile::TempDir;

use crate::checker::{self, Bounds, Report};
use crate::ledger::{BodyIs, ReceiverLedger, SenderLedger, SenderLine};
use crate::receiver::Receiver;

/// The ledgers of one test.
#[derive(Debug)]
pub struct Ledgers {
    directory: TempDir,
    /// What senders write.
    pub sender: SenderLedger,
}

impl Ledgers {
    /// New ones, and the receiver that writes one of them.
    ///
    /// # Panics
    /// When there is no room for files.
    pub async fn start() -> (Self, Receiver) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let sender = SenderLedger::create(&directory.path().join("sender.jsonl"));
        let ledger = ReceiverLedger::create(&directory.path().join("receiver.jsonl"), BodyIs::Envelope);
        (Self { directory, sender }, Receiver::start_with_ledger(ledger).await)
    }

    /// The checker's judgement on the webhooks with these paths.
    #[must_use]
    pub fn judge(&self, paths: &[&str], ordered: bool, duplicates_max: usize) -> Report {
        let sender = self.sent();
        let mut receiver = ReceiverLedger::read(&self.directory.path().join("receiver.jsonl"));
        receiver.retain(|line| paths.contains(&line.webhook.as_str()));
        let webhooks = paths.iter().map(|path| (*path).to_owned()).collect();
        checker::check(&sender, &receiver, &Bounds { webhooks, duplicates_max, ordered })
    }

    /// The sender's lines.
    #[must_use]
    pub fn sent(&self) -> Vec<SenderLine> {
        SenderLedger::read(&self.directory.path().join("sender.jsonl"))
    }
}
