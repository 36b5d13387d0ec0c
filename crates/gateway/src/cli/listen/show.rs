//! How a received request looks on the terminal. Everything in it is remote text (reliability S22).

use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use stentor_core::json;
use stentor_core::time::Time;
use stentor_verify::standard::{ID_HEADER, SVIX_ID_HEADER};

use super::check::Verdict;
use crate::cli::{CliError, output};
use crate::logging::Escaped;

/// Body bytes shown; the rest is counted.
const SHOWN_BYTES_MAX: usize = 16 * 1024;

/// The members of an envelope that say what it is, in the spellings of all profiles.
#[derive(Default, Deserialize)]
struct Envelope {
    #[serde(alias = "event")]
    r#type: Option<String>,
    id: Option<String>,
}

/// Prints one request.
pub(super) fn request(
    head: &Parts,
    body: &[u8],
    now: Time,
    verdict: &Verdict,
    status: StatusCode,
) -> Result<(), CliError> {
    output::line(&text(head, body, now, verdict, status))
}

fn text(head: &Parts, body: &[u8], now: Time, verdict: &Verdict, status: StatusCode) -> String {
    let envelope: Envelope = serde_json::from_slice(body).unwrap_or_default();
    let id = header_id(&head.headers).or(envelope.id).unwrap_or_else(|| "-".into());
    let kind = envelope.r#type.unwrap_or_else(|| "-".into());
    let checked = match verdict {
        Verdict::Verified(scheme) => format!("✓ {scheme}"),
        Verdict::Refused(scheme, error) => format!("✗ {scheme}: {error}"),
        Verdict::Unsigned => "✗ no signature".into(),
        Verdict::NoSecret(scheme) => format!("? {scheme}: give --secret to verify"),
    };
    let path = head.uri.path();
    let (id, kind, path) = (Escaped(id), Escaped(kind), Escaped(path));
    format!("{now}  {} {path}  {id}  {kind}  {checked}  → {}\n{}", head.method, status.as_u16(), shown(body))
}

fn header_id(headers: &HeaderMap) -> Option<String> {
    let header = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
    header(ID_HEADER).or_else(|| header(SVIX_ID_HEADER))
}

/// JSON is indented; other text is shown line by line.
fn shown(body: &[u8]) -> String {
    if body.is_empty() {
        return "  (no body)".into();
    }
    let cut = &body[..body.len().min(SHOWN_BYTES_MAX)];
    let mut text = match json::check(body) {
        Ok(_) => output::indented(&String::from_utf8_lossy(cut)),
        Err(_) => {
            let text = String::from_utf8_lossy(cut);
            text.lines().map(|line| Escaped(line).to_string()).collect::<Vec<_>>().join("\n")
        }
    };
    if cut.len() < body.len() {
        text.push_str(&format!("\n… {} bytes more", body.len() - cut.len()));
    }
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown_for(id: &str, path: &str, body: &[u8], verdict: Verdict) -> String {
        let request = http::Request::post(path).header(ID_HEADER, id).body(()).expect("legal");
        text(&request.into_parts().0, body, Time::from_seconds(1_739_874_600), &verdict, StatusCode::OK)
    }

    #[test]
    fn one_line_says_it_all_and_the_body_follows() {
        let text = shown_for(
            "evt_1",
            "/hook?x=1",
            br#"{"type":"a.b","data":{"n":1.0}}"#,
            Verdict::Verified("standard"),
        );
        assert_eq!(
            text,
            "2025-02-18T10:30:00.000Z  POST /hook  evt_1  a.b  ✓ standard  → 200\n  {\n    \"type\": \"a.b\",\n    \"data\": {\n      \"n\": 1.0\n    }\n  }"
        );
        let text = shown_for("evt_1", "/", b"", Verdict::Unsigned);
        assert!(text.ends_with("✗ no signature  → 200\n  (no body)"), "{text}");
    }

    #[test]
    fn remote_text_cannot_steer_the_terminal_or_forge_lines() {
        let bodies: [&[u8]; 3] =
            [b"{\"type\":\"a\\u001b[2J\\n2025 forged\"}", b"\x1b]0;title\x07\r\nforged", b"\xff\xfe\x9b31m"];
        for body in bodies {
            let text = shown_for("evt\u{9}1", "/%1b", body, Verdict::Unsigned);
            assert!(!text.replace('\n', "").contains(char::is_control), "{text:?}");
            assert!(text.lines().skip(1).all(|line| line.starts_with("  ")), "{text:?}");
        }
    }

    #[test]
    fn a_long_body_is_cut_and_counted() {
        let body = vec![b'x'; SHOWN_BYTES_MAX + 5];
        assert!(shown_for("evt_1", "/", &body, Verdict::Unsigned).ends_with("… 5 bytes more"));
    }
}
