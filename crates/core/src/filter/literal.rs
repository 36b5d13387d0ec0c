//! Values that a filter compares with.

use std::collections::BTreeMap;

use super::number::Decimal;
use super::scan::{Value, elements, members};

/// A JSON value written in a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A finite number as it was written.
    Number(Box<str>),
    /// A text.
    Text(Box<str>),
    /// A list.
    Array(Vec<Self>),
    /// An object; of a repeated name the last one stands.
    Object(BTreeMap<Box<str>, Self>),
}

impl Literal {
    /// Reads a value. None when it holds a number beyond what a double can hold, which nothing would be equal to.
    pub fn read(text: &str) -> Option<Self> {
        Some(match Value::of(text)? {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(digits) => Decimal::finite(digits).map(|_| Self::Number(digits.into()))?,
            Value::Text(text) => Self::Text(text.into()),
            Value::Array(text) => Self::Array(elements(text).map(Self::read).collect::<Option<_>>()?),
            Value::Object(text) => {
                let read =
                    |(name, value): (std::borrow::Cow<'_, str>, _)| Some((name.into(), Self::read(value)?));
                Self::Object(members(text).map(read).collect::<Option<_>>()?)
            }
        })
    }

    /// Whether the value equals it: same type, numbers as decimals, texts character by character, lists element by
    /// element, objects whatever the order of their members.
    pub fn equals(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::Null, Value::Null) => true,
            (Self::Bool(own), Value::Bool(value)) => own == value,
            (Self::Number(own), Value::Number(digits)) => {
                **own == **digits
                    || matches!((Decimal::finite(own), Decimal::finite(digits)), (Some(a), Some(b)) if a == b)
            }
            (Self::Text(own), Value::Text(text)) => **own == **text,
            (Self::Array(own), Value::Array(text)) => {
                let mut others = elements(text);
                own.iter().all(|element| others.next().is_some_and(|other| element.equals_text(other)))
                    && others.next().is_none()
            }
            (Self::Object(own), Value::Object(text)) => {
                let others: BTreeMap<_, _> = members(text).collect();
                own.len() == others.len()
                    && own.iter().all(|(name, value)| {
                        others.get(&**name).is_some_and(|other| value.equals_text(other))
                    })
            }
            _ => false,
        }
    }

    fn equals_text(&self, text: &str) -> bool {
        Value::of(text).is_some_and(|value| self.equals(&value))
    }

    /// The value itself, to ask other tests of it. None for lists and objects.
    pub fn scalar(&self) -> Option<Value<'_>> {
        match self {
            Self::Null => Some(Value::Null),
            Self::Bool(value) => Some(Value::Bool(*value)),
            Self::Number(digits) => Some(Value::Number(digits)),
            Self::Text(text) => Some(Value::Text((&**text).into())),
            Self::Array(_) | Self::Object(_) => None,
        }
    }
}

/// The same text for all scalars that are equal, and for no others. None for lists, objects and infinite numbers.
pub fn scalar_key(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Null => Some("null".into()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(digits) => Decimal::finite(digits).map(|decimal| format!("#{}", decimal.canonical())),
        Value::Text(text) => Some(format!("\"{text}")),
        Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equal(literal: &str, value: &str) -> bool {
        Literal::read(literal).expect("finite").equals(&Value::of(value).expect("a value"))
    }

    #[test]
    fn types_are_never_mixed() {
        let all =
            ["null", "true", "1", "\"1\"", "\"true\"", "\"null\"", "[1]", "{\"a\":1}", "0", "false", "\"\""];
        for a in all {
            for b in all {
                assert_eq!(equal(a, b), a == b, "{a} {b}");
            }
        }
    }

    #[test]
    fn lists_and_objects_are_compared_all_the_way_down() {
        assert!(equal(r#"[1,{"a":[2.0]}]"#, r#"[1.0, {"a": [2]}]"#));
        assert!(!equal("[1,2]", "[2,1]") && !equal("[1]", "[1,2]") && !equal("[1,2]", "[1]"));
        assert!(equal(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#));
        assert!(equal(r#"{"a":2}"#, r#"{"a":1,"a":2}"#), "the last of a repeated name stands");
        assert!(!equal(r#"{"a":1}"#, r#"{"a":1,"b":2}"#) && !equal(r#"{"a":1}"#, r#"{"b":1}"#));
    }

    #[test]
    fn an_infinite_number_equals_nothing() {
        assert_eq!(Literal::read("1e400"), None);
        assert_eq!(Literal::read("[1e400]"), None);
        assert!(!equal("1", "1e400") && !equal("[1]", "[1e400]"));
        assert_eq!(scalar_key(&Value::Number("1e400")), None);
    }
}
