//! The whole way of an event through the real binary, and what a restart keeps.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::time::SystemTime;

use serde_json::json;
use stentor_testkit::api::{Api, text};
use stentor_testkit::gateway::Gateway;
use stentor_testkit::receiver::{Received, Receiver, Reply};
use stentor_verify::standard::{Headers, Verifier, VerifierKey};
use stentor_verify::{Secret, VerifyError};

async fn start() -> Gateway {
    Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await
}

fn verify(request: &Received, secret: &str, body: &[u8]) -> Result<(), VerifyError> {
    let key = VerifierKey::from(Secret::parse(secret).unwrap());
    let headers = Headers {
        id: request.expect_header("webhook-id"),
        timestamp: request.expect_header("webhook-timestamp"),
        signature: request.expect_header("webhook-signature"),
    };
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    Verifier::new([key]).unwrap().verify(&headers, body, now)
}

/// A delivery as the API shows it once it has ended.
async fn only_delivery(tenant: &Api, event: &str) -> serde_json::Value {
    let deliveries = tenant.wait_delivered(event).await;
    assert_eq!(deliveries.len(), 1);
    tenant.delivery(&text(&deliveries[0], "id")).await
}

#[tokio::test]
async fn an_event_arrives_signed_and_to_the_byte() {
    let (gateway, receiver) = (start().await, Receiver::start().await);
    let tenant = gateway.tenant("acme").await;
    let webhook = tenant.create_webhook(&receiver.url("/hooks?a=1"), &json!({})).await;
    let data = r#"{ "order":"ö1", "total": 1.50e1, "items":[ ] }"#;
    let published = tenant.publish_raw(format!(r#"{{"type":"order.created","data":{data}}}"#)).await;
    assert_eq!(published.deliveries, 1);

    let request = receiver.next_request().await;
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/hooks?a=1"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("webhook-id"), Some(published.id.as_str()));
    let body = std::str::from_utf8(&request.body).unwrap();
    assert!(body.contains(data), "{body}");
    assert_eq!(request.json()["type"], "order.created");
    assert_eq!(request.json().as_object().unwrap().len(), 3);
    let secret = text(&webhook, "secret");
    assert_eq!(verify(&request, &secret, &request.body), Ok(()));
    let forged = body.replacen("1.50e1", "1.51e1", 1);
    assert_eq!(verify(&request, &secret, forged.as_bytes()), Err(VerifyError::NoMatchingSignature));

    let delivery = only_delivery(&tenant, &published.id).await;
    assert_eq!(delivery["event_id"], published.id);
    assert_eq!(delivery["webhook_id"], webhook["id"]);
    let attempts = delivery["attempts"].as_array().unwrap();
    assert_eq!((attempts.len(), &attempts[0]["number"], &attempts[0]["status"]), (1, &json!(1), &json!(200)));
    assert_eq!(receiver.count(), 1);
}

#[tokio::test]
async fn a_failed_attempt_is_repeated_with_the_same_id() {
    let (gateway, receiver) = (start().await, Receiver::start().await);
    let tenant = gateway.tenant("acme").await;
    receiver.script("/", [Reply::status(500)]);
    let policy = json!({"retry_policy": {"schedule": [0, 1]}});
    tenant.create_webhook(&receiver.url("/"), &policy).await;
    let published = tenant.publish("order.created", &json!({})).await;
    let requests = receiver.wait_for(2).await;
    assert_eq!(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
    assert_eq!(requests[0].body, requests[1].body);
    let delivery = only_delivery(&tenant, &published.id).await;
    let statuses: Vec<_> =
        delivery["attempts"].as_array().unwrap().iter().map(|a| a["status"].clone()).collect();
    assert_eq!(statuses, [500, 200]);
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let (mut gateway, receiver) = (start().await, Receiver::start().await);
    let tenant = gateway.tenant("acme").await;
    let webhook = tenant.create_webhook(&receiver.url("/"), &json!({})).await;
    let before = tenant.publish("order.created", &json!({"n": 1})).await;
    let shown_before = only_delivery(&tenant, &before.id).await;

    gateway.terminate();
    assert!(gateway.wait().await.success(), "SIGTERM ends it in order");
    gateway.restart().await;

    assert_eq!(only_delivery(&tenant, &before.id).await, shown_before);
    let after = tenant.publish("order.created", &json!({"n": 2})).await;
    tenant.wait_delivered(&after.id).await;
    let requests = receiver.wait_for(2).await;
    assert_eq!(requests.len(), 2, "nothing is delivered again");
    assert_eq!(verify(&requests[1], &text(&webhook, "secret"), &requests[1].body), Ok(()));
}

#[tokio::test]
async fn what_was_pending_at_a_kill_is_delivered_after_the_restart() {
    let (mut gateway, receiver) = (start().await, Receiver::start().await);
    let tenant = gateway.tenant("acme").await;
    receiver.default_reply(Reply::hang());
    tenant.create_webhook(&receiver.url("/"), &json!({})).await;
    let published = tenant.publish("order.created", &json!({})).await;
    receiver.wait_for(1).await;
    gateway.kill9().await;
    receiver.default_reply(Reply::status(204));
    gateway.restart().await;
    tenant.wait_delivered(&published.id).await;
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2, "one before the kill, one after");
    assert!(requests.iter().all(|request| request.header("webhook-id") == Some(&published.id)));
    assert_eq!(requests[0].body, requests[1].body);
}
