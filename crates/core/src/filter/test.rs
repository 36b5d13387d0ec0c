//! Tests: what a clause asks of the values that its path selects.

use std::cmp::Ordering;
use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};

use super::literal::Literal;
use super::number::Decimal;
use super::scan::Value;
use super::seen::Selected;
use crate::limits::{FILTER_MATCHED_TEXT_BYTES_MAX, FILTER_PATTERN_COMPILED_BYTES_MAX};

/// What is asked of a value. A list passes when it does itself or when one of its elements does.
#[derive(Debug)]
pub enum Question {
    /// Equals one of these.
    Equals(Literals),
    /// Is a text that starts with one of these.
    StartsWith(Vec<Box<str>>),
    /// Is a text that ends with one of these.
    EndsWith(Vec<Box<str>>),
    /// Is a text that contains one of these.
    Contains(Vec<Box<str>>),
    /// Is a text in which the pattern is found.
    Matches(Pattern),
    /// Is of the same type and on this side of the bound.
    Order(Side, Bound),
    /// Anything is there, `null` included.
    Exists,
}

/// Values to be equal to.
#[derive(Debug)]
pub struct Literals {
    /// All of them, as written.
    pub all: Vec<Literal>,
    /// The texts among them, sorted.
    texts: Vec<Box<str>>,
}

/// Which side of a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Above.
    Greater,
    /// Above or at.
    GreaterOrEqual,
    /// Below.
    Less,
    /// Below or at.
    LessOrEqual,
}

/// What values are ordered against.
#[derive(Debug)]
pub enum Bound {
    /// A finite number as written.
    Number(Box<str>),
    /// A text; texts are ordered by their characters' code points.
    Text(Box<str>),
}

/// A regular expression of linear time. Checked when it is saved and compiled when it is first needed.
#[derive(Debug)]
pub struct Pattern {
    text: Box<str>,
    compiled: OnceLock<Option<Regex>>,
}

impl Literals {
    /// Values to be equal to.
    pub fn new(all: Vec<Literal>) -> Self {
        let text = |literal: &Literal| match literal {
            Literal::Text(text) => Some(text.clone()),
            _ => None,
        };
        let mut texts: Vec<_> = all.iter().filter_map(text).collect();
        texts.sort_unstable();
        Self { all, texts }
    }

    fn has(&self, value: &Value<'_>) -> bool {
        match value {
            Value::Text(text) => self.texts.binary_search_by(|own| (**own).cmp(text)).is_ok(),
            _ => self.all.iter().any(|literal| literal.equals(value)),
        }
    }
}

impl Side {
    const fn takes(self, ordering: Ordering) -> bool {
        match self {
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
        }
    }
}

impl Pattern {
    /// Checks the expression.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn check(text: &str) -> Result<Self, String> {
        let regex = compile(text).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                format!("is too large when compiled; at most {FILTER_PATTERN_COMPILED_BYTES_MAX} bytes")
            }
            other => {
                // The last line names the fault; those before draw a picture of where it is.
                let told = other.to_string();
                let last = told.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                format!("is not a regular expression: {last}")
            }
        });
        regex.map(|_| Self { text: text.into(), compiled: OnceLock::new() })
    }

    /// One that was checked before.
    pub fn checked(text: &str) -> Self {
        Self { text: text.into(), compiled: OnceLock::new() }
    }

    fn is_found_in(&self, text: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| compile(&self.text).ok());
        text.len() <= FILTER_MATCHED_TEXT_BYTES_MAX
            && compiled.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

fn compile(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text)
        .size_limit(FILTER_PATTERN_COMPILED_BYTES_MAX)
        .dfa_size_limit(FILTER_PATTERN_COMPILED_BYTES_MAX)
        .build()
}

impl Question {
    /// Whether a value passes by itself.
    pub fn holds_for(&self, value: &Value<'_>) -> bool {
        let is_text_with = |wanted: &[Box<str>], fits: fn(&str, &str) -> bool| match value {
            Value::Text(text) => wanted.iter().any(|part| fits(text, part)),
            _ => false,
        };
        match self {
            Self::Equals(literals) => literals.has(value),
            Self::StartsWith(parts) => is_text_with(parts, |text, part| text.starts_with(part)),
            Self::EndsWith(parts) => is_text_with(parts, |text, part| text.ends_with(part)),
            Self::Contains(parts) => is_text_with(parts, |text, part| text.contains(part)),
            Self::Matches(pattern) => matches!(value, Value::Text(text) if pattern.is_found_in(text)),
            Self::Order(side, bound) => match (bound, value) {
                (Bound::Number(own), Value::Number(digits)) => {
                    match (Decimal::finite(digits), Decimal::finite(own)) {
                        (Some(value), Some(bound)) => side.takes(value.cmp(&bound)),
                        _ => false,
                    }
                }
                (Bound::Text(own), Value::Text(text)) => side.takes((**text).cmp(&**own)),
                _ => false,
            },
            Self::Exists => true,
        }
    }

    /// Whether one of the values passes.
    pub fn holds(&self, selected: &Selected<'_>) -> bool {
        selected.values.iter().any(|value| self.holds_for(value))
    }

    /// Whether a value is of a type that the question is about.
    pub fn is_about(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::Exists, _) => true,
            (Self::Equals(literals), value) => literals.all.iter().any(|literal| {
                matches!(
                    (literal, value),
                    (Literal::Null, Value::Null)
                        | (Literal::Bool(_), Value::Bool(_))
                        | (Literal::Number(_), Value::Number(_))
                        | (Literal::Text(_), Value::Text(_))
                        | (Literal::Array(_), Value::Array(_))
                        | (Literal::Object(_), Value::Object(_))
                )
            }),
            (Self::Order(_, Bound::Number(_)), value) => matches!(value, Value::Number(_)),
            (
                Self::Order(_, Bound::Text(_))
                | Self::StartsWith(_)
                | Self::EndsWith(_)
                | Self::Contains(_)
                | Self::Matches(_),
                value,
            ) => matches!(value, Value::Text(_)),
        }
    }
}
