//! What the paths of many filters select in one event, found in one walk over its text.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use super::path::{Path, Step};
use super::scan::{Value, elements, members};
use crate::event::EventContent;
use crate::id::EventId;
use crate::inbound::media_type::MediaType;
use crate::limits::FILTER_SEEN_VALUES_MAX;
use crate::time::Time;

/// What filters may look at.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// `$.id`.
    pub id: EventId,
    /// `$.type`.
    pub event_type: &'a str,
    /// `$.time`.
    pub time: Time,
    /// `$.subject`.
    pub subject: Option<&'a str>,
    /// `$.data`: JSON, or a view of it.
    pub data: Option<&'a str>,
    /// `$.previous_data`.
    pub previous_data: Option<&'a str>,
    /// `$.metadata`.
    pub metadata: Option<&'a str>,
}

impl<'a> Facts<'a> {
    /// Those of an event. `view` is its [`EventContent::view`].
    pub fn of(content: &'a EventContent, view: Option<&'a str>, metadata: Option<&'a [u8]>) -> Self {
        let is_json = || MediaType::parse(&content.content_type).is_json();
        let text = |bytes: &'a [u8]| std::str::from_utf8(bytes).ok();
        Self {
            id: content.id,
            event_type: content.event_type.as_str(),
            time: content.time,
            subject: content.subject.as_deref(),
            data: view,
            previous_data: content.previous_data.as_deref().and_then(text).filter(|_| is_json()),
            metadata: metadata.and_then(text),
        }
    }
}

/// The paths of any number of filters, each once. A path's number is its place in [`Seen`].
#[derive(Debug, Default)]
pub struct PathSet {
    numbers: HashMap<Path, u32>,
    /// The first is the event itself.
    nodes: Vec<Node>,
}

/// A place that paths lead to or through.
#[derive(Debug, Default)]
struct Node {
    /// Paths that end here.
    ends: Vec<u32>,
    names: BTreeMap<Box<str>, usize>,
    inside: BTreeMap<Box<str>, usize>,
    each: Option<usize>,
    /// Those of `names` that are digits, as indexes.
    indexes: BTreeMap<usize, usize>,
}

/// The values that each path selects.
#[derive(Debug)]
pub struct Seen<'a>(Vec<Selected<'a>>);

/// The values that one path selects, each list followed by its elements.
#[derive(Debug, Default)]
pub struct Selected<'a> {
    /// The values, in the order of the text.
    pub values: Vec<Value<'a>>,
    /// Whether there are more than are looked at.
    pub cut: bool,
}

impl PathSet {
    /// The path's number.
    pub fn intern(&mut self, path: &Path) -> u32 {
        if let Some(number) = self.numbers.get(path) {
            return *number;
        }
        let number = u32::try_from(self.numbers.len()).expect("fewer than 2^32 paths");
        self.numbers.insert(path.clone(), number);
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let end = path.steps().iter().fold(0, |node, step| self.child(node, step));
        self.nodes[end].ends.push(number);
        number
    }

    fn child(&mut self, parent: usize, step: &Step) -> usize {
        let new = self.nodes.len();
        let node = &mut self.nodes[parent];
        let child = match step {
            Step::Name(name) => *node.names.entry(name.clone()).or_insert(new),
            Step::Inside(name) => *node.inside.entry(name.clone()).or_insert(new),
            Step::Each => *node.each.get_or_insert(new),
        };
        if let Step::Name(name) = step
            && name.bytes().all(|byte| byte.is_ascii_digit())
            && let Ok(index) = name.parse()
        {
            node.indexes.insert(index, child);
        }
        if child == new {
            self.nodes.push(Node::default());
        }
        child
    }

