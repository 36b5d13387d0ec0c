//! Each row of the seeds' troubleshooting lists, made to happen by their own programs, and what the gateway says then.
//! docs/ingest.md has the same rows.

use std::process::Command;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use stentor_testkit::python;
use stentor_testkit::wait;

use crate::{Pair, World, answer_of, credential};

const PRINTED_AUTHORIZATION: &str = "Basic $(echo -n 'USERNAME:PASSWORD' | base64)";

/// Asserts what the answer is, and that the page explains it.
#[track_caller]
fn assert_says(answer: &Value, status: u16, code: &str, reason: Option<&str>, detail: &str) {
    assert_eq!((&answer["status"], &answer["code"]), (&json!(status), &json!(code)), "{answer}");
    assert_eq!(answer["errors"][0]["code"].as_str(), reason, "{answer}");
    let said = answer["detail"].as_str().unwrap();
    assert!(said.contains(detail), "{said}");
    let page = include_str!("../../../../docs/ingest.md");
    let (_, explained) = page.split_once("## When a sender fails").unwrap();
    let row = explained.lines().find(|line| line.contains(&format!("`{code}`"))).unwrap();
    assert!(reason.is_none_or(|reason| explained.contains(&format!("`{reason}`"))), "{reason:?} {row}");
}

/// What the program printed of an answer that is none of success.
#[track_caller]
fn printed_answer(printed: &str) -> Value {
    let (_, answer) = printed.split_once("Response: ").unwrap_or_else(|| panic!("{printed}"));
    serde_json::from_str(answer).unwrap()
}

#[tokio::test]
async fn credentials_that_are_wrong_or_out_of_date() {
    let world = World::start().await;
    let mistyped = Pair { password: world.pair.password.chars().rev().collect(), ..world.pair.clone() };
    let printed = world.python("data_update.py", &mistyped, &[]).await;
    assert!(printed.starts_with("Error: 401\n"), "{printed}");
    assert_says(&printed_answer(&printed), 401, "unknown_credentials", None, "check both, or create another");
    assert_says(&world.curl(&mistyped, &[]).await, 401, "unknown_credentials", None, "no live credential");
    // Regenerated: both work for a while, then only the new one does.
    let second = credential(&world.tenant, &world.source, &json!({"name": "second"})).await;
    for pair in [&world.pair, &second] {
        assert_eq!(world.curl(pair, &[]).await["status"], "ok");
    }
    world.tenant.delete(&format!("/v1/sources/{}/credentials/{}", world.source, world.pair.id)).await;
    assert_says(&world.curl(&world.pair, &[]).await, 401, "unknown_credentials", None, "no live credential");
    assert_eq!(world.curl(&second, &[]).await["status"], "ok");
    // Nobody says when exactly; it stops by itself.
    let path = format!("/v1/sources/{}/credentials/{}", world.source, second.id);
    let end = wait::until("an end a moment ahead is taken", || async {
        let change = json!({"expires_at": in_a_moment()}).to_string();
        let changed = world.tenant.request(Method::PATCH, &path, &[], change).await.ok()?;
        changed.is_success().then_some(())
    });
    end.await;
    wait::until("the credential has expired", || async {
        let answer = world.curl(&second, &[]).await;
        (answer["code"] == "unknown_credentials").then_some(())
    })
    .await;
}

fn in_a_moment() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    stentor_core::time::Time::from_seconds(i64::try_from(since.as_secs()).unwrap() + 2).to_string()
}

