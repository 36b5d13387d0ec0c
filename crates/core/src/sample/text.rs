//! Texts of samples.

use serde_json::{Map, Value};

/// Longest text made for a `minLength`, in characters.
const CHARS_MAX: usize = 1_000;

/// A text of the format that the rules name, brought to the length that they ask for.
pub(super) fn of(rules: &Map<String, Value>) -> String {
    let format = rules.get("format").and_then(Value::as_str).unwrap_or_default();
    let text = match format {
        "date-time" => "2025-01-15T10:30:00Z",
        "date" => "2025-01-15",
        "time" => "10:30:00Z",
        "duration" => "PT5M",
        "email" | "idn-email" => "someone@example.com",
        "hostname" | "idn-hostname" => "example.com",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "uri" | "iri" | "uri-reference" | "iri-reference" => "https://example.com/",
        "uuid" => "018f2a5e-3c1b-7d4e-9a6f-2b8c4d6e8f01",
        "json-pointer" => "/example",
        "regex" => "^example$",
        _ => "example",
    };
    let size = |name: &str| rules.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    let (shortest, longest) = (size("minLength").unwrap_or(0).min(CHARS_MAX), size("maxLength"));
    let padded = text.chars().chain(std::iter::repeat_n('x', shortest.saturating_sub(text.chars().count())));
    padded.take(longest.unwrap_or(usize::MAX)).collect()
}
