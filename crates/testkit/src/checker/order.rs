//! Promise P7: the attempt of an event never starts before its predecessor is terminal.

use std::collections::{HashMap, HashSet};

use super::{Fate, Finding, Sent};
use crate::ledger::ReceiverLine;

/// What one webhook has seen so far.
#[derive(Default)]
struct Seen {
    taken: HashSet<u64>,
    /// The latest line at which any event that has arrived was sent.
    last_sent_line: Option<usize>,
}

/// Events that were taken by the receiver after the arrival of another that was sent only once these were
/// acknowledged. Events on the wire at the same time have no order and are not compared. Linear in the arrivals.
pub(super) fn violations(events: &HashMap<u64, Sent<'_>>, arrivals: &[(u64, &ReceiverLine)]) -> Vec<Finding> {
    let mut webhooks: HashMap<&str, Seen> = HashMap::new();
    let mut violations = Vec::new();
    for (sequence, line) in arrivals {
        let seen = webhooks.entry(line.webhook.as_str()).or_default();
        let event = &events[sequence];
        // A duplicate after a crash follows whatever was sent meanwhile, rightly.
        if seen.taken.contains(sequence) {
            continue;
        }
        if line.was_taken() {
            seen.taken.insert(*sequence);
        }
        if let Fate::Acked { line: acked_line, .. } = event.fate
            && seen.last_sent_line.is_some_and(|sent_line| sent_line > acked_line)
        {
            let (event_id, webhook) = (line.event_id.clone(), line.webhook.clone());
            violations.push(Finding { sequence: Some(*sequence), event_id, webhook });
        }
        seen.last_sent_line = seen.last_sent_line.max(Some(event.sent_line));
    }
    violations
}
