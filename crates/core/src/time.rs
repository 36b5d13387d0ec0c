//! Points in time, in microseconds since the Unix epoch.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A wall-clock instant with microsecond resolution. Text form: RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

impl Time {
    /// The Unix epoch.
    pub const ZERO: Self = Self(0);

    /// From microseconds since the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// From whole seconds since the Unix epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the Unix epoch, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This time plus a wait; the far end of the range stands in for anything beyond it.
    #[must_use]
    pub fn plus(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This time minus a wait.
    #[must_use]
    pub fn minus(self, wait: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The text form with whole seconds, rounded down: `2025-02-18T10:30:00Z`.
    pub const fn in_seconds(self) -> InSeconds {
        InSeconds(Self::from_seconds(self.unix_seconds()))
    }

    /// The nearest that a calendar holds.
    fn timestamp(self) -> jiff::Timestamp {
        let end = if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(end)
    }

    /// Parses an RFC 3339 timestamp with any offset.
    ///
    /// # Errors
    /// When the text is not an RFC 3339 timestamp within the years that microseconds in 64 bits can hold.
    pub fn parse(text: &str) -> Result<Self, InvalidTime> {
        let parsed: jiff::Timestamp = text.parse().map_err(|_| InvalidTime)?;
        Ok(Self(parsed.as_microsecond()))
    }
}

/// The text form of a time with whole seconds; see [`Time::in_seconds`].
#[derive(Clone, Copy)]
pub struct InSeconds(Time);

impl fmt::Display for InSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0}", self.0.timestamp())
    }
}

/// The text was not an RFC 3339 timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 timestamp such as 2025-02-18T10:30:00Z")]
pub struct InvalidTime;

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = Self::from_millis(self.as_millis());
        write!(f, "{:.3}", millis.timestamp())
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_milliseconds_and_z() {
        assert_eq!(Time::from_micros(1_739_874_600_123_456).to_string(), "2025-02-18T10:30:00.123Z");
        assert_eq!(Time::from_seconds(0).to_string(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn whole_seconds_are_rounded_down() {
        assert_eq!(Time::from_micros(1_739_874_600_999_999).in_seconds().to_string(), "2025-02-18T10:30:00Z");
        assert_eq!(Time::from_micros(-1).in_seconds().to_string(), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn parses_offsets_and_refuses_dates() {
        assert_eq!(Time::parse("2025-02-18T11:30:00+01:00"), Ok(Time::from_seconds(1_739_874_600)));
        assert_eq!(Time::parse("2025-02-18"), Err(InvalidTime));
        assert_eq!(Time::parse(""), Err(InvalidTime));
    }

    #[test]
    fn the_ends_of_the_range_do_not_panic() {
        let _ = Time::from_micros(i64::MAX).to_string();
        let _ = Time::from_micros(i64::MIN).to_string();
        let _ = Time::from_micros(i64::MIN).in_seconds().to_string();
        assert_eq!(Time::from_micros(i64::MAX).plus(Duration::MAX), Time::from_micros(i64::MAX));
        assert_eq!(Time::ZERO.since(Time::from_seconds(9)), Duration::ZERO);
    }
}
