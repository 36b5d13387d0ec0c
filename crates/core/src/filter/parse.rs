//! From the JSON of `filters` and `conditions` to clauses. Whatever could never do what its author means is refused, with a
//! pointer to it.

use std::collections::{HashMap, HashSet};

use super::clause::{Clause, ClauseKind, Test};
use super::literal::Literal;
use super::operator::{Joint, Operator, meant};
use super::path::Path;
use super::scan::{Value, elements, members};
use super::test::{Bound, Literals, Pattern, Question, Side};
use crate::limits::{
    FILTER_DEPTH_MAX, FILTER_PATTERN_BYTES_MAX, FILTER_PATTERNS_MAX, FILTER_TESTS_MAX, FILTER_VALUES_MAX,
};

/// Refusals that are listed at most.
const REFUSALS_MAX: usize = 20;
/// The ending of a name that makes a list of texts mean "contains one of these" (seed 003).
const CONTAINS_ENDING: &str = "_contains";

/// A place of a filter that is no good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct FilterRefusal {
    /// JSON Pointer into `{"filters": …, "conditions": …}`.
    pub pointer: String,
    /// What is wrong and what is expected.
    pub detail: String,
}

/// What a filter's text is made into.
#[derive(Debug, Default)]
pub(super) struct Parser {
    paths: Vec<Path>,
    by_path: HashMap<Path, usize>,
    refusals: Vec<FilterRefusal>,
    tests: usize,
    values: usize,
    patterns: usize,
    /// Whether expressions were compiled before.
    trusting: bool,
}

impl Parser {
    /// For a filter that was checked when it was saved.
    pub(super) fn trusting() -> Self {
        Self { trusting: true, ..Self::default() }
    }

    /// The clauses of one of the two objects.
    pub(super) fn object(&mut self, text: &str, pointer: &str) -> Clause {
        self.fields(text, &Path::data(), pointer, 1)
    }

    /// The paths that were used.
    ///
    /// # Errors
    /// Everything that was refused.
    pub(super) fn finish(self) -> Result<Vec<Path>, Vec<FilterRefusal>> {
        if self.refusals.is_empty() { Ok(self.paths) } else { Err(self.refusals) }
    }

    /// An object of field → what is asked of it; all of it must hold.
    fn fields(&mut self, text: &str, base: &Path, pointer: &str, depth: usize) -> Clause {
        let mut clauses = Vec::new();
        if !matches!(Value::of(text), Some(Value::Object(_))) {
            self.refuse(pointer, "must be an object of fields and what is asked of them");
        } else if self.is_deeper(pointer, depth) {
            let mut names = HashSet::new();
            for (name, value) in members(text) {
                let here = child(pointer, &name);
                if names.insert(name.clone()) {
                    clauses.extend(self.member(&name, value, base, &here, depth));
                } else {
                    self.refuse(&here, "is given twice");
                }
            }
            if names.is_empty() {
                self.refuse(pointer, "must name at least one field; leave it out to pass every event");
            }
        }
        joined(ClauseKind::All(clauses), pointer)
    }

    fn member(&mut self, name: &str, value: &str, base: &Path, here: &str, depth: usize) -> Option<Clause> {
        if let Some(joint) = Joint::spelled(name) {
            return self.joint(joint, value, here, |parser, inner, pointer| {
                parser.fields(inner, base, pointer, depth + 1)
            });
        }
        if Operator::spelled(name).is_some() {
            let expected = format!(
                "is an operator where a field is expected; write the path {}",
                escape_hint(base, name)
            );
            self.refuse(here, expected);
            return None;
        }
        if let Some(field) = name.strip_suffix(CONTAINS_ENDING).filter(|field| !field.is_empty())
            && matches!(Value::of(value), Some(Value::Text(_) | Value::Array(_)))
        {
            let path = self.path(base, field, here)?;
            return self.test(&path, Operator::Contains, value, here);
        }
        let path = self.path(base, name, here)?;
        self.asked(&path, value, here, depth)
    }

    /// What is asked of one field.
    fn asked(&mut self, path: &Path, value: &str, here: &str, depth: usize) -> Option<Clause> {
        match Value::of(value) {
            Some(Value::Object(_)) => self.asked_by_object(path, value, here, depth),
            Some(Value::Array(_)) => self.test(path, Operator::In, value, here),
            _ => self.test(path, Operator::Equals, value, here),
        }
    }

