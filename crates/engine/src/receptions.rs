//! What came to the front door: one record per inbound request, accepted or refused, for those who watch.
//!
//! The front door must not wait for its watchers. So records go through a queue that is bounded by number and by bytes; what does
//! not fit is dropped and counted. An accepted request is also its event's row: a dropped record loses a sight, never an event.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use stentor_core::id::{EventId, RequestId, SourceId, TenantId};
use stentor_core::time::Time;

use crate::mailbox::{Inbox, Mailbox, mailbox};

#[cfg(test)]
mod tests;

/// Bytes of a body that a record keeps at most.
pub const BODY_KEPT_MAX: usize = 64 * 1024;
/// Records that wait for their watcher at most.
const WAITING_MAX: usize = 4_096;
/// Bytes that waiting records hold at most.
const WAITING_BYTES_MAX: usize = 16 * 1024 * 1024;

/// One inbound request and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reception {
    /// Its id.
    pub id: RequestId,
    /// Whose it is. None when no source matched: the operator's.
    pub tenant: Option<TenantId>,
    /// Which source it was for, if one matched.
    pub source: Option<SourceId>,
    /// Who sent it: the peer of the connection, or what a trusted proxy says.
    pub peer: IpAddr,
    /// When its head was complete.
    pub received_at: Time,
    /// The method.
    pub method: String,
    /// The path with its query, cut to a bounded length. Values of the query that are secrets are masked.
    pub path: String,
    /// The headers of the source's allow-list, names in lower case. Never `Authorization`, never `Cookie`.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The `Content-Type` as sent.
    pub content_type: Option<String>,
    /// The start of the body, at most [`BODY_KEPT_MAX`] bytes; empty when it was refused before it was read.
    pub body: Bytes,
    /// Bytes of the body that were read, or that the head announced when it was refused unread.
    pub body_bytes: u64,
    /// What it took.
    pub timing: ReceptionTiming,
    /// What became of it.
    pub verdict: Verdict,
    /// The status of the answer.
    pub status: u16,
}

/// How long the parts of a request took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReceptionTiming {
    /// From the head to the last byte of the body that was read.
    pub body: Duration,
    /// From the head to the verdict, the commit included.
    pub total: Duration,
}

/// What became of an inbound request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Stored as these events: one, or one per element of a split array.
    Accepted {
        /// The ids, in the order of the elements.
        events: Vec<EventId>,
    },
    /// The source sent it before.
    Duplicate {
        /// What it was stored as then.
        event: EventId,
    },
    /// A provider's handshake, answered and not stored.
    Challenge,
    /// Not accepted.
    Refused {
        /// The stable code of the reason, as in docs/errors.md.
        code: &'static str,
        /// The exact reason in a sentence. Tells no secret.
        detail: String,
        /// Whether the sender was told that all is well (`on_invalid: store_and_200`).
        hidden: bool,
    },
}

impl Reception {
    /// Bytes that the record holds, roughly and never too few for what grows with the request.
    pub(crate) fn weight(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 48).sum();
        size_of::<Self>() + headers + self.body.len() + self.path.len()
    }
}

/// Where records are put and, once, taken.
#[derive(Debug, Default)]
pub struct Receptions {
    watcher: OnceLock<Mailbox<WaitingReception>>,
    waiting_bytes: Arc<AtomicUsize>,
    dropped: AtomicU64,
}

/// A record on its way to the watcher. It counts against the bytes that may wait until it is dropped or taken out.
#[derive(Debug)]
pub struct WaitingReception {
    reception: Reception,
    place: Place,
}

#[derive(Debug)]
struct Place {
    weight: usize,
    waiting_bytes: Arc<AtomicUsize>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waiting_bytes.fetch_sub(self.weight, Ordering::Relaxed);
    }
}

impl WaitingReception {
    /// The record, which from now on is the taker's to bound.
    pub fn into_reception(self) -> Reception {
        drop(self.place);
        self.reception
    }
}

impl Receptions {
    /// Opens the queue for its one watcher. None when it has one.
    pub fn watch(&self) -> Option<Inbox<WaitingReception>> {
        let (records, inbox) = mailbox(WAITING_MAX);
        self.watcher.set(records).ok().map(|()| inbox)
    }

    /// Whether anyone takes records. Without a watcher the front door need not make them.
    pub fn watched(&self) -> bool {
        self.watcher.get().is_some()
    }

    /// Puts a record, or drops and counts it. Never waits.
    pub fn put(&self, reception: Reception) {
        let Some(watcher) = self.watcher.get() else { return };
        let weight = reception.weight();
        let before = self.waiting_bytes.fetch_add(weight, Ordering::Relaxed);
        let place = Place { weight, waiting_bytes: Arc::clone(&self.waiting_bytes) };
        let fits = before + weight <= WAITING_BYTES_MAX;
        if !fits || !watcher.put_if_room(WaitingReception { reception, place }) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts records that the watcher could not keep.
    pub(crate) fn count_dropped(&self, records: u64) {
        self.dropped.fetch_add(records, Ordering::Relaxed);
    }

    /// How many records were dropped because requests came faster than they could be taken or kept.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
