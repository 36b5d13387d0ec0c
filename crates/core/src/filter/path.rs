//! Paths: which values of an event a clause looks at.

use std::fmt;

use crate::limits::{FILTER_PATH_BYTES_MAX, FILTER_PATH_STEPS_MAX};
use crate::profile::Profile;

/// The members of an event that a path may start with after `$.`.
pub const EVENT_MEMBERS: [&str; 7] = ["id", "type", "time", "subject", "data", "previous_data", "metadata"];

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A member of an object. On a list, digits are an index; any other name is looked up in each element that is an
    /// object.
    Name(Box<str>),
    /// Each element of a list.
    Each,
    /// A member of an object; any other value stands for itself.
    Inside(Box<str>),
}

/// A path from the event down. The first step is one of [`EVENT_MEMBERS`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<Step>);

/// Why a text is no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// A step is empty, as in `a..b`.
    #[error("has an empty step; a dot separates two names, and \\. is a dot within a name")]
    EmptyStep,
    /// More steps or bytes than allowed.
    #[error("is too long; at most {FILTER_PATH_STEPS_MAX} steps and {FILTER_PATH_BYTES_MAX} bytes")]
    TooLong,
    /// A bracket that is neither an index nor `[*]`.
    #[error("has a bracket that is neither [n] nor [*]; \\[ is a bracket within a name")]
    Bracket,
    /// The event has no such member.
    #[error("must go on with one of id, type, time, subject, data, previous_data, metadata after $.")]
    UnknownMember,
}

impl Path {
    /// Where paths start that do not say otherwise: in the event's data.
    pub fn data() -> Self {
        Self(vec![Step::Name("data".into())])
    }

    /// Where paths after `$` start.
    pub const fn event() -> Self {
        Self(Vec::new())
    }

    /// Its steps.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The path that `text` leads to from here; `$` and `$.…` start anew at the event.
    ///
    /// # Errors
    /// When the text is no path.
    pub fn join(&self, text: &str) -> Result<Self, InvalidPath> {
        if text == "$" {
            return Ok(Self::event());
        }
        let (mut path, text) = match text.strip_prefix("$.") {
            Some(rest) => (Self::event(), rest),
            None => (self.clone(), text),
        };
        read_steps(text, &mut path.0)?;
        let known = matches!(path.0.first(), Some(Step::Name(first)) if EVENT_MEMBERS.contains(&&**first));
        if !known {
            return Err(InvalidPath::UnknownMember);
        }
        let bytes: usize = path.0.iter().map(|step| step.to_string().len()).sum();
        if path.0.len() > FILTER_PATH_STEPS_MAX || bytes > FILTER_PATH_BYTES_MAX {
            return Err(InvalidPath::TooLong);
        }
        Ok(path)
    }

    /// Whether it leads to the event as a whole.
    pub fn is_event(&self) -> bool {
        self.0.is_empty()
    }

    /// What the path stands for under a profile: in `broxi`, `token_usage` is its `total_tokens` (design section 5).
    #[must_use]
    pub fn under(&self, profile: Profile) -> Self {
        let mut path = self.clone();
        let is_usage = matches!(&*self.0, [Step::Name(data), Step::Name(usage)]
            if &**data == "data" && &**usage == "token_usage");
        if profile == Profile::Broxi && is_usage {
            path.0.push(Step::Inside("total_tokens".into()));
        }
        path
    }
}

fn read_steps(text: &str, steps: &mut Vec<Step>) -> Result<(), InvalidPath> {
    let mut name = String::new();
    // After a bracket a dot or another bracket must follow, and no name is open.
    let mut open = true;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            '\\' => name.push(rest.next().ok_or(InvalidPath::EmptyStep)?),
            '.' => {
                close(&mut name, open, steps)?;
                open = true;
                continue;
            }
            '[' => {
                // Only a path that begins with the bracket has nothing before it.
                if open && !(name.is_empty() && rest.as_str().len() + 1 == text.len()) {
                    close(&mut name, true, steps)?;
                }
                let (inside, after) = rest.as_str().split_once(']').ok_or(InvalidPath::Bracket)?;
                steps.push(bracket(inside)?);
                rest = after.chars();
                open = false;
                continue;
            }
            _ if !open => return Err(InvalidPath::Bracket),
            _ => name.push(character),
        }
    }
    close(&mut name, open, steps)
}

