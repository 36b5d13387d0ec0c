//! The smaller parts of a webhook as the API writes and reads them: disable rule and limits.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use stentor_core::limits::CONCURRENCY_MAX;
use stentor_core::policy::DisableRule;
use stentor_core::profile::WebhookLimits;
use stentor_core::rate::Rate;
use utoipa::ToSchema;

use crate::http::extract::{Seconds, optional_object};
use crate::http::problem::FieldError;

/// Longest window of a rate, and longest time of failures before a webhook is disabled.
const DAY: Duration = Duration::from_secs(24 * 3_600);
const FAILING_FOR_MAX: Duration = Duration::from_secs(90 * 24 * 3_600);
/// Largest count of a rate.
const RATE_COUNT_MAX: u32 = 1_000_000;

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
