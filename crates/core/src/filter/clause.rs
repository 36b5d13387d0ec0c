//! A filter as it is evaluated: tests joined by all, any and not.

use super::seen::Seen;
use super::test::Question;

/// A part of a filter, and where it is written.
#[derive(Debug)]
pub struct Clause {
    /// JSON Pointer into `{"filters": …, "conditions": …}`.
    pub pointer: Box<str>,
    /// What it asks.
    pub kind: ClauseKind,
}

/// What a clause asks.
#[derive(Debug)]
pub enum ClauseKind {
    /// Every one holds.
    All(Vec<Clause>),
    /// At least one holds.
    Any(Vec<Clause>),
    /// It does not hold.
    Not(Box<Clause>),
    /// A test of what a path selects.
    Test(Test),
}

/// A question about what a path selects.
#[derive(Debug)]
pub struct Test {
    /// Index into the filter's paths.
    pub path: usize,
    /// The operator's word.
    pub operator: &'static str,
    /// What is asked.
    pub question: Question,
    /// Whether it holds exactly when the question does not: also when nothing is there.
    pub negated: bool,
    /// What it compares with, as it is written; empty when the operator says it all.
    pub operand: Box<str>,
}

impl Clause {
    /// Whether it holds. `numbers` are those of the filter's paths in `seen`.
    pub fn holds(&self, seen: &Seen<'_>, numbers: &[u32]) -> bool {
        match &self.kind {
            ClauseKind::All(clauses) => clauses.iter().all(|clause| clause.holds(seen, numbers)),
            ClauseKind::Any(clauses) => clauses.iter().any(|clause| clause.holds(seen, numbers)),
            ClauseKind::Not(clause) => !clause.holds(seen, numbers),
            ClauseKind::Test(test) => test.holds(seen, numbers),
        }
    }
}

impl Test {
    /// Whether it holds.
    pub fn holds(&self, seen: &Seen<'_>, numbers: &[u32]) -> bool {
        self.question.holds(seen.of(numbers[self.path])) != self.negated
    }
}
