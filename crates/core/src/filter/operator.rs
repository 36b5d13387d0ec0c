//! The words of the filter language, ours and those of other systems.

/// A word that a filter can use where a test is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Equals,
    NotEquals,
    In,
    NotIn,
    StartsWith,
    EndsWith,
    Contains,
    NotContains,
    Matches,
    Exists,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// A word that joins clauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joint {
    All,
    Any,
    Not,
}

/// Each operator with its word and the spellings of Convoy, Outpost and Hookdeck.
const OPERATORS: [(Operator, &str, &[&str]); 14] = [
    (Operator::Equals, "equals", &["$eq"]),
    (Operator::NotEquals, "not_equals", &["$neq", "$ne"]),
    (Operator::In, "in", &["$in"]),
    (Operator::NotIn, "not_in", &["$nin"]),
    (Operator::StartsWith, "starts_with", &["$startsWith"]),
    (Operator::EndsWith, "ends_with", &["$endsWith"]),
    (Operator::Contains, "contains", &["$contains"]),
    (Operator::NotContains, "not_contains", &["$notContains"]),
    (Operator::Matches, "matches", &["$regex"]),
    (Operator::Exists, "exists", &["$exist", "$exists"]),
    (Operator::Greater, "greater_than", &["$gt"]),
    (Operator::GreaterOrEqual, "greater_than_or_equal", &["$gte"]),
    (Operator::Less, "less_than", &["$lt"]),
    (Operator::LessOrEqual, "less_than_or_equal", &["$lte"]),
];

const JOINTS: [(Joint, &str, &str); 3] =
    [(Joint::All, "all", "$and"), (Joint::Any, "any", "$or"), (Joint::Not, "not", "$not")];

/// How many letters a name may differ from an operator and still be taken for a slip.
const SLIP_MAX: usize = 2;
/// Shorter words are too easily a name.
const SLIP_LETTERS_MIN: usize = 6;

impl Operator {
    /// The operator that is spelled so.
    pub fn spelled(text: &str) -> Option<Self> {
        let found = OPERATORS.iter().find(|(_, word, others)| *word == text || others.contains(&text));
        found.map(|(operator, ..)| *operator)
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        OPERATORS.iter().find(|(operator, ..)| *operator == self).map_or("", |(_, word, _)| word)
    }
}

impl Joint {
    /// The joint that is spelled so.
    pub fn spelled(text: &str) -> Option<Self> {
        let found = JOINTS.iter().find(|(_, word, other)| *word == text || *other == text);
        found.map(|(joint, ..)| *joint)
    }
}

/// The operator that a name of a member was probably meant to be.
pub fn meant(name: &str) -> Option<&'static str> {
    if let Some(word) = name.strip_prefix('$') {
        let close = OPERATORS.iter().find(|(_, own, _)| distance(own, word) <= SLIP_MAX);
        return Some(close.map_or("one of those in the documentation", |(_, own, _)| own));
    }
    let is_short = |others: &[&str]| others.iter().any(|other| other.strip_prefix('$') == Some(name));
    let is_slip = |word: &str| name.len() >= SLIP_LETTERS_MIN && distance(word, name) <= SLIP_MAX;
    let found = OPERATORS.iter().find(|(_, word, others)| is_short(others) || is_slip(word));
    found.map(|(_, word, _)| *word)
}

/// Letters to change, add or drop to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    if a.len().abs_diff(b.len()) > SLIP_MAX {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, right) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_means_one_operator() {
        for (operator, word, others) in OPERATORS {
            assert_eq!((Operator::spelled(word), operator.word()), (Some(operator), word));
            for other in others {
                assert_eq!(Operator::spelled(other), Some(operator), "{other}");
            }
        }
    }

    #[test]
    fn slips_are_noticed_and_names_are_not() {
        for (slip, word) in [
            ("greater_then", "greater_than"),
            ("startswith", "starts_with"),
            ("gt", "greater_than"),
            ("eq", "equals"),
            ("regex", "matches"),
            ("$gtt", "one of those in the documentation"),
            ("$equal", "equals"),
        ] {
            assert_eq!(meant(slip), Some(word), "{slip}");
        }
        for name in ["plan", "code", "status", "amount", "total_tokens", "created_at", "id"] {
            assert_eq!(meant(name), None, "{name}");
        }
    }
}
