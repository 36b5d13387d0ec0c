//! Payloads as people read them. Only white space is added between tokens: numbers, escapes and the order of members stay as they came.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a page shows of a payload at most, in bytes.
pub(super) const SHOWN_BYTES_MAX: usize = 24 * 1024;

/// A JSON text with each member on a line of its own, and whether it was cut.
pub(super) fn indented(json: &str) -> (String, bool) {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut characters = json.chars().peekable();
    while let Some(character) = characters.next() {
        if out.len() >= SHOWN_BYTES_MAX {
            out.push_str("\n…");
            return (out, true);
        }
        if in_string {
            out.push(character);
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
            continue;
        }
        match character {
            ' ' | '\t' | '\r' | '\n' => {}
            '{' | '[' => {
                out.push(character);
                while characters.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                match characters.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => out.push(end),
                    None => {
                        depth += 1;
                        line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(character);
            }
            ',' => {
                out.push(',');
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                in_string = character == '"';
                out.push(character);
            }
        }
    }
    (out, false)
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// A text that is no JSON, or JSON, as it is best read; cut where it is long.
pub(super) fn readable(text: &str) -> String {
    if serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok() {
        return indented(text).0;
    }
    match text.char_indices().find(|(index, _)| *index >= SHOWN_BYTES_MAX) {
        Some((end, _)) => format!("{}\n…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The bytes behind base64; none when it is none.
pub(super) fn decoded(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_white_space_is_added() {
        let json = r#"{"a" :[1e400,12345678901234567890, {}],"b":"x \" {,:[ \\","c":[ ]}"#;
        let (shown, cut) = indented(json);
        assert_eq!(
            shown,
            "{\n  \"a\": [\n    1e400,\n    12345678901234567890,\n    {}\n  ],\n  \"b\": \"x \\\" {,:[ \\\\\",\n  \"c\": []\n}"
        );
        assert!(!cut);
        assert_eq!(indented("\"only\"").0, "\"only\"");
        assert_eq!(readable("<b>no json"), "<b>no json");
    }

    #[test]
    fn what_is_long_or_deep_is_cut() {
        let deep = "[".repeat(128) + &"]".repeat(128);
        let (shown, cut) = indented(&format!("[{}]", vec![deep; 100].join(",")));
        assert!(cut && shown.len() < SHOWN_BYTES_MAX + 300 && shown.ends_with('…'));
        assert!(readable(&"ü".repeat(SHOWN_BYTES_MAX)).len() < SHOWN_BYTES_MAX + 10);
    }
}
