//! What pages read of the API's answers: the members that they show, and no others.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use stentor_core::time::Time;

use super::status::{Status, cause};
use super::write;

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Rows<T> {
    pub(super) data: Vec<T>,
    pub(super) next_cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Event {
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) event_type: String,
    pub(super) timestamp: Time,
    pub(super) accepted_at: Time,
    pub(super) subject: Option<String>,
    pub(super) origin: String,
    pub(super) deliveries: u64,
    pub(super) content_type: String,
    pub(super) data: Option<Box<RawValue>>,
    pub(super) data_base64: Option<String>,
    pub(super) previous_data: Option<Box<RawValue>>,
    pub(super) metadata: Option<Box<RawValue>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Delivery {
    pub(super) id: String,
    pub(super) event_id: String,
    pub(super) webhook_id: String,
    pub(super) state: String,
    pub(super) reason: Option<String>,
    pub(super) attempt_count: u64,
    pub(super) next_attempt_at: Option<Time>,
    pub(super) finished_at: Option<Time>,
    /// Only where one delivery was read.
    #[serde(default)]
    pub(super) attempts: Vec<Attempt>,
    #[serde(default)]
    pub(super) warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Attempt {
    pub(super) number: u64,
    pub(super) started_at: Time,
    pub(super) outcome: String,
    pub(super) reason: Option<String>,
    pub(super) status: Option<u16>,
    pub(super) duration_ms: f64,
    pub(super) response: Option<AttemptResponse>,
    #[serde(default)]
    pub(super) message: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct AttemptResponse {
    pub(super) body: String,
    pub(super) truncated: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Webhook {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) url: String,
    pub(super) events: Vec<String>,
    pub(super) status: String,
    pub(super) disabled_reason: Option<String>,
    pub(super) profile: String,
    pub(super) ordered: bool,
    pub(super) conversations: bool,
    pub(super) created_at: Time,
    pub(super) timeout: f64,
    pub(super) secret: Option<String>,
    pub(super) secrets: Vec<Secret>,
    pub(super) retry_policy: Value,
    pub(super) limits: Value,
    pub(super) headers: BTreeMap<String, Value>,
    pub(super) filters: Option<Value>,
    pub(super) conditions: Option<Value>,
    pub(super) overrides: Vec<String>,
    pub(super) warnings: Vec<String>,
    pub(super) preview: Preview,
}

#[derive(Debug, Deserialize)]
pub(super) struct Secret {
    pub(super) secret: String,
    pub(super) active_until: Option<Time>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Preview {
    pub(super) attempt_offsets: Vec<f64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Statistics {
    pub(super) status: String,
    pub(super) since: Time,
    pub(super) until: Time,
    pub(super) total: Sums,
    pub(super) data: Vec<Piece>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Piece {
    pub(super) at: Time,
    #[serde(flatten)]
    pub(super) sums: Sums,
}

#[derive(Debug, Deserialize)]
pub(super) struct Sums {
    pub(super) success_rate: Option<f64>,
    pub(super) successful_deliveries: u64,
    pub(super) failed_deliveries: u64,
    pub(super) attempts: u64,
    pub(super) retries: u64,
    pub(super) errors: BTreeMap<String, u64>,
    pub(super) response_time: Percentiles,
    pub(super) queue_delay: Percentiles,
}

/// In seconds.
#[derive(Debug, Deserialize)]
pub(super) struct Percentiles {
    pub(super) p50: Option<f64>,
    pub(super) p95: Option<f64>,
    pub(super) p99: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Source {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) active: Option<bool>,
    pub(super) url: String,
    pub(super) curl: String,
    pub(super) created_at: Time,
    pub(super) verification: Verification,
}

#[derive(Debug, Deserialize)]
pub(super) struct Verification {
    pub(super) preset: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Credential {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) username: String,
    pub(super) created_at: Time,
    pub(super) expires_at: Option<Time>,
    pub(super) last_used_at: Option<Time>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CreatedCredential {
    pub(super) username: String,
    pub(super) password: String,
    pub(super) environment_lines: String,
    pub(super) curl: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Received {
    pub(super) id: Option<String>,
    pub(super) source_id: Option<String>,
    pub(super) received_at: Option<Time>,
    pub(super) peer: Option<String>,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) content_type: Option<String>,
    pub(super) body_bytes: u64,
    pub(super) outcome: String,
    pub(super) status: Option<u16>,
    pub(super) code: Option<String>,
    pub(super) detail: Option<String>,
    pub(super) event_ids: Vec<String>,
    /// Only where one request was read.
    #[serde(default)]
    pub(super) headers: Vec<Header>,
    #[serde(default)]
    pub(super) body: Option<String>,
    #[serde(default)]
    pub(super) advice: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) value: String,
}

/// Why an event goes to a webhook or does not.
#[derive(Debug, Deserialize)]
pub(super) struct Explanation {
    pub(super) summary: String,
}

impl Event {
    /// Where it came from, in words.
    pub(super) fn came(&self) -> &str {
        match self.origin.as_str() {
            "api" => "published over the API",
            "source" => "received by a source",
            "operational" => "told by Stentor about itself",
            other => other,
        }
    }
}

impl Delivery {
    pub(super) fn shown(&self) -> Status {
        Status::of_delivery(&self.state)
    }

    /// When it ended, or is tried next.
    pub(super) fn at(&self) -> Option<&Time> {
        self.finished_at.as_ref().or(self.next_attempt_at.as_ref())
    }

    /// Whether it can be tried again now.
    pub(super) fn can_retry(&self) -> bool {
        self.state != "delivered"
    }

    pub(super) fn can_cancel(&self) -> bool {
        matches!(self.state.as_str(), "pending" | "held")
    }

    /// Why it ended as it did, in words.
    pub(super) fn why(&self) -> Option<String> {
        self.reason.as_ref().map(|reason| reason.replace('_', " "))
    }
}

impl Attempt {
    pub(super) fn shown(&self) -> Status {
        Status::of_attempt(&self.outcome)
    }

    /// `503`, or how the exchange broke.
    pub(super) fn said(&self) -> String {
        match (self.status, &self.reason) {
            (Some(status), _) => status.to_string(),
            (None, Some(reason)) => reason.replace('_', " "),
            (None, None) => String::new(),
        }
    }

    pub(super) fn took(&self) -> String {
        write::millis(self.duration_ms)
    }

    /// What the receiver does, as a part of a sentence.
    pub(super) fn cause(&self) -> String {
        cause(&self.outcome, self.reason.as_deref(), self.status)
    }
}

impl Webhook {
    /// Its name, or its address.
    pub(super) fn called(&self) -> &str {
        self.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&self.url)
    }

    /// When attempts start, counted from the first.
    pub(super) fn schedule(&self) -> Vec<String> {
        self.preview.attempt_offsets.iter().map(|offset| write::seconds(*offset)).collect()
    }
}

impl Received {
    pub(super) fn shown(&self) -> Status {
        Status::of_request(&self.outcome)
    }
}