    /// Looks at an event once, for all paths.
    pub fn look<'a>(&self, facts: &Facts<'a>) -> Seen<'a> {
        let mut seen = Seen((0..self.numbers.len()).map(|_| Selected::default()).collect());
        let Some(event) = self.nodes.first() else { return seen };
        for (name, child) in &event.names {
            let node = &self.nodes[*child];
            let known = match &**name {
                "id" => Some(Value::Text(Cow::Owned(facts.id.to_string()))),
                "type" => Some(Value::Text(facts.event_type.into())),
                "time" => Some(Value::Text(Cow::Owned(facts.time.to_string()))),
                "subject" => facts.subject.map(|text| Value::Text(text.into())),
                _ => None,
            };
            if let Some(value) = known {
                seen.add(node, &value);
            }
            let text = match &**name {
                "data" => facts.data,
                "previous_data" => facts.previous_data,
                "metadata" => facts.metadata,
                _ => None,
            };
            if let Some(text) = text {
                self.walk(node, text, &mut seen);
            }
        }
        seen
    }

    fn walk<'a>(&self, node: &Node, text: &'a str, seen: &mut Seen<'a>) {
        if !node.ends.is_empty()
            && let Some(value) = Value::of(text)
        {
            seen.add(node, &value);
        }
        match text.trim_ascii_start().as_bytes().first() {
            Some(b'{') => self.walk_object(node, text, seen),
            Some(b'[') => {
                self.walk_array(node, text, seen);
                self.stand_for_itself(node, text, seen);
            }
            _ => self.stand_for_itself(node, text, seen),
        }
    }

    fn walk_object<'a>(&self, node: &Node, text: &'a str, seen: &mut Seen<'a>) {
        if node.names.is_empty() && node.inside.is_empty() {
            return;
        }
        self.follow(text, seen, |name| [node.names.get(name).copied(), node.inside.get(name).copied()]);
    }

    /// Follows those members of an object that lead on; of a repeated name the last one.
    fn follow<'a>(
        &self,
        object: &'a str,
        seen: &mut Seen<'a>,
        children: impl Fn(&str) -> [Option<usize>; 2],
    ) {
        let mut found: Vec<(usize, &'a str)> = Vec::new();
        for (name, value) in members(object) {
            found.extend(children(&name).into_iter().flatten().map(|child| (child, value)));
        }
        found.sort_by_key(|(child, _)| *child);
        for (index, (child, value)) in found.iter().enumerate() {
            if found.get(index + 1).is_none_or(|(next, _)| next != child) {
                self.walk(&self.nodes[*child], value, seen);
            }
        }
    }

    fn walk_array<'a>(&self, node: &Node, text: &'a str, seen: &mut Seen<'a>) {
        if node.names.is_empty() && node.each.is_none() {
            return;
        }
        let has_names = node.names.len() > node.indexes.len();
        for (index, element) in elements(text).enumerate() {
            if let Some(child) = node.indexes.get(&index) {
                self.walk(&self.nodes[*child], element, seen);
            }
            if let Some(child) = node.each {
                self.walk(&self.nodes[child], element, seen);
            }
            if has_names && element.starts_with('{') {
                self.follow(element, seen, |name| {
                    let is_index = name.bytes().all(|byte| byte.is_ascii_digit());
                    [node.names.get(name).copied().filter(|_| !is_index), None]
                });
            }
        }
    }

    fn stand_for_itself<'a>(&self, node: &Node, text: &'a str, seen: &mut Seen<'a>) {
        for child in node.inside.values() {
            self.walk(&self.nodes[*child], text, seen);
        }
    }
}

impl<'a> Seen<'a> {
    /// What the path with this number selects.
    pub fn of(&self, path: u32) -> &Selected<'a> {
        &self.0[path as usize]
    }

    fn add(&mut self, node: &Node, value: &Value<'a>) {
        for end in &node.ends {
            let selected = &mut self.0[*end as usize];
            selected.push(value.clone());
            if let Value::Array(text) = value {
                for element in elements(text) {
                    if selected.cut {
                        break;
                    }
                    if let Some(element) = Value::of(element) {
                        selected.push(element);
                    }
                }
            }
        }
    }
}

