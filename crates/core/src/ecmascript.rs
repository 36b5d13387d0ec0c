//! JSON as ECMAScript writes it again: what `JSON.stringify(JSON.parse(text))` yields (readings 003).
//!
//! Seed 003's Express receiver verifies a signature over that and not over the bytes that came. White space goes, numbers
//! and strings take the one form that ECMAScript gives them, a repeated key keeps its first place and its last value, and
//! keys that are array indices come first in ascending order. A number whose value a double cannot hold keeps its exact
//! digits instead, and whoever asks is told.

mod number;
mod object;
mod string;
#[cfg(test)]
mod tests;

use std::ops::Range;

use self::number::write_number;
use self::object::{Member, Members};
use self::string::write_string;
use crate::limits::JSON_DEPTH_MAX;

/// The text is not JSON of at most the depth that the gate lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is not JSON")]
pub struct NotJson;

/// Where the numbers stand in the text that kept their digits because ECMAScript would change their value.
pub type Kept = Vec<Range<usize>>;

/// Appends the form that ECMAScript writes. Answers the numbers that are not written as ECMAScript would.
///
/// # Errors
/// When the text is not JSON; `out` then holds a part of it.
pub fn stringify(text: &[u8], out: &mut Vec<u8>) -> Result<Kept, NotJson> {
    let text = std::str::from_utf8(text).map_err(|_| NotJson)?;
    let mut writer = Writer { text, at: 0, out, kept: Kept::new() };
    writer.value(0)?;
    writer.space();
    if writer.at == text.len() { Ok(writer.kept) } else { Err(NotJson) }
}

struct Writer<'a> {
    text: &'a str,
    at: usize,
    out: &'a mut Vec<u8>,
    kept: Kept,
}

impl Writer<'_> {
    fn value(&mut self, depth: usize) -> Result<(), NotJson> {
        self.space();
        match self.peek().ok_or(NotJson)? {
            b'{' | b'[' if depth >= JSON_DEPTH_MAX => Err(NotJson),
            b'{' => self.object(depth + 1),
            b'[' => self.array(depth + 1),
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => Err(NotJson),
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), NotJson> {
        self.take(b'{')?;
        self.out.push(b'{');
        let mut members = Members::starting_at(self.out.len());
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            self.out.push(b'}');
            return Ok(());
        }
        loop {
            let (start, kept_start) = (self.out.len(), self.kept.len());
            self.space();
            self.string()?;
            let key_end = self.out.len();
            self.space();
            self.take(b':')?;
            self.out.push(b':');
            self.value(depth)?;
            members.add(Member { start, key_end, end: self.out.len(), kept: kept_start..self.kept.len() });
            if self.ends_with(b'}')? {
                members.arrange(self.out, &mut self.kept);
                self.out.push(b'}');
                return Ok(());
            }
            self.out.push(b',');
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), NotJson> {
        self.take(b'[')?;
        self.out.push(b'[');
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            self.out.push(b']');
            return Ok(());
        }
        loop {
            self.value(depth)?;
            if self.ends_with(b']')? {
                self.out.push(b']');
                return Ok(());
            }
            self.out.push(b',');
        }
    }

    /// Whether the next sign ends what is open; otherwise it is the comma before another member.
    fn ends_with(&mut self, end: u8) -> Result<bool, NotJson> {
        self.space();
        let sign = self.peek().ok_or(NotJson)?;
        self.at += 1;
        match sign {
            b',' => Ok(false),
            sign if sign == end => Ok(true),
            _ => Err(NotJson),
        }
    }

    fn string(&mut self) -> Result<(), NotJson> {
        self.take(b'"')?;
        self.at += write_string(&self.text[self.at..], self.out)?;
        Ok(())
    }

    fn number(&mut self) -> Result<(), NotJson> {
        let rest = &self.text[self.at..];
        let ends = |byte: u8| !matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let length = rest.bytes().position(ends).unwrap_or(rest.len());
        if !write_number(&rest[..length], self.out)? {
            self.kept.push(self.at..self.at + length);
        }
        self.at += length;
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), NotJson> {
        if !self.text[self.at..].starts_with(word) {
            return Err(NotJson);
        }
        self.at += word.len();
        self.out.extend_from_slice(word.as_bytes());
        Ok(())
    }

    fn take(&mut self, sign: u8) -> Result<(), NotJson> {
        if self.peek() != Some(sign) {
            return Err(NotJson);
        }
        self.at += 1;
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
}
