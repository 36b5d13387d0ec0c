//! Durations as the API writes and reads them.

use std::fmt;
use std::time::Duration;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

const EXPECTED: &str = "seconds as a number, or text with a unit: 500ms, 30s, 5m, 2h, 1d";

/// A duration: seconds as a number; read also from text with a unit, such as `"500ms"`, `"30s"`, `"5m"`, `"2h"`, `"1d"`
/// (readings 003).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = f64, example = 30)]
pub struct Seconds(pub Duration);

impl Seconds {
    fn from_number(seconds: f64) -> Option<Self> {
        // Milliseconds are the finest that a schedule can keep; rounding hides the noise of binary fractions.
        let millis = (seconds * 1_000.0).round();
        (millis >= 0.0).then(|| Duration::try_from_secs_f64(millis / 1_000.0).ok().map(Self))?
    }

    fn parse(text: &str) -> Option<Self> {
        let number_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(number_end);
        let factor = match unit.trim_start() {
            "ms" => 0.001,
            "" | "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        Self::from_number(number.parse::<f64>().ok()? * factor)
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.subsec_nanos() == 0 {
            serializer.serialize_u64(self.0.as_secs())
        } else {
            serializer.serialize_f64(self.0.as_secs_f64())
        }
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecondsVisitor)
    }
}

struct SecondsVisitor;

impl Visitor<'_> for SecondsVisitor {
    type Value = Seconds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Seconds, E> {
        Ok(Seconds(Duration::from_secs(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Seconds, E> {
        let seconds = u64::try_from(value).map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))?;
        self.visit_u64(seconds)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Seconds, E> {
        Seconds::from_number(value).ok_or_else(|| E::invalid_value(Unexpected::Float(value), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Seconds, E> {
        Seconds::parse(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Seconds, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn numbers_are_seconds_and_text_has_a_unit() {
        for (json, millis) in [
            ("5", 5_000),
            ("0", 0),
            ("0.25", 250),
            ("1e2", 100_000),
            ("\"5\"", 5_000),
            ("\"5s\"", 5_000),
            ("\"500ms\"", 500),
            ("\"1.5 m\"", 90_000),
            ("\"2h\"", 7_200_000),
            ("\"1d\"", 86_400_000),
        ] {
            assert_eq!(read(json).expect(json).0.as_millis(), millis, "{json}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_what_is_expected() {
        for json in [
            "-1",
            "-0.5",
            "1e400",
            "1e30",
            "\"\"",
            "\"s\"",
            "\"5 weeks\"",
            "\"1.2.3s\"",
            "\"-5s\"",
            "true",
            "null",
            "[]",
            "\"1e5s\"",
        ] {
            assert!(read(json).is_err(), "{json}");
        }
        let told = read("\"soon\"").expect_err("refused").to_string();
        assert!(told.contains("30s"), "{told}");
    }

    #[test]
    fn answers_hold_whole_seconds_where_they_can() {
        let text = |millis| serde_json::to_string(&Seconds(Duration::from_millis(millis))).expect("a number");
        assert_eq!((text(30_000), text(1_500)), ("30".into(), "1.5".into()));
    }
}
