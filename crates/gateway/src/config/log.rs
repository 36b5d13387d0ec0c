//! Section `[log]`.

use std::fmt;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use tracing_subscriber::filter::Targets;

/// Logs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// For people or for machines.
    pub format: LogFormat,
    /// What is logged.
    pub level: LogFilter,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Text for people.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "pretty" => Ok(Self::Pretty),
            "json" => Ok(Self::Json),
            _ => Err("expected pretty or json".into()),
        }
    }
}

/// A level, or levels by target: `info`, `info,stentor::attempt=warn`.
#[derive(Clone)]
pub struct LogFilter {
    text: String,
    targets: Targets,
}

impl LogFilter {
    /// The levels by target.
    pub fn targets(&self) -> Targets {
        self.targets.clone()
    }
}

impl PartialEq for LogFilter {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for LogFilter {}

impl Default for LogFilter {
    fn default() -> Self {
        "info".parse().expect("info is a level")
    }
}

impl FromStr for LogFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || "expected error, warn, info, debug, trace or off, also by target: info,stentor::attempt=warn";
        let bare_words = ["error", "warn", "info", "debug", "trace", "off"];
        // A bare word that is no level would be read as the name of a target, and everything else be silenced.
        let readable = text.split(',').all(|part| part.contains('=') || bare_words.contains(&part.trim()));
        let targets = text.parse().ok().filter(|_| readable).ok_or_else(expected)?;
        Ok(Self { text: text.to_owned(), targets })
    }
}

impl<'de> Deserialize<'de> for LogFilter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Debug for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}
