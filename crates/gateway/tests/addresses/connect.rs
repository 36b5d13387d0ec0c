//! What was saved under another configuration is not dialled (S1, S2).

use serde_json::{Value, json};
use stentor_testkit::api::{Api, text};
use stentor_testkit::receiver::Receiver;

use crate::builder;

/// The only attempt of the event's delivery to that webhook.
async fn attempt_of(api: &Api, event: &str, webhook: &str) -> Value {
    let deliveries = api.wait_state(event, "dead").await;
    let delivery = deliveries.iter().find(|delivery| delivery["webhook_id"] == webhook).unwrap();
    let attempts = api.delivery(&text(delivery, "id")).await["attempts"].take();
    assert_eq!(attempts.as_array().unwrap().len(), 1, "{attempts}");
    attempts[0].clone()
}

/// Webhooks that were saved while the operator allowed their addresses are not dialled once it does not.
#[tokio::test]
async fn what_was_saved_under_a_wider_policy_is_blocked_at_connect() {
    let receiver = Receiver::start().await;
    let port = receiver.address().port();
    let mut rows = vec![
        (format!("http://127.0.0.1:{port}/"), "loopback"),
        (format!("http://127.0.0.2:{port}/"), "loopback"),
        (format!("http://localhost:{port}/"), "loopback"),
        (format!("http://any.localhost:{port}/"), "loopback"),
        (format!("http://0.0.0.0:{port}/"), "unspecified"),
        (format!("http://[::1]:{port}/"), "loopback"),
        (format!("http://[::]:{port}/"), "unspecified"),
        ("http://169.254.169.254/".to_owned(), "metadata"),
        ("http://10.0.0.1/".to_owned(), "private"),
        ("http://93.184.216.34:5432/".to_owned(), "port"),
    ];
    let allowed = ["0.0.0.0/8", "::/128", "169.254.169.254", "10.0.0.0/8", "93.184.216.34:5432"];
    let wide =
        allowed.iter().fold(builder(), |builder, rule| builder.argument("--outbound-allow").argument(rule));
    let mut gateway = wide.start().await;
    let api = gateway.tenant("acme").await;
    let once = json!({"retry_policy": {"schedule": [0]}});
    for (url, _) in &mut rows {
        *url = text(&api.create_webhook(url, &once).await, "id");
    }
    let open = builder().dev(false).argument("--outbound-http");
    gateway.restart_as(|_| open).await;

    let event = api.publish("order.created", &json!({})).await;
    assert_eq!(event.deliveries, u64::try_from(rows.len()).unwrap());
    for (webhook, reason) in &rows {
        let attempt = attempt_of(&api, &event.id, webhook).await;
        assert_eq!(
            (&attempt["outcome"], &attempt["reason"]),
            (&json!("blocked"), &json!(reason)),
            "{attempt}"
        );
        assert_eq!((&attempt["status"], &attempt["response"]), (&Value::Null, &Value::Null));
        let test = json!({"webhook_id": webhook, "event_type": "order.created"});
        let attempt = api.post("/v1/webhooks/test", &test).await;
        assert_eq!(
            (&attempt["outcome"], &attempt["reason"]),
            (&json!("blocked"), &json!(reason)),
            "{attempt}"
        );
    }
    assert_eq!(receiver.connections(), 0);

    // The same webhooks reach the receiver when the operator allows it again: the listener could have seen them.
    gateway.restart_as(|_| builder()).await;
    let test = json!({"webhook_id": rows[0].0, "event_type": "order.created"});
    assert_eq!(api.post("/v1/webhooks/test", &test).await["outcome"], "delivered");
    assert_eq!(receiver.connections(), 1);
}

/// Without `--outbound-http` nothing is sent in the clear either.
#[tokio::test]
async fn plain_http_that_was_saved_by_a_developer_is_not_sent() {
    let receiver = Receiver::start().await;
    let mut gateway = builder().start().await;
    let api = gateway.tenant("acme").await;
    let once = json!({"retry_policy": {"schedule": [0]}});
    let webhook = text(&api.create_webhook(&receiver.url("/"), &once).await, "id");
    gateway.restart_as(|builder| builder.dev(false)).await;
    let event = api.publish("order.created", &json!({})).await;
    let attempt = attempt_of(&api, &event.id, &webhook).await;
    assert!(["blocked", "unsendable"].contains(&attempt["outcome"].as_str().unwrap()), "{attempt}");
    assert_eq!(receiver.connections(), 0);
}
