//! Walking over JSON text without building a tree: numbers keep their digits and only what is asked for is looked at.
//!
//! The text has passed the gate ([`crate::json::check`]). On any other the walk ends early; it never panics and never
//! takes longer than the text is long.

use std::borrow::Cow;

use memchr::memchr2;

/// One JSON value, not looked into further than needed.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it is written.
    Number(&'a str),
    /// A text, escapes resolved; an escape that is half of a surrogate pair alone is U+FFFD.
    Text(Cow<'a, str>),
    /// A list, as it is written.
    Array(&'a str),
    /// An object, as it is written.
    Object(&'a str),
}

impl<'a> Value<'a> {
    /// Reads the one value that the text is.
    pub fn of(text: &'a str) -> Option<Self> {
        let text = text.trim_ascii();
        Some(match text.as_bytes().first()? {
            b'n' => Self::Null,
            b't' => Self::Bool(true),
            b'f' => Self::Bool(false),
            b'"' => Self::Text(unquoted(text)),
            b'[' => Self::Array(text),
            b'{' => Self::Object(text),
            _ => Self::Number(text),
        })
    }

    /// What kind of value it is, for people.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// The members of an object in their order, repeated names included. Empty for any other value.
pub fn members(object: &str) -> Members<'_> {
    Members(Cursor::inside(object, b'{'))
}

/// The elements of a list in their order. Empty for any other value.
pub fn elements(array: &str) -> Elements<'_> {
    Elements(Cursor::inside(array, b'['))
}

/// See [`members`].
#[derive(Debug)]
pub struct Members<'a>(Cursor<'a>);

/// See [`elements`].
#[derive(Debug)]
pub struct Elements<'a>(Cursor<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.pass(b',');
        let name = self.0.value().filter(|name| name.starts_with('"'))?;
        self.0.pass(b':');
        Some((unquoted(name), self.0.value()?))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.0.pass(b',');
        self.0.value()
    }
}

#[derive(Debug)]
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn inside(text: &'a str, opener: u8) -> Self {
        let start = text.len() - text.trim_ascii_start().len();
        let opens = text.as_bytes().get(start) == Some(&opener);
        Self { text, at: if opens { start + 1 } else { text.len() } }
    }

    fn skip_space(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    }

    fn pass(&mut self, separator: u8) {
        self.skip_space();
        if self.text.as_bytes().get(self.at) == Some(&separator) {
            self.at += 1;
        }
    }

    /// The text of the next value; none at the end of the list or object.
    fn value(&mut self) -> Option<&'a str> {
        self.skip_space();
        let start = self.at;
        let bytes = self.text.as_bytes();
        let end = match bytes.get(start)? {
            b'"' => string_end(bytes, start),
            b'{' | b'[' => container_end(bytes, start),
            b'}' | b']' | b',' | b':' => return None,
            _ => scalar_end(bytes, start),
        };
        self.at = end;
        self.text.get(start..end)
    }
}

/// Past the closing quote of the text that begins at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        if bytes[at + found] == b'"' {
            return at + found + 1;
        }
        at += found + 2;
    }
    bytes.len()
}

/// Past the bracket that closes the one at `start`.
fn container_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

fn scalar_end(bytes: &[u8], start: usize) -> usize {
    let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b':') || byte.is_ascii_whitespace();
    bytes[start..].iter().position(ends).map_or(bytes.len(), |length| start + length)
}

/// The text between the quotes with its escapes resolved.
fn unquoted(quoted: &str) -> Cow<'_, str> {
    let inner = quoted.strip_prefix('"').unwrap_or(quoted);
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(escape) = rest.chars().next() else { break };
        rest = &rest[escape.len_utf8()..];
        text.push(match escape {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => unicode(&mut rest),
            other => other,
        });
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The character of a `\uXXXX` whose `\u` was read, or of the pair that it begins.
fn unicode(rest: &mut &str) -> char {
    let Some(first) = hex4(rest) else { return char::REPLACEMENT_CHARACTER };
    *rest = &rest[4..];
    if let Some(character) = char::from_u32(first) {
        return character;
    }
    let second = rest.strip_prefix("\\u").and_then(hex4).filter(|low| (0xdc00..0xe000).contains(low));
    match second {
        Some(low) if first < 0xdc00 => {
            *rest = &rest[6..];
            let code = 0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00);
            char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        _ => char::REPLACEMENT_CHARACTER,
    }
}

fn hex4(text: &str) -> Option<u32> {
    let digits = text.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn members_and_elements_are_found_whatever_surrounds_them() {
        let text = " { \"a\" : [1, {\"x\":\"]\\\"}\"}] ,\"b\\u0041\":-1.50e+3,\n\"\": {} , \"a\":null } ";
        let found: Vec<_> = members(text).map(|(name, value)| (name.into_owned(), value)).collect();
        assert_eq!(
            found,
            [
                ("a".to_owned(), "[1, {\"x\":\"]\\\"}\"}]"),
                ("bA".to_owned(), "-1.50e+3"),
                (String::new(), "{}"),
                ("a".to_owned(), "null"),
            ]
        );
        assert_eq!(elements("[1, [2,3] ,\"a,b\", {} ]").collect::<Vec<_>>(), ["1", "[2,3]", "\"a,b\"", "{}"]);
        assert_eq!(
            (elements("[]").count(), elements("{\"a\":1}").count(), members("[1]").count()),
            (0, 0, 0)
        );
    }

    #[test]
    fn escapes_are_resolved_and_lone_surrogates_replaced() {
        let text = |quoted| match Value::of(quoted) {
            Some(Value::Text(text)) => text.into_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(text(r#""a\"\\\/\b\f\n\r\té""#), "a\"\\/\u{8}\u{c}\n\r\té");
        assert_eq!(text(r#""\ud83d\ude00\u00e9\u0000""#), "😀é\0");
        assert_eq!(text(r#""\ud800""#), "\u{fffd}");
        assert_eq!(text(r#""\ud800x\udc00""#), "\u{fffd}x\u{fffd}");
        assert_eq!(text(r#""\ud800\ud83d\ude00""#), "\u{fffd}😀");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\]{}:,\"\\\\u0-9ade ]{0,40}") {
            _ = Value::of(&text);
            prop_assert!(members(&text).count() <= text.len());
            prop_assert!(elements(&text).count() <= text.len());
        }

        #[test]
        fn texts_are_read_as_serde_json_reads_them(text in any::<String>()) {
            let quoted = serde_json::to_string(&text).expect("text");
            prop_assert_eq!(Value::of(&quoted), Some(Value::Text(text.into())));
        }
    }
}
