//! `retry_policy` in the spellings of Stentor and of seed 003.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use stentor_core::limits::{ATTEMPTS_MAX, WAIT_SECONDS_MAX};
use stentor_core::policy::{RetryOn, Schedule};
use stentor_core::profile::Profile;
use utoipa::ToSchema;

use super::conditions::{NonRetryConditions, OneOrMany, RetryConditions};
use crate::http::extract::Seconds;
use crate::http::problem::FieldError;

/// When a failed attempt is followed by another. Either `schedule`, or retries by `max_retries` and its companions;
/// what is not given comes from the profile.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetryPolicy {
    /// The waits before each attempt, the first one before the first attempt. At most 50, each at most 7 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!([0, 5, 300]))]
    pub(super) schedule: Option<Vec<Seconds>>,
    /// Retries after the first attempt: 0 to 49.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_retries: Option<u32>,
    /// Wait before the first retry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_delay: Option<Seconds>,
    /// Another name of `retry_delay`.
    #[serde(skip_serializing)]
    initial_delay: Option<Seconds>,
    /// Whether each wait doubles the one before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exponential_backoff: Option<bool>,
    /// Longest wait of a doubling schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_delay: Option<Seconds>,
    /// How far a wait may deviate either way: 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 100)]
    pub(super) jitter_percent: Option<u8>,
    /// What is retried. An object, or a list of objects as in seed 003.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RetryConditions>)]
    pub(super) retry_conditions: Option<OneOrMany<RetryConditions>>,
    /// What is not retried; taken away from what is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<NonRetryConditions>)]
    pub(super) non_retry_conditions: Option<OneOrMany<NonRetryConditions>>,
}

/// The members that a list of waits excludes.
pub(super) const STEPPED_MEMBERS: [&str; 5] =
    ["max_retries", "retry_delay", "initial_delay", "exponential_backoff", "max_delay"];

/// A doubling schedule where neither the webhook nor its profile says more (seed 003).
const RETRIES: u32 = 3;
const INITIAL: Duration = Duration::from_secs(5);
const CAP: Duration = Duration::from_secs(60);

const POINTER: &str = "/retry_policy";

impl RetryPolicy {
    /// The schedule, if this sets one.
    pub(super) fn schedule(&self, profile: Profile, errors: &mut Vec<FieldError>) -> Option<Schedule> {
        let stepped = self.max_retries.is_some()
            || self.first_wait().is_some()
            || self.exponential_backoff.is_some()
            || self.max_delay.is_some();
        match &self.schedule {
            Some(_) if stepped => {
                let excluded = "excludes max_retries, retry_delay, exponential_backoff and max_delay";
                errors.push(FieldError::new(format!("{POINTER}/schedule"), excluded));
                None
            }
            Some(waits) => list(waits, errors),
            None if stepped => self.stepped(profile, errors),
            None => None,
        }
    }

    fn first_wait(&self) -> Option<Seconds> {
        self.retry_delay.or(self.initial_delay)
    }

    fn stepped(&self, profile: Profile, errors: &mut Vec<FieldError>) -> Option<Schedule> {
        let (retries, initial, doubling, cap) = match profile.policy().schedule {
            Schedule::Stepped { retries, initial, doubling, cap } => (retries, initial, doubling, cap),
            Schedule::List(_) => (RETRIES, INITIAL, true, CAP),
        };
        let retries = self.max_retries.unwrap_or(retries);
        let initial = self.first_wait().map_or(initial, |wait| wait.0);
        let cap = self.max_delay.map_or(cap.max(initial), |wait| wait.0);
        let before = errors.len();
        if self.retry_delay.is_some() && self.initial_delay.is_some() {
            errors.push(FieldError::new(
                format!("{POINTER}/initial_delay"),
                "is another name of retry_delay; give one of them",
            ));
        }
        if retries as usize >= ATTEMPTS_MAX {
            let expected = format!("must be between 0 and {}", ATTEMPTS_MAX - 1);
            errors.push(FieldError::new(format!("{POINTER}/max_retries"), expected));
        }
        check_wait(format!("{POINTER}/retry_delay"), initial, errors);
        check_wait(format!("{POINTER}/max_delay"), cap, errors);
        if cap < initial {
            errors.push(FieldError::new(
                format!("{POINTER}/max_delay"),
                "must not be shorter than retry_delay",
            ));
        }
        let doubling = self.exponential_backoff.unwrap_or(doubling);
        (errors.len() == before).then_some(Schedule::Stepped { retries, initial, doubling, cap })
    }

    /// The jitter, if this sets one.
    pub(super) fn jitter(&self, errors: &mut Vec<FieldError>) -> Option<u8> {
        if self.jitter_percent.is_some_and(|percent| percent > 100) {
            errors.push(FieldError::new(format!("{POINTER}/jitter_percent"), "must be between 0 and 100"));
        }
        self.jitter_percent
    }

