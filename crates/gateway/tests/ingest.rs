//! Receiving through the real binary: what a provider signed still verifies at the far end, and what was answered 200 is
//! there after `kill -9`.

use std::sync::Arc;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use stentor_testkit::api::{Answer, Api, NoAnswer, text};
use stentor_testkit::gateway::Gateway;
use stentor_testkit::receiver::Receiver;
use stentor_testkit::wait;

/// GitHub's own example (docs.github.com, "Validating webhook deliveries"): secret, payload and signature.
const SECRET: &str = "It's a Secret to Everybody";
const PAYLOAD: &str = "Hello, World!";
const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

async fn start() -> (Gateway, Api) {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let tenant = gateway.tenant("receiving").await;
    (gateway, tenant)
}

/// A Basic source, and the `Authorization` of a credential of it.
async fn credential(tenant: &Api) -> (String, String) {
    let source = text(&tenant.post("/v1/sources", &json!({"name": "basic"})).await, "id");
    let made = tenant.post(&format!("/v1/sources/{source}/credentials"), &json!({"name": "c"})).await;
    let pair = format!("{}:{}", text(&made, "username"), text(&made, "password"));
    (source, format!("Basic {}", STANDARD.encode(pair)))
}

async fn send(front: &Api, authorization: &str, key: &str, n: usize) -> Result<Answer, NoAnswer> {
    let headers = [("authorization", authorization), ("idempotency-key", key)];
    front.request(Method::POST, "/", &headers, json!({"event": "sent.once", "n": n}).to_string()).await
}

#[tokio::test]
async fn what_github_signed_verifies_behind_the_gateway() {
    let (gateway, tenant) = start().await;
    let receiver = Receiver::start().await;
    let verification = json!({"preset": "github", "secret": SECRET});
    let source = tenant.post("/v1/sources", &json!({"name": "hub", "verification": verification})).await;
    let path = format!("/in/{}", text(&source, "id"));
    // The route chooses by what GitHub says in a header; the webhook itself asks for nothing.
    let webhook = json!({"profile": "raw", "events": []});
    let webhook = text(&tenant.create_webhook(&receiver.url("/far"), &webhook).await, "id");
    tenant.post("/v1/routes", &json!({"match": {"events": ["push"]}, "webhooks": [webhook]})).await;
    let headers = [
        ("content-type", "text/plain"),
        ("x-hub-signature-256", SIGNATURE),
        ("x-github-event", "push"),
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("cookie", "never=passed-on"),
    ];
    let front = gateway.api().without_token();
    let taken = front.request(Method::POST, &path, &headers, PAYLOAD).await.unwrap();
    assert_eq!((taken.status(), &taken.json()["status"]), (200, &json!("ok")), "{}", taken.text());
    let arrived = receiver.next_request().await;
    assert_eq!((&arrived.body[..], arrived.header("content-type")), (PAYLOAD.as_bytes(), Some("text/plain")));
    assert_eq!(arrived.header("x-hub-signature-256"), Some(SIGNATURE));
    assert_eq!(arrived.header("x-github-event"), Some("push"));
    assert_eq!(arrived.header("x-github-delivery"), Some("72d3162e-cc78-11e3-81ab-4c9367dc0958"));
    assert_eq!(arrived.header("cookie"), None);
    let altered = front.request(Method::POST, &path, &headers, "Hello, World?").await.unwrap();
    assert_eq!(altered.status(), 401);
    let again = front.request(Method::POST, &path, &headers, PAYLOAD).await.unwrap();
    assert_eq!(again.json()["status"], "already_processed");
    assert_eq!(tenant.list("/v1/events", "").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_is_there_after_kill_9_and_a_repeat_is_one_event() {
    let (mut gateway, tenant) = start().await;
    let (source, authorization) = credential(&tenant).await;
    let front = Arc::new(gateway.api().without_token());
    let sender = tokio::spawn({
        let (front, authorization) = (Arc::clone(&front), authorization.clone());
        async move {
            let mut taken: Vec<String> = Vec::new();
            // Until the process dies; then nobody knows whether the last one was stored.
            while let Ok(answer) =
                send(&front, &authorization, &format!("k{}", taken.len()), taken.len()).await
            {
                taken.push(text(&answer.json(), "id"));
            }
            taken
        }
    });
    wait::until("some are stored", || async {
        (tenant.list("/v1/events", "").await.len() >= 10).then_some(())
    })
    .await;
    gateway.kill9().await;
    let taken = sender.await.unwrap();
    gateway.restart().await;
    let ids = |events: Vec<Value>| -> Vec<String> { events.iter().map(|event| text(event, "id")).collect() };
    let stored = ids(tenant.list("/v1/events", "").await);
    assert!(taken.len() >= 10 && taken.iter().all(|id| stored.contains(id)), "{taken:?} {stored:?}");
    let sent = taken.len() + 1;
    for n in 0..sent {
        let answer = send(&front, &authorization, &format!("k{n}"), n).await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text());
        if let Some(first) = taken.get(n) {
            assert_eq!(answer.json(), json!({"status": "already_processed", "id": first}));
        }
    }
    assert_eq!(tenant.list("/v1/events", "").await.len(), sent);
    let requests = tenant.list(&format!("/v1/sources/{source}/requests"), "outcome=accepted").await;
    assert_eq!(requests.len(), sent, "each accepted request is listed with its source");
}
