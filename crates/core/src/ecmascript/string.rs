//! Strings: only what must be escaped is, in the form of `QuoteJSONString`.

use super::NotJson;

/// Appends the string that starts after the opening quote, quotes included. Answers the bytes read, the closing quote
/// included.
pub(super) fn write_string(text: &str, out: &mut Vec<u8>) -> Result<usize, NotJson> {
    let bytes = text.as_bytes();
    out.push(b'"');
    let mut at = 0;
    loop {
        let plain = bytes[at..].iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
        let plain = plain.ok_or(NotJson)?;
        out.extend_from_slice(&bytes[at..at + plain]);
        at += plain;
        match bytes[at] {
            b'"' => {
                out.push(b'"');
                return Ok(at + 1);
            }
            b'\\' => at += 1 + escape(&bytes[at + 1..], out)?,
            _ => return Err(NotJson),
        }
    }
}

/// Appends what the escape after a backslash stands for. Answers the bytes read.
fn escape(bytes: &[u8], out: &mut Vec<u8>) -> Result<usize, NotJson> {
    match bytes.first().ok_or(NotJson)? {
        b'/' => out.push(b'/'),
        short @ (b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't') => out.extend_from_slice(&[b'\\', *short]),
        b'u' => return unicode(bytes, out),
        _ => return Err(NotJson),
    }
    Ok(1)
}

/// `uXXXX`, with the second half of a pair if it follows. A surrogate without its other half stays an escape.
fn unicode(bytes: &[u8], out: &mut Vec<u8>) -> Result<usize, NotJson> {
    let unit = code_unit(&bytes[1..])?;
    if let Some(character) = char::from_u32(u32::from(unit)) {
        write_char(character, out);
        return Ok(5);
    }
    if let [b'\\', b'u', rest @ ..] = &bytes[5..]
        && let Some(Ok(character)) = char::decode_utf16([unit, code_unit(rest)?]).next()
    {
        write_char(character, out);
        return Ok(11);
    }
    out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
    Ok(5)
}

fn code_unit(bytes: &[u8]) -> Result<u16, NotJson> {
    let digits = bytes.get(..4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit)).ok_or(NotJson)?;
    let text = std::str::from_utf8(digits).map_err(|_| NotJson)?;
    u16::from_str_radix(text, 16).map_err(|_| NotJson)
}

fn write_char(character: char, out: &mut Vec<u8>) {
    let short = match character {
        '"' => b'"',
        '\\' => b'\\',
        '\u{8}' => b'b',
        '\u{c}' => b'f',
        '\n' => b'n',
        '\r' => b'r',
        '\t' => b't',
        '\0'..'\u{20}' => {
            out.extend_from_slice(format!("\\u{:04x}", u32::from(character)).as_bytes());
            return;
        }
        other => {
            out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}
