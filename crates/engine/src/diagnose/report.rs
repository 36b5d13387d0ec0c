//! What a diagnosis says.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use stentor_core::address::Refusal;
use stentor_core::attempt::AttemptOutcome;
use stentor_core::id::{DeliveryId, WebhookId};
use stentor_core::time::Time;

use super::finding::{CheckName, Finding, Status};

/// Bytes of an answer that a report shows.
const EXCERPT_BYTES_MAX: usize = 1_024;

/// The whole report.
#[derive(Debug)]
pub struct Diagnosis {
    /// The webhook, when one was named.
    pub webhook: Option<WebhookId>,
    /// Where requests go, without the query.
    pub url: String,
    /// When it began.
    pub started_at: Time,
    /// How long it took.
    pub duration: Duration,
    /// In the order in which they were made.
    pub checks: Vec<Check>,
}

impl Diagnosis {
    /// The worst that was found.
    pub fn verdict(&self) -> Status {
        let worst = self.checks.iter().map(|check| check.finding.status()).max().unwrap_or(Status::Ok);
        if worst < Status::Warning { Status::Ok } else { worst }
    }
}

/// One thing that was looked at.
#[derive(Debug)]
pub struct Check {
    /// What.
    pub name: CheckName,
    /// How it is.
    pub finding: Finding,
    /// The same in a sentence, with what was seen.
    pub text: String,
    /// How long it took, where that means something.
    pub duration: Option<Duration>,
    /// What was seen.
    pub detail: Option<Detail>,
}

/// What a check saw.
#[derive(Debug)]
pub enum Detail {
    /// The addresses of a name.
    Addresses(Vec<AddressSeen>),
    /// The address that was connected to.
    Peer(SocketAddr),
    /// The certificate that the server showed.
    Certificate(Box<CertificateSeen>),
    /// An answer, or what came instead.
    Answer(AnswerSeen),
    /// Where a redirect leads.
    Location(String),
    /// Failed attempts, newest first.
    Errors(Vec<ErrorSeen>),
}

/// An address of a name. One that must not be dialled is not shown: names that only resolve inside a network would otherwise
/// be looked up here by anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressSeen {
    /// It may be dialled.
    Allowed(IpAddr),
    /// It is never dialled.
    Refused(Refusal),
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateSeen {
    /// For whom.
    pub subject: String,
    /// By whom.
    pub issuer: String,
    /// The names and addresses it is for.
    pub names: Vec<String>,
    /// From when it is valid.
    pub not_before: Time,
    /// Until when.
    pub not_after: Time,
    /// How many whole days are left; negative when it has expired.
    pub days_left: i64,
    /// How many certificates the server showed.
    pub chain_length: usize,
}

/// An answer, or what came instead.
#[derive(Debug)]
pub struct AnswerSeen {
    /// As of an attempt.
    pub outcome: AttemptOutcome,
    /// The start of the body as text.
    pub excerpt: Option<String>,
}

impl AnswerSeen {
    pub(super) fn new(outcome: AttemptOutcome, body: Option<&[u8]>) -> Self {
        let excerpt = body.map(|body| {
            let start = &body[..body.len().min(EXCERPT_BYTES_MAX)];
            String::from_utf8_lossy(start).into_owned()
        });
        Self { outcome, excerpt }
    }
}

/// A failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorSeen {
    /// Of which delivery.
    pub delivery: DeliveryId,
    /// Its number.
    pub number: u32,
    /// When it started.
    pub started_at: Time,
    /// The word for its outcome.
    pub outcome: String,
    /// The word for the finer reason.
    pub reason: Option<String>,
    /// The status, when there was an answer.
    pub status: Option<u16>,
}

impl Check {
    pub(super) fn new(name: CheckName, finding: Finding, text: impl Into<String>) -> Self {
        Self { name, finding, text: text.into(), duration: None, detail: None }
    }

    pub(super) fn not_tried(name: CheckName) -> Self {
        Self::new(name, Finding::NotTried, "Not tried, because an earlier check failed.")
    }

    #[must_use]
    pub(super) fn took(self, duration: Duration) -> Self {
        Self { duration: Some(duration), ..self }
    }

    #[must_use]
    pub(super) fn showing(self, detail: Detail) -> Self {
        Self { detail: Some(detail), ..self }
    }

    /// Whether what follows from it cannot work.
    pub(super) fn has_failed(&self) -> bool {
        self.finding.status() == Status::Failed
    }
}
