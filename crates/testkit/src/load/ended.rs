//! What senders leave behind, to be sent again.

use std::collections::HashSet;

use super::Way;
use crate::api::{Api, text};
use crate::ledger::{SenderLedger, SenderLine};

/// What senders leave behind.
#[derive(Debug, Default)]
pub struct Ended {
    /// The ids of the acknowledged events.
    pub event_ids: HashSet<String>,
    /// What may or may not be stored: the last event of each sender that got no answer.
    pub unanswered: Vec<Sent>,
    /// The last acknowledged event of each sender, and its id.
    pub last_acked: Vec<(Sent, String)>,
}

/// An event as it was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    pub(super) sequence: u64,
    pub(super) data: String,
    pub(super) way: Way,
}

impl Sent {
    /// Sends it again by its way, which recognises it; the id of the one event that it is.
    ///
    /// # Panics
    /// When it is not stored now, or its way knows no repetitions.
    pub async fn repeat(&self, api: &Api, ledger: &SenderLedger) -> String {
        let Self { sequence, data, way } = self;
        assert!(way.knows_repetitions(), "{way:?} would store it twice");
        let answer = way.send(api, "", *sequence, data).await.expect("the gateway answers");
        assert_eq!(answer.status(), way.stored_status(), "{}", answer.text());
        let event_id = text(&answer.json(), "id");
        ledger.append(&SenderLine::Acked { sequence: *sequence, event_id: event_id.clone() });
        event_id
    }
}
