//! Where in a request a value is found.

use std::fmt;

use http::HeaderName;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::{FILTER_PATH_BYTES_MAX, FILTER_PATH_STEPS_MAX};

/// Where in a request a value is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Where the provider puts it, as the preset or record says.
    Provider,
    /// In a header.
    #[serde(with = "header_text")]
    Header(HeaderName),
    /// In a JSON body.
    Body(BodyPath),
}

mod header_text {
    use super::{Deserialize, Deserializer, HeaderName, Serializer};

    pub(super) fn serialize<S: Serializer>(name: &HeaderName, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(name.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderName, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        HeaderName::from_bytes(text.as_bytes()).map_err(serde::de::Error::custom)
    }
}

/// A dotted path into a JSON body: `event`, `data.object.id`, `items.0.id`. A digit step is an index of a list; `\.` is a
/// dot within a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BodyPath(Vec<Box<str>>);

/// Why a text is no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBodyPath {
    /// A step is empty, as in `a..b`.
    #[error("has an empty step; a dot separates two names, and \\. is a dot within a name")]
    EmptyStep,
    /// More steps or bytes than allowed.
    #[error("is too long; at most {FILTER_PATH_STEPS_MAX} steps and {FILTER_PATH_BYTES_MAX} bytes")]
    TooLong,
}

impl BodyPath {
    /// Reads a path.
    ///
    /// # Errors
    /// When a step is empty or it is too long.
    pub fn parse(text: &str) -> Result<Self, InvalidBodyPath> {
        let (mut steps, mut step) = (Vec::new(), String::new());
        let mut characters = text.chars();
        let mut end = |step: &mut String| {
            if step.is_empty() {
                return Err(InvalidBodyPath::EmptyStep);
            }
            steps.push(std::mem::take(step).into_boxed_str());
            Ok(())
        };
        while let Some(character) = characters.next() {
            match character {
                '\\' => step.push(characters.next().ok_or(InvalidBodyPath::EmptyStep)?),
                '.' => end(&mut step)?,
                other => step.push(other),
            }
        }
        end(&mut step)?;
        if text.len() > FILTER_PATH_BYTES_MAX || steps.len() > FILTER_PATH_STEPS_MAX {
            return Err(InvalidBodyPath::TooLong);
        }
        Ok(Self(steps))
    }

    /// The path to a member of the body itself.
    pub fn of_name(name: &str) -> Self {
        Self(vec![name.into()])
    }

    /// Its steps.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|step| &**step)
    }
}

impl fmt::Display for BodyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            f.write_str(&step.replace('\\', "\\\\").replace('.', "\\."))?;
        }
        Ok(())
    }
}

impl Serialize for BodyPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BodyPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
