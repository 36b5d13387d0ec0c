//! The one judge of every fault test: compares the ledgers of sender and receiver with the promises P1, P2, P3, P6
//! and P7 of the design. It knows nothing of how the gateway works.

mod order;

use std::collections::{HashMap, HashSet};

use crate::ledger::{ReceiverLine, SenderLine};

/// What the run may show.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// The paths at which every accepted event must arrive.
    pub webhooks: Vec<String>,
    /// Most arrivals of something that had already been answered 2xx (P3): what was in flight at the crashes.
    pub duplicates_max: usize,
    /// Whether events must arrive in the order in which they were accepted (P7).
    pub ordered: bool,
}

/// One thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The sender's number of the event, if it is one of its events.
    pub sequence: Option<u64>,
    /// The event's id, as far as one was told.
    pub event_id: String,
    /// The webhook's path.
    pub webhook: String,
}

/// What a run showed.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// How many events were acknowledged.
    pub acked: usize,
    /// How many requests arrived.
    pub arrivals: usize,
    /// Acknowledged, but never taken by the receiver with a 2xx.
    pub lost: Vec<Finding>,
    /// Arrived, but never sent, or refused with a 4xx.
    pub phantom: Vec<Finding>,
    /// Arrived again after having been answered 2xx.
    pub duplicates: Vec<Finding>,
    /// The bound on the above.
    pub duplicates_max: usize,
    /// Arrived before an event that had been accepted before it was sent.
    pub order_violations: Vec<Finding>,
    /// Arrived with other data than was sent.
    pub altered: Vec<Finding>,
}

impl Report {
    /// Whether every promise held.
    #[must_use]
    pub fn holds(&self) -> bool {
        let none = [&self.lost, &self.phantom, &self.order_violations, &self.altered];
        none.iter().all(|findings| findings.is_empty()) && self.duplicates.len() <= self.duplicates_max
    }

    /// Fails the test unless every promise held.
    ///
    /// # Panics
    /// With the number and the first of each kind of finding.
    pub fn assert_holds(&self) {
        assert!(self.holds(), "{self}");
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} acked, {} arrivals", self.acked, self.arrivals)?;
        let kinds = [
            ("lost", &self.lost),
            ("phantom", &self.phantom),
            ("order violations", &self.order_violations),
            ("altered", &self.altered),
            ("duplicates", &self.duplicates),
        ];
        for (kind, findings) in kinds {
            write!(f, ", {} {kind}", findings.len())?;
            if let Some(first) = findings.first() {
                write!(f, " (first: {first:?})")?;
            }
        }
        write!(f, "; {} duplicates allowed", self.duplicates_max)
    }
}

/// What the sender's ledger says of one event.
struct Sent<'a> {
    data: &'a str,
    sent_line: usize,
    fate: Fate<'a>,
}

#[derive(Clone, Copy)]
enum Fate<'a> {
    Acked { event_id: &'a str, line: usize },
    Refused { status: u16 },
    Unknown,
}

/// Compares the ledgers.
///
/// # Panics
/// When the sender's ledger contradicts itself: a test bug.
#[must_use]
pub fn check(sender: &[SenderLine], receiver: &[ReceiverLine], bounds: &Bounds) -> Report {
    let events = read_sender(sender);
    let by_id: HashMap<&str, u64> =
        events.iter().filter_map(|(n, sent)| Some((sent.event_id()?, *n))).collect();
    let by_data: HashMap<&str, u64> = events.iter().map(|(sequence, sent)| (sent.data, *sequence)).collect();
    let mut report =
        Report { arrivals: receiver.len(), duplicates_max: bounds.duplicates_max, ..Report::default() };
    // Arrivals that can be laid at an event's door, in order.
    let mut known: Vec<(u64, &ReceiverLine)> = Vec::with_capacity(receiver.len());
    let mut taken: HashSet<(&str, u64)> = HashSet::new();
    for line in receiver {
        let acked = by_id.get(line.event_id.as_str());
        let sequence = acked.or_else(|| by_data.get(line.data.as_str())).copied();
        let finding = || Finding { sequence, event_id: line.event_id.clone(), webhook: line.webhook.clone() };
        let Some(sequence) = sequence.filter(|sequence| !events[sequence].was_refused()) else {
            report.phantom.push(finding());
            continue;
        };
        if events[&sequence].data != line.data {
            report.altered.push(finding());
        }
        let key = (line.webhook.as_str(), sequence);
        if taken.contains(&key) {
            report.duplicates.push(finding());
        } else if line.was_taken() {
            taken.insert(key);
        }
        known.push((sequence, line));
    }
    for (sequence, sent) in &events {
        let Some(event_id) = sent.event_id() else { continue };
        report.acked += 1;
        let missing =
            bounds.webhooks.iter().filter(|webhook| !taken.contains(&(webhook.as_str(), *sequence)));
        report.lost.extend(missing.map(|webhook| Finding {
            sequence: Some(*sequence),
            event_id: event_id.to_owned(),
            webhook: webhook.clone(),
        }));
    }
    report.lost.sort_by_key(|finding| finding.sequence);
    if bounds.ordered {
        report.order_violations = order::violations(&events, &known);
    }
    report
}

fn read_sender(lines: &[SenderLine]) -> HashMap<u64, Sent<'_>> {
    let mut events: HashMap<u64, Sent<'_>> = HashMap::new();
    for (line, entry) in lines.iter().enumerate() {
        let (sequence, fate) = match entry {
            SenderLine::Sent { sequence, data } => {
                let sent = Sent { data, sent_line: line, fate: Fate::Unknown };
                assert!(events.insert(*sequence, sent).is_none(), "number {sequence} was sent twice");
                continue;
            }
            SenderLine::Acked { sequence, event_id } => (sequence, Fate::Acked { event_id, line }),
            SenderLine::Refused { sequence, status } => (sequence, Fate::Refused { status: *status }),
            SenderLine::Unknown { sequence } => (sequence, Fate::Unknown),
        };
        events.get_mut(sequence).expect("what was answered was sent").fate = fate;
    }
    events
}

impl<'a> Sent<'a> {
    fn event_id(&self) -> Option<&'a str> {
        if let Fate::Acked { event_id, .. } = self.fate { Some(event_id) } else { None }
    }

    /// A 4xx says that nothing was stored; a 5xx leaves it open (P1).
    fn was_refused(&self) -> bool {
        matches!(self.fate, Fate::Refused { status: 400..500 })
    }
}

impl ReceiverLine {
    /// Whether the receiver took it: answered 2xx.
    fn was_taken(&self) -> bool {
        matches!(self.status, Some(200..300))
    }
}

#[cfg(test)]
mod tests;
