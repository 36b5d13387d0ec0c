//! The language against a second evaluator that shares nothing with the first: it works on a document in memory and on
//! filters as data, never on text, and its numbers are integers of a millionth.

use proptest::prelude::*;

use super::*;

/// A document.
#[derive(Debug, Clone, PartialEq)]
enum Doc {
    Null,
    Bool(bool),
    /// Millionths.
    Number(i64),
    Infinite,
    Text(String),
    List(Vec<Doc>),
    /// Names may repeat.
    Object(Vec<(&'static str, Doc)>),
}

/// A filter.
#[derive(Debug, Clone)]
enum Ask {
    All(Vec<Ask>),
    Any(Vec<Ask>),
    Not(Box<Ask>),
    Field(Vec<&'static str>, &'static str, Vec<Doc>),
}

const NAMES: [&str; 4] = ["a", "b", "0", "c d"];
const TEXTS: [&str; 8] = ["", "a", "ab", "abc", "b", "é", "Ab", "\u{fffd}"];
const WORDS: [&str; 13] = [
    "equals",
    "not_equals",
    "in",
    "not_in",
    "starts_with",
    "ends_with",
    "contains",
    "not_contains",
    "exists",
    "greater_than",
    "greater_than_or_equal",
    "less_than",
    "less_than_or_equal",
];

fn scalar() -> impl Strategy<Value = Doc> {
    prop_oneof![
        Just(Doc::Null),
        any::<bool>().prop_map(Doc::Bool),
        (-3_i64..4).prop_map(|n| Doc::Number(n * 500_000)),
        any::<i64>().prop_map(Doc::Number),
        proptest::sample::select(&TEXTS[..]).prop_map(|text| Doc::Text(text.into())),
    ]
}

fn doc() -> impl Strategy<Value = Doc> {
    let leaf = prop_oneof![6 => scalar(), 1 => Just(Doc::Infinite)];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let name = proptest::sample::select(&NAMES[..]);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Doc::List),
            proptest::collection::vec((name, inner), 0..4).prop_map(Doc::Object),
        ]
    })
}

fn field() -> impl Strategy<Value = Ask> {
    let steps = proptest::collection::vec(proptest::sample::select(&["a", "b", "0", "c d", "[*]"][..]), 0..3);
    let first = proptest::sample::select(&NAMES[..]);
    let words = proptest::sample::select(&WORDS[..]);
    let operands = proptest::collection::vec(scalar(), 1..3);
    (first, steps, words, operands).prop_map(|(first, mut steps, word, mut operands)| {
        steps.insert(0, first);
        let texts: Vec<Doc> = operands
            .iter()
            .filter(|doc| matches!(doc, Doc::Text(text) if !text.is_empty()))
            .cloned()
            .collect();
        match word {
            "in" | "not_in" => {}
            "equals" | "not_equals" => operands.truncate(1),
            "exists" => operands = vec![Doc::Bool(steps.len() % 2 == 0)],
            "starts_with" | "ends_with" | "contains" | "not_contains" => {
                operands = if texts.is_empty() { vec![Doc::Text("a".into())] } else { texts };
            }
            _ => {
                operands.retain(|doc| matches!(doc, Doc::Number(_) | Doc::Text(_)));
                operands.truncate(1);
                if operands.is_empty() {
                    operands.push(Doc::Number(0));
                }
            }
        }
        Ask::Field(steps, word, operands)
    })
}

fn ask() -> impl Strategy<Value = Ask> {
    field().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Ask::All),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Ask::Any),
            inner.prop_map(|inner| Ask::Not(Box::new(inner))),
        ]
    })
}

// === the reference ===

fn holds(ask: &Ask, data: &Doc) -> bool {
    match ask {
        Ask::All(asks) => !asks.iter().any(|ask| !holds(ask, data)),
        Ask::Any(asks) => asks.iter().any(|ask| holds(ask, data)),
        Ask::Not(ask) => !holds(ask, data),
        Ask::Field(steps, word, operands) => {
            let at_path = select(data, steps);
            let positive = match *word {
                "exists" => return at_path.is_empty() != (operands[0] == Doc::Bool(true)),
                "not_equals" => "equals",
                "not_in" => "in",
                "not_contains" => "contains",
                other => other,
            };
            let mut asked = at_path.clone();
            for value in at_path {
                if let Doc::List(elements) = value {
                    asked.extend(elements);
                }
            }
            let found =
                asked.into_iter().any(|value| operands.iter().any(|operand| fits(positive, value, operand)));
            found == (positive == *word)
        }
    }
}

fn select<'d>(from: &'d Doc, steps: &[&str]) -> Vec<&'d Doc> {
    let Some((step, rest)) = steps.split_first() else { return vec![from] };
    let last = |members: &'d [(&'static str, Doc)]| {
        members.iter().rev().find(|(name, _)| name == step).map(|(_, value)| value)
    };
    let next: Vec<&Doc> = match from {
        Doc::Object(members) if *step != "[*]" => last(members).into_iter().collect(),
        Doc::List(elements) if *step == "[*]" => elements.iter().collect(),
        Doc::List(elements) if *step == "0" => elements.first().into_iter().collect(),
        Doc::List(elements) => elements
            .iter()
            .filter_map(|element| match element {
                Doc::Object(members) => last(members),
                _ => None,
            })
            .collect(),
        _ => vec![],
    };
    next.into_iter().flat_map(|value| select(value, rest)).collect()
}

