//! What a schema may cost, decided on its JSON before anything compiles it.
//!
//! With every `$ref` put in place a schema is a tree of rules; checking one value runs each of them at most once. So the
//! size of that tree bounds the work per value, and its height the stack. A schema that refers to itself has no such tree.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::SchemaRefusal;
use crate::limits::{SCHEMA_DEPTH_MAX, SCHEMA_RULES_MAX};

/// Highest tree of rules once every `$ref` is put in place.
const HEIGHT_MAX: usize = 64;
/// What a pattern counts as, in rules: its compiled form is that much larger.
const PATTERN_RULES: u64 = 50;
/// Keywords that hold one schema.
const ONE: [&str; 12] = [
    "not",
    "if",
    "then",
    "else",
    "contains",
    "additionalProperties",
    "unevaluatedProperties",
    "unevaluatedItems",
    "additionalItems",
    "propertyNames",
    "contentSchema",
    "items",
];
/// Keywords that hold a list of schemas.
const LISTS: [&str; 5] = ["allOf", "anyOf", "oneOf", "prefixItems", "items"];
/// Keywords that hold schemas by name.
const MAPS: [&str; 4] = ["properties", "patternProperties", "dependentSchemas", "dependencies"];
/// Keywords that make what a reference means depend on who asks.
const DYNAMIC: [&str; 4] = ["$dynamicRef", "$recursiveRef", "$dynamicAnchor", "$recursiveAnchor"];

/// Refuses a schema that is too deep, too large once its references are put in place, or refers outside or to itself.
pub(super) fn check(root: &Value) -> Result<(), SchemaRefusal> {
    let is_old = root.get("$schema").and_then(Value::as_str).is_some_and(|draft| draft.contains("draft-04"));
    let bases: &[&str] = if is_old { &["$id", "id"] } else { &["$id"] };
    references(root, bases, "", 0)?;
    let mut trees = Trees { root, known: HashMap::new() };
    trees.of(root, "", 1).map(|_| ())
}

/// Looks at every object, whatever it stands for: what is only data is bounded in the same way.
fn references(value: &Value, bases: &[&str], pointer: &str, depth: usize) -> Result<(), SchemaRefusal> {
    if depth > SCHEMA_DEPTH_MAX {
        return Err(SchemaRefusal::new(pointer, format!("nests deeper than {SCHEMA_DEPTH_MAX} levels")));
    }
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                references(item, bases, &format!("{pointer}/{index}"), depth + 1)?;
            }
        }
        Value::Object(members) => {
            reference(members, bases, pointer)?;
            for (name, member) in members {
                references(member, bases, &below(pointer, name), depth + 1)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn reference(members: &Map<String, Value>, bases: &[&str], pointer: &str) -> Result<(), SchemaRefusal> {
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if let Some(target) = text("$ref")
        && (!target.starts_with("#/") || target.contains('%'))
    {
        let detail = "must point into this schema, such as #/$defs/address; nothing is fetched";
        return Err(SchemaRefusal::new(below(pointer, "$ref"), detail));
    }
    // An inner one would change what the references below it mean.
    let is_base = |name: &&&str| text(name).is_some_and(|text| !text.starts_with('#'));
    if !pointer.is_empty()
        && let Some(name) = bases.iter().find(is_base)
    {
        return Err(SchemaRefusal::new(below(pointer, name), "may stand at the top of the schema only"));
    }
    match DYNAMIC.into_iter().find(|name| members.contains_key(*name)) {
        Some(name) => Err(SchemaRefusal::new(below(pointer, name), "is not supported; use $ref")),
        None => Ok(()),
    }
}

fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The size and height of a tree of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tree {
    rules: u64,
    height: usize,
}

struct Trees<'a> {
    root: &'a Value,
    /// By place in memory; none while it is being walked.
    known: HashMap<*const Value, Option<Tree>>,
}

impl<'a> Trees<'a> {
    fn of(&mut self, schema: &'a Value, pointer: &str, height: usize) -> Result<Tree, SchemaRefusal> {
        let key = std::ptr::from_ref(schema);
        let tree = match self.known.get(&key) {
            Some(Some(tree)) => *tree,
            Some(None) => {
                return Err(SchemaRefusal::new(pointer, "refers to itself; a schema must be finite"));
            }
            None => {
                if height > HEIGHT_MAX {
                    return Err(too_high(pointer));
                }
                self.known.insert(key, None);
                let tree = self.walked(schema, pointer, height)?;
                self.known.insert(key, Some(tree));
                tree
            }
        };
        if tree.rules > SCHEMA_RULES_MAX {
            let detail = format!(
                "has more than {SCHEMA_RULES_MAX} rules once every $ref is put in place; simplify it"
            );
            return Err(SchemaRefusal::new(pointer, detail));
        }
        if height + tree.height > HEIGHT_MAX { Err(too_high(pointer)) } else { Ok(tree) }
    }

    fn walked(&mut self, schema: &'a Value, pointer: &str, height: usize) -> Result<Tree, SchemaRefusal> {
        let Value::Object(members) = schema else { return Ok(Tree { rules: 1, height: 0 }) };
        let mut tree = Tree { rules: 1 + own_rules(members), height: 0 };
        let mut inner = Vec::new();
        for (name, member) in members {
            let place = below(pointer, name);
            match member {
                Value::Object(map) if MAPS.contains(&name.as_str()) => {
                    inner.extend(map.iter().map(|(key, schema)| (schema, below(&place, key))));
                }
                Value::Array(list) if LISTS.contains(&name.as_str()) => {
                    inner.extend(list.iter().enumerate().map(|(n, schema)| (schema, format!("{place}/{n}"))));
                }
                Value::Object(_) | Value::Bool(_) if ONE.contains(&name.as_str()) => {
                    inner.push((member, place));
                }
                Value::String(target) if name == "$ref" => {
                    let found = self.root.pointer(target.trim_start_matches('#'));
                    let schema = found.ok_or_else(|| {
                        SchemaRefusal::new(place.as_str(), "points to nothing in this schema")
                    })?;
                    inner.push((schema, place));
                }
                _ => {}
            }
        }
        for (schema, place) in inner {
            let below = self.of(schema, &place, height + 1)?;
            tree.rules = tree.rules.saturating_add(below.rules);
            tree.height = tree.height.max(below.height + 1);
        }
        // What was evaluated is found out by going through the rules once more.
        if members.contains_key("unevaluatedProperties") || members.contains_key("unevaluatedItems") {
            tree.rules = tree.rules.saturating_mul(2);
        }
        Ok(tree)
    }
}

fn too_high(pointer: &str) -> SchemaRefusal {
    let detail = format!("nests deeper than {HEIGHT_MAX} levels once every $ref is put in place");
    SchemaRefusal::new(pointer, detail)
}

/// Keywords, and patterns and lists of values by their weight.
fn own_rules(members: &Map<String, Value>) -> u64 {
    let values = members.get("enum").and_then(Value::as_array).map_or(0, |list| list.len() as u64 / 4);
    let patterns = u64::from(members.contains_key("pattern"))
        + members.get("patternProperties").and_then(Value::as_object).map_or(0, |map| map.len() as u64);
    members.len() as u64 + values + patterns * PATTERN_RULES
}
