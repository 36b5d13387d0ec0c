//! The smaller parts of a webhook as the API writes and reads them: disable rule, limits, signature.

use std::time::Duration;

use http::HeaderName;
use serde::{Deserialize, Serialize};
use stentor_core::header::is_reserved;
use stentor_core::limits::CONCURRENCY_MAX;
use stentor_core::policy::DisableRule;
use stentor_core::profile::{Profile, WebhookLimits};
use stentor_core::rate::Rate;
use stentor_core::signature::{SignatureScheme, SignedContent};
use utoipa::ToSchema;

use crate::http::extract::{Seconds, optional_object};
use crate::http::problem::FieldError;

/// Longest window of a rate, and longest time of failures before a webhook is disabled.
const DAY: Duration = Duration::from_secs(24 * 3_600);
const FAILING_FOR_MAX: Duration = Duration::from_secs(90 * 24 * 3_600);
/// Largest count of a rate.
const RATE_COUNT_MAX: u32 = 1_000_000;
/// Reserved for users, and yet right for a signature: the names of the seeds' profiles.
const SIGNATURE_HEADERS: [&str; 4] =
    ["x-webhook-signature", "x-webhook-timestamp", "x-broxi-signature", "x-broxi-timestamp"];

/// When the webhook is disabled by itself. It replaces the profile's rule as a whole: what is not given never disables.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DisableView {
    /// After only failures for this long, at most 90 days.
    pub(super) failing_for: Option<Seconds>,
    /// After this many failed attempts of one delivery.
    #[schema(minimum = 1)]
    pub(super) failed_attempts: Option<u32>,
    /// At once when the receiver answers 410 Gone.
    #[serde(default)]
    pub(super) gone: bool,
}

impl DisableView {
    pub(super) fn showing(rule: DisableRule) -> Self {
        Self {
            failing_for: rule.failing_for.map(Seconds),
            failed_attempts: rule.failed_attempts,
            gone: rule.gone,
        }
    }

    pub(super) fn rule(&self, errors: &mut Vec<FieldError>) -> DisableRule {
        if self.failing_for.is_some_and(|time| time.0.is_zero() || time.0 > FAILING_FOR_MAX) {
            errors.push(FieldError::new(
                "/disable/failing_for",
                "must be more than 0 and at most 7776000 seconds (90 days)",
            ));
        }
        if self.failed_attempts == Some(0) {
            errors.push(FieldError::new("/disable/failed_attempts", "must be at least 1"));
        }
        DisableRule {
            failing_for: self.failing_for.map(|time| time.0),
            failed_attempts: self.failed_attempts,
            gone: self.gone,
        }
    }
}

/// What the webhook may have in flight and start in a while; what is not given is as in the profile.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsView {
    /// Most requests in flight at once: 1 to 1 000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000)]
    pub(super) concurrency: Option<u32>,
    /// Most requests started in any window.
    #[serde(default, deserialize_with = "optional_object", skip_serializing_if = "Option::is_none")]
    pub(super) rate: Option<RateView>,
}

/// At most `count` requests start in any window of `period`.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RateView {
    /// 1 to 1 000 000.
    #[schema(minimum = 1, maximum = 1000000, example = 100)]
    count: u32,
    /// 1 second to 1 day.
    period: Seconds,
}

impl LimitsView {
    pub(super) fn showing(limits: WebhookLimits) -> Self {
        let rate = limits.rate.map(|rate| RateView { count: rate.count, period: Seconds(rate.period) });
        Self { concurrency: limits.concurrency, rate }
    }

    pub(super) fn limits(&self, errors: &mut Vec<FieldError>) -> WebhookLimits {
        if self.concurrency.is_some_and(|n| !(1..=CONCURRENCY_MAX).contains(&n)) {
            errors.push(FieldError::new(
                "/limits/concurrency",
                format!("must be between 1 and {CONCURRENCY_MAX}"),
            ));
        }
        let rate = self.rate.as_ref().map(|rate| Rate { count: rate.count, period: rate.period.0 });
        if rate.is_some_and(|rate| !(1..=RATE_COUNT_MAX).contains(&rate.count)) {
            errors.push(FieldError::new(
                "/limits/rate/count",
                format!("must be between 1 and {RATE_COUNT_MAX}"),
            ));
        }
        if rate.is_some_and(|rate| !(Duration::from_secs(1)..=DAY).contains(&rate.period)) {
            errors
                .push(FieldError::new("/limits/rate/period", "must be between 1 and 86400 seconds (1 day)"));
        }
        WebhookLimits { concurrency: self.concurrency, rate }
    }
}

/// How requests are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SchemeName {
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    Standard,
    /// Lower-case hex HMAC-SHA256 in one header.
    Hex,
}

/// How requests are signed; what is not given is as in the profile.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignatureView {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scheme: Option<SchemeName>,
    /// The header that carries a hex signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "x-webhook-signature")]
    pub(super) header: Option<String>,
    /// The header that carries the Unix seconds of the attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timestamp_header: Option<String>,
    /// What a hex signature covers: `body` or `timestamp.body`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "body")]
    pub(super) content: Option<SignedContent>,
}

impl SignatureView {
    pub(super) fn showing(scheme: &SignatureScheme) -> Self {
        match scheme {
            SignatureScheme::Standard => Self { scheme: Some(SchemeName::Standard), ..Self::default() },
            SignatureScheme::Hex { header, timestamp_header, content } => Self {
                scheme: Some(SchemeName::Hex),
                header: Some(header.to_string()),
                timestamp_header: timestamp_header.as_deref().map(Into::into),
                content: Some(*content),
            },
        }
    }

    pub(super) fn scheme(&self, profile: Profile, errors: &mut Vec<FieldError>) -> Option<SignatureScheme> {
        let inherited = Self::showing(&profile.signature());
        let hex_members = self.header.is_some() || self.timestamp_header.is_some() || self.content.is_some();
        let scheme = self.scheme.or(inherited.scheme).unwrap_or(SchemeName::Standard);
        if scheme == SchemeName::Standard {
            if hex_members {
                let only = "header, timestamp_header and content need the scheme hex";
                errors.push(FieldError::new("/signature", only));
            }
            return Some(SignatureScheme::Standard);
        }
        let before = errors.len();
        let header = self.header.clone().or(inherited.header);
        let timestamp_header = self.timestamp_header.clone().or(inherited.timestamp_header);
        let content = self.content.or(inherited.content).unwrap_or(SignedContent::Body);
        check_header("/signature/header", header.as_deref(), errors);
        if header.is_none() {
            errors.push(FieldError::new("/signature/header", "is needed by the scheme hex"));
        }
        if timestamp_header.is_some() {
            check_header("/signature/timestamp_header", timestamp_header.as_deref(), errors);
        } else if content == SignedContent::TimestampBody {
            errors.push(FieldError::new(
                "/signature/timestamp_header",
                "is needed when content is timestamp.body",
            ));
        }
        let header: Box<str> = header?.into();
        let scheme =
            SignatureScheme::Hex { header, timestamp_header: timestamp_header.map(Into::into), content };
        (errors.len() == before).then_some(scheme)
    }
}

fn check_header(pointer: &str, name: Option<&str>, errors: &mut Vec<FieldError>) {
    let Some(name) = name else { return };
    let known = SIGNATURE_HEADERS.iter().any(|known| known.eq_ignore_ascii_case(name));
    if HeaderName::try_from(name).is_err() {
        errors.push(FieldError::new(pointer, "must be a header name"));
    } else if is_reserved(name) && !known {
        errors.push(FieldError::new(
            pointer,
            "belongs to the gateway or to the connection; choose another name",
        ));
    }
}
