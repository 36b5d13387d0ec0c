//! Filters: which events a webhook or route takes, by what they hold (design section 5; docs/filters.md has the semantics).
//!
//! A [`Filter`] keeps what was written and the clauses made of it. [`Filter::bind`] gives its paths numbers in a
//! [`PathSet`] that many filters share, so that an event is walked over once, however many filters are asked of it.

mod clause;
mod contradiction;
mod explain;
mod literal;
mod number;
mod operator;
mod parse;
mod path;
pub(crate) mod scan;
mod seen;
mod test;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use self::clause::{Clause, ClauseKind};
use self::literal::scalar_key;
use self::parse::Parser;
use self::path::Path;
use self::test::Question;
use crate::limits::FILTER_BYTES_MAX;
use crate::profile::Profile;

pub use self::contradiction::{CanMatch, Contradiction};
pub use self::explain::{ClauseReport, Explanation, Reason, Shown};
pub use self::parse::FilterRefusal;
pub use self::seen::{Facts, PathSet, Seen};

/// Which events a webhook or route takes. Cheap to clone. Equal when it was written the same.
#[derive(Debug, Clone)]
pub struct Filter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    filters: Option<Box<str>>,
    conditions: Option<Box<str>>,
    paths: Vec<Path>,
    clause: Clause,
}

/// A filter whose paths have numbers.
#[derive(Debug, Clone)]
pub struct Predicate {
    filter: Filter,
    numbers: Box<[u32]>,
}

impl Filter {
    /// Reads a filter from the JSON of its two objects, of which all clauses must hold. None when there is neither.
    ///
    /// # Errors
    /// Each place that is no good.
    pub fn parse(
        filters: Option<&str>,
        conditions: Option<&str>,
    ) -> Result<Option<Self>, Vec<FilterRefusal>> {
        Self::read(Parser::default(), filters, conditions)
    }

    fn read(
        mut parser: Parser,
        filters: Option<&str>,
        conditions: Option<&str>,
    ) -> Result<Option<Self>, Vec<FilterRefusal>> {
        let given =
            |text: Option<&str>| text.map(str::trim).filter(|text| *text != "null").map(Box::<str>::from);
        let (filters, conditions) = (given(filters), given(conditions));
        let parts = [("/filters", &filters), ("/conditions", &conditions)];
        let bytes: usize = parts.iter().filter_map(|(_, text)| text.as_deref()).map(str::len).sum();
        if bytes > FILTER_BYTES_MAX {
            let detail = format!("filters and conditions together must be at most {FILTER_BYTES_MAX} bytes");
            let larger = parts.iter().max_by_key(|(_, text)| text.as_deref().map_or(0, str::len));
            let pointer = larger.map_or("/filters", |(pointer, _)| pointer);
            return Err(vec![FilterRefusal { pointer: pointer.into(), detail }]);
        }
        let clauses: Vec<_> = parts
            .into_iter()
            .filter_map(|(pointer, text)| text.as_deref().map(|text| parser.object(text, pointer)))
            .collect();
        let paths = parser.finish()?;
        if clauses.is_empty() {
            return Ok(None);
        }
        let clause = Clause { pointer: "".into(), kind: ClauseKind::All(clauses) };
        Ok(Some(Self(Arc::new(Inner { filters, conditions, paths, clause }))))
    }

    /// `filters` as it was written.
    pub fn filters(&self) -> Option<&str> {
        self.0.filters.as_deref()
    }

    /// `conditions` as it was written.
    pub fn conditions(&self) -> Option<&str> {
        self.0.conditions.as_deref()
    }

    /// Gives its paths numbers, as the profile reads them.
    pub fn bind(&self, paths: &mut PathSet, profile: Profile) -> Predicate {
        let numbers = self.0.paths.iter().map(|path| paths.intern(&path.under(profile))).collect();
        Predicate { filter: self.clone(), numbers }
    }

