//! What a precise answer is, and a healthy gateway.

use serde_json::{Value, json};
use stentor_testkit::api::Answer;

use crate::surface::World;

/// Most that the gateway may hold after the worst that these tests send: a few bodies of 10 MiB in flight at once, and
/// what the allocator keeps of them.
const RSS_KB_MAX: u64 = 400 * 1024;

/// The codes that docs/errors.md explains, each with its status.
pub fn documented_codes() -> Vec<(String, u16)> {
    let page = include_str!("../../../../docs/errors.md");
    let sections = page.split("\n## ").skip(1);
    let code = |section: &str| {
        let (code, rest) = section.split_once("\n\n").expect("a title and its text");
        (code.to_owned(), rest[..3].parse().expect("a status"))
    };
    sections.map(code).collect()
}

/// The start of a body, for messages.
pub fn shortened(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(100)]).into_owned()
}

/// A 4xx that says exactly what is wrong; its body.
#[track_caller]
pub fn assert_precise(answer: &Answer, shown: &str) -> Value {
    let status = answer.status();
    assert!((400..500).contains(&status), "{shown}: {status} {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{shown}: {status}");
    let problem = answer.json();
    assert_eq!(problem["status"], status, "{shown}: {problem}");
    assert_precise_problem(&problem, shown);
    problem
}

/// The body of such an answer, or a part of an answer for several.
#[track_caller]
pub fn assert_precise_problem(problem: &Value, shown: &str) {
    let text =
        |name: &str| problem[name].as_str().unwrap_or_else(|| panic!("{shown}: no {name} in {problem}"));
    let (code, status) = (text("code"), problem["status"].as_u64());
    let documented = documented_codes().into_iter().find(|(documented, _)| documented == code);
    let (_, expected) = documented.unwrap_or_else(|| panic!("{shown}: {code} is not in docs/errors.md"));
    assert_eq!(status, Some(expected.into()), "{shown}: {problem}");
    assert_eq!(text("type"), format!("/docs/errors#{code}"), "{shown}");
    assert!(!text("title").is_empty() && text("detail").len() >= 10, "{shown}: {problem}");
    for error in problem["errors"].as_array().into_iter().flatten() {
        let (pointer, detail) = (error["pointer"].as_str().unwrap(), error["detail"].as_str().unwrap());
        assert!(pointer.is_empty() || pointer.starts_with('/'), "{shown}: {problem}");
        assert!(detail.len() >= 5, "{shown}: {problem}");
    }
    let listed = ["invalid_body", "invalid_query", "schema_mismatch"].contains(&code);
    assert_eq!(
        problem["errors"].as_array().is_some_and(|errors| !errors.is_empty()),
        listed,
        "{shown}: {problem}"
    );
    let inside = ["panicked", "sqlite", "rusqlite", "serde", ".rs:", "RawValue", "$serde_json"];
    let all = problem.to_string();
    assert!(inside.iter().all(|word| !all.contains(word)), "{shown}: {problem}");
}

/// The process lives, takes events, and has not grown beyond its bound.
pub async fn assert_healthy(world: &World) {
    let anonymous = world.gateway.api().without_token();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(anonymous.get(path).await.unwrap().status(), 200, "{path}");
    }
    world.own.api.publish("order.paid", &json!({})).await;
    let rss_kb = world.gateway.rss_kb();
    assert!(rss_kb < RSS_KB_MAX, "{rss_kb} kB");
    let log = world.gateway.log();
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
}
