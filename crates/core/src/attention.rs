//! Whether somebody should look at a webhook, and why: what the overview of the dashboard opens with.

use std::time::Duration;

use crate::statistics::{HealthStatus, Rollup};
use crate::time::Time;
use crate::webhook::{DisableReason, WebhookStatus};

/// A webhook that has had only failures is told after so many attempts: one failure alone is what retries are for.
const FAILED_ATTEMPTS_MIN: u64 = 3;
/// Or after it has failed for so long.
const FAILING_FOR_MIN: Duration = Duration::from_secs(60);
/// From here on an attempt gives its permit to others (`engine/src/permits.rs`), so a webhook whose answers usually take longer holds
/// itself up.
const SLOW: Duration = Duration::from_secs(2);

/// What is known of a webhook.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Whether it delivers.
    pub status: WebhookStatus,
    /// Since when it has had only failures.
    pub failing_since: Option<Time>,
    /// What it did lately.
    pub lately: &'a Rollup,
}

/// Why somebody should look at it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Concern {
    /// Stentor stopped it.
    Disabled(DisableReason),
    /// It has had only failures.
    Failing {
        /// Since the first of them.
        since: Time,
    },
    /// Of what ended lately too much was given up (the rule of its health).
    Degraded {
        /// Delivered of all that ended, 0 to 100; none when only attempts failed.
        success_rate: Option<f64>,
    },
    /// Half of its answers take longer than two seconds.
    Slow {
        /// The median.
        median: Duration,
    },
}

/// The gravest concern; none when all is well, or when a person stopped it.
pub fn concern(known: &Known<'_>, now: Time) -> Option<Concern> {
    match known.status {
        WebhookStatus::Disabled(reason) => return Some(Concern::Disabled(reason)),
        WebhookStatus::Paused | WebhookStatus::Deleted => return None,
        WebhookStatus::Active => {}
    }
    let failed: u64 = known.lately.errors().map(|(_, count)| count).sum();
    if let Some(since) = known.failing_since
        && (failed >= FAILED_ATTEMPTS_MIN || now.since(since) >= FAILING_FOR_MIN)
    {
        return Some(Concern::Failing { since });
    }
    let ended = known.lately.total_deliveries() > 0;
    if ended && known.lately.status() == HealthStatus::Degraded {
        return Some(Concern::Degraded { success_rate: known.lately.success_rate() });
    }
    let median = known.lately.response_time.percentile(50).map(Duration::from_micros);
    median.filter(|median| *median > SLOW).map(|median| Concern::Slow { median })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_seconds(1_700_000_000);

    fn concern_of(status: WebhookStatus, failing_for: Option<u64>, lately: &Rollup) -> Option<Concern> {
        let failing_since = failing_for.map(|seconds| NOW.minus(Duration::from_secs(seconds)));
        concern(&Known { status, failing_since, lately }, NOW)
    }

    fn took(seconds: u64) -> Rollup {
        let mut sums = Rollup::default();
        sums.delivered = 10;
        (0..10).for_each(|_| sums.response_time.record(seconds * 1_000_000));
        sums
    }

    #[test]
    fn what_a_person_stopped_or_what_delivers_concerns_nobody() {
        let quiet = Rollup::default();
        assert_eq!(concern_of(WebhookStatus::Active, None, &quiet), None);
        assert_eq!(concern_of(WebhookStatus::Paused, Some(9_000), &took(9)), None);
        assert_eq!(concern_of(WebhookStatus::Active, None, &took(1)), None);
    }

    #[test]
    fn one_failure_alone_is_what_retries_are_for() {
        let quiet = Rollup::default();
        assert_eq!(concern_of(WebhookStatus::Active, Some(59), &quiet), None);
        let since = NOW.minus(FAILING_FOR_MIN);
        assert_eq!(concern_of(WebhookStatus::Active, Some(60), &quiet), Some(Concern::Failing { since }));
    }

    #[test]
    fn the_gravest_is_told() {
        let reason = DisableReason::Gone;
        assert_eq!(
            concern_of(WebhookStatus::Disabled(reason), Some(9_000), &took(9)),
            Some(Concern::Disabled(reason))
        );
        let mut lossy = took(9);
        lossy.dead = 10;
        assert!(matches!(
            concern_of(WebhookStatus::Active, None, &lossy),
            Some(Concern::Degraded { success_rate: Some(rate) }) if (rate - 50.0).abs() < 0.01
        ));
        let Some(Concern::Slow { median }) = concern_of(WebhookStatus::Active, None, &took(9)) else {
            panic!("slow")
        };
        assert!(median > Duration::from_secs(8) && median < Duration::from_secs(10), "{median:?}");
    }
}
