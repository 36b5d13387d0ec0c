//! The report of a diagnosis as the API shows it.

use serde::Serialize;
use stentor_core::id::{DeliveryId, WebhookId};
use stentor_core::time::Time;
use stentor_engine::diagnose::report::{
    AddressSeen, AnswerSeen, CertificateSeen, Check, Detail, Diagnosis, ErrorSeen,
};
use utoipa::ToSchema;

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Diagnosis)]
pub(in crate::http::api::webhooks) struct DiagnosisView {
    #[schema(value_type = Option<String>)]
    webhook_id: Option<WebhookId>,
    /// Where requests go, without the query.
    url: String,
    /// The worst of all checks: `ok`, `warning` or `failed`.
    #[schema(example = "failed")]
    verdict: &'static str,
    #[schema(value_type = String, format = DateTime)]
    started_at: Time,
    duration_ms: f64,
    /// In the order in which they were made.
    checks: Vec<CheckView>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DiagnosisCheck)]
struct CheckView {
    /// What: `url`, `dns`, `tcp`, `tls`, `certificate_chain`, `certificate_name`, `certificate_expiry`, `get`, `post`,
    /// `redirect`, `time`; of a webhook also `status`, `rate`, `breaker`, `backlog`, `errors`.
    #[schema(example = "certificate_expiry")]
    check: &'static str,
    /// `ok`, `note`, `warning`, `failed` or `skipped`.
    #[schema(example = "failed")]
    status: &'static str,
    /// Stable word for the finding; docs/diagnose.md explains each.
    #[schema(example = "expiry_passed")]
    code: &'static str,
    /// The finding in a sentence.
    finding: String,
    /// What to do; null when there is nothing to do.
    advice: Option<&'static str>,
    duration_ms: Option<f64>,
    /// The addresses of the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    addresses: Option<Vec<AddressView>>,
    /// The address that was connected to.
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<CertificateView>,
    /// What was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<AnswerView>,
    /// Where a redirect leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    /// Failed attempts, newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<ErrorView>>,
}

/// An address of the name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DiagnosedAddress)]
struct AddressView {
    /// Null when it must not be dialled.
    address: Option<String>,
    /// Why it must not be dialled, such as `private` or `loopback`; null when it may be.
    refusal: Option<&'static str>,
}

/// The server's certificate.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DiagnosedCertificate)]
struct CertificateView {
    subject: String,
    issuer: String,
    /// The names and addresses that it is for.
    names: Vec<String>,
    #[schema(value_type = String, format = DateTime)]
    not_before: Time,
    #[schema(value_type = String, format = DateTime)]
    not_after: Time,
    /// Negative when it has expired.
    days_left: i64,
    /// How many certificates the server showed.
    chain_length: usize,
}

/// What was answered, in the words of an attempt.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DiagnosedAnswer)]
struct AnswerView {
    outcome: &'static str,
    reason: Option<&'static str>,
    status: Option<u16>,
    /// The start of the body as text.
    excerpt: Option<String>,
}

/// A failed attempt.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DiagnosedError)]
struct ErrorView {
    #[schema(value_type = String)]
    delivery_id: DeliveryId,
    number: u32,
    #[schema(value_type = String, format = DateTime)]
    started_at: Time,
    outcome: String,
    reason: Option<String>,
    status: Option<u16>,
}

impl From<Diagnosis> for DiagnosisView {
    fn from(diagnosis: Diagnosis) -> Self {
        Self {
            webhook_id: diagnosis.webhook,
            verdict: diagnosis.verdict().as_str(),
            url: diagnosis.url,
            started_at: diagnosis.started_at,
            duration_ms: millis(diagnosis.duration),
            checks: diagnosis.checks.into_iter().map(CheckView::from).collect(),
        }
    }
}

impl From<Check> for CheckView {
    fn from(check: Check) -> Self {
        let mut view = Self {
            check: check.name.as_str(),
            status: check.finding.status().as_str(),
            code: check.finding.code(),
            finding: check.text,
            advice: check.finding.advice(),
            duration_ms: check.duration.map(millis),
            addresses: None,
            peer: None,
            certificate: None,
            answer: None,
            location: None,
            errors: None,
        };
        match check.detail {
            None => {}
            Some(Detail::Addresses(seen)) => view.addresses = Some(all(seen)),
            Some(Detail::Peer(peer)) => view.peer = Some(peer.to_string()),
            Some(Detail::Certificate(seen)) => view.certificate = Some((*seen).into()),
            Some(Detail::Answer(seen)) => view.answer = Some(seen.into()),
            Some(Detail::Location(location)) => view.location = Some(location),
            Some(Detail::Errors(seen)) => view.errors = Some(all(seen)),
        }
        view
    }
}

impl From<AddressSeen> for AddressView {
    fn from(seen: AddressSeen) -> Self {
        match seen {
            AddressSeen::Allowed(ip) => Self { address: Some(ip.to_string()), refusal: None },
            AddressSeen::Refused(refusal) => Self { address: None, refusal: Some(refusal.code()) },
        }
    }
}

impl From<CertificateSeen> for CertificateView {
    fn from(seen: CertificateSeen) -> Self {
        let CertificateSeen { subject, issuer, names, not_before, not_after, days_left, chain_length } = seen;
        Self { subject, issuer, names, not_before, not_after, days_left, chain_length }
    }
}

impl From<AnswerSeen> for AnswerView {
    fn from(seen: AnswerSeen) -> Self {
        let outcome = seen.outcome;
        Self {
            outcome: outcome.kind(),
            reason: outcome.reason(),
            status: outcome.status(),
            excerpt: seen.excerpt,
        }
    }
}

impl From<ErrorSeen> for ErrorView {
    fn from(seen: ErrorSeen) -> Self {
        let ErrorSeen { delivery, number, started_at, outcome, reason, status } = seen;
        Self { delivery_id: delivery, number, started_at, outcome, reason, status }
    }
}

fn all<T: Into<View>, View>(seen: Vec<T>) -> Vec<View> {
    seen.into_iter().map(Into::into).collect()
}

fn millis(duration: std::time::Duration) -> f64 {
    duration.as_micros() as f64 / 1_000.0
}
