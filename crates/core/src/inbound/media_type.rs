//! `Content-Type` as RFC 9110 section 8.3 writes it: a media type in any case, with parameters.

/// What JSON is called. Names that end in `+json` are JSON too (RFC 6839 section 3.1).
const JSON: &str = "application/json";

/// A parsed `Content-Type`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType<'a> {
    /// Type and subtype in lower case, without parameters.
    pub essence: String,
    parameters: &'a str,
}

/// Why a `Content-Type` does not go with `content: json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotJsonType {
    /// There is none.
    #[error("Content-Type is missing; send Content-Type: application/json")]
    Missing,
    /// It is another type.
    #[error("Content-Type must be application/json")]
    Other,
    /// The charset is not UTF-8 (RFC 8259 section 8.1).
    #[error("the charset of JSON is utf-8; leave charset out or set it to utf-8")]
    Charset,
}

impl<'a> MediaType<'a> {
    /// Reads the value of the header. Never fails: what is no media type has an essence that nothing matches.
    pub fn parse(value: &'a str) -> Self {
        let (essence, parameters) = value.split_once(';').unwrap_or((value, ""));
        Self { essence: essence.trim().to_ascii_lowercase(), parameters }
    }

    /// Whether a body of this type must pass the JSON gate.
    pub fn is_json(&self) -> bool {
        self.essence == JSON || self.essence.ends_with("+json")
    }

    /// The value of a parameter, quotes removed. The name is in lower case.
    pub fn parameter(&self, name: &str) -> Option<String> {
        parameters(self.parameters).find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Checks the header of a source that takes JSON only: exactly `application/json`, in any case, and no charset but utf-8.
///
/// # Errors
/// What is wrong with it.
pub fn check_json(value: Option<&str>) -> Result<(), NotJsonType> {
    let media = MediaType::parse(value.ok_or(NotJsonType::Missing)?);
    if media.essence != JSON {
        return Err(NotJsonType::Other);
    }
    check_charset(&media)
}

/// Checks the charset of a type that is JSON.
///
/// # Errors
/// When it is another than utf-8.
pub fn check_charset(media: &MediaType<'_>) -> Result<(), NotJsonType> {
    match media.parameter("charset") {
        Some(charset) if !charset.eq_ignore_ascii_case("utf-8") => Err(NotJsonType::Charset),
        _ => Ok(()),
    }
}

/// Names and values of parameters (RFC 9110 section 5.6.6); quoted values may hold separators.
fn parameters(text: &str) -> impl Iterator<Item = (&str, String)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches([';', ' ', '\t']);
            if rest.is_empty() {
                return None;
            }
            let end = rest.find(['=', ';']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            let Some(value) = after.strip_prefix('=') else {
                rest = after;
                continue;
            };
            let (value, after) = parameter_value(value);
            rest = after;
            return Some((name.trim(), value));
        }
    })
}

fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        return (text[..end].trim().to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_sources_take_json_in_any_spelling_of_the_header() {
        for value in [
            "application/json",
            "Application/JSON",
            " application/json ; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json; version=1; charset=Utf-8",
            "application/json;",
        ] {
            assert_eq!(check_json(Some(value)), Ok(()), "{value}");
        }
        assert_eq!(check_json(None), Err(NotJsonType::Missing));
        for value in [
            "",
            "text/plain",
            "application/jsonx",
            "application/vnd.x+json",
            "json",
            "application/x-www-form-urlencoded",
        ] {
            assert_eq!(check_json(Some(value)), Err(NotJsonType::Other), "{value}");
        }
        for value in [
            "application/json; charset=latin1",
            "application/json;charset=\"utf-16\"",
            "application/json; charset=",
        ] {
            assert_eq!(check_json(Some(value)), Err(NotJsonType::Charset), "{value}");
        }
    }

    #[test]
    fn parameters_are_found_whatever_their_form() {
        let boundary = |text| MediaType::parse(text).parameter("boundary");
        assert_eq!(boundary("multipart/form-data; boundary=abc"), Some("abc".into()));
        assert_eq!(boundary("multipart/form-data; a; x=\"q;\\\"\"; BOUNDARY=\"a b\""), Some("a b".into()));
        assert_eq!(boundary("multipart/form-data"), None);
        assert_eq!(boundary("multipart/form-data; boundary=\"open"), Some("open".into()));
        assert!(
            MediaType::parse("application/vnd.api+json; x").is_json()
                && !MediaType::parse("text/json").is_json()
        );
    }
}
