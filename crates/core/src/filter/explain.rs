//! Why a filter passes an event or not: every clause with the values that it saw.

use serde::Serialize;

use super::clause::{Clause, ClauseKind, Test};
use super::number::Decimal;
use super::path::Path;
use super::scan::Value;
use super::seen::{Seen, Selected};
use super::test::{Bound, Question};
use crate::limits::FILTER_MATCHED_TEXT_BYTES_MAX;

/// Values of one clause that are shown.
const SHOWN_VALUES_MAX: usize = 5;
/// Longest value, operand or both that is shown whole, in bytes.
const SHOWN_BYTES_MAX: usize = 256;

/// A filter asked of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Whether the filter passes the event.
    pub passed: bool,
    /// Every clause in the order in which it is written; those inside `any` and `not` follow it.
    pub clauses: Vec<ClauseReport>,
}

/// What became of one clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClauseReport {
    /// JSON Pointer into `{"filters": …, "conditions": …}`.
    pub pointer: String,
    /// The path it looks at; none for `all`, `any` and `not`.
    pub path: Option<String>,
    /// The operator's word, or `all`, `any`, `not`.
    pub test: &'static str,
    /// What it compares with, as JSON.
    pub operand: Option<Shown>,
    /// The values that the path selects, as JSON; the first few.
    pub seen: Vec<Shown>,
    /// How many values the path selects, as far as they are looked at.
    pub seen_count: usize,
    /// Whether it holds.
    pub passed: bool,
    /// Why it does not hold.
    pub reason: Option<Reason>,
}

/// JSON to be shown: shortened, it is a text that ends in an ellipsis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown(pub String);

/// Why a clause does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The path selects nothing.
    Missing,
    /// What is there is of another type.
    Type,
    /// The number is beyond what a double can hold.
    Infinite,
    /// The text is too long for a regular expression.
    TooLong,
    /// The value is not the one that is asked for, or is the one that must not be.
    Value,
    /// Something is there that must not be.
    Present,
    /// A clause inside decides it.
    Inside,
}

/// Reports on a clause and all inside it.
pub(super) fn report(clause: &Clause, paths: &[Path], seen: &Seen<'_>, numbers: &[u32]) -> Vec<ClauseReport> {
    let mut reports = Vec::new();
    collect(clause, paths, seen, numbers, &mut reports);
    reports
}

fn collect(
    clause: &Clause,
    paths: &[Path],
    seen: &Seen<'_>,
    numbers: &[u32],
    reports: &mut Vec<ClauseReport>,
) {
    let joint = |test, passed: bool| ClauseReport {
        pointer: clause.pointer.to_string(),
        path: None,
        test,
        operand: None,
        seen: Vec::new(),
        seen_count: 0,
        passed,
        reason: (!passed).then_some(Reason::Inside),
    };
    match &clause.kind {
        // What is written as an object of several fields is no clause of its own.
        ClauseKind::All(clauses) => {
            if clause.pointer.ends_with("/all") || clause.pointer.ends_with("/$and") {
                reports.push(joint("all", clause.holds(seen, numbers)));
            }
            clauses.iter().for_each(|inner| collect(inner, paths, seen, numbers, reports));
        }
        ClauseKind::Any(clauses) => {
            reports.push(joint("any", clause.holds(seen, numbers)));
            clauses.iter().for_each(|inner| collect(inner, paths, seen, numbers, reports));
        }
        ClauseKind::Not(inner) => {
            reports.push(joint("not", clause.holds(seen, numbers)));
            collect(inner, paths, seen, numbers, reports);
        }
        ClauseKind::Test(test) => {
            let selected = seen.of(numbers[test.path]);
            let passed = test.question.holds(selected) != test.negated;
            reports.push(ClauseReport {
                pointer: clause.pointer.to_string(),
                path: Some(paths[test.path].to_string()),
                test: test.operator,
                operand: Some(Shown::json(&test.operand)),
                seen: selected.values.iter().take(SHOWN_VALUES_MAX).map(Shown::value).collect(),
                seen_count: selected.values.len(),
                passed,
                reason: (!passed).then(|| reason(test, selected)),
            });
        }
    }
}

fn reason(test: &Test, selected: &Selected<'_>) -> Reason {
    if test.negated {
        return if matches!(test.question, Question::Exists) { Reason::Present } else { Reason::Value };
    }
    if selected.values.is_empty() {
        return Reason::Missing;
    }
    let mut about = selected.values.iter().filter(|value| test.question.is_about(value)).peekable();
    if about.peek().is_none() {
        return Reason::Type;
    }
    let is_odd = |value: &Value<'_>| match (&test.question, value) {
        (Question::Equals(_) | Question::Order(_, Bound::Number(_)), Value::Number(digits)) => {
            Decimal::finite(digits).is_none().then_some(Reason::Infinite)
        }
        (Question::Matches(_), Value::Text(text)) => {
            (text.len() > FILTER_MATCHED_TEXT_BYTES_MAX).then_some(Reason::TooLong)
        }
        _ => None,
    };
    let odd: Option<Vec<_>> = about.map(is_odd).collect();
    odd.and_then(|odd| odd.first().copied()).unwrap_or(Reason::Value)
}

impl Shown {
    /// A value that an event holds.
    pub fn value(value: &Value<'_>) -> Self {
        match value {
            Value::Null => Self("null".into()),
            Value::Bool(value) => Self(value.to_string()),
            Value::Number(json) | Value::Array(json) | Value::Object(json) => Self::json(json),
            Value::Text(text) => Self(quoted(text)),
        }
    }

    fn json(json: &str) -> Self {
        Self(if json.len() <= SHOWN_BYTES_MAX { json.to_owned() } else { quoted(json) })
    }
}

/// The text as JSON, shortened.
fn quoted(text: &str) -> String {
    let end = text.floor_char_boundary(SHOWN_BYTES_MAX);
    let shown = if end < text.len() { format!("{}…", &text[..end]) } else { text.to_owned() };
    serde_json::to_string(&shown).unwrap_or_default()
}
