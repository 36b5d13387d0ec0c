//! What a schema may cost, decided on its JSON before anything compiles it.
//!
//! With every `$ref` put in place a schema is a tree of rules; checking one value runs each of them at most once. So the
//! size of that tree bounds the work per value, and its height the stack. A schema that refers to itself has no such tree:
//! what it may cost is bounded by how deep the data nests (`recursion`).

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{SchemaRefusal, recursion};
use crate::limits::{SCHEMA_DEPTH_MAX, SCHEMA_RULES_MAX};

/// Highest tree of rules once every `$ref` is put in place.
pub(super) const HEIGHT_MAX: usize = 64;
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

/// How a rule looks at values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// At the one that the schema around it looks at.
    Same,
    /// At members of it; of all such schemas, only one at each.
    OneMember,
    /// At items of it; of all such schemas, only one at each.
    OneItem,
    /// At any member, beside others.
    EachMember,
    /// At any item, beside others.
    EachItem,
}

/// A schema inside another, or that it refers to.
pub(super) struct Inner<'a> {
    pub(super) schema: &'a Value,
    /// JSON Pointer to where it is named.
    pub(super) place: String,
    pub(super) reach: Reach,
}

/// Refuses a schema that is too deep, too large once its references are put in place, or refers outside. Answers how deep
/// data may nest, when the schema refers to itself.
pub(super) fn check(root: &Value) -> Result<Option<usize>, SchemaRefusal> {
    let is_old = root.get("$schema").and_then(Value::as_str).is_some_and(|draft| draft.contains("draft-04"));
    let bases: &[&str] = if is_old { &["$id", "id"] } else { &["$id"] };
    references(root, bases, "", 0)?;
    let depth = recursion::depth_max(root)?;
    if depth.is_none() {
        Trees::of_root(root).of(root, "", 1)?;
    }
    Ok(depth)
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
        && ((target != "#" && !target.starts_with("#/")) || target.contains('%'))
    {
        let detail = "must point into this schema, such as #/$defs/address or #; nothing is fetched";
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
pub(super) struct Tree {
    pub(super) rules: u64,
    height: usize,
}

/// Trees of schemas that do not lead to a circle.
pub(super) struct Trees<'a> {
    root: &'a Value,
    /// By place in memory.
    known: HashMap<*const Value, Tree>,
}

impl<'a> Trees<'a> {
    pub(super) fn of_root(root: &'a Value) -> Self {
        Self { root, known: HashMap::new() }
    }

    pub(super) fn of(
        &mut self,
        schema: &'a Value,
        pointer: &str,
        height: usize,
    ) -> Result<Tree, SchemaRefusal> {
        let key = std::ptr::from_ref(schema);
        let tree = match self.known.get(&key) {
            Some(tree) => *tree,
            None => {
                if height > HEIGHT_MAX {
                    return Err(too_high(pointer));
                }
                let tree = self.walked(schema, pointer, height)?;
                self.known.insert(key, tree);
                tree
            }
        };
        if tree.rules > SCHEMA_RULES_MAX {
            return Err(too_large(pointer));
        }
        if height + tree.height > HEIGHT_MAX { Err(too_high(pointer)) } else { Ok(tree) }
    }

    fn walked(&mut self, schema: &'a Value, pointer: &str, height: usize) -> Result<Tree, SchemaRefusal> {
        let mut tree = Tree { rules: 1 + own_rules(schema), height: 0 };
        for Inner { schema, place, .. } in inner_of(self.root, schema, pointer)? {
            let below = self.of(schema, &place, height + 1)?;
            tree.rules = tree.rules.saturating_add(below.rules);
            tree.height = tree.height.max(below.height + 1);
        }
        if repeats_itself(schema) {
            tree.rules = tree.rules.saturating_mul(2);
        }
        Ok(tree)
    }
}

/// The schemas in a schema.
pub(super) fn inner_of<'a>(
    root: &'a Value,
    schema: &'a Value,
    pointer: &str,
) -> Result<Vec<Inner<'a>>, SchemaRefusal> {
    let Value::Object(members) = schema else { return Ok(Vec::new()) };
    let mut inner = Vec::new();
    for (name, member) in members {
        let (place, name) = (below(pointer, name), name.as_str());
        let reach = reach_of(name);
        match member {
            Value::Object(map) if MAPS.contains(&name) => {
                inner.extend(map.iter().map(|(key, schema)| Inner {
                    schema,
                    place: below(&place, key),
                    reach,
                }));
            }
            Value::Array(list) if LISTS.contains(&name) => {
                let of_list = |(n, schema)| Inner { schema, place: format!("{place}/{n}"), reach };
                inner.extend(list.iter().enumerate().map(of_list));
            }
            Value::Object(_) | Value::Bool(_) if ONE.contains(&name) => {
                inner.push(Inner { schema: member, place, reach });
            }
            Value::String(target) if name == "$ref" => {
                let schema = root
                    .pointer(target.trim_start_matches('#'))
                    .ok_or_else(|| SchemaRefusal::new(place.as_str(), "points to nothing in this schema"))?;
                inner.push(Inner { schema, place, reach });
            }
            _ => {}
        }
    }
    Ok(inner)
}

fn reach_of(keyword: &str) -> Reach {
    match keyword {
        // A member that has a name of its own is not an additional one.
        "properties" | "additionalProperties" | "unevaluatedProperties" => Reach::OneMember,
        "patternProperties" | "propertyNames" => Reach::EachMember,
        "items" | "prefixItems" | "additionalItems" | "unevaluatedItems" => Reach::OneItem,
        "contains" => Reach::EachItem,
        _ => Reach::Same,
    }
}

/// Whether what was evaluated is found out by going through the rules once more.
pub(super) fn repeats_itself(schema: &Value) -> bool {
    schema.get("unevaluatedProperties").is_some() || schema.get("unevaluatedItems").is_some()
}

pub(super) fn too_large(pointer: &str) -> SchemaRefusal {
    let detail =
        format!("has more than {SCHEMA_RULES_MAX} rules once every $ref is put in place; simplify it");
    SchemaRefusal::new(pointer, detail)
}

pub(super) fn too_high(pointer: &str) -> SchemaRefusal {
    let detail = format!("nests deeper than {HEIGHT_MAX} levels once every $ref is put in place");
    SchemaRefusal::new(pointer, detail)
}

/// Keywords, and patterns and lists of values by their weight.
pub(super) fn own_rules(schema: &Value) -> u64 {
    let Value::Object(members) = schema else { return 0 };
    let values = members.get("enum").and_then(Value::as_array).map_or(0, |list| list.len() as u64 / 4);
    let patterns = u64::from(members.contains_key("pattern"))
        + members.get("patternProperties").and_then(Value::as_object).map_or(0, |map| map.len() as u64);
    members.len() as u64 + values + patterns * PATTERN_RULES
}