fn fits(word: &str, value: &Doc, operand: &Doc) -> bool {
    match (word, value, operand) {
        ("equals" | "in", value, operand) => value == operand && *value != Doc::Infinite,
        ("starts_with", Doc::Text(value), Doc::Text(part)) => value.get(..part.len()) == Some(part),
        ("ends_with", Doc::Text(value), Doc::Text(part)) => {
            value.len() >= part.len() && value.as_bytes()[value.len() - part.len()..] == *part.as_bytes()
        }
        ("contains", Doc::Text(value), Doc::Text(part)) => {
            value.as_bytes().windows(part.len()).any(|window| window == part.as_bytes())
        }
        (word, Doc::Number(value), Doc::Number(bound)) => ordered(word, value, bound),
        (word, Doc::Text(value), Doc::Text(bound)) => {
            ordered(word, &value.chars().collect::<Vec<_>>(), &bound.chars().collect())
        }
        _ => false,
    }
}

fn ordered<T: Ord>(word: &str, value: &T, bound: &T) -> bool {
    match word {
        "greater_than" => value > bound,
        "greater_than_or_equal" => value >= bound,
        "less_than" => value < bound,
        "less_than_or_equal" => value <= bound,
        _ => false,
    }
}

// === as text ===

/// Writes JSON in one of many ways, chosen by the bits of `taste`.
struct Pen {
    taste: u64,
    text: String,
}

impl Pen {
    fn choice(&mut self, of: u64) -> u64 {
        self.taste =
            self.taste.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.taste >> 33) % of
    }

    fn space(&mut self) {
        let space = ["", "", " ", "\n\t "][self.choice(4) as usize];
        self.text.push_str(space);
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        for character in text.chars() {
            match (character, self.choice(3)) {
                ('\u{fffd}', 0) => self.text.push_str("\\ud800"),
                (character, 1) => self.text.push_str(&format!("\\u{:04x}", u32::from(character))),
                (character, _) => self.text.push(character),
            }
        }
        self.text.push('"');
    }

    fn number(&mut self, millionths: i64) {
        let (sign, size) = (if millionths < 0 { "-" } else { "" }, millionths.unsigned_abs());
        let (whole, rest) = (size / 1_000_000, size % 1_000_000);
        let text = match self.choice(4) {
            0 => format!("{sign}{size}e-6"),
            1 => format!("{sign}{whole}.{rest:06}"),
            2 => format!("{sign}{whole}.{rest:06}000E+0"),
            _ if rest == 0 => format!("{sign}{whole}"),
            _ => format!("{sign}0.{whole:013}{rest:06}e13"),
        };
        self.text.push_str(&text);
    }

    fn doc(&mut self, doc: &Doc) {
        match doc {
            Doc::Null => self.text.push_str("null"),
            Doc::Bool(value) => self.text.push_str(if *value { "true" } else { "false" }),
            Doc::Number(millionths) => self.number(*millionths),
            Doc::Infinite => self.text.push_str("-1e400"),
            Doc::Text(text) => self.string(text),
            Doc::List(elements) => self.sequence('[', ']', elements, Self::doc),
            Doc::Object(members) => self.sequence('{', '}', members, |pen, (name, value)| {
                pen.string(name);
                pen.text.push(':');
                pen.space();
                pen.doc(value);
            }),
        }
    }

    fn ask(&mut self, ask: &Ask) {
        self.text.push('{');
        match ask {
            Ask::All(asks) => self.list("all", asks),
            Ask::Any(asks) => self.list("any", asks),
            Ask::Not(ask) => {
                self.text.push_str("\"not\":");
                self.ask(ask);
            }
            Ask::Field(steps, word, operands) => {
                self.string(&steps.join(".").replace(".[*]", "[*]"));
                self.text.push(':');
                self.text.push_str(&format!("{{\"{word}\":"));
                match operands.as_slice() {
                    [one] if !matches!(*word, "in" | "not_in") => self.doc(one),
                    many => self.sequence('[', ']', many, Self::doc),
                }
                self.text.push('}');
            }
        }
        self.text.push('}');
    }

    fn list(&mut self, word: &str, asks: &[Ask]) {
        self.text.push_str(&format!("\"{word}\":"));
        self.sequence('[', ']', asks, Self::ask);
    }

    fn sequence<T>(&mut self, open: char, close: char, items: &[T], write: impl Fn(&mut Self, &T)) {
        self.text.push(open);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self.space();
            write(self, item);
            self.space();
        }
        self.text.push(close);
    }
}

fn written(taste: u64, write: impl FnOnce(&mut Pen)) -> String {
    let mut pen = Pen { taste, text: String::new() };
    write(&mut pen);
    pen.text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn both_evaluators_agree(data in doc(), asked in ask(), taste in any::<u64>()) {
        let data_text = written(taste, |pen| pen.doc(&data));
        let filter_text = written(!taste, |pen| pen.ask(&asked));
        crate::json::check(data_text.as_bytes()).expect("JSON");
        let filter = filter(&filter_text);
        let expected = holds(&asked, &data);
        prop_assert_eq!(filter.passes(&facts(&data_text), Profile::Standard), expected, "{} against {}", data_text, filter_text);
        prop_assert_eq!(filter.explain(&facts(&data_text), Profile::Standard).passed, expected);
        if expected {
            prop_assert!(filter.judge().0 != CanMatch::Never, "{} passes {}", data_text, filter_text);
        }
    }
}
