//! A delivery as the API shows it.

use serde::Serialize;
use stentor_core::id::{BatchId, DeliveryId, EventId, WebhookId};
use stentor_core::time::Time;
use stentor_store::deliveries::{AttemptRow, DeliveryRow};
use utoipa::ToSchema;

use crate::http::api::attempt::AttemptView;

/// A delivery without its attempts: a row of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliverySummary {
    /// Its id; the same on every attempt.
    #[schema(value_type = String, example = "del_01h455vb4pex5vsknk084sn02q")]
    id: DeliveryId,
    /// What is delivered.
    #[schema(value_type = String, example = "evt_01h455vb4pex5vsknk084sn02q")]
    event_id: EventId,
    /// To whom.
    #[schema(value_type = String, example = "wh_01h455vb4pex5vsknk084sn02q")]
    webhook_id: WebhookId,
    /// `pending`, `held`, `delivered`, `dead` or `cancelled`.
    #[schema(example = "pending")]
    state: &'static str,
    /// Why it is dead or cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Attempts recorded.
    attempt_count: u32,
    /// When the next attempt is due; null when it is due now, or there is none.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Time>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Time>,
    /// The batch that it was attempted in. It stays in it until it is final.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "bat_01h455vb4pex5vsknk084sn02q")]
    batch_id: Option<BatchId>,
}

impl From<DeliveryRow> for DeliverySummary {
    fn from(row: DeliveryRow) -> Self {
        Self {
            id: row.id,
            event_id: row.event,
            webhook_id: row.webhook,
            state: row.state.as_str(),
            reason: row.reason,
            attempt_count: row.attempts,
            next_attempt_at: row.next_attempt_at,
            finished_at: row.finished_at,
            batch_id: row.batch,
        }
    }
}

/// A delivery with its attempts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryView {
    #[serde(flatten)]
    summary: DeliverySummary,
    /// First to last.
    attempts: Vec<AttemptView>,
    /// What the receiver may trip over.
    warnings: Vec<String>,
}

impl DeliveryView {
    pub(super) fn new(row: DeliveryRow, attempts: Vec<AttemptRow>, warnings: Vec<String>) -> Self {
        let attempts = attempts.into_iter().map(AttemptView::from).collect();
        Self { summary: row.into(), attempts, warnings }
    }
}
