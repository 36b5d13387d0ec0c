//! `retry_conditions` and `non_retry_conditions` of seed 003.

use serde::{Deserialize, Serialize};
use stentor_core::policy::RetryOn;
use utoipa::ToSchema;

use crate::http::extract::{object, objects};
use crate::http::problem::FieldError;

/// Statuses that are not a success; a list of them all stands for "every one".
const FAILURE_STATUSES: std::ops::RangeInclusive<u16> = 300..=599;

/// One object, or several that are read as one, as in the seed's YAML.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
#[serde(untagged, expecting = "expected an object or a list of objects with status_codes and the like")]
pub(super) enum OneOrMany<T> {
    /// One.
    One(#[serde(deserialize_with = "object")] T),
    /// Several.
    Many(#[serde(deserialize_with = "objects")] Vec<T>),
}

impl<T> OneOrMany<T> {
    fn iter(&self) -> impl Iterator<Item = &T> {
        match self {
            Self::One(one) => std::slice::from_ref(one).iter(),
            Self::Many(many) => many.iter(),
        }
    }
}

/// What is retried; what is not given is as in the profile.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetryConditions {
    /// Only these statuses; `null` in answers means every one that is not 2xx.
    #[schema(example = json!([500, 502, 503, 504, 408, 429]))]
    status_codes: Option<Vec<u16>>,
    /// Whether broken exchanges are retried.
    network_errors: Option<bool>,
    /// Whether timeouts are retried.
    timeouts: Option<bool>,
}

/// What is not retried.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NonRetryConditions {
    /// These statuses are not retried.
    #[schema(example = json!([400, 401, 403, 404]))]
    status_codes: Option<Vec<u16>>,
    /// Whether an answer that is not HTTP is a reason to stop. Only `false`: it is retried as any broken exchange.
    malformed_response: Option<bool>,
}

impl RetryConditions {
    pub(super) fn showing(retry_on: &RetryOn) -> Self {
        Self {
            status_codes: retry_on.statuses.clone(),
            network_errors: Some(retry_on.network),
            timeouts: Some(retry_on.timeout),
        }
    }
}

/// The rule that the conditions make, on top of the profile's; none when there are no conditions.
pub(super) fn retry_on(
    retried: Option<&OneOrMany<RetryConditions>>,
    not_retried: Option<&OneOrMany<NonRetryConditions>>,
    profile: &RetryOn,
    errors: &mut Vec<FieldError>,
) -> Option<RetryOn> {
    if retried.is_none() && not_retried.is_none() {
        return None;
    }
    let mut rule = profile.clone();
    for condition in retried.into_iter().flat_map(OneOrMany::iter) {
        check("/retry_policy/retry_conditions", condition.status_codes.as_deref(), errors);
        rule.statuses = condition.status_codes.clone().or(rule.statuses);
        rule.network = condition.network_errors.unwrap_or(rule.network);
        rule.timeout = condition.timeouts.unwrap_or(rule.timeout);
    }
    for condition in not_retried.into_iter().flat_map(OneOrMany::iter) {
        let pointer = "/retry_policy/non_retry_conditions";
        check(pointer, condition.status_codes.as_deref(), errors);
        if condition.malformed_response == Some(true) {
            errors.push(FieldError::new(pointer, "malformed_response can only be false"));
        }
        if let Some(excluded) = &condition.status_codes {
            let mut kept = rule.statuses.take().unwrap_or_else(|| FAILURE_STATUSES.collect());
            kept.retain(|status| !excluded.contains(status));
            rule.statuses = Some(kept);
        }
    }
    Some(rule)
}

fn check(pointer: &str, statuses: Option<&[u16]>, errors: &mut Vec<FieldError>) {
    let statuses = statuses.unwrap_or_default();
    if statuses.len() > FAILURE_STATUSES.count()
        || statuses.iter().any(|status| !FAILURE_STATUSES.contains(status))
    {
        errors.push(FieldError::new(pointer, "status_codes must hold statuses between 300 and 599"));
    }
}

#[cfg(test)]
mod tests {
    use stentor_core::profile::Profile;

    use super::*;

    fn read(retried: &str, not_retried: &str) -> RetryOn {
        let retried = serde_json::from_str(retried).expect("conditions");
        let not_retried = serde_json::from_str(not_retried).expect("conditions");
        let mut errors = Vec::new();
        let rule =
            retry_on(Some(&retried), Some(&not_retried), &Profile::Standard.policy().retry_on, &mut errors);
        assert_eq!(errors, []);
        rule.expect("there are conditions")
    }

    #[test]
    fn the_seeds_lists_are_read_as_one_rule() {
        let rule = read(
            r#"[{"status_codes": [500, 502, 404]}, {"network_errors": false}, {"timeouts": true}]"#,
            r#"[{"status_codes": [400, 401, 403, 404]}, {"malformed_response": false}]"#,
        );
        assert_eq!(rule, RetryOn { statuses: Some(vec![500, 502]), network: false, timeout: true });
    }

    #[test]
    fn exclusions_alone_leave_every_other_failure() {
        let rule = read("{}", r#"{"status_codes": [400]}"#);
        let statuses = rule.statuses.expect("listed");
        assert!(!statuses.contains(&400) && statuses.contains(&301) && statuses.contains(&599));
    }

    #[test]
    fn successes_cannot_be_retried() {
        let retried = serde_json::from_str(r#"{"status_codes": [200]}"#).expect("conditions");
        let mut errors = Vec::new();
        retry_on(Some(&retried), None, &RetryOn::EVERYTHING, &mut errors);
        assert_eq!(errors.len(), 1);
    }

    #[test]
    fn members_without_their_names_are_no_conditions() {
        for text in ["[null, null, null]", "[[[500], true, true]]", "[[]]"] {
            assert!(serde_json::from_str::<OneOrMany<RetryConditions>>(text).is_err(), "{text}");
        }
    }
}
