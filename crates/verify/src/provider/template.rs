//! The signed content as a template: `v0:{timestamp}:{body}`.

use super::place::header_name;

/// One piece of the signed content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// As it stands.
    Text(Box<str>),
    /// The sender's id.
    Id,
    /// The timestamp as it was written.
    Timestamp,
    /// The method.
    Method,
    /// The whole URL.
    Url,
    /// The body's bytes.
    Body,
    /// CRC-32 of the body in decimal digits.
    BodyCrc32,
    /// The value of a header.
    Header(Box<str>),
}

/// How many pieces a template may have.
const PIECES_MAX: usize = 32;

/// Reads a template. `{{` and `}}` stand for single braces.
pub(super) fn parse(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
            literal.push_str(&rest[..1]);
            rest = after;
            continue;
        }
        let inner = rest.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (name, after) = inner.ok_or("a single brace; write {{ or }} for one")?;
        if !literal.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut literal).into()));
        }
        pieces.push(named(name)?);
        rest = after;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal.into()));
    }
    if pieces.len() > PIECES_MAX {
        return Err(format!("at most {PIECES_MAX} pieces"));
    }
    if !pieces.iter().any(|piece| matches!(piece, Piece::Body | Piece::BodyCrc32)) {
        return Err("without {body} nothing vouches for what was sent".into());
    }
    Ok(pieces)
}

fn named(name: &str) -> Result<Piece, String> {
    Ok(match name {
        "id" => Piece::Id,
        "timestamp" => Piece::Timestamp,
        "method" => Piece::Method,
        "url" => Piece::Url,
        "body" => Piece::Body,
        "body.crc32" => Piece::BodyCrc32,
        _ => {
            let header = name.strip_prefix("header:").ok_or_else(|| {
                format!("{{{name}}} is none of {{id}}, {{timestamp}}, {{method}}, {{url}}, {{body}}, {{body.crc32}} and {{header:NAME}}")
            })?;
            Piece::Header(header_name(header)?)
        }
    })
}

/// CRC-32 as Ethernet, zip and PayPal compute it (ISO-HDLC).
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut index = 0;
        while index < 256 {
            let mut value = index as u32;
            let mut bit = 0;
            while bit < 8 {
                value = if value & 1 == 1 { value >> 1 ^ 0xEDB8_8320 } else { value >> 1 };
                bit += 1;
            }
            table[index] = value;
            index += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc: u32, byte| crc >> 8 ^ TABLE[(crc as u8 ^ byte) as usize])
}

#[cfg(test)]
mod tests {
    use super::{Piece, crc32, parse};

    #[test]
    fn templates() {
        let slack = [Piece::Text("v0:".into()), Piece::Timestamp, Piece::Text(":".into()), Piece::Body];
        assert_eq!(parse("v0:{timestamp}:{body}").unwrap(), slack);
        let odd = [
            Piece::Text("{".into()),
            Piece::Header("x-a".into()),
            Piece::BodyCrc32,
            Piece::Text("}|".into()),
        ];
        assert_eq!(parse("{{{header:X-A}{body.crc32}}}|").unwrap(), odd);
        for text in [
            "",
            "{timestamp}",
            "{body",
            "body}",
            "{body}{",
            "{boddy}",
            "{body}{header:}",
            "{body}{header:a b}",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"{body}".repeat(33)).is_err());
    }

    #[test]
    fn crc32_of_known_texts() {
        // The check value of CRC-32/ISO-HDLC in Koopman's and Cook's catalogues.
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }
}