#[tokio::test]
async fn base64_with_newlines_or_other_characters() {
    let world = World::start().await;
    let (with_newline, in_one_piece) = (("echo -n", "echo"), ("| base64)", "| base64 -w0)"));
    // One byte more than the pair has is where `base64` begins a second line.
    let answer = world.curl(&world.pair, &[with_newline]).await;
    assert_says(
        &answer,
        401,
        "malformed_credentials",
        Some("wrapped"),
        "nothing but username:password (echo -n)",
    );
    let answer = world.curl(&world.pair, &[with_newline, in_one_piece]).await;
    assert_says(&answer, 401, "malformed_credentials", Some("trailing_newline"), "without one (echo -n");
    // As long as no credential of ours is, so that `base64` wraps it.
    let long = Pair { password: "p".repeat(60), ..world.pair.clone() };
    let answer = world.curl(&long, &[]).await;
    assert_says(&answer, 401, "malformed_credentials", Some("wrapped"), "base64 -w0");
    let piece_of_text = (PRINTED_AUTHORIZATION, "Basic \\\"USERNAME:PASSWORD\\\"");
    let answer = world.curl(&world.pair, &[piece_of_text]).await;
    assert_says(&answer, 401, "malformed_credentials", Some("not_base64"), "A-Z, a-z, 0-9");
    // An echo that does not know the option prints it.
    let mut command = Command::new("bash");
    command.args(["--posix", "-O", "xpg_echo"]).arg(world.copy(
        "quick_start.sh",
        &world.pair,
        &[in_one_piece],
    ));
    let answer = answer_of(&world.run(command, &world.pair).await);
    assert_says(&answer, 401, "malformed_credentials", Some("echo_option"), "printf %s");
    let without_colon = (PRINTED_AUTHORIZATION, "Basic $(echo -n 'USERNAME' | base64)");
    let answer = world.curl(&world.pair, &[without_colon]).await;
    assert_says(&answer, 401, "malformed_credentials", Some("no_colon"), "with a colon between them");
}

#[tokio::test]
async fn a_header_that_is_not_basic_and_base64() {
    let world = World::start().await;
    let encoded = STANDARD.encode(format!("{}:{}", world.pair.username, world.pair.password));
    let rows = [
        (encoded.clone(), "wrong_scheme", "must begin with Basic and a space"),
        (format!("Bearer {encoded}"), "wrong_scheme", "must begin with Basic and a space"),
        (format!("Basic:{encoded}"), "wrong_scheme", "must begin with Basic and a space"),
        (format!("Basic {} {}", &encoded[..20], &encoded[20..]), "wrapped", "in one piece"),
        ("Basic ".to_owned(), "empty", "nothing follows Basic"),
    ];
    for (value, reason, detail) in rows {
        let answer = world.curl(&world.pair, &[(PRINTED_AUTHORIZATION, &value)]).await;
        assert_says(&answer, 401, "malformed_credentials", Some(reason), detail);
    }
    let left_out = ("        \"Authorization\": auth_header\n", "");
    let printed = world.python("data_update.py", &world.pair, &[left_out]).await;
    let detail = "Authorization is missing";
    assert_says(&printed_answer(&printed), 401, "malformed_credentials", Some("missing"), detail);
    // The scheme is a word in any case, and the padding may be left out.
    let lower = format!("basic {}", encoded.trim_end_matches('='));
    assert_eq!(world.curl(&world.pair, &[(PRINTED_AUTHORIZATION, &lower)]).await["status"], "ok");
}

#[tokio::test]
async fn another_content_type() {
    let world = World::start().await;
    let left_out = ("  -H \"Content-Type: application/json\" \\\n", "");
    let answer = world.curl(&world.pair, &[left_out]).await;
    assert_says(&answer, 400, "unexpected_content_type", None, "must be application/json");
    let json_as_text =
        [("\"application/json\"", "\"text/plain\""), ("json=payload", "data=json.dumps(payload)")];
    let printed = world.python("data_update.py", &world.pair, &json_as_text).await;
    assert_says(&printed_answer(&printed), 400, "unexpected_content_type", None, "application/json");
    let other_charset = ("application/json", "application/json; charset=iso-8859-1");
    let answer = world.curl(&world.pair, &[other_charset]).await;
    assert_says(&answer, 400, "unexpected_content_type", None, "utf-8");
    assert_eq!(world.events().await.len(), 0);
}