    /// Operators, or the fields inside.
    fn asked_by_object(&mut self, path: &Path, value: &str, here: &str, depth: usize) -> Option<Clause> {
        let is_word = |name: &str| Operator::spelled(name).is_some() || Joint::spelled(name).is_some();
        let names: Vec<_> = members(value).map(|(name, _)| name).collect();
        let words = names.iter().filter(|name| is_word(name)).count();
        if words < names.len() {
            if words > 0 {
                self.refuse(here, "mixes operators and fields; put them into clauses of their own");
                return None;
            }
            if let Some((name, word)) = names.iter().find_map(|name| Some((name, meant(name)?))) {
                let path = escape_hint(path, name);
                let detail = format!(
                    "is no operator; did you mean {word}? For a field of that name write the path {path}"
                );
                self.refuse(&child(here, name), detail);
                return None;
            }
            return Some(self.fields(value, path, here, depth + 1));
        }
        if !self.is_deeper(here, depth + 1) {
            return None;
        }
        if path.is_event() {
            self.refuse(here, "must name a field of the event, such as type or data");
            return None;
        }
        if names.is_empty() {
            self.refuse(here, "must hold an operator");
            return None;
        }
        let mut clauses = Vec::new();
        let mut seen = HashSet::new();
        for (name, operand) in members(value) {
            let pointer = child(here, &name);
            if !seen.insert(name.clone()) {
                self.refuse(&pointer, "is given twice");
            } else if let Some(joint) = Joint::spelled(&name) {
                clauses.extend(self.joint(joint, operand, &pointer, |parser, inner, pointer| {
                    let clause = parser.asked(path, inner, pointer, depth + 1);
                    clause.unwrap_or_else(|| joined(ClauseKind::All(Vec::new()), pointer))
                }));
            } else if let Some(operator) = Operator::spelled(&name) {
                // Where Hookdeck asks whether a text is in something, it means that it contains it.
                let is_text = name.starts_with('$') && matches!(Value::of(operand), Some(Value::Text(_)));
                let operator = match operator {
                    Operator::In if is_text => Operator::Contains,
                    Operator::NotIn if is_text => Operator::NotContains,
                    other => other,
                };
                clauses.extend(self.test(path, operator, operand, &pointer));
            }
        }
        Some(joined(ClauseKind::All(clauses), here))
    }

    /// `all` and `any` take a list, `not` takes one.
    fn joint(
        &mut self,
        joint: Joint,
        value: &str,
        here: &str,
        mut parse: impl FnMut(&mut Self, &str, &str) -> Clause,
    ) -> Option<Clause> {
        if joint == Joint::Not {
            let inner = parse(self, value, here);
            return Some(Clause { pointer: here.into(), kind: ClauseKind::Not(Box::new(inner)) });
        }
        if !matches!(Value::of(value), Some(Value::Array(_))) || elements(value).next().is_none() {
            self.refuse(here, "must be a list with at least one clause");
            return None;
        }
        let mut clauses = Vec::new();
        for (index, element) in elements(value).enumerate() {
            clauses.push(parse(self, element, &format!("{here}/{index}")));
        }
        let kind = if joint == Joint::All { ClauseKind::All(clauses) } else { ClauseKind::Any(clauses) };
        Some(Clause { pointer: here.into(), kind })
    }

    fn test(&mut self, path: &Path, operator: Operator, operand: &str, here: &str) -> Option<Clause> {
        if path.is_event() {
            self.refuse(here, "must name a field of the event, such as type or data");
            return None;
        }
        self.tests += 1;
        if self.tests > FILTER_TESTS_MAX {
            if self.tests == FILTER_TESTS_MAX + 1 {
                self.refuse(here, format!("is one test too many; a filter has at most {FILTER_TESTS_MAX}"));
            }
            return None;
        }
        let question = match self.question(operator, operand, here) {
            Ok(question) => question,
            Err(detail) => {
                self.refuse(here, detail);
                return None;
            }
        };
        let is_absence =
            operator == Operator::Exists && matches!(Value::of(operand), Some(Value::Bool(false)));
        let negated =
            is_absence || matches!(operator, Operator::NotEquals | Operator::NotIn | Operator::NotContains);
        let path = self.intern(path);
        let test =
            Test { path, operator: operator.word(), question, negated, operand: operand.trim().into() };
        Some(Clause { pointer: here.into(), kind: ClauseKind::Test(test) })
    }

    fn question(&mut self, operator: Operator, operand: &str, here: &str) -> Result<Question, String> {
        Ok(match operator {
            Operator::Equals | Operator::NotEquals => {
                self.count_values(1)?;
                Question::Equals(Literals::new(vec![literal(operand)?]))
            }
            Operator::In | Operator::NotIn => Question::Equals(Literals::new(self.scalars(operand)?)),
            Operator::StartsWith => Question::StartsWith(self.texts(operand)?),
            Operator::EndsWith => Question::EndsWith(self.texts(operand)?),
            Operator::Contains | Operator::NotContains => Question::Contains(self.texts(operand)?),
            Operator::Matches => Question::Matches(self.pattern(operand)?),
            Operator::Exists => match Value::of(operand) {
                Some(Value::Bool(_)) => Question::Exists,
                _ => return Err("must be true or false".into()),
            },
            Operator::Greater => Question::Order(Side::Greater, bound(operand)?),
            Operator::GreaterOrEqual => Question::Order(Side::GreaterOrEqual, bound(operand)?),
            Operator::Less => Question::Order(Side::Less, bound(operand)?),
            Operator::LessOrEqual => Question::Order(Side::LessOrEqual, bound(operand)?),
        })
        .inspect(|_| debug_assert!(here.starts_with('/')))
    }

