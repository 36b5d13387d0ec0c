//! Whether a filter can match at all.
//!
//! It finds clauses that exclude each other on one path. It does not prove that all others can be met: a filter that is not
//! flagged may still never match.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::clause::{Clause, ClauseKind, Test};
use super::literal::Literal;
use super::number::Decimal;
use super::path::{Path, Step};
use super::test::{Bound, Question, Side};

/// Whether there can be an event that passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CanMatch {
    /// None whatever it holds.
    Never,
    /// Only one that holds a list where a single value is the usual: each clause may find an element of its own.
    OnlyLists,
    /// As far as can be told.
    Yes,
}

impl CanMatch {
    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::OnlyLists => "only_lists",
            Self::Yes => "yes",
        }
    }
}

/// Clauses that exclude each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// Where they are written.
    pub pointers: Vec<String>,
    /// What is wrong, for people.
    pub detail: String,
}

/// Whether the clause can hold, and what stands against it.
pub(super) fn judge(clause: &Clause, paths: &[Path]) -> (CanMatch, Vec<Contradiction>) {
    let mut found = Vec::new();
    let verdict = conjunction(&[clause], paths, &mut found);
    (verdict, found)
}

/// Where a test is written, and the test.
type Placed<'a> = (&'a str, &'a Test);

fn conjunction(clauses: &[&Clause], paths: &[Path], found: &mut Vec<Contradiction>) -> CanMatch {
    let mut by_path: BTreeMap<usize, Vec<Placed<'_>>> = BTreeMap::new();
    let mut verdict = CanMatch::Yes;
    let mut open: Vec<&Clause> = clauses.to_vec();
    while let Some(clause) = open.pop() {
        match &clause.kind {
            ClauseKind::All(inner) => open.extend(inner),
            ClauseKind::Any(branches) => {
                // Each alone: a branch that another clause excludes is not seen.
                let mut inside = Vec::new();
                let best = branches.iter().map(|branch| conjunction(&[branch], paths, &mut inside)).max();
                if best.is_some_and(|best| best < CanMatch::Yes) {
                    found.append(&mut inside);
                }
                verdict = verdict.min(best.unwrap_or(CanMatch::Yes));
            }
            ClauseKind::Not(_) => {}
            ClauseKind::Test(test) => by_path.entry(test.path).or_default().push((&clause.pointer, test)),
        }
    }
    for (path, mut tests) in by_path {
        tests.reverse();
        verdict = verdict.min(on_one_path(&paths[path], &tests, found));
    }
    verdict
}

fn on_one_path(path: &Path, tests: &[Placed<'_>], found: &mut Vec<Contradiction>) -> CanMatch {
    let mut verdict = CanMatch::Yes;
    // Who writes `[*]` means lists.
    let is_of_each = path.steps().contains(&Step::Each);
    let mut flag = |level: CanMatch, pair: &[Placed<'_>], why: &str| {
        verdict = verdict.min(level);
        let lists =
            if level == CanMatch::OnlyLists { "; only a list could hold a value for each" } else { "" };
        found.push(Contradiction {
            pointers: pair.iter().map(|(pointer, _)| (*pointer).to_owned()).collect(),
            detail: format!("{path} {why}{lists}"),
        });
    };
    for (index, one) in tests.iter().enumerate() {
        if excludes_itself(one.1) {
            flag(CanMatch::Never, &[*one], "holds no such value");
        }
        for other in &tests[index + 1..] {
            let (a, b) = (one.1, other.1);
            let absent = |test: &Test| test.negated && matches!(test.question, Question::Exists);
            if (absent(a) && !b.negated) || (absent(b) && !a.negated) {
                flag(CanMatch::Never, &[*one, *other], "must be there and must not be there");
            } else if negation_excludes(a, b) || negation_excludes(b, a) {
                flag(CanMatch::Never, &[*one, *other], "must be what it must not be");
            } else if !a.negated && !b.negated && !is_of_each && !can_share(&a.question, &b.question) {
                flag(CanMatch::OnlyLists, &[*one, *other], "cannot be both in a single value");
            }
        }
    }
    verdict
}

/// Nothing is below the empty text.
fn excludes_itself(test: &Test) -> bool {
    matches!(&test.question, Question::Order(Side::Less, Bound::Text(text)) if text.is_empty())
}

/// Whether every value that `positive` allows is one that `negative` forbids.
fn negation_excludes(positive: &Test, negative: &Test) -> bool {
    if positive.negated || !negative.negated {
        return false;
    }
    match (&positive.question, &negative.question) {
        (Question::Equals(allowed), forbidden) => {
            allowed.all.iter().all(|literal| is_answer(literal, forbidden))
        }
        (
            Question::StartsWith(parts) | Question::EndsWith(parts) | Question::Contains(parts),
            Question::Contains(forbidden),
        ) => parts.iter().all(|part| forbidden.iter().any(|text| part.contains(&**text))),
        _ => false,
    }
}

/// Whether a literal passes a question. Of lists and objects only what is the same can be told.
fn is_answer(literal: &Literal, question: &Question) -> bool {
    match literal.scalar() {
        Some(value) => question.holds_for(&value),
        None => matches!(question, Question::Equals(literals) if literals.all.contains(literal)),
    }
}

/// Whether one single value can pass both.
fn can_share(a: &Question, b: &Question) -> bool {
    let is_list = |literal: &Literal| literal.scalar().is_none();
    match (a, b) {
        (Question::Exists, _) | (_, Question::Exists) => true,
        // A list passes what its elements pass.
        (Question::Equals(literals), other) | (other, Question::Equals(literals)) => {
            literals.all.iter().any(|literal| is_list(literal) || is_answer(literal, other))
        }
        (Question::Order(side_a, bound_a), Question::Order(side_b, bound_b)) => {
            let Some(ordering) = compared(bound_a, bound_b) else { return false };
            !is_empty_between(*side_a, *side_b, ordering)
        }
        (Question::Order(_, Bound::Number(_)), _) | (_, Question::Order(_, Bound::Number(_))) => false,
        (Question::StartsWith(a), Question::StartsWith(b)) => {
            a.iter().any(|a| b.iter().any(|b| a.starts_with(&**b) || b.starts_with(&**a)))
        }
        (Question::EndsWith(a), Question::EndsWith(b)) => {
            a.iter().any(|a| b.iter().any(|b| a.ends_with(&**b) || b.ends_with(&**a)))
        }
        _ => true,
    }
}

/// None when they are of different types.
fn compared(a: &Bound, b: &Bound) -> Option<Ordering> {
    match (a, b) {
        (Bound::Number(a), Bound::Number(b)) => Some(Decimal::finite(a)?.cmp(&Decimal::finite(b)?)),
        (Bound::Text(a), Bound::Text(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// Whether nothing is on both sides, given how the first bound compares with the second.
fn is_empty_between(a: Side, b: Side, ordering: Ordering) -> bool {
    let is_lower = |side| matches!(side, Side::Greater | Side::GreaterOrEqual);
    let is_closed = |side| matches!(side, Side::GreaterOrEqual | Side::LessOrEqual);
    let (lower, upper) = match (is_lower(a), is_lower(b)) {
        (true, false) => (ordering, Ordering::Greater),
        (false, true) => (ordering.reverse(), Ordering::Greater),
        _ => return false,
    };
    lower == upper || (lower == Ordering::Equal && !(is_closed(a) && is_closed(b)))
}
