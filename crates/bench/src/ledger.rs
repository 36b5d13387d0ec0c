//! What a receiver has seen: distinct deliveries, duplicates, and how long each took.

use serde::{Deserialize, Serialize};

use crate::payload::Stamp;
use crate::percentiles::Percentiles;

/// Deliveries since the last reset, as told over the control connection.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub(crate) struct Receipts {
    pub(crate) distinct: u64,
    pub(crate) duplicates: u64,
    /// Requests without a stamp.
    pub(crate) unknown: u64,
    /// Unix nanoseconds of the first and the last distinct delivery.
    pub(crate) first_ns: Option<u64>,
    pub(crate) last_ns: Option<u64>,
    /// Publish to first arrival.
    pub(crate) latency: Option<Percentiles>,
}

/// Arrivals by webhook and sequence number.
#[derive(Default)]
pub(crate) struct Ledger {
    /// One bitmap of sequence numbers a webhook.
    seen: Vec<Vec<u64>>,
    latencies_ns: Vec<u64>,
    duplicates: u64,
    unknown: u64,
    first_ns: Option<u64>,
    last_ns: Option<u64>,
}

impl Ledger {
    /// Records an arrival; returns the number of distinct deliveries so far.
    pub(crate) fn record(&mut self, webhook: usize, stamp: Option<Stamp>, arrived_ns: u64) -> u64 {
        match stamp {
            None => self.unknown += 1,
            Some(stamp) if self.is_new(webhook, stamp.sequence) => {
                self.first_ns.get_or_insert(arrived_ns);
                self.last_ns = Some(arrived_ns);
                self.latencies_ns.push(arrived_ns.saturating_sub(stamp.published_ns));
            }
            Some(_) => self.duplicates += 1,
        }
        self.distinct()
    }

    pub(crate) fn distinct(&self) -> u64 {
        self.latencies_ns.len() as u64
    }

    pub(crate) fn receipts(&mut self) -> Receipts {
        Receipts {
            distinct: self.distinct(),
            duplicates: self.duplicates,
            unknown: self.unknown,
            first_ns: self.first_ns,
            last_ns: self.last_ns,
            latency: Percentiles::of(&mut self.latencies_ns),
        }
    }

    fn is_new(&mut self, webhook: usize, sequence: u64) -> bool {
        let word = usize::try_from(sequence / 64).expect("a sequence number has at most ten digits");
        let bit = 1_u64 << (sequence % 64);
        if self.seen.len() <= webhook {
            self.seen.resize_with(webhook + 1, Vec::new);
        }
        let words = &mut self.seen[webhook];
        if words.len() <= word {
            words.resize(word + 1, 0);
        }
        let new = words[word] & bit == 0;
        words[word] |= bit;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn stamp(sequence: u64) -> Option<Stamp> {
        Some(Stamp { sequence, published_ns: 1_000_000 })
    }

    #[test]
    fn a_delivery_is_a_webhook_and_a_sequence_number() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.record(0, stamp(64), 3_000_000), 1);
        assert_eq!(ledger.record(0, stamp(0), 4_000_000), 2);
        assert_eq!(ledger.record(1, stamp(64), 5_000_000), 3);
        assert_eq!(ledger.record(0, stamp(64), 9_000_000), 3);
        let receipts = ledger.receipts();
        assert_eq!((receipts.distinct, receipts.duplicates, receipts.unknown), (3, 1, 0));
        assert_eq!((receipts.first_ns, receipts.last_ns), (Some(3_000_000), Some(5_000_000)));
        let latency = receipts.latency.unwrap();
        assert_eq!((latency.p50_ms, latency.max_ms), (3.0, 4.0));
    }

    #[test]
    fn what_has_no_stamp_is_no_delivery() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.record(0, None, 5), 0);
        assert_eq!(ledger.receipts().unknown, 1);
        assert_eq!(ledger.receipts().latency, None);
    }
}
