//! Items as they are sent.

use bytes::Bytes;
use serde::Serialize;
use stentor_core::event::EventType;
use stentor_core::id::{DeliveryId, EventId, RequestId, SourceId, WebhookId};
use stentor_core::time::Time;
use stentor_engine::feed::{AttemptEnded, AttemptStarted, EventFacts, Fact, Finished, Item};
use stentor_engine::receptions::{Reception, Verdict};
use utoipa::ToSchema;

use crate::http::event_stream::frame;

/// One thing that happened. What a kind does not have is left out.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in crate::http::api) struct LiveItem {
    /// What happened, the same as `event` of the frame.
    #[schema(example = "attempt.ended")]
    kind: &'static str,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Option<Time>,
    /// True when it was read from the store because the client came back; it may have been seen before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    resumed: bool,
    /// The event that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<LiveEvent>,
    /// How many webhooks the event goes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    deliveries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    delivery_id: Option<DeliveryId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    webhook_id: Option<WebhookId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<LiveAttempt>,
    /// When the next attempt is due; left out when none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Time>,
    /// How a delivery ended: `delivered`, `dead` or `cancelled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    /// How many attempts a delivery took.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt_count: Option<u32>,
    /// Why a delivery ended or a webhook was disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<LiveRequest>,
}

/// An event without its data.
#[derive(Debug, Serialize, ToSchema)]
struct LiveEvent {
    #[schema(value_type = String)]
    id: EventId,
    /// Left out when the event is gone from the store.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    event_type: Option<EventType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    source_id: Option<SourceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    timestamp: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_bytes: Option<usize>,
}

/// An attempt that begins or has ended.
#[derive(Debug, Default, Serialize, ToSchema)]
struct LiveAttempt {
    /// 1 for the first.
    number: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Time>,
    /// As in a delivery's attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<f64>,
}

/// An inbound request in short.
#[derive(Debug, Serialize, ToSchema)]
struct LiveRequest {
    #[schema(value_type = String)]
    id: RequestId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    source_id: Option<SourceId>,
    method: String,
    path: String,
    /// The status of the answer.
    status: u16,
    body_bytes: u64,
    /// The code of the reason, when it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// The reason in a sentence, when it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What it was stored as.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    event_ids: Vec<EventId>,
}

/// The frame of an item, in short.
pub(super) fn summary(item: &Item) -> &Bytes {
    item.summary(|item| frame(item, &LiveItem::of(item)))
}

impl LiveItem {
    fn of(item: &Item) -> Self {
        let event = item.event().map(LiveEvent::from).or_else(|| item.fact.event().map(LiveEvent::gone));
        let base = Self {
            kind: item.fact.kind().as_str(),
            at: Some(item.at),
            resumed: item.resumed,
            event,
            ..Self::default()
        };
        match &item.fact {
            Fact::Accepted { matched, .. } => Self { deliveries: Some(*matched), ..base },
            Fact::Started(started) => base.started(started),
            Fact::Ended(ended) => base.ended(ended),
            Fact::Finished(finished) => base.finished(finished),
            Fact::Disabled { webhook, reason } => Self {
                webhook_id: Some(*webhook),
                reason: reason.map(stentor_core::webhook::DisableReason::as_str),
                ..base
            },
            Fact::Request(reception) => Self { request: Some(LiveRequest::from(&**reception)), ..base },
        }
    }

    fn started(self, started: &AttemptStarted) -> Self {
        Self {
            delivery_id: Some(started.delivery),
            webhook_id: Some(started.webhook),
            attempt: Some(LiveAttempt { number: started.number, ..LiveAttempt::default() }),
            ..self
        }
    }

    fn ended(self, ended: &AttemptEnded) -> Self {
        let attempt = LiveAttempt {
            number: ended.number,
            started_at: Some(ended.started_at),
            outcome: Some(ended.outcome.kind()),
            reason: ended.outcome.reason(),
            status: ended.outcome.status(),
            duration_ms: Some(ended.duration.as_micros() as f64 / 1_000.0),
        };
        Self {
            delivery_id: Some(ended.delivery),
            webhook_id: Some(ended.webhook),
            attempt: Some(attempt),
            next_attempt_at: ended.next_attempt_at,
            ..self
        }
    }

    fn finished(self, finished: &Finished) -> Self {
        Self {
            delivery_id: Some(finished.delivery),
            webhook_id: Some(finished.webhook),
            state: Some(finished.state.state().as_str()),
            reason: finished.state.reason(),
            attempt_count: Some(finished.attempts),
            ..self
        }
    }
}

impl LiveEvent {
    fn gone(id: EventId) -> Self {
        Self { id, event_type: None, subject: None, source_id: None, timestamp: None, data_bytes: None }
    }
}

impl From<&EventFacts> for LiveEvent {
    fn from(event: &EventFacts) -> Self {
        Self {
            id: event.id,
            event_type: Some(event.event_type.clone()),
            subject: event.subject.as_deref().map(str::to_owned),
            source_id: event.source,
            timestamp: Some(event.time),
            data_bytes: event.data_bytes,
        }
    }
}

impl From<&Reception> for LiveRequest {
    fn from(reception: &Reception) -> Self {
        let (code, detail) = match &reception.verdict {
            Verdict::Refused { code, detail, .. } => (Some(*code), Some(detail.clone())),
            _ => (None, None),
        };
        let event_ids = match &reception.verdict {
            Verdict::Accepted { events } => events.clone(),
            Verdict::Duplicate { event } => vec![*event],
            Verdict::Challenge | Verdict::Refused { .. } => Vec::new(),
        };
        Self {
            id: reception.id,
            source_id: reception.source,
            method: reception.method.clone(),
            path: reception.path.clone(),
            status: reception.status,
            body_bytes: reception.body_bytes,
            code,
            detail,
            event_ids,
        }
    }
}
