//! A sample made from a JSON Schema: always the same one for the same schema.
//!
//! It is a proposal for people and test sends, not a proof: patterns are not turned into texts, and rules that exclude
//! each other are not reconciled. Whoever shows it can check it against its schema.

mod text;

use serde_json::{Map, Value};

/// Most values in one sample, whatever the schema asks for.
const VALUES_MAX: usize = 2_000;
/// Most items made for a `minItems`.
const ITEMS_MAX: usize = 100;
/// Deepest sample, beyond which there is only null.
const DEPTH_MAX: usize = 48;

/// Data for a type that says nothing of its data.
pub const SYNTHETIC: &str = r#"{"test":true,"message":"A test event from Stentor."}"#;

/// A sample of the data that the schema describes, as JSON; [`SYNTHETIC`] when the schema says nothing.
pub fn of_schema(schema: &str) -> String {
    let Ok(root) = serde_json::from_str::<Value>(schema) else { return SYNTHETIC.to_owned() };
    let says_nothing = match &root {
        Value::Object(members) => members.is_empty(),
        other => !other.is_object(),
    };
    if says_nothing {
        return SYNTHETIC.to_owned();
    }
    let mut maker = Maker { root: &root, values_left: VALUES_MAX, within: Vec::new() };
    maker.value(&root, 0).to_string()
}

struct Maker<'a> {
    root: &'a Value,
    values_left: usize,
    /// The schemas whose values are being made, outermost first: one of them inside itself is left out where it may be.
    within: Vec<*const Value>,
}

impl<'a> Maker<'a> {
    fn value(&mut self, schema: &'a Value, depth: usize) -> Value {
        if depth > DEPTH_MAX || self.values_left == 0 {
            return Value::Null;
        }
        self.values_left -= 1;
        self.within.push(std::ptr::from_ref(schema));
        let value = self.made(schema, depth);
        self.within.pop();
        value
    }

    fn made(&mut self, schema: &'a Value, depth: usize) -> Value {
        let Value::Object(rules) = schema else { return Value::Null };
        if let Some(given) = given(rules) {
            return given.clone();
        }
        let mut value = self.own(rules, depth);
        for part in self.parts(rules) {
            let other = self.value(part, depth + 1);
            value = united(value, other);
        }
        value.unwrap_or(Value::Null)
    }

    /// Whether a schema leads back to one whose value is being made.
    fn comes_back(&self, schema: &'a Value) -> bool {
        let target = schema.get("$ref").and_then(Value::as_str);
        let target = target.and_then(|target| self.root.pointer(target.trim_start_matches('#')));
        [Some(schema), target]
            .into_iter()
            .flatten()
            .any(|schema| self.within.contains(&std::ptr::from_ref(schema)))
    }

    /// Other schemas that the same value must fit: all of `allOf`, the first choice of the others.
    fn parts(&self, rules: &'a Map<String, Value>) -> Vec<&'a Value> {
        let list =
            |name: &str| rules.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let target = rules.get("$ref").and_then(Value::as_str);
        let target = target.and_then(|target| self.root.pointer(target.trim_start_matches('#')));
        // The first choice that does not begin anew.
        let choice =
            |list: &'a [Value]| list.iter().find(|one| !self.comes_back(one)).or_else(|| list.first());
        let choices = ["oneOf", "anyOf"].into_iter().filter_map(|name| choice(list(name)));
        let condition = rules.get("if").filter(|_| rules.contains_key("then"));
        let then = rules.get("then").filter(|_| rules.contains_key("if"));
        target.into_iter().chain(list("allOf")).chain(choices).chain(condition).chain(then).collect()
    }

    /// What the rules say by themselves; none when they do not say what kind of value it is.
    fn own(&mut self, rules: &'a Map<String, Value>, depth: usize) -> Option<Value> {
        let kind = kind(rules)?;
        Some(match kind {
            "object" => self.object(rules, depth),
            "array" => self.array(rules, depth),
            "string" => Value::from(text::of(rules)),
            "integer" => integer(rules),
            "number" => number(rules),
            "boolean" => Value::Bool(true),
            _ => Value::Null,
        })
    }

    fn object(&mut self, rules: &'a Map<String, Value>, depth: usize) -> Value {
        let mut object = Map::new();
        for (name, schema) in rules.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let required = rules.get("required").and_then(Value::as_array);
            let needed = required.is_some_and(|names| names.iter().any(|needed| needed == name.as_str()));
            if *schema != Value::Bool(false) && (needed || !self.comes_back(schema)) {
                let value = self.value(schema, depth + 1);
                object.insert(name.clone(), value);
            }
        }
        let other = rules.get("additionalProperties");
        for name in rules.get("required").and_then(Value::as_array).into_iter().flatten() {
            if let Some(name) = name.as_str().filter(|name| !object.contains_key(*name)) {
                let value = other.map_or(Value::Null, |schema| self.value(schema, depth + 1));
                object.insert(name.to_owned(), value);
            }
        }
        Value::Object(object)
    }

