//! How a request looks on the terminal. Everything in it is remote text (reliability S22).

use serde_json::Value;
use stentor_core::json;

use super::profile::Profile;
use crate::cli::output::{self, cell};

/// Characters of a body that are shown; the rest is counted.
const SHOWN_CHARS_MAX: usize = 16 * 1024;

/// One request as a block: what came of it, its headers, its body, and what it lacks.
pub(super) fn text(request: &Value, profile: Option<Profile>) -> String {
    let part = |pointer: &str| cell(request, pointer);
    let mut lines = vec![format!(
        "{}  {} {}  from {}  {} bytes  {}",
        part("/received_at"),
        part("/method"),
        part("/path"),
        part("/peer"),
        part("/body_bytes"),
        verdict(request)
    )];
    if request["advice"].is_string() {
        lines.push(format!("  ! {}", part("/advice")));
    }
    for header in request["headers"].as_array().into_iter().flatten() {
        lines.push(format!("  {}: {}", cell(header, "/name"), cell(header, "/value")));
    }
    if let Some(profile) = profile {
        lines.extend(profile.missing(request).into_iter().map(|missing| format!("  ✗ {missing}")));
    }
    lines.push(body(request));
    lines.join("\n")
}

fn verdict(request: &Value) -> String {
    let part = |pointer: &str| cell(request, pointer);
    let status = part("/status");
    match request["outcome"].as_str() {
        Some("accepted") => format!("✓ accepted as {}  → {status}", part("/event_ids")),
        Some("duplicate") => format!("✓ known before as {}  → {status}", part("/event_ids")),
        Some("challenge") => format!("✓ a handshake, answered  → {status}"),
        _ => {
            let hidden =
                if request["hidden"] == true { " (the sender was told that all is well)" } else { "" };
            format!("✗ {}: {}  → {status}{hidden}", part("/code"), part("/detail"))
        }
    }
}

fn body(request: &Value) -> String {
    let text = match (request["body"].as_str(), request["body_base64"].as_str()) {
        (Some(""), _) | (None, None) => return "  (no body)".into(),
        (None, Some(base64)) => format!("base64: {}", cut(base64)),
        (Some(text), _) if json::check(text.as_bytes()).is_ok() => cut(&output::indented(text)),
        (Some(text), _) => {
            let lines: Vec<String> = text.lines().map(output::escaped).collect();
            cut(&lines.join("\n"))
        }
    };
    let mut lines: Vec<String> = text.lines().map(|line| format!("  {line}")).collect();
    if request["body_truncated"] == true {
        lines.push("  … the gateway keeps no more of the body".into());
    }
    lines.join("\n")
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}\n… {} bytes more", &text[..end], text.len() - end),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_block_says_what_came_and_why_it_was_refused() {
        let request = json!({
            "received_at": "T", "method": "POST", "path": "/in/x", "peer": "192.0.2.1", "body_bytes": 7, "outcome": "refused",
            "code": "stale", "detail": "The signature is 400 s old.", "advice": "Check clocks.", "status": 401, "hidden": false,
            "headers": [{"name": "x-a", "value": "b\u{1b}[2J"}], "body": "{\"n\":1.0}", "body_truncated": false,
        });
        assert_eq!(
            text(&request, None),
            "T  POST /in/x  from 192.0.2.1  7 bytes  ✗ stale: The signature is 400 s old.  → 401\n  ! Check clocks.\n  \
             x-a: b\\u{1b}[2J\n  {\n    \"n\": 1.0\n  }"
        );
        assert!(text(&request, Some(Profile::Broxi)).contains("✗ missing header x-broxi-signature"));
    }

    #[test]
    fn bodies_of_any_kind_are_shown_and_cannot_steer_the_terminal() {
        for (body, expected) in [("", "  (no body)"), ("a\u{9b}31m\nb", "  a\\u{9b}31m\n  b")] {
            let request = json!({"outcome": "accepted", "headers": [], "body": body});
            assert!(text(&request, None).ends_with(expected), "{body:?}");
        }
        let bytes = json!({"outcome": "accepted", "headers": [], "body": null, "body_base64": "/wA="});
        assert!(text(&bytes, None).ends_with("  base64: /wA="));
        let long = json!({"outcome": "accepted", "headers": [], "body": "x".repeat(SHOWN_CHARS_MAX + 5)});
        assert!(text(&long, None).ends_with("  … 5 bytes more"));
    }
}