fn close(name: &mut String, open: bool, steps: &mut Vec<Step>) -> Result<(), InvalidPath> {
    if !open {
        return Ok(());
    }
    let name = std::mem::take(name);
    match name.as_str() {
        "" => return Err(InvalidPath::EmptyStep),
        // As Convoy writes "each element".
        "$" => steps.push(Step::Each),
        _ => steps.push(Step::Name(name.into())),
    }
    Ok(())
}

fn bracket(inside: &str) -> Result<Step, InvalidPath> {
    if inside == "*" {
        return Ok(Step::Each);
    }
    let is_index =
        !inside.is_empty() && inside.len() <= 9 && inside.bytes().all(|byte| byte.is_ascii_digit());
    if is_index { Ok(Step::Name(inside.into())) } else { Err(InvalidPath::Bracket) }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Each => f.write_str("[*]"),
            Self::Name(name) | Self::Inside(name) => {
                for character in name.chars() {
                    if matches!(character, '.' | '[' | '\\') || &**name == "$" {
                        f.write_str("\\")?;
                    }
                    write!(f, "{character}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, steps) = match &*self.0 {
            [Step::Name(data), steps @ ..] if &**data == "data" && !steps.is_empty() => ("", steps),
            steps => ("$.", steps),
        };
        f.write_str(start)?;
        for (index, step) in steps.iter().enumerate() {
            if index > 0 && *step != Step::Each {
                f.write_str(".")?;
            }
            write!(f, "{step}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Path::data().join(text).expect("a path").to_string()
    }

    #[test]
    fn paths_start_in_the_data_or_at_the_event() {
        assert_eq!(shown("workflow_id"), "workflow_id");
        assert_eq!(shown("$.data.workflow_id"), "workflow_id");
        assert_eq!(shown("$.metadata.plan"), "$.metadata.plan");
        assert_eq!(shown("$.type"), "$.type");
        assert_eq!(shown("data.x"), "data.x");
        assert_eq!(Path::data().join("data.x").expect("a path").steps().len(), 3);
    }

    #[test]
    fn lists_have_indexes_and_each() {
        assert_eq!(shown("items[0].sku"), "items.0.sku");
        assert_eq!(shown("items[*].sku"), "items[*].sku");
        assert_eq!(shown("items.$.sku"), "items[*].sku");
        assert_eq!(shown("a[*][*]"), "a[*][*]");
        assert_eq!(shown("[*].a"), "[*].a");
    }

    #[test]
    fn names_may_hold_anything_when_escaped() {
        for text in [r"a\.b", r"a\[0]", r"a\\b", r"\$", "ünï cödé", "a b"] {
            let path = Path::data().join(text).expect("a path");
            assert_eq!(path.steps().len(), 2, "{text}");
            assert_eq!(Path::data().join(&path.to_string()), Ok(path), "{text}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        for text in ["", ".", "a.", ".a", "a..b", r"a\", "$.", "$.a..b"] {
            assert_eq!(Path::data().join(text), Err(InvalidPath::EmptyStep), "{text}");
        }
        for text in ["a[", "a[x]", "a[]", "a[0", "a[-1]", "a[0]b", "a[1234567890]"] {
            assert_eq!(Path::data().join(text), Err(InvalidPath::Bracket), "{text}");
        }
        assert_eq!(Path::data().join("$.payload"), Err(InvalidPath::UnknownMember));
        assert_eq!(Path::data().join(&"a.".repeat(40)[..79]), Err(InvalidPath::TooLong));
    }

    #[test]
    fn token_usage_is_its_total_under_broxi_alone() {
        let usage = Path::data().join("token_usage").expect("a path");
        assert_eq!(usage.under(Profile::Standard), usage);
        assert_eq!(usage.under(Profile::Broxi).steps().len(), 3);
        let deeper = Path::data().join("token_usage.total_tokens").expect("a path");
        assert_eq!(deeper.under(Profile::Broxi), deeper);
    }
}
