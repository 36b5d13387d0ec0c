//! `multipart/form-data` as RFC 7578 writes it, read for its fields.

use memchr::memmem;
use serde_json::{Value, json};

use super::FIELDS_MAX;
use crate::inbound::media_type::MediaType;

/// Longest head of a part, in bytes.
const PART_HEAD_BYTES_MAX: usize = 8 * 1024;

/// The fields in their order. None when the body is not of that form or has too many parts.
pub(super) fn fields(data: &[u8], boundary: &str) -> Option<Vec<(String, Value)>> {
    // RFC 2046 section 5.1.1: 1 to 70 characters.
    if !(1..=70).contains(&boundary.len()) {
        return None;
    }
    let delimiter = format!("\r\n--{boundary}");
    // The first delimiter may begin the body.
    let opening = &delimiter.as_bytes()[2..];
    let mut rest = match data.strip_prefix(opening) {
        Some(rest) => rest,
        None => data.get(memmem::find(data, delimiter.as_bytes())? + delimiter.len()..)?,
    };
    let mut fields = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Some(fields);
        }
        let line_end = memmem::find(rest, b"\r\n")?;
        // Only white space may follow a delimiter on its line.
        if fields.len() == FIELDS_MAX || !rest[..line_end].trim_ascii().is_empty() {
            return None;
        }
        let end = memmem::find(&rest[line_end..], delimiter.as_bytes())? + line_end;
        fields.push(field(rest.get(line_end + 2..end)?)?);
        rest = &rest[end + delimiter.len()..];
    }
}

fn field(part: &[u8]) -> Option<(String, Value)> {
    let head_end = memmem::find(part, b"\r\n\r\n").filter(|end| *end <= PART_HEAD_BYTES_MAX)?;
    let head = std::str::from_utf8(&part[..head_end]).ok()?;
    let content = &part[head_end + 4..];
    let (mut disposition, mut content_type) = (None, None);
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(':')?;
        match name.trim() {
            name if name.eq_ignore_ascii_case("content-disposition") => {
                disposition = Some(MediaType::parse(value));
            }
            name if name.eq_ignore_ascii_case("content-type") => content_type = Some(value.trim()),
            _ => {}
        }
    }
    let disposition = disposition.filter(|it| it.essence == "form-data")?;
    let name = disposition.parameter("name")?;
    let filename = disposition.parameter("filename");
    match std::str::from_utf8(content) {
        Ok(text) if filename.is_none() => Some((name, text.into())),
        _ => {
            Some((name, json!({"filename": filename, "content_type": content_type, "bytes": content.len()})))
        }
    }
}
