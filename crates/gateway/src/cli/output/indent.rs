//! Indents JSON without changing a value: numbers keep their digits, keys their order.

use std::fmt::Write as _;

/// The same JSON with one member or element a line. Control characters are escaped. Text that is not JSON comes out in
/// some form, but without control characters too.
pub(in crate::cli) fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut rest = json.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '"' => {
                out.push('"');
                string(&mut out, &mut rest);
            }
            '{' | '[' => {
                out.push(letter);
                while rest.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                if let Some(close) = rest.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ if letter.is_ascii_whitespace() => {}
            _ => push(&mut out, letter),
        }
    }
    out
}

/// The rest of a string up to its closing quote.
fn string(out: &mut String, rest: &mut impl Iterator<Item = char>) {
    while let Some(letter) = rest.next() {
        push(out, letter);
        match letter {
            '"' => return,
            '\\' => {
                if let Some(escaped) = rest.next() {
                    push(out, escaped);
                }
            }
            _ => {}
        }
    }
}

fn push(out: &mut String, letter: char) {
    if letter.is_control() {
        write!(out, "\\u{:04x}", u32::from(letter)).expect("writing to a String");
    } else {
        out.push(letter);
    }
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_as_they_are() {
        let json = r#"{"b":12345678901234567890, "a":[1e400,{},[ ],"x, \"y\": {z}\\"],"c":null}"#;
        let pretty = indented(json);
        assert_eq!(
            pretty,
            "{\n  \"b\": 12345678901234567890,\n  \"a\": [\n    1e400,\n    {},\n    [],\n    \"x, \\\"y\\\": {z}\\\\\"\n  ],\n  \"c\": null\n}"
        );
        assert_eq!(indented(&pretty), pretty);
    }

    #[test]
    fn nothing_steers_the_terminal() {
        for hostile in ["\"a\u{9b}31m\u{7f}\"", "\u{1b}]0;x\u{7}", "\"open \u{8}", "]]}}"] {
            let shown = indented(hostile);
            assert!(!shown.replace('\n', "").contains(char::is_control), "{shown:?}");
        }
    }
}