    fn array(&mut self, rules: &'a Map<String, Value>, depth: usize) -> Value {
        let list =
            |name: &str| rules.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let first = if rules.contains_key("prefixItems") { list("prefixItems") } else { list("items") };
        let mut items: Vec<Value> = first.iter().map(|schema| self.value(schema, depth + 1)).collect();
        let every = ["items", "additionalItems", "contains"];
        let every = every.into_iter().filter_map(|name| rules.get(name)).find(|schema| schema.is_object());
        let size = |name: &str| rules.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let most = size("maxItems").unwrap_or(ITEMS_MAX).min(ITEMS_MAX);
        let wanted = size("minItems")
            .unwrap_or(usize::from(every.is_some_and(|schema| !self.comes_back(schema))))
            .clamp(items.len().min(most), most);
        while items.len() < wanted && self.values_left > 0 {
            let item = every.map_or(Value::Null, |schema| self.value(schema, depth + 1));
            items.push(item);
        }
        Value::Array(items)
    }
}

/// What the schema itself offers as a value.
fn given(rules: &Map<String, Value>) -> Option<&Value> {
    let first = |name: &str| rules.get(name).and_then(Value::as_array).and_then(|list| list.first());
    rules
        .get("const")
        .or_else(|| first("examples"))
        .or_else(|| rules.get("example"))
        .or_else(|| rules.get("default"))
        .or_else(|| first("enum"))
}

/// The kind of value: the first that is not null, or what the keywords are about.
fn kind(rules: &Map<String, Value>) -> Option<&str> {
    match rules.get("type") {
        Some(Value::String(kind)) => Some(kind),
        Some(Value::Array(kinds)) => {
            let kinds = || kinds.iter().filter_map(Value::as_str);
            kinds().find(|kind| *kind != "null").or_else(|| kinds().next())
        }
        _ => [
            ("object", &["properties", "required", "additionalProperties", "patternProperties"][..]),
            ("array", &["items", "prefixItems", "minItems", "contains"]),
            ("string", &["pattern", "format", "minLength", "maxLength"]),
            ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
        ]
        .into_iter()
        .find(|(_, names)| names.iter().any(|name| rules.contains_key(*name)))
        .map(|(kind, _)| kind),
    }
}

/// Two proposals for one value: members of both objects; else the first that says anything.
fn united(own: Option<Value>, other: Value) -> Option<Value> {
    match (own, other) {
        (Some(Value::Object(mut own)), Value::Object(other)) => {
            for (name, value) in other {
                let missing = own.get(&name).is_none_or(Value::is_null);
                if missing {
                    own.insert(name, value);
                }
            }
            Some(Value::Object(own))
        }
        (None | Some(Value::Null), other) => Some(other),
        (own, _) => own,
    }
}

fn bound(rules: &Map<String, Value>, name: &str) -> Option<f64> {
    rules.get(name).and_then(Value::as_f64)
}

/// The smallest whole number that is allowed and not below 1, where there is one.
fn integer(rules: &Map<String, Value>) -> Value {
    let low = bound(rules, "minimum").map(f64::ceil);
    let low = low.or_else(|| bound(rules, "exclusiveMinimum").map(|bound| bound.floor() + 1.0));
    let high = bound(rules, "maximum").map(f64::floor);
    let high = high.or_else(|| bound(rules, "exclusiveMaximum").map(|bound| bound.ceil() - 1.0));
    let value = stepped(1.0_f64.max(low.unwrap_or(1.0)), rules);
    let value = low.filter(|_| value < low.unwrap_or(value)).unwrap_or(value);
    Value::from(high.map_or(value, |high| value.min(high)) as i64)
}

fn number(rules: &Map<String, Value>) -> Value {
    let low = bound(rules, "minimum").or_else(|| bound(rules, "exclusiveMinimum").map(|bound| bound + 0.5));
    let high = bound(rules, "maximum").or_else(|| bound(rules, "exclusiveMaximum").map(|bound| bound - 0.5));
    let value = stepped(1.5_f64.max(low.unwrap_or(1.5)), rules);
    let value = high.map_or(value, |high| value.min(high));
    serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// Moved up to a multiple, where one is asked for.
fn stepped(value: f64, rules: &Map<String, Value>) -> f64 {
    match bound(rules, "multipleOf") {
        Some(step) if step > 0.0 => (value / step).ceil() * step,
        _ => value,
    }
}

#[cfg(test)]
mod tests;
