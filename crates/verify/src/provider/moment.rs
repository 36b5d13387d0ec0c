//! The time at which a request was sent, and whether that is near enough.

use super::record::TimeUnit;
use super::refusal::Refusal;

/// What is accepted if the record does not say otherwise: the value of Standard Webhooks' libraries, Stripe and Slack.
pub(super) const DEFAULT_TOLERANCE_SECONDS: u64 = 300;
/// More is no protection from replay: repetitions are remembered for a day.
pub(super) const MAX_TOLERANCE_SECONDS: u64 = 86_400;

impl TimeUnit {
    const fn expected(self) -> &'static str {
        match self {
            Self::S => "a number of Unix seconds",
            Self::Ms => "a number of Unix milliseconds",
            Self::Iso => "a time in RFC 3339",
        }
    }

    /// Unix milliseconds.
    fn read(self, text: &str) -> Option<u64> {
        match self {
            Self::S => number(text)?.checked_mul(1000),
            Self::Ms => number(text),
            Self::Iso => {
                let time: jiff::Timestamp = text.parse().ok()?;
                u64::try_from(time.as_millisecond()).ok()
            }
        }
    }
}

/// `str::parse` alone would also take a leading plus sign.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Reads a time and checks its distance from now. Both edges are inclusive.
pub(super) fn check(
    text: &str,
    unit: TimeUnit,
    place: &str,
    tolerance_seconds: u64,
    now_unix_ms: u64,
) -> Result<u64, Refusal> {
    let at = unit
        .read(text)
        .ok_or_else(|| Refusal::TimestampMalformed { place: place.into(), expected: unit.expected() })?;
    // Where only seconds are told, the fraction of our clock is no age.
    let now = if unit == TimeUnit::S { now_unix_ms / 1000 * 1000 } else { now_unix_ms };
    let tolerance_ms = tolerance_seconds.saturating_mul(1000);
    let (age, ahead) = (now.saturating_sub(at), at.saturating_sub(now));
    if age > tolerance_ms {
        return Err(Refusal::TooOld { age_seconds: age.div_ceil(1000), tolerance_seconds });
    }
    if ahead > tolerance_ms {
        return Err(Refusal::TooNew { ahead_seconds: ahead.div_ceil(1000), tolerance_seconds });
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::check;
    use crate::provider::{Refusal, record::TimeUnit};

    const NOW: u64 = 1_700_000_000_999;

    fn at(text: &str, unit: TimeUnit) -> Result<u64, &'static str> {
        check(text, unit, "the header x", 300, NOW).map_err(|refusal| refusal.code())
    }

    #[test]
    fn both_edges_are_inclusive() {
        assert_eq!(at("1699999700", TimeUnit::S), Ok(1_699_999_700_000));
        assert_eq!(at("1699999699", TimeUnit::S), Err("too_old"));
        assert_eq!(at("1700000300", TimeUnit::S), Ok(1_700_000_300_000));
        assert_eq!(at("1700000301", TimeUnit::S), Err("too_new"));
        assert_eq!(at("1699999700999", TimeUnit::Ms), Ok(1_699_999_700_999));
        assert_eq!(at("1699999700998", TimeUnit::Ms), Err("too_old"));
        let old = check("1699990000", TimeUnit::S, "x", 300, NOW);
        assert_eq!(old, Err(Refusal::TooOld { age_seconds: 10_000, tolerance_seconds: 300 }));
    }

    #[test]
    fn units() {
        assert_eq!(at("2023-11-14T22:13:20Z", TimeUnit::Iso), Ok(1_700_000_000_000));
        assert_eq!(at("2023-11-14T23:13:20.5+01:00", TimeUnit::Iso), Ok(1_700_000_000_500));
        for text in ["", "+1", "-1", "1.5", " 1", "1700000000s", "2023-11-14", "99999999999999999999"] {
            for unit in [TimeUnit::S, TimeUnit::Ms, TimeUnit::Iso] {
                assert_eq!(at(text, unit), Err("timestamp_malformed"), "{text:?} {unit:?}");
            }
        }
        assert_eq!(at("18446744073709551615", TimeUnit::S), Err("timestamp_malformed"));
        assert_eq!(at("18446744073709551615", TimeUnit::Ms), Err("too_new"));
    }

    proptest! {
        #[test]
        fn any_text_is_decided(text in "([0-9T:Z.+-]{0,30}|.{0,30})", now: u64, tolerance: u64) {
            for unit in [TimeUnit::S, TimeUnit::Ms, TimeUnit::Iso] {
                let _decided = check(&text, unit, "x", tolerance, now);
            }
        }
    }
}