#[tokio::test]
async fn json_that_is_not_and_characters_that_are_none() {
    let world = World::start().await;
    let structure = include_str!("../../../../tests/senders/structure.json");
    std::fs::write(world.directory.path().join("structure.json"), structure).unwrap();
    std::fs::write(world.directory.path().join("latin1.json"), b"{\"name\": \"M\xfcller\"}").unwrap();
    std::fs::write(world.directory.path().join("marked.json"), b"\xEF\xBB\xBF{}").unwrap();
    let data = "'{\"message\": \"Hello from webhook!\"}'";
    let rows = [
        (
            "-d @structure.json",
            "-d",
            structure.replace('\n', "").find("//").unwrap(),
            "comments are not JSON",
        ),
        ("--data-binary @structure.json", "-d", structure.find("//").unwrap(), "comments are not JSON"),
        ("-d '{\"message\": \"Hello,}'", "-d", 20, "ends inside"),
        ("-d \"{'message': 'Hello'}\"", "-d", 1, "check quotes"),
        ("--data-binary @latin1.json", "-d", 11, "UTF-8"),
        ("--data-binary @marked.json", "-d", 0, "byte order mark"),
    ];
    for (argument, option, offset, detail) in rows {
        let answer = world.curl(&world.pair, &[(&format!("{option} {data}"), argument)]).await;
        assert_says(&answer, 400, "invalid_json", None, detail);
        assert_eq!(answer["offset"], offset, "{argument}: {answer}");
    }
    assert_eq!(world.events().await.len(), 0);
}

#[tokio::test]
async fn no_connection_no_tls_and_another_network() {
    let mut world = World::with(json!({"allow": ["127.0.0.1", "198.51.100.0/24"]})).await;
    let from = |address: &str, scheme: &str| {
        format!("-H 'X-Forwarded-For: {address}' -H 'X-Forwarded-Proto: {scheme}' -d")
    };
    let answer = world.curl(&world.pair, &[("-d", &from("198.51.100.7", "http"))]).await;
    assert_says(&answer, 403, "https_required", None, "use https");
    let answer = world.curl(&world.pair, &[("-d", &from("203.0.113.7", "https"))]).await;
    assert_says(&answer, 403, "sender_not_allowed", None, "203.0.113.7");
    assert_eq!(world.curl(&world.pair, &[("-d", &from("198.51.100.7", "https"))]).await["status"], "ok");
    // Whoever guesses from one network waits; from another the same credentials are looked at.
    let wrong = Pair { password: "x".repeat(43), ..world.pair.clone() };
    let guess = from("198.51.100.8", "https");
    wait::until("the address has to wait", || async {
        let answer = world.curl(&wrong, &[("-d", &guess)]).await;
        if answer["code"] == "unknown_credentials" {
            return None;
        }
        assert_says(&answer, 429, "too_many_wrong_tokens", None, "wait");
        Some(())
    })
    .await;
    assert_eq!(world.curl(&world.pair, &[("-d", &from("198.51.100.9", "https"))]).await["status"], "ok");
    assert_eq!(world.curl(&world.pair, &[("-d", &guess)]).await["status"], "ok", "a pair that lives goes on");
    // Nothing listens: no answer, and nobody to explain; each program says so itself.
    world.gateway.kill9().await;
    let closed = [(crate::PRINTED, format!("http://{}", world.gateway.address()))];
    let edits = closed.each_ref().map(|(from, to)| (*from, to.as_str()));
    let mut curl = Command::new("bash");
    curl.arg(world.copy("quick_start.sh", &world.pair, &edits));
    assert_eq!(world.run(curl, &world.pair).await.status.code(), Some(7), "curl: could not connect");
    let program = python::script(world.copy("data_update.py", &world.pair, &edits));
    let output = world.run(program, &world.pair).await;
    assert!(String::from_utf8_lossy(&output.stderr).contains("Connection refused"), "{output:?}");
}

#[tokio::test]
async fn too_many_requests_in_a_short_period() {
    let world = World::with(json!({"rate": {"count": 1, "period": 3600}})).await;
    assert_eq!(world.curl(&world.pair, &[]).await["status"], "ok");
    let answer = world.curl(&world.pair, &[]).await;
    assert_says(&answer, 429, "source_rate_limited", None, "1 requests in 3600 seconds");
    // The printed retries do not repeat a POST, so they give up with it.
    assert!(world.python("retries.py", &world.pair, &[]).await.starts_with("429 "));
    assert_eq!(world.events().await.len(), 1);
}
