//! The checker judges a model gateway: clean, and with each planted bug.

use super::*;

/// What is wrong with the model gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
    None,
    AckBeforeCommit,
    DropOn503,
    DoubleClaim,
    SkipLastRetry,
    PurgePending,
    Reorder,
    Alter,
    Invent,
    StoreRefused,
}

/// A gateway in a few lines: what is pending, in order.
struct Model {
    bug: Bug,
    pending: Vec<(String, String)>,
    receiver: Vec<ReceiverLine>,
}

const WEBHOOKS: [&str; 2] = ["/a", "/b"];

impl Model {
    fn arrive(&mut self, webhook: &str, (event_id, data): &(String, String), status: u16) {
        let (webhook, event_id, data) = (webhook.to_owned(), event_id.clone(), data.clone());
        self.receiver.push(ReceiverLine { webhook, event_id, data, status: Some(status) });
    }

    /// Delivers what is pending; every third event fails twice with 503 before it is taken.
    fn deliver(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        if self.bug == Bug::Reorder && pending.len() > 1 {
            pending.swap(0, 1);
        }
        for (position, mut event) in pending.into_iter().enumerate() {
            if self.bug == Bug::Alter {
                event.1 = event.1.replace(": ", ":");
            }
            for webhook in WEBHOOKS {
                self.attempts(webhook, &event, position % 3 == 2);
            }
        }
    }

    fn attempts(&mut self, webhook: &str, event: &(String, String), fails_first: bool) {
        if fails_first {
            self.arrive(webhook, event, 503);
            if self.bug == Bug::DropOn503 {
                return;
            }
            self.arrive(webhook, event, 503);
            if self.bug == Bug::SkipLastRetry {
                return;
            }
        }
        self.arrive(webhook, event, 200);
        if self.bug == Bug::DoubleClaim {
            self.arrive(webhook, event, 200);
        }
    }
}

/// Two bursts of events with a crash between them that takes what was not committed, and a crash after the first
/// event of the second burst was delivered, but not its outcome committed.
fn run(bug: Bug) -> (Vec<SenderLine>, Vec<ReceiverLine>) {
    let mut sender = Vec::new();
    let mut model = Model { bug, pending: Vec::new(), receiver: Vec::new() };
    for sequence in 0..20 {
        let event = (format!("evt_{sequence}"), format!("{{\"n\": {sequence}}}"));
        sender.push(SenderLine::Sent { sequence, data: event.1.clone() });
        match sequence {
            7 => {
                sender.push(SenderLine::Refused { sequence, status: 429 });
                if bug == Bug::StoreRefused {
                    model.pending.push(event);
                }
                continue;
            }
            // The connection broke after the commit, and before it.
            8 => {
                sender.push(SenderLine::Unknown { sequence });
                model.pending.push(event);
                continue;
            }
            9 => {
                sender.push(SenderLine::Unknown { sequence });
                if bug == Bug::PurgePending {
                    model.pending.remove(0);
                }
                model.deliver();
                continue;
            }
            _ => sender.push(SenderLine::Acked { sequence, event_id: event.0.clone() }),
        }
        if bug != Bug::AckBeforeCommit || sequence != 6 {
            model.pending.push(event);
        }
    }
    let first = model.pending[0].clone();
    model.arrive("/a", &first, 200);
    model.deliver();
    if bug == Bug::Invent {
        model.arrive("/a", &("evt_x".to_owned(), "{\"n\": 99}".to_owned()), 200);
    }
    (sender, model.receiver)
}

fn judge(bug: Bug) -> Report {
    let (sender, receiver) = run(bug);
    let webhooks = WEBHOOKS.map(str::to_owned).to_vec();
    check(&sender, &receiver, &Bounds { webhooks, duplicates_max: 1, ordered: true })
}

fn sequences(findings: &[Finding]) -> Vec<u64> {
    findings.iter().filter_map(|finding| finding.sequence).collect()
}

