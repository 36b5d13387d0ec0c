//! Objects are read from objects only. What serde derives also reads a struct from a list of its members in their order,
//! which the documentation does not offer and no client means.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// Reads `T` from an object.
pub fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(ObjectVisitor(PhantomData))
}

/// Reads `T` from an object, or nothing from null.
pub fn optional_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::<Only<T>>::deserialize(deserializer).map(|option| option.map(|only| only.0))
}

/// Reads each `T` of a list from an object.
pub fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Vec::<Only<T>>::deserialize(deserializer).map(|list| list.into_iter().map(|only| only.0).collect())
}

struct Only<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Only<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Pair {
        a: Option<u8>,
        b: Option<u8>,
    }

    #[test]
    fn a_list_of_members_is_no_object() {
        let pair = Pair { a: Some(1), b: None };
        assert_eq!(serde_json::from_str::<Only<Pair>>(r#"{"a":1}"#).expect("an object").0, pair);
        for text in ["[1,2]", "[null,null]", "[]", "null", "1", "\"a\""] {
            assert!(serde_json::from_str::<Only<Pair>>(text).is_err(), "{text}");
        }
        let list: Vec<Pair> =
            objects(&mut serde_json::Deserializer::from_str(r#"[{"a":1}]"#)).expect("objects");
        assert_eq!(list, [pair]);
        assert!(objects::<_, Pair>(&mut serde_json::Deserializer::from_str("[[1,2]]")).is_err());
        let none = optional_object::<_, Pair>(&mut serde_json::Deserializer::from_str("null"));
        assert_eq!(none.expect("null is nothing"), None);
    }
}
