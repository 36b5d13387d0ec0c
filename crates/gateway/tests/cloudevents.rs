//! CloudEvents over HTTP in both forms, and the handshake that asks a receiver for permission.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use http::Method;
use serde_json::{Value, json};
use stentor_testkit::api::{Api, text};
use stentor_testkit::gateway::Gateway;
use stentor_testkit::receiver::{Receiver, Reply};

const EVENT: &str =
    r#"{"type":"order.paid","subject":"order 7","timestamp":"2025-02-18T10:30:00Z","data":{ "n": 2.0 }}"#;

async fn create(api: &Api, receiver: &Receiver, origin: &str) -> Result<Value, (u16, Value)> {
    let body = json!({"url": receiver.url("/in"), "events": ["*"], "profile": "cloudevents",
        "cloudevents": {"handshake": {"origin": origin, "rate": 300}}});
    let answer = api.request(Method::POST, "/v1/webhooks", &[], body.to_string()).await.unwrap();
    let value = serde_json::from_str(&answer.text()).unwrap();
    if answer.is_success() { Ok(value) } else { Err((answer.status(), value)) }
}

#[tokio::test]
async fn both_forms_carry_the_attributes_and_the_exact_data() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    let api = gateway.tenant("acme").await;
    api.create_webhook(&receiver.url("/structured"), &json!({"profile": "cloudevents"})).await;
    let binary = json!({"format": "cloudevents_binary", "cloudevents": {"source": "https://shop.example"}});
    api.create_webhook(&receiver.url("/binary"), &binary).await;
    let event = api.publish_raw(EVENT).await.id;
    api.wait_delivered(&event).await;
    let structured = receiver.requests_to("/structured").remove(0);
    assert_eq!(structured.expect_header("content-type"), "application/cloudevents+json");
    let sent = structured.json();
    assert!(sent["source"].as_str().unwrap().starts_with("/tenants/tnt_"));
    assert_eq!(
        (&sent["specversion"], &sent["id"], &sent["type"], &sent["subject"], &sent["time"]),
        (
            &json!("1.0"),
            &json!(event),
            &json!("order.paid"),
            &json!("order 7"),
            &json!("2025-02-18T10:30:00.000Z")
        )
    );
    assert!(structured.body.ends_with(br#","data":{ "n": 2.0 }}"#));
    let binary = receiver.requests_to("/binary").remove(0);
    assert_eq!(&binary.body[..], br#"{ "n": 2.0 }"#);
    for (name, value) in [
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-type", "order.paid"),
        ("ce-source", "https://shop.example"),
        ("ce-subject", "order%207"),
        ("ce-time", "2025-02-18T10:30:00.000Z"),
        ("ce-id", event.as_str()),
    ] {
        assert_eq!(binary.expect_header(name), value);
    }
    assert!(binary.header("webhook-signature").is_some());
}

#[tokio::test]
async fn a_receiver_is_asked_before_it_is_delivered_to() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    let api = gateway.tenant("acme").await;
    receiver.script(
        "/in",
        [
            Reply::status(200),
            Reply::status(405),
            Reply::status(200).header("WebHook-Allowed-Origin", "other.example"),
        ],
    );
    for _ in 0..3 {
        let (status, problem) = create(&api, &receiver, "events.example.com").await.unwrap_err();
        let error = &problem["errors"][0];
        assert_eq!(status, 422, "{problem}");
        assert_eq!(
            (&error["pointer"], &error["code"]),
            (&json!("/cloudevents/handshake"), &json!("handshake_refused"))
        );
    }
    let allows = Reply::status(200)
        .header("WebHook-Allowed-Origin", "events.example.com")
        .header("WebHook-Allowed-Rate", "120");
    receiver.script("/in", [allows]);
    let webhook = create(&api, &receiver, "events.example.com").await.unwrap();
    assert_eq!(webhook["cloudevents"]["handshake"]["allowed_rate"], 120);
    assert_eq!(webhook["limits"]["rate"], json!({"count": 120, "period": 60}));
    let question = receiver.requests().pop().unwrap();
    assert_eq!((question.method.as_str(), question.body.len()), ("OPTIONS", 0));
    assert_eq!(question.expect_header("webhook-request-origin"), "events.example.com");
    assert_eq!(question.expect_header("webhook-request-rate"), "300");
    let path = format!("/v1/webhooks/{}", text(&webhook, "id"));
    // What does not touch address or handshake asks nothing.
    let asked = receiver.count();
    api.patch(&path, &json!({"name": "n"})).await;
    assert_eq!(receiver.count(), asked);
    let again = Reply::status(200).header("WebHook-Allowed-Origin", "*").header("WebHook-Allowed-Rate", "*");
    receiver.script("/in", [again]);
    let repeated = api.post(&format!("{path}/handshake"), &Value::Null).await;
    assert_eq!(
        (&repeated["cloudevents"]["handshake"]["allowed_rate"], &repeated["limits"]),
        (&Value::Null, &json!({}))
    );
    let moved = json!({"url": receiver.url("/elsewhere")}).to_string();
    let refused = api.request(Method::PATCH, &path, &[], moved).await.unwrap();
    assert_eq!(refused.status(), 422, "the new address does not allow it");
    assert_eq!(api.read(&path).await["url"], receiver.url("/in"));
    let event = api.publish_raw(EVENT).await.id;
    api.wait_delivered(&event).await;
}
