//! JSON Merge Patch (RFC 7396), some members of which are kept as they are written.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Which members of a patch are kept as they are written: a [`Value`] would not keep every digit of a filter. They are
/// rules and no records, so they replace what there was as a whole.
pub trait AsWritten {
    /// Their names.
    const MEMBERS: &'static [&'static str];
}

/// A patch: any members of a resource's settings; null returns to the default.
#[derive(Debug)]
pub struct MergePatch<W> {
    /// What is merged.
    pub members: Map<String, Value>,
    /// What replaces.
    pub as_written: BTreeMap<String, Box<RawValue>>,
    which: PhantomData<W>,
}

impl<W> MergePatch<W> {
    /// Whether the member is null, which returns it to the default.
    pub fn unsets(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(Value::is_null)
    }
}

impl<'de, W: AsWritten> Deserialize<'de> for MergePatch<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PatchVisitor(PhantomData))
    }
}

struct PatchVisitor<W>(PhantomData<W>);

impl<'de, W: AsWritten> Visitor<'de> for PatchVisitor<W> {
    type Value = MergePatch<W>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<MergePatch<W>, A::Error> {
        let mut patch = MergePatch { members: Map::new(), as_written: BTreeMap::new(), which: PhantomData };
        while let Some(name) = access.next_key::<String>()? {
            if W::MEMBERS.contains(&name.as_str()) {
                patch.as_written.insert(name, access.next_value()?);
            } else {
                patch.members.insert(name, access.next_value()?);
            }
        }
        Ok(patch)
    }
}

/// Merges as RFC 7396 section 2 says: null removes, objects are merged, anything else replaces.
pub fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, new) in patch {
        match new {
            Value::Null => {
                target.remove(name);
            }
            Value::Object(inner) => {
                let mut base = match target.remove(name) {
                    Some(Value::Object(base)) => base,
                    _ => Map::new(),
                };
                merge(&mut base, inner);
                target.insert(name.clone(), Value::Object(base));
            }
            _ => {
                target.insert(name.clone(), new.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The examples of RFC 7396 appendix A whose target and patch are objects.
    #[test]
    fn the_examples_of_the_rfc_hold() {
        let examples = [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ];
        for (target, patch, expected) in examples {
            let (Value::Object(mut merged), Value::Object(patch)) = (target, patch) else {
                panic!("objects")
            };
            merge(&mut merged, &patch);
            assert_eq!(Value::Object(merged), expected);
        }
    }

    #[test]
    fn some_members_keep_every_digit() {
        struct Filters;
        impl AsWritten for Filters {
            const MEMBERS: &'static [&'static str] = &["filters"];
        }
        let text = r#"{"filters": {"n": 1.10e400}, "name": null}"#;
        let patch: MergePatch<Filters> = serde_json::from_str(text).expect("a patch");
        assert_eq!(patch.as_written["filters"].get(), r#"{"n": 1.10e400}"#);
        assert!(patch.unsets("name") && !patch.unsets("filters"));
        assert!(serde_json::from_str::<MergePatch<Filters>>("[]").is_err());
    }
}
