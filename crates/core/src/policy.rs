//! The delivery policy of a webhook: when to try, how long, what to retry, when to disable.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::attempt::AttemptOutcome;

/// The waits before each attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// One wait per attempt; the first is the wait before the first attempt.
    List(Vec<Duration>),
    /// The first attempt at once, then `retries` more: `initial`, doubled each time if `doubling`, at most `cap`.
    Stepped {
        /// Retries after the first attempt.
        retries: u32,
        /// Wait before the first retry.
        initial: Duration,
        /// Whether each wait doubles the one before.
        doubling: bool,
        /// Longest wait.
        cap: Duration,
    },
}

impl Schedule {
    /// How many attempts there are in all.
    pub fn attempts(&self) -> u32 {
        match self {
            Self::List(waits) => u32::try_from(waits.len()).unwrap_or(u32::MAX),
            Self::Stepped { retries, .. } => retries.saturating_add(1),
        }
    }

    /// The wait before attempt `number` (1 for the first); none past the last.
    pub fn wait_before(&self, number: u32) -> Option<Duration> {
        let index = number.checked_sub(1)?;
        match self {
            Self::List(waits) => waits.get(usize::try_from(index).ok()?).copied(),
            Self::Stepped { retries, initial, doubling, cap } => match index {
                0 => Some(Duration::ZERO),
                n if n > *retries => None,
                n if *doubling => {
                    Some(initial.saturating_mul(1_u32.checked_shl(n - 1).unwrap_or(u32::MAX)).min(*cap))
                }
                _ => Some((*initial).min(*cap)),
            },
        }
    }

    /// All waits in order.
    pub fn waits(&self) -> impl Iterator<Item = Duration> + '_ {
        (1..=self.attempts()).filter_map(|number| self.wait_before(number))
    }
}

/// Which outcomes are worth another attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryOn {
    /// Statuses that are retried; none means every status that is not 2xx.
    pub statuses: Option<Vec<u16>>,
    /// Whether broken exchanges are retried.
    pub network: bool,
    /// Whether timeouts are retried.
    pub timeout: bool,
}

impl RetryOn {
    /// Everything that is not a success.
    pub const EVERYTHING: Self = Self { statuses: None, network: true, timeout: true };

    /// Whether the outcome is worth another attempt. An address that must not be dialled may change with DNS or with
    /// the operator's allow-list, so it counts as a broken exchange.
    pub fn allows(&self, outcome: &AttemptOutcome) -> bool {
        match outcome {
            AttemptOutcome::Delivered { .. } => false,
            AttemptOutcome::Refused { status, .. } => {
                self.statuses.as_ref().is_none_or(|listed| listed.contains(status))
            }
            AttemptOutcome::Timeout { .. } => self.timeout,
            AttemptOutcome::Network { .. } | AttemptOutcome::Blocked { .. } => self.network,
            AttemptOutcome::Unsendable | AttemptOutcome::Template => false,
        }
    }
}

/// When Stentor disables a webhook by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DisableRule {
    /// After only failures for this long.
    pub failing_for: Option<Duration>,
    /// After this many failed attempts of one delivery.
    pub failed_attempts: Option<u32>,
    /// At once when the receiver answers 410 Gone.
    pub gone: bool,
}

/// The whole policy, with nothing left open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The waits before each attempt.
    pub schedule: Schedule,
    /// How far a wait may deviate either way, in percent. The first attempt has no jitter.
    pub jitter_percent: u8,
    /// Total time of one attempt, from resolving the name to the last body byte.
    pub timeout: Duration,
    /// Which outcomes are retried.
    pub retry_on: RetryOn,
    /// Longest wait that a `Retry-After` may ask for.
    pub retry_after_cap: Duration,
    /// When the webhook is disabled.
    pub disable: DisableRule,
}

/// Parts of a policy that a webhook sets itself; the rest comes from its profile.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PolicyOverrides {
    /// Replaces the schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Replaces the jitter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_percent: Option<u8>,
    /// Replaces the timeout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Replaces the conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_on: Option<RetryOn>,
    /// Replaces the disable rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disable: Option<DisableRule>,
}

impl Policy {
    /// This policy with the parts replaced that are set.
    #[must_use]
    pub fn with(mut self, overrides: &PolicyOverrides) -> Self {
        if let Some(schedule) = &overrides.schedule {
            self.schedule = schedule.clone();
        }
        if let Some(jitter_percent) = overrides.jitter_percent {
            self.jitter_percent = jitter_percent;
        }
        if let Some(timeout) = overrides.timeout {
            self.timeout = timeout;
        }
        if let Some(retry_on) = &overrides.retry_on {
            self.retry_on = retry_on.clone();
        }
        if let Some(disable) = overrides.disable {
            self.disable = disable;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(schedule: &Schedule) -> Vec<u64> {
        schedule.waits().map(|wait| wait.as_secs()).collect()
    }

    #[test]
    fn stepped_schedules_double_up_to_their_cap() {
        let stepped = |retries, doubling| Schedule::Stepped {
            retries,
            initial: Duration::from_secs(5),
            doubling,
            cap: Duration::from_secs(60),
        };
        assert_eq!(seconds(&stepped(3, true)), [0, 5, 10, 20]);
        assert_eq!(seconds(&stepped(6, true)), [0, 5, 10, 20, 40, 60, 60]);
        assert_eq!(seconds(&stepped(2, false)), [0, 5, 5]);
        assert_eq!(stepped(49, true).wait_before(50), Some(Duration::from_secs(60)));
        assert_eq!(stepped(3, true).wait_before(5), None);
        assert_eq!(stepped(3, true).wait_before(0), None);
    }

    #[test]
    fn a_list_is_taken_as_written() {
        let list = Schedule::List([0, 60, 300].map(Duration::from_secs).into());
        assert_eq!(seconds(&list), [0, 60, 300]);
        assert_eq!((list.attempts(), list.wait_before(4)), (3, None));
    }

    #[test]
    fn listed_statuses_leave_the_others_alone() {
        let only_503 = RetryOn { statuses: Some(vec![503]), network: false, timeout: true };
        let refused = |status| AttemptOutcome::Refused { status, retry_after: None };
        assert!(only_503.allows(&refused(503)) && !only_503.allows(&refused(500)));
        assert!(RetryOn::EVERYTHING.allows(&refused(301)) && RetryOn::EVERYTHING.allows(&refused(400)));
        assert!(!RetryOn::EVERYTHING.allows(&AttemptOutcome::Delivered { status: 204 }));
    }
}
