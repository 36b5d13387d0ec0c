//! Single values out of a JSON body, without building it in memory.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::refusal::Refusal;

/// How many names a path may have.
const STEPS_MAX: usize = 16;

/// A path such as `data.items.0.id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    steps: Vec<String>,
}

impl Path {
    /// Reads a path; a backslash takes the next character into the name.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut steps = vec![String::new()];
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            let step = steps.last_mut().expect("never empty");
            match letter {
                '\\' => step.push(letters.next().ok_or("a path does not end with a backslash")?),
                '.' => steps.push(String::new()),
                _ => step.push(letter),
            }
        }
        if steps.iter().any(String::is_empty) {
            return Err("a path is names with single full stops between them");
        }
        if steps.len() > STEPS_MAX {
            return Err("a path has at most 16 names");
        }
        Ok(Self { steps })
    }
}

/// The JSON text at each path; nothing where the body has no such field. Of repeated names the last counts, as most
/// readers have it.
///
/// # Errors
/// [`Refusal::BodyNotJson`], whatever the paths are.
pub(super) fn find<'a>(body: &'a [u8], paths: &[&Path]) -> Result<Vec<Option<&'a str>>, Refusal> {
    let mut found = vec![None; paths.len()];
    let text = std::str::from_utf8(body).map_err(|error| {
        let before = &body[..error.valid_up_to()];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Refusal::BodyNotJson { line, column: before.len() - line_start + 1 }
    })?;
    let active: Vec<Active<'_>> =
        paths.iter().enumerate().map(|(index, path)| Active { index, rest: &path.steps }).collect();
    walk(text, &active, &mut found)
        .map_err(|error| Refusal::BodyNotJson { line: error.line(), column: error.column() })?;
    Ok(found)
}

/// The value as plain text, if it is a text, a number or a truth value.
pub(super) fn scalar(json: &str) -> Option<String> {
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok(),
        b't' | b'f' | b'-' | b'0'..=b'9' => Some(json.to_owned()),
        _ => None,
    }
}

/// A path that may still be found below this value.
#[derive(Clone, Copy)]
struct Active<'p> {
    index: usize,
    rest: &'p [String],
}

fn walk<'a>(
    text: &'a str,
    active: &[Active<'_>],
    found: &mut [Option<&'a str>],
) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let walker = Walker { active, found };
    // Asked by kind, since a reader of any value refuses what the gate accepts: huge numbers, lone surrogates.
    match text.trim_ascii_start().as_bytes().first() {
        Some(b'{') => reader.deserialize_map(walker)?,
        Some(b'[') => reader.deserialize_seq(walker)?,
        _ => IgnoredAny::deserialize(&mut reader).map(|_| ())?,
    }
    reader.end()
}

struct Walker<'p, 'f, 'a> {
    active: &'p [Active<'p>],
    found: &'f mut [Option<&'a str>],
}

impl<'p, 'a> Walker<'p, '_, 'a> {
    /// Whether some path goes through the child for which `is_step` holds, and which those are.
    fn below(&self, is_step: impl Fn(&str) -> bool) -> Vec<Active<'p>> {
        let through = self.active.iter().filter(|path| path.rest.first().is_some_and(|step| is_step(step)));
        through.map(|path| Active { index: path.index, rest: &path.rest[1..] }).collect()
    }

    fn enter(&mut self, child: &'a str, below: &[Active<'_>]) -> Result<(), serde_json::Error> {
        let (ends, deeper): (Vec<_>, Vec<_>) = below.iter().copied().partition(|path| path.rest.is_empty());
        for path in &deeper {
            // A later field of the same name hides what an earlier one had.
            self.found[path.index] = None;
        }
        for path in ends {
            self.found[path.index] = Some(child);
        }
        if deeper.is_empty() { Ok(()) } else { walk(child, &deeper, self.found) }
    }
}

impl<'de> Visitor<'de> for Walker<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object or an array")
    }

    fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> Result<(), M::Error> {
        while let Some(below) = map.next_key_seed(Key(&self))? {
            if below.is_empty() {
                map.next_value::<IgnoredAny>()?;
            } else {
                let child: &RawValue = map.next_value()?;
                self.enter(child.get(), &below).map_err(serde::de::Error::custom)?;
            }
        }
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(mut self, mut items: S) -> Result<(), S::Error> {
        for position in 0_usize.. {
            let below = self.below(|step| step.parse() == Ok(position));
            if below.is_empty() {
                if items.next_element::<IgnoredAny>()?.is_none() {
                    break;
                }
            } else {
                let Some(child) = items.next_element::<&RawValue>()? else { break };
                self.enter(child.get(), &below).map_err(serde::de::Error::custom)?;
            }
        }
        Ok(())
    }
}

/// Reads a name as bytes, because names with lone surrogates are no text.
struct Key<'w, 'p, 'f, 'a>(&'w Walker<'p, 'f, 'a>);

impl<'de, 'p> DeserializeSeed<'de> for Key<'_, 'p, '_, '_> {
    type Value = Vec<Active<'p>>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_bytes(self)
    }
}

impl<'p> Visitor<'_> for Key<'_, 'p, '_, '_> {
    type Value = Vec<Active<'p>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_bytes<E>(self, name: &[u8]) -> Result<Self::Value, E> {
        Ok(self.0.below(|step| step.as_bytes() == name))
    }
}

#[cfg(test)]
mod tests;
