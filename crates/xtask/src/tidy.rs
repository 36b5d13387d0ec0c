//! Rules that no compiler checks. Each check is a function from the [`Tree`] to what breaks it; all read files and
//! nothing else, so that the whole takes less than a second.

mod backends;
mod channels;
mod clock;
mod crate_edges;
mod error_anchors;
mod ignored_tests;
mod leftovers;
mod length;
mod lexer;
mod readme;
mod schema_names;
mod siblings;
mod sql;
mod tree;
mod words;

use crate::root::root;
use crate::step::none_found;

use self::tree::Tree;

/// A place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    path: String,
    /// From 1; 0 for the file as a whole.
    line: usize,
    rule: String,
}

const CHECKS: [fn(&Tree) -> Vec<Violation>; 14] = [
    crate_edges::check,
    siblings::check,
    sql::check,
    backends::same_files,
    backends::same_migrations,
    leftovers::check,
    clock::check,
    channels::check,
    ignored_tests::check,
    words::check,
    length::check,
    error_anchors::check,
    readme::check,
    schema_names::check,
];

/// Runs every check on the repository.
pub(crate) fn run() -> anyhow::Result<()> {
    let tree = Tree::read(&root())?;
    let mut violations: Vec<Violation> = CHECKS.iter().flat_map(|check| check(&tree)).collect();
    violations.sort();
    let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
    none_found(&lines, "places break a rule of the house")
}

impl Violation {
    fn new(path: &str, line: usize, rule: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, rule: rule.into() }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.rule)
    }
}

/// Lines (from 1) of planted files that a check finds, for its tests.
#[cfg(test)]
fn found(check: fn(&Tree) -> Vec<Violation>, files: &[(&str, &str)]) -> Vec<(String, usize)> {
    let tree = Tree::planted(files);
    let mut found: Vec<_> =
        check(&tree).into_iter().map(|violation| (violation.path, violation.line)).collect();
    found.sort();
    found
}

/// Asserts that the check finds exactly these places in the planted files.
#[cfg(test)]
#[track_caller]
fn assert_found(check: fn(&Tree) -> Vec<Violation>, files: &[(&str, &str)], expected: &[(&str, usize)]) {
    let expected: Vec<_> = expected.iter().map(|(path, line)| ((*path).to_owned(), *line)).collect();
    assert_eq!(found(check, files), expected);
}
