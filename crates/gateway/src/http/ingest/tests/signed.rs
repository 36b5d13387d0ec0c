//! `/in/{source_id}`: signatures, repetitions, what is told of refusals, and simulated responses.

use std::time::Duration;

use stentor_core::source::{AllowedPeers, OnInvalid, SimulatedResponse, Simulation};
use stentor_testkit::wait;

use super::*;

/// The example of GitHub's documentation.
const SECRET: &str = "It's a Secret to Everybody";
const BODY: &[u8] = b"Hello, World!";
const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

fn github() -> SourceConfig {
    SourceConfig::new(
        "github".into(),
        Verification::Preset { name: "github".into(), options: [].into_iter().collect() },
    )
}

fn headers(signature: &str) -> Vec<(&str, &str)> {
    vec![
        ("content-type", "text/plain"),
        ("x-hub-signature-256", signature),
        ("x-github-event", "push"),
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("cookie", "canary"),
    ]
}

#[tokio::test]
async fn a_signed_request_is_taken_once_and_keeps_what_its_verifier_needs() {
    let front = Front::start().await;
    let line = format!("POST /in/{}", front.source(github(), Some(SECRET)).await);
    let (status, answer) = front.raw(&line, &headers(SIGNATURE), BODY).await;
    assert_eq!((status, &answer["status"]), (200, &json!("ok")), "{answer}");
    let event = front.event(&answer["id"]).await;
    assert_eq!((event.content.event_type.as_str(), &event.content.data[..]), ("push", BODY));
    let kept = &event.content.arrival.as_ref().expect("arrived").headers;
    assert!(
        kept.iter().any(|(name, value)| &**name == "x-hub-signature-256" && &**value == SIGNATURE),
        "{kept:?}"
    );
    assert!(kept.iter().all(|(name, _)| &**name != "cookie"), "{kept:?}");
    let (status, again) = front.raw(&line, &headers(SIGNATURE), BODY).await;
    assert_eq!((status, &again["status"], &again["id"]), (200, &json!("already_processed"), &answer["id"]));
}

#[tokio::test]
async fn whoever_keeps_all_headers_keeps_no_secret() {
    let front = Front::start().await;
    let gitlab = Verification::Preset { name: "gitlab".into(), options: [].into_iter().collect() };
    let mut config = SourceConfig::new("gitlab".into(), gitlab);
    config.keep_headers = vec!["*".into()];
    let line = format!("POST /in/{}", front.source(config, Some("canary")).await);
    let headers = [
        ("content-type", "application/json"),
        ("x-gitlab-token", "canary"),
        ("x-any", "kept"),
        ("authorization", "Basic canary"),
        ("cookie", "canary"),
    ];
    let (status, answer) = front.raw(&line, &headers, b"{}").await;
    assert_eq!(status, 200, "{answer}");
    let kept = &front.event(&answer["id"]).await.content.arrival.as_ref().expect("arrived").headers.clone();
    assert!(kept.iter().any(|(name, value)| (&**name, &**value) == ("x-any", "kept")), "{kept:?}");
    assert!(kept.iter().all(|(_, value)| !value.contains("canary")), "{kept:?}");
}

#[tokio::test]
async fn an_altered_body_is_refused_with_the_reason_or_hidden_from_its_sender() {
    let front = Front::start().await;
    let line = format!("POST /in/{}", front.source(github(), Some(SECRET)).await);
    let (status, answer) = front.raw(&line, &headers(SIGNATURE), b"Hello, World?").await;
    assert_eq!((status, &answer["code"]), (401, &json!("invalid_signature")), "{answer}");
    assert_eq!(answer["errors"][0]["code"], json!("no_key_matches"), "{answer}");
    let hidden = SourceConfig { on_invalid: OnInvalid::StoreAnd200, ..github() };
    let line = format!("POST /in/{}", front.source(hidden, Some(SECRET)).await);
    let (status, answer) = front.raw(&line, &headers(SIGNATURE), b"Hello, World?").await;
    assert_eq!((status, answer), (200, json!({"status": "ok"})));
    let (status, _) = front.raw("POST /in/src_00000000000000000000000000", &[], b"").await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn only_listed_addresses_may_send_and_a_rate_holds() {
    let front = Front::start().await;
    let open = SourceConfig::new("open".into(), Verification::None);
    let allow = AllowedPeers::parse(["192.0.2.0/24"]).expect("a network");
    let line = format!("POST /in/{}", front.source(SourceConfig { allow, ..open.clone() }, None).await);
    let (status, answer) = front.raw(&line, &[("x-forwarded-for", "192.0.2.7")], b"").await;
    assert_eq!((status, &answer["code"]), (403, &json!("sender_not_allowed")));
    let rate = Some(stentor_core::rate::Rate { count: 2, period: Duration::from_secs(3_600) });
    let line = format!("POST /in/{}", front.source(SourceConfig { rate, ..open }, None).await);
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(front.raw(&line, &[("content-type", "text/plain")], b"x").await.0);
    }
    assert_eq!(seen, [200, 200, 429]);
}

#[tokio::test]
async fn what_is_refused_at_the_door_is_listed_with_its_source() {
    let front = Front::start().await;
    let allow = AllowedPeers::parse(["192.0.2.0/24"]).expect("a network");
    let open = SourceConfig::new("open".into(), Verification::None);
    let open = front.source(SourceConfig { allow, ..open }, None).await;
    let (basic, _) = front.basic().await;
    for (source, code) in [(open, "sender_not_allowed"), (basic, "malformed_credentials")] {
        front.raw(&format!("POST /in/{source}"), &[("content-type", "application/json")], b"{}").await;
        let call = format!("GET /v1/sources/{source}/requests");
        let listed = wait::until("the request is listed", || async {
            let page = front.app.call(&front.token, &call, Value::Null).await;
            page.body["data"].get(0).cloned()
        });
        assert_eq!(listed.await["code"], code);
    }
}

#[tokio::test]
async fn simulated_responses_follow_in_turn_and_only_a_success_stores() {
    let front = Front::start().await;
    let response = |status, body: &str| SimulatedResponse {
        status,
        headers: Vec::new(),
        body: body.into(),
        delay: Duration::ZERO,
    };
    let turns = Simulation::Sequence(vec![response(503, "\"no\""), response(202, "\"yes\"")]);
    let config =
        SourceConfig { response: Some(turns), ..SourceConfig::new("turns".into(), Verification::None) };
    let source = front.source(config, None).await;
    let line = format!("POST /in/{source}");
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(front.raw(&line, &[("content-type", "text/plain")], b"x").await);
    }
    let (no, yes) = ((503, json!("no")), (202, json!("yes")));
    assert_eq!(seen, [no.clone(), yes.clone(), no, yes]);
    let filter = stentor_store::events::EventFilter { source: Some(source), ..Default::default() };
    let page = front.app.engine.store().events(front.tenant, &filter, None, 10, 0).await.expect("answers");
    assert_eq!(page.rows.len(), 2);
}