impl<'a> Selected<'a> {
    fn push(&mut self, value: Value<'a>) {
        if self.values.len() < FILTER_SEEN_VALUES_MAX {
            self.values.push(value);
        } else {
            self.cut = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(data: &str) -> Facts<'_> {
        Facts {
            id: EventId::from_bytes([0; 16]),
            event_type: "order.paid",
            time: Time::from_seconds(1_739_874_600),
            subject: Some("order/1"),
            data: Some(data),
            previous_data: None,
            metadata: Some(r#"{"plan":"pro"}"#),
        }
    }

    fn seen(data: &str, path: &str) -> Vec<String> {
        let mut paths = PathSet::default();
        let number = paths.intern(&Path::data().join(path).expect("a path"));
        let looked = paths.look(&facts(data));
        let shown = |value: &Value<'_>| match value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(text) | Value::Array(text) | Value::Object(text) => (*text).to_owned(),
            Value::Text(text) => format!("'{text}'"),
        };
        looked.of(number).values.iter().map(shown).collect()
    }

    #[test]
    fn members_are_followed_and_the_last_of_a_name_stands() {
        assert_eq!(seen(r#"{"a":{"b":1}}"#, "a.b"), ["1"]);
        assert_eq!(seen(r#"{"a":{"b":1},"a":{"c":2}}"#, "a.b"), [""; 0]);
        assert_eq!(seen(r#"{"a":{"b":1,"b":2},"x":[{"a":9}]}"#, "a.b"), ["2"]);
        assert_eq!(seen(r#"{"a":1}"#, "a.b"), [""; 0]);
        assert_eq!(seen("null", "$.data"), ["null"]);
        assert_eq!(seen(r#"{"\u0061":"\u0062"}"#, "a"), ["'b'"]);
    }

    #[test]
    fn lists_are_followed_by_index_by_each_and_by_name() {
        let data = r#"{"i":[{"s":1,"0":7},{"s":[2,3]},4,[{"s":5}]]}"#;
        assert_eq!(seen(data, "i.0.s"), ["1"]);
        assert_eq!(seen(data, "i[1].s"), ["[2,3]", "2", "3"]);
        assert_eq!(seen(data, "i.s"), ["1", "[2,3]", "2", "3"]);
        assert_eq!(seen(data, "i[*].s"), ["1", "[2,3]", "2", "3", "5"]);
        assert_eq!(seen(data, "i.9"), [""; 0]);
        assert_eq!(seen(r#"{"i":{"0":"zero"}}"#, "i.0"), ["'zero'"]);
        assert_eq!(seen(r#"[{"s":1}]"#, "s"), ["1"]);
    }

    #[test]
    fn the_event_has_members_of_its_own() {
        assert_eq!(seen("{}", "$.type"), ["'order.paid'"]);
        assert_eq!(seen("{}", "$.time"), ["'2025-02-18T10:30:00.000Z'"]);
        assert_eq!(seen("{}", "$.subject"), ["'order/1'"]);
        assert_eq!(seen("{}", "$.metadata.plan"), ["'pro'"]);
        assert_eq!(seen("{}", "$.previous_data.a"), [""; 0]);
        assert_eq!(seen("{}", "$.type.length"), [""; 0]);
    }

    #[test]
    fn a_total_stands_for_its_object() {
        let mut paths = PathSet::default();
        let usage = Path::data().join("token_usage").expect("a path");
        let number = paths.intern(&usage.under(crate::profile::Profile::Broxi));
        for (data, expected) in [
            (r#"{"token_usage":{"total_tokens":5}}"#, Some(Value::Number("5"))),
            (r#"{"token_usage":6}"#, Some(Value::Number("6"))),
            (r#"{"token_usage":{"prompt":5}}"#, None),
            ("{}", None),
        ] {
            assert_eq!(paths.look(&facts(data)).of(number).values.first(), expected.as_ref(), "{data}");
        }
    }

    #[test]
    fn more_values_than_are_looked_at_are_cut_off() {
        let data = format!(r#"{{"a":[{}0]}}"#, "0,".repeat(5_000));
        let mut paths = PathSet::default();
        let number = paths.intern(&Path::data().join("a").expect("a path"));
        let looked = paths.look(&facts(&data));
        assert!(looked.of(number).cut && looked.of(number).values.len() == FILTER_SEEN_VALUES_MAX);
    }

    #[test]
    fn data_that_is_not_json_is_not_there() {
        let content = EventContent {
            id: EventId::from_bytes([0; 16]),
            event_type: crate::event::EventType::parse("a").expect("valid"),
            time: Time::ZERO,
            subject: None,
            content_type: "application/octet-stream".into(),
            data: "{}".into(),
            previous_data: None,
            arrival: None,
        };
        let seen =
            |content: &EventContent| Facts::of(content, content.view().as_deref(), None).data.is_some();
        assert!(!seen(&content));
        let json =
            EventContent { content_type: "Application/CloudEvents+JSON; charset=utf-8".into(), ..content };
        assert!(seen(&json));
    }
}
