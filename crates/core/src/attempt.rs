//! Attempts: one try each, append-only. The outcome is a closed enum; there is no status 0.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::address::Refusal;
use crate::id::DeliveryId;
use crate::time::Time;

/// The reason of an attempt that a template could not make a request for.
pub const TEMPLATE: &str = "template";

/// Where in the exchange the total deadline struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Resolving the name.
    Resolve,
    /// Opening the connection.
    Connect,
    /// The TLS handshake.
    Handshake,
    /// Sending the request and waiting for the head of the response.
    Response,
    /// Reading the response body.
    Body,
}

/// Why the exchange broke below HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkError {
    /// The name does not exist or has no address.
    NameNotFound,
    /// The resolver failed; the name may exist.
    ResolverFailed,
    /// Nobody listens there.
    Refused,
    /// No route to the address.
    Unreachable,
    /// The receiver reset or closed the connection before the response was complete.
    Closed,
    /// What came back was not HTTP.
    NotHttp,
    /// The server's certificate did not verify.
    Certificate,
    /// The TLS handshake failed for another reason.
    Tls,
    /// The operator's egress proxy could not be reached, or refused to connect to the receiver.
    Proxy,
    /// Anything else the operating system reports.
    Other,
}

/// What came of one attempt. A receiver's fault is a value, never an error of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The receiver answered 2xx.
    Delivered {
        /// 200-299.
        status: u16,
    },
    /// The receiver answered something else; 3xx included, redirects are never followed.
    Refused {
        /// The status.
        status: u16,
        /// What its `Retry-After` asked for, if anything.
        retry_after: Option<Duration>,
    },
    /// The total deadline passed.
    Timeout {
        /// Where.
        phase: Phase,
    },
    /// The exchange broke.
    Network {
        /// How.
        error: NetworkError,
    },
    /// The address is one that must not be dialled (promise P8).
    Blocked {
        /// Why.
        refusal: Refusal,
    },
    /// The request could not be made from the event: a fault on our side of the wire that a retry will not cure by itself.
    Unsendable,
    /// The webhook's template did not make a request of the event. What it says is kept where a response would be.
    Template,
}

impl AttemptOutcome {
    /// Whether the receiver took it.
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Delivered { .. })
    }

    /// The HTTP status, when there was an answer.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Delivered { status } | Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The stable word for the kind of outcome, as kept in the store and shown by the API and metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Delivered { .. } => "delivered",
            Self::Refused { .. } => "refused",
            Self::Timeout { .. } => "timeout",
            Self::Network { .. } => "network",
            Self::Blocked { .. } => "blocked",
            Self::Unsendable | Self::Template => "unsendable",
        }
    }

    /// The stable word for the finer reason, when the kind alone does not say it.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Delivered { .. } | Self::Refused { .. } | Self::Unsendable => None,
            Self::Timeout { phase } => Some(match phase {
                Phase::Resolve => "resolve",
                Phase::Connect => "connect",
                Phase::Handshake => "handshake",
                Phase::Response => "response",
                Phase::Body => "body",
            }),
            Self::Network { error } => Some(match error {
                NetworkError::NameNotFound => "name_not_found",
                NetworkError::ResolverFailed => "resolver_failed",
                NetworkError::Refused => "connection_refused",
                NetworkError::Unreachable => "unreachable",
                NetworkError::Closed => "connection_closed",
                NetworkError::NotHttp => "not_http",
                NetworkError::Certificate => "certificate",
                NetworkError::Tls => "tls",
                NetworkError::Proxy => "proxy",
                NetworkError::Other => "other",
            }),
            Self::Blocked { refusal } => Some(refusal.code()),
            Self::Template => Some(TEMPLATE),
        }
    }
}

/// What was kept of a receiver's answer; of an attempt without one, what the webhook's template said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CapturedResponse {
    /// The first bytes of the body, at most 16 KiB.
    pub body: Bytes,
    /// Whether there was more.
    pub truncated: bool,
}

/// A finished attempt, as recorded. Numbers of recorded attempts are 1…n without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Of which delivery.
    pub delivery: DeliveryId,
    /// 1 for the first recorded attempt.
    pub number: u32,
    /// When it started.
    pub started_at: Time,
    /// From start to outcome.
    pub duration: Duration,
    /// What came of it.
    pub outcome: AttemptOutcome,
    /// The receiver's answer, when there was one.
    pub response: Option<CapturedResponse>,
}
