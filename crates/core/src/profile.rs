//! Profiles: named bundles of format, signature, retry, timeout, limits and disable rule (design section 5).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::format::Format;
use crate::policy::{DisableRule, Policy, RetryOn, Schedule};
use crate::rate::Rate;
use crate::signature::{Encoding, Signature, SignatureScheme, SignedContent};

/// A named bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Standard Webhooks; the default.
    #[default]
    Standard,
    /// Seed 003.
    Broxi,
    /// Seed 002.
    Conversation,
    /// Seed 004.
    Resource,
    /// The event's own bytes and content type.
    Raw,
    /// `CloudEvents` 1.0.
    Cloudevents,
}

/// What a webhook may have in flight and start in a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WebhookLimits {
    /// Most requests in flight at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Most requests started in any window of the period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
}

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

const fn hours(n: u64) -> Duration {
    Duration::from_secs(n * 3_600)
}

const RETRY_AFTER_CAP: Duration = hours(24);
const DISABLE_AFTER: Duration = hours(5 * 24);

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 6] =
        [Self::Standard, Self::Broxi, Self::Conversation, Self::Resource, Self::Raw, Self::Cloudevents];

    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Broxi => "broxi",
            Self::Conversation => "conversation",
            Self::Resource => "resource",
            Self::Raw => "raw",
            Self::Cloudevents => "cloudevents",
        }
    }

    /// The profile with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == word)
    }

    /// The shape of its body.
    pub const fn format(self) -> Format {
        match self {
            Self::Standard => Format::Standard,
            Self::Broxi => Format::Broxi,
            Self::Conversation => Format::Conversation,
            Self::Resource => Format::Resource,
            Self::Raw => Format::Raw,
            Self::Cloudevents => Format::Cloudevents,
        }
    }

    /// Its policy.
    pub fn policy(self) -> Policy {
        match self {
            Self::Standard | Self::Raw | Self::Cloudevents => standard_policy(),
            Self::Broxi => broxi_policy(),
            Self::Conversation => conversation_policy(),
            Self::Resource => resource_policy(),
        }
    }

    /// Its signature. The one of seed 003 has the standard one beside it (readings 003).
    pub fn signature(self) -> Signature {
        match self {
            Self::Standard | Self::Raw | Self::Cloudevents => Signature::only(SignatureScheme::Standard),
            Self::Conversation => Signature { optional: true, ..Signature::only(SignatureScheme::Standard) },
            Self::Broxi => {
                Signature { also: vec![SignatureScheme::Standard], ..Signature::only(broxi_scheme()) }
            }
            Self::Resource => Signature::only(SignatureScheme::hex("x-webhook-signature")),
        }
    }

    /// Its limits.
    pub fn limits(self) -> WebhookLimits {
        match self {
            Self::Conversation => {
                WebhookLimits { concurrency: Some(10), rate: Some(Rate { count: 100, period: minutes(1) }) }
            }
            _ => WebhookLimits::default(),
        }
    }
}

/// Seed 003: hex over the body alone, the timestamp always beside it.
fn broxi_scheme() -> SignatureScheme {
    SignatureScheme::Hmac {
        header: "x-broxi-signature".into(),
        timestamp_header: Some("x-broxi-timestamp".into()),
        content: SignedContent::Body,
        encoding: Encoding::Hex,
        prefix: "".into(),
    }
}

/// Ten attempts over 75 hours, as the Standard Webhooks specification gives as its example.
fn standard_policy() -> Policy {
    Policy {
        schedule: Schedule::List(vec![
            Duration::ZERO,
            Duration::from_secs(5),
            minutes(5),
            minutes(30),
            hours(2),
            hours(5),
            hours(10),
            hours(14),
            hours(20),
            hours(24),
        ]),
        jitter_percent: 20,
        timeout: Duration::from_secs(20),
        retry_on: RetryOn::EVERYTHING,
        retry_after_cap: RETRY_AFTER_CAP,
        disable: DisableRule { failing_for: Some(DISABLE_AFTER), failed_attempts: None, gone: true },
    }
}

/// Seed 003; 429 is ours (readings 003).
fn broxi_policy() -> Policy {
    Policy {
        schedule: Schedule::Stepped {
            retries: 3,
            initial: Duration::from_secs(5),
            doubling: true,
            cap: Duration::from_secs(60),
        },
        jitter_percent: 0,
        timeout: Duration::from_secs(30),
        retry_on: RetryOn {
            statuses: Some(vec![500, 502, 503, 504, 408, 429]),
            network: true,
            timeout: true,
        },
        retry_after_cap: RETRY_AFTER_CAP,
        disable: DisableRule::default(),
    }
}

/// Seed 002.
fn conversation_policy() -> Policy {
    Policy {
        schedule: Schedule::List([0, 4, 8, 10].map(Duration::from_secs).into()),
        jitter_percent: 0,
        timeout: Duration::from_secs(30),
        retry_on: RetryOn::EVERYTHING,
        retry_after_cap: RETRY_AFTER_CAP,
        disable: DisableRule::default(),
    }
}

/// Seed 004.
fn resource_policy() -> Policy {
    Policy {
        schedule: Schedule::List(vec![Duration::ZERO, minutes(1), minutes(5), minutes(30), hours(2)]),
        jitter_percent: 0,
        timeout: Duration::from_secs(5),
        retry_on: RetryOn::EVERYTHING,
        retry_after_cap: RETRY_AFTER_CAP,
        disable: DisableRule { failing_for: None, failed_attempts: Some(5), gone: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(profile: Profile) -> Vec<u64> {
        profile.policy().schedule.waits().map(|wait| wait.as_secs()).collect()
    }

    #[test]
    fn tables_are_those_of_the_design() {
        assert_eq!(waits(Profile::Standard).iter().sum::<u64>(), 75 * 3_600 + 35 * 60 + 5);
        assert_eq!(waits(Profile::Broxi), [0, 5, 10, 20]);
        assert_eq!(waits(Profile::Conversation), [0, 4, 8, 10]);
        assert_eq!(waits(Profile::Resource), [0, 60, 300, 1_800, 7_200]);
        let timeouts = Profile::ALL.map(|profile| profile.policy().timeout.as_secs());
        assert_eq!(timeouts, [20, 30, 30, 5, 20, 20]);
    }

    #[test]
    fn seed_profiles_have_no_jitter_and_no_special_410() {
        for profile in [Profile::Broxi, Profile::Conversation, Profile::Resource] {
            let policy = profile.policy();
            assert_eq!((policy.jitter_percent, policy.disable.gone), (0, false), "{profile:?}");
        }
    }

    #[test]
    fn words_round_trip() {
        for profile in Profile::ALL {
            assert_eq!(Profile::from_word(profile.as_str()), Some(profile));
        }
    }
}