#[test]
fn a_correct_gateway_passes() {
    let report = judge(Bug::None);
    report.assert_holds();
    assert_eq!((report.acked, report.duplicates.len()), (17, 1));
}

#[test]
fn an_ack_before_the_commit_is_a_loss() {
    assert_eq!(sequences(&judge(Bug::AckBeforeCommit).lost), [6, 6]);
}

#[test]
fn a_delivery_dropped_on_503_is_a_loss() {
    assert_eq!(sequences(&judge(Bug::DropOn503).lost), [2, 2, 5, 5, 12, 12, 15, 15, 18, 18]);
}

#[test]
fn a_skipped_last_retry_is_a_loss() {
    assert!(!judge(Bug::SkipLastRetry).lost.is_empty());
}

#[test]
fn a_purged_pending_delivery_is_a_loss() {
    let report = judge(Bug::PurgePending);
    assert_eq!(sequences(&report.lost), [0, 0]);
    assert_eq!(report.lost[1].webhook, "/b");
}

#[test]
fn a_double_claim_exceeds_the_duplicates() {
    let report = judge(Bug::DoubleClaim);
    assert!(report.duplicates.len() > 30 && !report.holds());
    let others = [report.lost, report.phantom, report.altered, report.order_violations];
    assert!(others.iter().all(Vec::is_empty));
}

#[test]
fn one_loss_at_one_webhook_is_enough() {
    let (sender, mut receiver) = run(Bug::None);
    receiver.retain(|line| line.webhook != "/b" || line.event_id != "evt_4");
    let webhooks = WEBHOOKS.map(str::to_owned).to_vec();
    let report = check(&sender, &receiver, &Bounds { webhooks, duplicates_max: 1, ordered: false });
    assert_eq!(sequences(&report.lost), [4]);
    assert!(!report.holds());
}

#[test]
fn wrong_order_is_seen_where_order_was_promised() {
    let report = judge(Bug::Reorder);
    assert_eq!(sequences(&report.order_violations)[..2], [0, 0]);
    let (sender, receiver) = run(Bug::Reorder);
    let webhooks = WEBHOOKS.map(str::to_owned).to_vec();
    check(&sender, &receiver, &Bounds { webhooks, duplicates_max: 1, ordered: false }).assert_holds();
}

#[test]
fn an_attempt_before_the_predecessor_ended_is_wrong_order() {
    let sent = |sequence| SenderLine::Sent { sequence, data: sequence.to_string() };
    let acked = |sequence| SenderLine::Acked { sequence, event_id: format!("evt_{sequence}") };
    let arrival = |sequence: u64, status| ReceiverLine {
        webhook: "/a".to_owned(),
        event_id: format!("evt_{sequence}"),
        data: sequence.to_string(),
        status: Some(status),
    };
    let bounds = Bounds { webhooks: vec!["/a".to_owned()], duplicates_max: 0, ordered: true };
    let overtaken = [arrival(0, 500), arrival(1, 200), arrival(0, 200)];
    let one_by_one = [sent(0), acked(0), sent(1), acked(1)];
    assert_eq!(sequences(&check(&one_by_one, &overtaken, &bounds).order_violations), [0]);
    let at_once = [sent(0), sent(1), acked(0), acked(1)];
    check(&at_once, &overtaken, &bounds).assert_holds();
}

#[test]
fn changed_bytes_are_seen_although_the_json_is_equal() {
    let report = judge(Bug::Alter);
    assert!(!report.altered.is_empty() && !report.holds());
}

#[test]
fn what_nobody_sent_is_a_phantom() {
    let report = judge(Bug::Invent);
    assert_eq!(report.phantom.len(), 1);
    assert_eq!(report.phantom[0].event_id, "evt_x");
    assert!(!report.holds());
}

#[test]
fn what_was_refused_is_a_phantom() {
    assert_eq!(sequences(&judge(Bug::StoreRefused).phantom), [7, 7]);
}
