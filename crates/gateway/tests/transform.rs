//! Templates of a webhook: what they make is sent, signed, and the same on every attempt; what they cannot make is told and
//! never sent otherwise.

use serde_json::{Value, json};
use stentor_testkit::api::{Api, text};
use stentor_testkit::gateway::Gateway;
use stentor_testkit::receiver::{Receiver, Reply};
use stentor_verify::standard::{Headers, Verifier, VerifierKey};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BODY: &str = r#"{"text": {{ ("Order " ~ event.data.order) | tojson }}, "lines": [{% for line in event.data.lines %}{{ line.sku | tojson }}{% if not loop.last %}, {% endif %}{% endfor %}]}"#;

async fn webhook(api: &Api, receiver: &Receiver, transform: Value) -> String {
    let settings = json!({"secret": SECRET, "transform": transform, "headers": {"X-Key": "hidden"},
        "retry_policy": {"schedule": [0, 0]}});
    text(&api.create_webhook(&receiver.url("/in"), &settings).await, "id")
}

#[tokio::test]
async fn what_a_template_makes_is_sent_signed_and_the_same_on_every_attempt() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    receiver.script("/in", [Reply::status(503)]);
    let api = gateway.tenant("acme").await;
    let transform = json!({"body": BODY, "headers": {"X-Kind": "{{ event.type }}"}});
    webhook(&api, &receiver, transform).await;
    let event =
        api.publish("order.created", &json!({"order": 7, "lines": [{"sku": "a"}, {"sku": "b"}]})).await;
    api.wait_delivered(&event.id).await;
    let requests = receiver.wait_for(2).await;
    assert_eq!(requests[0].body, requests[1].body);
    for request in requests {
        assert_eq!(request.json(), json!({"text": "Order 7", "lines": ["a", "b"]}));
        assert_eq!(request.expect_header("x-kind"), "order.created");
        assert_eq!(request.expect_header("content-type"), "application/json");
        let headers = Headers::from_lookup(|name| request.header(name)).unwrap();
        let verifier = Verifier::new([VerifierKey::parse(SECRET).unwrap()]).unwrap();
        let now = request.expect_header("webhook-timestamp").parse().unwrap();
        assert_eq!(verifier.verify(&headers, &request.body, now), Ok(()));
    }
}

#[tokio::test]
async fn what_a_template_cannot_make_is_dead_and_says_why() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    let api = gateway.tenant("acme").await;
    let id =
        webhook(&api, &receiver, json!({"body": "{\n\"name\": {{ event.data.customer.name }}\n}"})).await;
    let event = api.publish("order.created", &json!({"order": 7})).await;
    let delivery = api.wait_state(&event.id, "dead").await.remove(0);
    assert_eq!((&delivery["reason"], &delivery["attempt_count"]), (&json!("template"), &json!(1)));
    let read = api.delivery(delivery["id"].as_str().unwrap()).await;
    let attempt = &read["attempts"][0];
    assert_eq!(
        (&attempt["outcome"], &attempt["reason"], &attempt["response"], &attempt["status"]),
        (&json!("unsendable"), &json!("template"), &Value::Null, &Value::Null)
    );
    assert_eq!(attempt["message"], "body, line 2: undefined value");
    assert_eq!(receiver.count(), 0, "nothing is sent otherwise");
    // Mended and retried, the same delivery goes out.
    let mended = json!({"transform": {"body": "{{ event.data }}"}});
    api.patch(&format!("/v1/webhooks/{id}"), &mended).await;
    api.post(&format!("/v1/deliveries/{}/retry", text(&delivery, "id")), &Value::Null).await;
    api.wait_delivered(&event.id).await;
    assert_eq!(receiver.next_request().await.json(), json!({"order": 7}));
}

#[tokio::test]
async fn a_preview_shows_the_request_and_hides_what_is_secret() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    let api = gateway.tenant("acme").await;
    let id = webhook(&api, &receiver, Value::Null).await;
    let event = api.publish("order.created", &json!({"order": 7})).await.id;
    api.wait_delivered(&event).await;
    let path = format!("/v1/webhooks/{id}/preview");
    let shown = api.post(&path, &json!({ "event_id": event })).await;
    let sent = receiver.next_request().await;
    assert_eq!(shown["body"].as_str().unwrap().as_bytes(), sent.body);
    let headers = &shown["headers"];
    assert_eq!((&headers["webhook-signature"], &headers["x-key"]), (&json!("…"), &json!("…")));
    assert_eq!(
        (&headers["webhook-id"], &headers["content-type"]),
        (&json!(event), &json!("application/json"))
    );
    assert!(!shown.to_string().contains("hidden"));
    let draft = json!({"event_id": event, "transform": {"body": "n={{ event.data.order }}", "content_type": "text/plain"}});
    let shown = api.post(&path, &draft).await;
    assert_eq!((&shown["body"], &shown["headers"]["content-type"]), (&json!("n=7"), &json!("text/plain")));
    let failing = json!({"event_id": event, "transform": {"body": "{{ event.data.none.x }}"}});
    let shown = api.post(&path, &failing).await;
    assert_eq!((&shown["body"], &shown["error"]), (&Value::Null, &json!("body, line 1: undefined value")));
    assert_eq!(receiver.count(), 1, "a preview sends nothing");
}