    /// Whether one event passes.
    pub fn passes(&self, facts: &Facts<'_>, profile: Profile) -> bool {
        let mut paths = PathSet::default();
        let predicate = self.bind(&mut paths, profile);
        predicate.passes(&paths.look(facts))
    }

    /// Every clause asked of one event.
    pub fn explain(&self, facts: &Facts<'_>, profile: Profile) -> Explanation {
        let mut paths = PathSet::default();
        let predicate = self.bind(&mut paths, profile);
        let seen = paths.look(facts);
        let clauses = explain::report(&self.0.clause, &self.0.paths, &seen, &predicate.numbers);
        Explanation { passed: predicate.passes(&seen), clauses }
    }

    /// Whether any event can pass, as far as can be told, and what stands against it.
    pub fn judge(&self) -> (CanMatch, Vec<Contradiction>) {
        contradiction::judge(&self.0.clause, &self.0.paths)
    }
}

impl Predicate {
    /// Whether an event passes.
    pub fn passes(&self, seen: &Seen<'_>) -> bool {
        self.filter.0.clause.holds(seen, &self.numbers)
    }

    /// Where the clauses are written that refuse an event; of `any` and `not` the whole.
    pub fn refusing(&self, seen: &Seen<'_>) -> Vec<&str> {
        let mut found = Vec::new();
        let mut open = vec![&self.filter.0.clause];
        while let Some(clause) = open.pop() {
            match &clause.kind {
                ClauseKind::All(inner) => open.extend(inner),
                _ if clause.holds(seen, &self.numbers) => {}
                _ => found.push(&*clause.pointer),
            }
        }
        found
    }

    /// Paths of which one value must be one of a few scalars for the filter to pass, each with the keys of those scalars
    /// (see [`Seen::keys`]).
    pub fn equalities(&self) -> Vec<(u32, BTreeSet<String>)> {
        let mut found = Vec::new();
        let mut open = vec![&self.filter.0.clause];
        while let Some(clause) = open.pop() {
            match &clause.kind {
                ClauseKind::All(inner) => open.extend(inner),
                ClauseKind::Test(test) if !test.negated => {
                    let Question::Equals(literals) = &test.question else { continue };
                    let key = |literal: &literal::Literal| literal.scalar().as_ref().and_then(scalar_key);
                    let keys: Option<BTreeSet<_>> = literals.all.iter().map(key).collect();
                    found.extend(keys.map(|keys| (self.numbers[test.path], keys)));
                }
                ClauseKind::Any(_) | ClauseKind::Not(_) | ClauseKind::Test(_) => {}
            }
        }
        found
    }
}

impl Seen<'_> {
    /// The keys of the scalars that a path selects: equal scalars have equal keys.
    pub fn keys(&self, path: u32) -> impl Iterator<Item = String> {
        self.of(path).values.iter().filter_map(scalar_key)
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.filters() == other.filters() && self.conditions() == other.conditions()
    }
}

impl Eq for Filter {}

/// How a filter is kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filters: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    conditions: Option<Box<RawValue>>,
}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).map_err(serde::ser::Error::custom);
        let kept = Kept {
            filters: self.filters().map(raw).transpose()?,
            conditions: self.conditions().map(raw).transpose()?,
        };
        kept.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Filter {
    /// Reads what was kept: checked when it was saved, so expressions are compiled only when they are needed.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kept = Kept::deserialize(deserializer)?;
        let (filters, conditions) = (kept.filters.as_deref(), kept.conditions.as_deref());
        let read = Self::read(Parser::trusting(), filters.map(RawValue::get), conditions.map(RawValue::get));
        match read {
            Ok(Some(filter)) => Ok(filter),
            Ok(None) => Err(D::Error::custom("a filter without clauses")),
            Err(refusals) => {
                Err(D::Error::custom(refusals.first().map(ToString::to_string).unwrap_or_default()))
            }
        }
    }
}
