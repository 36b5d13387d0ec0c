//! An attempt as the API shows it, wherever it comes from.

use std::time::Duration;

use serde::Serialize;
use stentor_core::attempt::{Attempt, CapturedResponse, TEMPLATE};
use stentor_core::id::BatchId;
use stentor_core::time::Time;
use stentor_store::deliveries::AttemptRow;
use utoipa::ToSchema;

/// One try.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AttemptView {
    /// 1 for the first.
    #[schema(example = 1)]
    number: u32,
    #[schema(value_type = String, format = DateTime)]
    started_at: Time,
    /// `delivered`, `refused`, `timeout`, `network`, `blocked` or `unsendable`.
    #[schema(example = "refused")]
    outcome: String,
    /// The finer reason, where the outcome alone does not say it, such as `certificate`, `connect` or `template`.
    reason: Option<String>,
    /// The HTTP status, when there was an answer.
    #[schema(example = 503)]
    status: Option<u16>,
    /// From start to outcome, in milliseconds.
    #[schema(example = 12.5)]
    duration_ms: f64,
    response: Option<ResponseView>,
    /// What the webhook's template said, when it did not make a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// The batch whose request it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "bat_01h455vb4pex5vsknk084sn02q")]
    batch_id: Option<BatchId>,
}

/// What was kept of a receiver's answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ResponseView {
    /// The first 16 KiB of the body as text; bytes that are not UTF-8 show as `\u{FFFD}`.
    body: String,
    /// Whether there was more.
    truncated: bool,
}

/// Where a template failed, what it said is kept in the place of the answer.
fn answer_or_message(
    reason: Option<&str>,
    kept: Option<CapturedResponse>,
) -> (Option<ResponseView>, Option<String>) {
    let kept: Option<ResponseView> = kept.map(Into::into);
    if reason == Some(TEMPLATE) { (None, kept.map(|kept| kept.body)) } else { (kept, None) }
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        let (response, message) = answer_or_message(attempt.outcome.reason(), attempt.response);
        Self {
            number: attempt.number,
            started_at: attempt.started_at,
            outcome: attempt.outcome.kind().into(),
            reason: attempt.outcome.reason().map(Into::into),
            status: attempt.outcome.status(),
            duration_ms: millis(attempt.duration),
            response,
            message,
            batch_id: None,
        }
    }
}

impl From<AttemptRow> for AttemptView {
    fn from(row: AttemptRow) -> Self {
        let (response, message) = answer_or_message(row.reason.as_deref(), row.response);
        Self {
            number: row.number,
            started_at: row.started_at,
            outcome: row.outcome,
            reason: row.reason,
            status: row.status,
            duration_ms: millis(Duration::from_micros(row.duration_us)),
            response,
            message,
            batch_id: row.batch,
        }
    }
}

impl From<CapturedResponse> for ResponseView {
    fn from(response: CapturedResponse) -> Self {
        Self { body: String::from_utf8_lossy(&response.body).into_owned(), truncated: response.truncated }
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1_000.0
}