    fn scalars(&mut self, operand: &str) -> Result<Vec<Literal>, String> {
        let expected = "must be a list of at least one text, number, boolean or null";
        let Some(Value::Array(list)) = Value::of(operand) else { return Err(expected.into()) };
        let literals: Vec<_> = elements(list).map(literal).collect::<Result<_, _>>()?;
        let is_scalar = |literal: &Literal| literal.scalar().is_some();
        if literals.is_empty() || !literals.iter().all(is_scalar) {
            return Err(format!("{expected}; lists and objects are compared by equals"));
        }
        self.count_values(literals.len())?;
        Ok(literals)
    }

    /// A text, or a list of them: any.
    fn texts(&mut self, operand: &str) -> Result<Vec<Box<str>>, String> {
        let text = |element: &str| match Value::of(element) {
            Some(Value::Text(text)) if !text.is_empty() => Some(Box::from(&*text)),
            _ => None,
        };
        let texts = match Value::of(operand) {
            Some(Value::Array(list)) => elements(list).map(text).collect::<Option<Vec<_>>>(),
            _ => text(operand).map(|text| vec![text]),
        };
        let texts = texts.filter(|texts| !texts.is_empty());
        let texts = texts.ok_or("must be a text that is not empty, or a list of at least one")?;
        self.count_values(texts.len())?;
        Ok(texts)
    }

    fn pattern(&mut self, operand: &str) -> Result<Pattern, String> {
        let Some(Value::Text(text)) = Value::of(operand) else {
            return Err("must be a regular expression, as text".into());
        };
        self.patterns += 1;
        if self.patterns > FILTER_PATTERNS_MAX {
            return Err(format!(
                "is one too many; a filter has at most {FILTER_PATTERNS_MAX} regular expressions"
            ));
        }
        if text.len() > FILTER_PATTERN_BYTES_MAX {
            return Err(format!("must be at most {FILTER_PATTERN_BYTES_MAX} bytes"));
        }
        if self.trusting { Ok(Pattern::checked(&text)) } else { Pattern::check(&text) }
    }

    fn count_values(&mut self, more: usize) -> Result<(), String> {
        self.values += more;
        if self.values > FILTER_VALUES_MAX {
            return Err(format!("is too much; a filter compares with at most {FILTER_VALUES_MAX} values"));
        }
        Ok(())
    }

    fn path(&mut self, base: &Path, text: &str, here: &str) -> Option<Path> {
        base.join(text).map_err(|error| self.refuse(here, format!("the path {error}"))).ok()
    }

    fn intern(&mut self, path: &Path) -> usize {
        if let Some(index) = self.by_path.get(path) {
            return *index;
        }
        let index = self.paths.len();
        self.paths.push(path.clone());
        self.by_path.insert(path.clone(), index);
        index
    }

    fn is_deeper(&mut self, pointer: &str, depth: usize) -> bool {
        if depth > FILTER_DEPTH_MAX {
            self.refuse(pointer, format!("nests too deep; at most {FILTER_DEPTH_MAX} levels"));
        }
        depth <= FILTER_DEPTH_MAX
    }

    fn refuse(&mut self, pointer: &str, detail: impl Into<String>) {
        if self.refusals.len() < REFUSALS_MAX {
            self.refusals.push(FilterRefusal { pointer: pointer.into(), detail: detail.into() });
        }
    }
}

fn literal(operand: &str) -> Result<Literal, String> {
    Literal::read(operand).ok_or_else(|| "holds a number that is too large to be compared".into())
}

fn bound(operand: &str) -> Result<Bound, String> {
    match literal(operand)? {
        Literal::Number(digits) => Ok(Bound::Number(digits)),
        Literal::Text(text) => Ok(Bound::Text(text)),
        _ => Err("must be a number or a text".into()),
    }
}

/// One clause stands for itself.
fn joined(kind: ClauseKind, pointer: &str) -> Clause {
    match kind {
        ClauseKind::All(mut clauses) if clauses.len() == 1 => clauses.remove(0),
        kind => Clause { pointer: pointer.into(), kind },
    }
}

fn child(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The path that names a field whatever it is called.
fn escape_hint(base: &Path, name: &str) -> String {
    base.join(name).map_or_else(|_| "$.data.…".into(), |path| path_from_event(&path))
}

fn path_from_event(path: &Path) -> String {
    let shown = path.to_string();
    if shown.starts_with("$.") { shown } else { format!("$.data.{shown}") }
}
