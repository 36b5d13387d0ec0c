//! What the sender sent and what the receiver got, in append-only files that the gateway cannot touch.
//!
//! One JSON object a line, written before the next step is taken: a sender's line stands before its request leaves, a
//! receiver's before its answer does. The line number therefore orders events that happened one after the other.
//! Lines are synced to disk in batches.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::receiver::Received;

/// Lines between two syncs.
const SYNC_EVERY_LINES: usize = 64;

/// A line of the sender's ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SenderLine {
    /// A request is about to leave.
    Sent {
        /// Order of sending, from 0.
        sequence: u64,
        /// The exact text of the event's `data`; different for each event.
        data: String,
    },
    /// It was answered 2xx.
    Acked {
        /// Of the `Sent` line.
        sequence: u64,
        /// The id that the gateway gave.
        event_id: String,
    },
    /// It was answered with another status.
    Refused {
        /// Of the `Sent` line.
        sequence: u64,
        /// The status.
        status: u16,
    },
    /// The connection ended before an answer.
    Unknown {
        /// Of the `Sent` line.
        sequence: u64,
    },
}

/// A line of the receiver's ledger: an arrival.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiverLine {
    /// The path it came to; one webhook has one path.
    pub webhook: String,
    /// The `webhook-id` header.
    pub event_id: String,
    /// The exact text of the event's `data`.
    pub data: String,
    /// The status it is answered with, if any.
    pub status: Option<u16>,
}

/// Where the event's data is in a request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyIs {
    /// In member `data` of the profile's envelope.
    Envelope,
    /// The whole body (profile `raw`).
    Data,
}

/// The sender's ledger. Clones write to the same file.
#[derive(Debug, Clone)]
pub struct SenderLedger(Arc<Mutex<(Lines, u64)>>);

/// The receiver's ledger.
#[derive(Debug)]
pub struct ReceiverLedger {
    lines: Mutex<Lines>,
    body: BodyIs,
}

impl SenderLedger {
    /// Opens a new file.
    ///
    /// # Panics
    /// When the file exists or cannot be written, now or later: a test without its ledger proves nothing.
    #[must_use]
    pub fn create(path: &Path) -> Self {
        Self(Arc::new(Mutex::new((Lines::create(path), 0))))
    }

    /// Notes an event that is about to be sent. `data` makes its text from the sequence number, which is returned with it.
    pub fn sent(&self, data: impl FnOnce(u64) -> String) -> (u64, String) {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sequence = guard.1;
        let data = data(sequence);
        guard.0.append(&SenderLine::Sent { sequence, data: data.clone() });
        guard.1 += 1;
        (sequence, data)
    }

    /// Notes how it went.
    pub fn append(&self, line: &SenderLine) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.append(line);
    }

    /// Every line of the file.
    #[must_use]
    pub fn read(path: &Path) -> Vec<SenderLine> {
        read(path)
    }
}

impl ReceiverLedger {
    /// Opens a new file.
    ///
    /// # Panics
    /// As [`SenderLedger::create`].
    #[must_use]
    pub fn create(path: &Path, body: BodyIs) -> Self {
        Self { lines: Mutex::new(Lines::create(path)), body }
    }

    /// Notes a request.
    pub fn arrived(&self, request: &Received) {
        let line = ReceiverLine {
            webhook: request.path.clone(),
            event_id: request.header("webhook-id").unwrap_or_default().to_owned(),
            data: self.body.data(&request.body),
            status: request.answered_status,
        };
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).append(&line);
    }

    /// Every line of the file.
    #[must_use]
    pub fn read(path: &Path) -> Vec<ReceiverLine> {
        read(path)
    }
}

impl BodyIs {
    /// The data's exact text; of a body that is no envelope all of it, which then differs from anything sent.
    fn data(self, body: &[u8]) -> String {
        #[derive(Deserialize)]
        struct Envelope<'a> {
            #[serde(borrow)]
            data: &'a RawValue,
        }
        match (self, serde_json::from_slice::<Envelope<'_>>(body)) {
            (Self::Envelope, Ok(envelope)) => envelope.data.get().to_owned(),
            _ => String::from_utf8_lossy(body).into_owned(),
        }
    }
}

/// An append-only file of JSON lines.
#[derive(Debug)]
struct Lines {
    file: File,
    unsynced: usize,
}

impl Lines {
    fn create(path: &Path) -> Self {
        let file = File::options().append(true).create_new(true).open(path);
        let file = file.unwrap_or_else(|error| panic!("the ledger {}: {error}", path.display()));
        Self { file, unsynced: 0 }
    }

    fn append(&mut self, line: &impl Serialize) {
        let mut bytes = serde_json::to_vec(line).expect("ledger lines are plain data");
        bytes.push(b'\n');
        // One write call a line, so that lines are whole whatever happens.
        self.file.write_all(&bytes).expect("the ledger can be written");
        self.unsynced += 1;
        if self.unsynced >= SYNC_EVERY_LINES {
            self.file.sync_data().expect("the ledger can be synced");
            self.unsynced = 0;
        }
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Vec<T> {
    let file = File::open(path).unwrap_or_else(|error| panic!("the ledger {}: {error}", path.display()));
    let lines = BufReader::new(file).lines().map(|line| line.expect("the ledger can be read"));
    lines.map(|line| serde_json::from_str(&line).expect("a ledger has only its own lines")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hostile::Hostile;
    use crate::receiver::{Receiver, Reply};

    #[test]
    fn a_sender_reads_back_what_it_wrote() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sender.jsonl");
        let ledger = SenderLedger::create(&path);
        assert_eq!(ledger.sent(|sequence| format!("{{\"n\": {sequence}}}")), (0, "{\"n\": 0}".to_owned()));
        ledger.clone().append(&SenderLine::Acked { sequence: 0, event_id: "evt_1".to_owned() });
        assert_eq!(ledger.sent(|sequence| sequence.to_string()).0, 1);
        ledger.append(&SenderLine::Refused { sequence: 1, status: 503 });
        let lines = SenderLedger::read(&path);
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[0], SenderLine::Sent { sequence: 0, data: "{\"n\": 0}".to_owned() });
        assert_eq!(lines[3], SenderLine::Refused { sequence: 1, status: 503 });
    }

    #[test]
    #[should_panic(expected = "the ledger")]
    fn an_old_ledger_is_not_continued() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sender.jsonl");
        drop(SenderLedger::create(&path));
        drop(SenderLedger::create(&path));
    }

    #[tokio::test]
    async fn a_receiver_notes_exact_data_before_it_answers() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("receiver.jsonl");
        let receiver = Receiver::start_with_ledger(ReceiverLedger::create(&path, BodyIs::Envelope)).await;
        receiver.default_reply(Reply::status(500));
        let body = r#"{"type":"a","data": {"n" : 1.0e2, "n":2}}"#;
        let mut client = Hostile::connect(receiver.address()).await;
        let length = body.len();
        client
            .send(format!("POST /w HTTP/1.1\r\nWebhook-Id: evt_1\r\nContent-Length: {length}\r\n\r\n{body}"))
            .await;
        assert_eq!(client.status().await, Some(500));
        let data = r#"{"n" : 1.0e2, "n":2}"#.to_owned();
        let (webhook, event_id) = ("/w".to_owned(), "evt_1".to_owned());
        assert_eq!(
            ReceiverLedger::read(&path),
            [ReceiverLine { webhook, event_id, data, status: Some(500) }]
        );
    }
}
