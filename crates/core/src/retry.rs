//! What follows from an attempt: the one place that decides between delivered, another attempt, and giving up.

use std::time::Duration;

use crate::attempt::AttemptOutcome;
use crate::delivery::{DeadReason, FinalState};
use crate::policy::Policy;
use crate::time::Time;
use crate::webhook::DisableReason;

/// All that the decision depends on.
#[derive(Debug)]
pub struct StepInput<'a> {
    /// The webhook's current policy.
    pub policy: &'a Policy,
    /// The number of the attempt that just ended, 1 for the first.
    pub attempt: u32,
    /// What came of it.
    pub outcome: &'a AttemptOutcome,
    /// When it ended.
    pub now: Time,
    /// A random number in `-1.0..=1.0` that places the next wait within its jitter.
    pub jitter: f64,
    /// Since when the webhook has had only failures, if it has.
    pub failing_since: Option<Time>,
}

/// What becomes of the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Another attempt at this time.
    RetryAt(Time),
    /// It ended.
    Final(FinalState),
}

/// What becomes of the webhook's record of failures; written only when it changes (engine rule E21).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthChange {
    /// As before.
    Unchanged,
    /// The first failure after successes.
    StartedFailing,
    /// The first success after failures.
    Recovered,
}

/// The whole decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextStep {
    /// What becomes of the delivery.
    pub step: Step,
    /// What becomes of the record of failures.
    pub health: HealthChange,
    /// Whether the webhook is to be disabled, and why.
    pub disable: Option<DisableReason>,
}

/// Decides what follows from an attempt.
pub fn next_step(input: &StepInput<'_>) -> NextStep {
    if input.outcome.is_success() {
        let health = match input.failing_since {
            Some(_) => HealthChange::Recovered,
            None => HealthChange::Unchanged,
        };
        return NextStep { step: Step::Final(FinalState::Delivered), health, disable: None };
    }
    let health = match input.failing_since {
        Some(_) => HealthChange::Unchanged,
        None => HealthChange::StartedFailing,
    };
    NextStep { step: after_failure(input), health, disable: disable_reason(input) }
}

fn after_failure(input: &StepInput<'_>) -> Step {
    if matches!(input.outcome, AttemptOutcome::Template) {
        return Step::Final(FinalState::Dead(DeadReason::Template));
    }
    if !input.policy.retry_on.allows(input.outcome) {
        return Step::Final(FinalState::Dead(DeadReason::NotRetried));
    }
    match input.policy.schedule.wait_before(input.attempt.saturating_add(1)) {
        None => Step::Final(FinalState::Dead(DeadReason::Exhausted)),
        Some(wait) => Step::RetryAt(input.now.plus(wait_with_retry_after(input, wait))),
    }
}

/// `Retry-After` extends a wait and never shortens it, up to the policy's cap (design section 5).
fn wait_with_retry_after(input: &StepInput<'_>, wait: Duration) -> Duration {
    let planned = jittered(wait, input.policy.jitter_percent, input.jitter);
    match input.outcome {
        AttemptOutcome::Refused { retry_after: Some(asked), .. } => {
            planned.max((*asked).min(input.policy.retry_after_cap))
        }
        _ => planned,
    }
}

fn jittered(wait: Duration, percent: u8, jitter: f64) -> Duration {
    let share = f64::from(percent.min(100)) / 100.0 * jitter.clamp(-1.0, 1.0);
    Duration::try_from_secs_f64(wait.as_secs_f64() * (1.0 + share)).unwrap_or(wait)
}

