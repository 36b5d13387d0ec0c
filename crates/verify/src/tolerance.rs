//! How far a signed timestamp may be from the receiver's clock.

use crate::error::VerifyError;

/// The greatest accepted distance between a webhook's timestamp and the receiver's clock, in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tolerance {
    /// Whole seconds; a distance of exactly this many is still accepted.
    Seconds(u64),
    /// Any age is accepted: for checking stored webhooks again, never for receiving them.
    Unlimited,
}

impl Default for Tolerance {
    /// 300 seconds, the value of the Standard Webhooks reference libraries and of seed 003.
    fn default() -> Self {
        Self::Seconds(300)
    }
}

impl Tolerance {
    /// Reads a timestamp header (Unix seconds, ASCII digits only) and checks its distance to `now_unix_seconds`.
    /// Returns the timestamp in Unix seconds.
    ///
    /// By itself this proves nothing: only a timestamp that is part of the signed content protects from replay.
    ///
    /// # Errors
    /// [`VerifyError::InvalidTimestamp`], [`VerifyError::TooOld`] or [`VerifyError::TooNew`].
    ///
    /// ```
    /// use stentor_verify::{Tolerance, VerifyError};
    ///
    /// assert_eq!(Tolerance::default().check("1614265330", 1_614_265_630), Ok(1_614_265_330));
    /// assert_eq!(Tolerance::default().check("1614265330", 1_614_265_631), Err(VerifyError::TooOld));
    /// assert_eq!(Tolerance::default().check("yesterday", 1_614_265_330), Err(VerifyError::InvalidTimestamp));
    /// ```
    pub fn check(self, timestamp: &str, now_unix_seconds: u64) -> Result<u64, VerifyError> {
        let seconds = parse_unix_seconds(timestamp)?;
        let Self::Seconds(tolerance_seconds) = self else { return Ok(seconds) };
        if now_unix_seconds.saturating_sub(seconds) > tolerance_seconds {
            return Err(VerifyError::TooOld);
        }
        if seconds.saturating_sub(now_unix_seconds) > tolerance_seconds {
            return Err(VerifyError::TooNew);
        }
        Ok(seconds)
    }
}

fn parse_unix_seconds(text: &str) -> Result<u64, VerifyError> {
    // `str::parse` alone would also take a leading plus sign.
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(VerifyError::InvalidTimestamp);
    }
    text.parse().map_err(|_| VerifyError::InvalidTimestamp)
}

#[cfg(test)]
mod tests {
    use super::Tolerance;
    use crate::error::VerifyError;

    #[test]
    fn both_edges_are_inclusive() {
        let tolerance = Tolerance::Seconds(300);
        assert_eq!(tolerance.check("1000", 1300), Ok(1000));
        assert_eq!(tolerance.check("1000", 1301), Err(VerifyError::TooOld));
        assert_eq!(tolerance.check("1300", 1000), Ok(1300));
        assert_eq!(tolerance.check("1301", 1000), Err(VerifyError::TooNew));
    }

    #[test]
    fn only_digits_are_numbers() {
        for text in ["", "+1", "-1", " 1", "1 ", "1.0", "1e3", "0x1", "١", "18446744073709551616"] {
            let result = Tolerance::Unlimited.check(text, 0);
            assert_eq!(result, Err(VerifyError::InvalidTimestamp), "{text:?}");
        }
        assert_eq!(Tolerance::Unlimited.check("18446744073709551615", 0), Ok(u64::MAX));
    }

    #[test]
    fn extremes_do_not_overflow() {
        assert_eq!(Tolerance::Seconds(u64::MAX).check("0", u64::MAX), Ok(0));
        assert_eq!(Tolerance::Seconds(0).check("18446744073709551615", 0), Err(VerifyError::TooNew));
    }
}