    /// What is retried, if this sets it.
    pub(super) fn retry_on(&self, profile: Profile, errors: &mut Vec<FieldError>) -> Option<RetryOn> {
        super::conditions::retry_on(
            self.retry_conditions.as_ref(),
            self.non_retry_conditions.as_ref(),
            &profile.policy().retry_on,
            errors,
        )
    }

    /// The members that lead to this schedule, jitter and conditions.
    pub(super) fn showing(
        schedule: Option<&Schedule>,
        jitter: Option<u8>,
        retry_on: Option<&RetryOn>,
    ) -> Self {
        let shown = Self {
            jitter_percent: jitter,
            retry_conditions: retry_on.map(|retry_on| OneOrMany::One(RetryConditions::showing(retry_on))),
            ..Self::default()
        };
        match schedule {
            None => shown,
            Some(Schedule::List(waits)) => {
                Self { schedule: Some(waits.iter().copied().map(Seconds).collect()), ..shown }
            }
            Some(Schedule::Stepped { retries, initial, doubling, cap }) => Self {
                max_retries: Some(*retries),
                retry_delay: Some(Seconds(*initial)),
                exponential_backoff: Some(*doubling),
                max_delay: Some(Seconds(*cap)),
                ..shown
            },
        }
    }
}

fn list(waits: &[Seconds], errors: &mut Vec<FieldError>) -> Option<Schedule> {
    let before = errors.len();
    if waits.is_empty() || waits.len() > ATTEMPTS_MAX {
        let expected = format!("must hold 1 to {ATTEMPTS_MAX} waits");
        errors.push(FieldError::new(format!("{POINTER}/schedule"), expected));
    }
    for (index, wait) in waits.iter().enumerate().take(ATTEMPTS_MAX) {
        check_wait(format!("{POINTER}/schedule/{index}"), wait.0, errors);
    }
    (errors.len() == before).then(|| Schedule::List(waits.iter().map(|wait| wait.0).collect()))
}

fn check_wait(pointer: String, wait: Duration, errors: &mut Vec<FieldError>) {
    if wait > Duration::from_secs(WAIT_SECONDS_MAX) {
        errors.push(FieldError::new(pointer, format!("must be at most {WAIT_SECONDS_MAX} seconds (7 days)")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str, profile: Profile) -> Result<Option<Vec<u64>>, Vec<String>> {
        let policy: RetryPolicy = serde_json::from_str(json).expect("the shape is right");
        let mut errors = Vec::new();
        let schedule = policy.schedule(profile, &mut errors);
        if errors.is_empty() {
            Ok(schedule.map(|schedule| schedule.waits().map(|wait| wait.as_secs()).collect()))
        } else {
            Err(errors.into_iter().map(|error| error.pointer).collect())
        }
    }

    #[test]
    fn the_seeds_spellings_mean_what_the_seeds_say() {
        let printed = r#"{"max_retries": 3, "retry_delay": 5, "exponential_backoff": true}"#;
        assert_eq!(read(printed, Profile::Standard), Ok(Some(vec![0, 5, 10, 20])));
        let yaml =
            r#"{"max_retries": 6, "initial_delay": "5s", "exponential_backoff": true, "max_delay": "60s"}"#;
        assert_eq!(read(yaml, Profile::Standard), Ok(Some(vec![0, 5, 10, 20, 40, 60, 60])));
        assert_eq!(read(r#"{"max_retries": 1}"#, Profile::Broxi), Ok(Some(vec![0, 5])));
        assert_eq!(read(r#"{"schedule": [0, "1m", 300]}"#, Profile::Standard), Ok(Some(vec![0, 60, 300])));
        assert_eq!(read(r#"{"jitter_percent": 5}"#, Profile::Standard), Ok(None));
        assert_eq!(read(r#"{"retry_delay": 90}"#, Profile::Standard), Ok(Some(vec![0, 90, 90, 90])));
    }

    #[test]
    fn every_limit_has_its_pointer() {
        for (json, pointer) in [
            (r#"{"max_retries": 50}"#, "/retry_policy/max_retries"),
            (r#"{"retry_delay": 604801}"#, "/retry_policy/retry_delay"),
            (r#"{"retry_delay": 10, "max_delay": 5}"#, "/retry_policy/max_delay"),
            (r#"{"retry_delay": 5, "initial_delay": 5}"#, "/retry_policy/initial_delay"),
            (r#"{"schedule": []}"#, "/retry_policy/schedule"),
            (r#"{"schedule": [0, "8d"]}"#, "/retry_policy/schedule/1"),
            (r#"{"schedule": [0], "max_retries": 1}"#, "/retry_policy/schedule"),
        ] {
            let errors = read(json, Profile::Standard).expect_err("refused");
            assert_eq!(errors[0], pointer, "{json}");
        }
    }
}