fn disable_reason(input: &StepInput<'_>) -> Option<DisableReason> {
    let rule = input.policy.disable;
    if rule.gone && input.outcome.status() == Some(410) {
        return Some(DisableReason::Gone);
    }
    if rule.failed_attempts.is_some_and(|limit| input.attempt >= limit) {
        return Some(DisableReason::FailedAttempts);
    }
    let failing = input.failing_since.map(|since| input.now.since(since));
    match (rule.failing_for, failing) {
        (Some(limit), Some(failing)) if failing >= limit => Some(DisableReason::FailingTooLong),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::profile::Profile;

    const NOW: Time = Time::from_seconds(1_700_000_000);

    fn decide(profile: Profile, attempt: u32, outcome: AttemptOutcome) -> NextStep {
        let policy = profile.policy();
        next_step(&StepInput {
            policy: &policy,
            attempt,
            outcome: &outcome,
            now: NOW,
            jitter: 0.0,
            failing_since: None,
        })
    }

    fn refused(status: u16) -> AttemptOutcome {
        AttemptOutcome::Refused { status, retry_after: None }
    }

    #[test]
    fn success_ends_it_and_clears_the_failures() {
        let policy = Profile::Standard.policy();
        let outcome = AttemptOutcome::Delivered { status: 204 };
        let input = StepInput {
            policy: &policy,
            attempt: 7,
            outcome: &outcome,
            now: NOW,
            jitter: 1.0,
            failing_since: Some(NOW),
        };
        let next = next_step(&input);
        assert_eq!(next.step, Step::Final(FinalState::Delivered));
        assert_eq!((next.health, next.disable), (HealthChange::Recovered, None));
    }

    #[test]
    fn a_schedule_runs_out() {
        for (attempt, wait) in [(1, 4), (2, 8), (3, 10)] {
            let next = decide(Profile::Conversation, attempt, refused(500));
            assert_eq!(next.step, Step::RetryAt(NOW.plus(Duration::from_secs(wait))), "{attempt}");
        }
        let last = decide(Profile::Conversation, 4, refused(500));
        assert_eq!(last.step, Step::Final(FinalState::Dead(DeadReason::Exhausted)));
    }

    #[test]
    fn broxi_never_retries_a_400() {
        let next = decide(Profile::Broxi, 1, refused(400));
        assert_eq!(next.step, Step::Final(FinalState::Dead(DeadReason::NotRetried)));
    }

    #[test]
    fn what_a_template_cannot_make_is_dead_at_once() {
        for profile in Profile::ALL {
            let next = decide(profile, 1, AttemptOutcome::Template);
            assert_eq!(next.step, Step::Final(FinalState::Dead(DeadReason::Template)));
            assert_eq!(next.disable, None);
        }
    }

    #[test]
    fn the_fifth_failure_disables_a_resource_webhook_and_410_a_standard_one() {
        assert_eq!(decide(Profile::Resource, 4, refused(500)).disable, None);
        assert_eq!(decide(Profile::Resource, 5, refused(500)).disable, Some(DisableReason::FailedAttempts));
        assert_eq!(decide(Profile::Standard, 1, refused(410)).disable, Some(DisableReason::Gone));
        assert_eq!(decide(Profile::Broxi, 1, refused(410)).disable, None);
    }

    #[test]
    fn five_days_of_failures_disable() {
        let policy = Profile::Standard.policy();
        let outcome = refused(500);
        let after = |days: u64| {
            let now = NOW.plus(Duration::from_secs(days * 24 * 3_600));
            next_step(&StepInput {
                policy: &policy,
                attempt: 2,
                outcome: &outcome,
                now,
                jitter: 0.0,
                failing_since: Some(NOW),
            })
        };
        assert_eq!(after(4).disable, None);
        assert_eq!(after(5).disable, Some(DisableReason::FailingTooLong));
    }

    proptest! {
        #[test]
        fn retry_after_extends_and_never_shortens(asked in 0_u64..400_000, attempt in 1_u32..9, jitter in -1.0..1.0_f64) {
            let policy = Profile::Standard.policy();
            let plain = refused(503);
            let asking = AttemptOutcome::Refused { status: 503, retry_after: Some(Duration::from_secs(asked)) };
            let at = |outcome: &AttemptOutcome| {
                let input = StepInput { policy: &policy, attempt, outcome, now: NOW, jitter, failing_since: None };
                match next_step(&input).step { Step::RetryAt(at) => at, other => panic!("{other:?}") }
            };
            prop_assert!(at(&asking) >= at(&plain));
            prop_assert!(at(&asking).since(NOW) <= policy.retry_after_cap.max(at(&plain).since(NOW)));
        }

        #[test]
        fn jitter_stays_within_its_share(jitter in -1.0..1.0_f64, attempt in 1_u32..9) {
            let policy = Profile::Standard.policy();
            let outcome = refused(500);
            let input = StepInput { policy: &policy, attempt, outcome: &outcome, now: NOW, jitter, failing_since: None };
            let Step::RetryAt(at) = next_step(&input).step else { panic!("not a retry") };
            let planned = policy.schedule.wait_before(attempt + 1).expect("within the schedule").as_secs_f64();
            let actual = at.since(NOW).as_secs_f64();
            prop_assert!((planned * 0.799..=planned * 1.201).contains(&actual));
        }
    }
}
