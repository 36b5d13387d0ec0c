//! What is handed to whoever helps holds no secret, whatever a receiver echoes.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use serde_json::json;
use stentor_testkit::api::{Api, text};
use stentor_testkit::gateway::{Gateway, OPERATOR_TOKEN};
use stentor_testkit::receiver::{Receiver, Reply};
use stentor_testkit::wait;

const SIGNING: &str = "a signing \"secret\" of ours";
const HEADER: &str = "Bearer header-secret-7f3a";
const QUERY: &str = "query-secret-91bc";
const DATA: &str = "personal-data-of-somebody";
const METADATA: &str = "metadata-secret-55d0";

/// What must not be in a bundle.
fn secrets(tenant: &Api) -> Vec<String> {
    let token = tenant.token().unwrap();
    [SIGNING, HEADER, "header-secret", QUERY, DATA, METADATA, OPERATOR_TOKEN, token].map(str::to_owned).into()
}

/// A delivery that failed at a receiver which answers with all that it was sent, and more.
async fn failed(tenant: &Api, receiver: &Receiver) -> (String, String, String) {
    let escaped = SIGNING.replace('"', "\\\"");
    let echo =
        format!("you sent authorization: {HEADER}, signed with {SIGNING}, or {escaped}, to ?token={QUERY}");
    receiver.default_reply(Reply::status(503).body(echo));
    let settings = json!({
        "secret": SIGNING, "headers": {"authorization": HEADER}, "metadata": {"m": METADATA}, "name": "ours",
        "retry_policy": {"schedule": [0, 3600]},
    });
    let webhook = tenant.create_webhook(&receiver.url(&format!("/hook?token={QUERY}")), &settings).await;
    let published = tenant.publish("order.paid", &json!({"who": DATA})).await;
    let delivery = wait::until("the first attempt is recorded", || async {
        let delivery = tenant.event_deliveries(&published.id).await.remove(0);
        (delivery["attempt_count"] == 1).then_some(delivery)
    })
    .await;
    (text(&webhook, "id"), published.id, text(&delivery, "id"))
}

#[tokio::test]
async fn no_secret_is_in_a_bundle_and_what_helps_is() {
    let proxy = "socks5://proxy-user-11:proxy-secret-22@127.0.0.1:9";
    // Only named, so that its password could show; deliveries are made by the gateway without it.
    let named = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).environment("STENTOR_OUTBOUND_PROXY", proxy);
    let named = named.start().await;
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    let tenant = gateway.tenant("helped").await;
    let (webhook, event, delivery) = failed(&tenant, &receiver).await;
    for query in
        [format!("delivery_id={delivery}"), format!("event_id={event}"), format!("webhook_id={webhook}")]
    {
        let answer = tenant.get(&format!("/v1/support?{query}")).await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let (shown, bundle) = (answer.text(), answer.json());
        for secret in secrets(&tenant) {
            let as_json = secret.replace('"', "\\\"");
            assert!(!shown.contains(&secret) && !shown.contains(&as_json), "{secret} in {shown}");
        }
        assert_eq!(bundle["webhooks"][0]["id"], webhook, "{query}");
        assert_eq!(bundle["webhooks"][0]["headers"], json!({"authorization": "…"}));
        assert!(bundle["webhooks"][0]["failing_since"].is_string());
        let attempt = &bundle["deliveries"][0]["attempts"][0];
        assert_eq!((&attempt["outcome"], &attempt["status"]), (&json!("refused"), &json!(503)));
        let excerpt = attempt["response"]["body"].as_str().unwrap();
        assert!(excerpt.starts_with("you sent authorization: [redacted]"), "{excerpt}");
        assert!(bundle.get("configuration").is_none(), "a tenant does not see the gateway's configuration");
    }
    let own = named.tenant("default2").await;
    let created = own.create_webhook("https://example.com/", &json!({})).await;
    let operator = named.api();
    let path = format!("/v1/support?webhook_id={}", text(&created, "id"));
    let tenants = operator.list("/v1/tenants", "").await;
    let id = tenants.iter().find(|tenant| tenant["name"] == "default2").unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let headers = [("stentor-tenant", id.as_str())];
    let answer = operator.request(http::Method::GET, &path, &headers, "").await.unwrap();
    let (shown, bundle) = (answer.text(), answer.json());
    assert_eq!(bundle["configuration"]["outbound"]["proxy"], "socks5://127.0.0.1:9", "{shown}");
    for secret in ["proxy-user-11", "proxy-secret-22", OPERATOR_TOKEN] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert!(!named.log().contains("proxy-secret-22"), "nor in the log");
}

#[tokio::test]
async fn a_bundle_is_bounded() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    receiver.default_reply(Reply::status(500).body("x".repeat(16_000)));
    let tenant = gateway.tenant("large").await;
    let schedule = vec![0; 12];
    let settings = json!({"retry_policy": {"schedule": schedule, "jitter_percent": 0}});
    let webhook = text(&tenant.create_webhook(&receiver.url("/"), &settings).await, "id");
    for n in 0..25 {
        tenant.publish("order.paid", &json!({"n": n, "padding": "y".repeat(20_000)})).await;
    }
    wait::until("all have ended", || async {
        (tenant.deliveries("status=dead").await.len() == 25).then_some(())
    })
    .await;
    let answer = tenant.get(&format!("/v1/support?webhook_id={webhook}")).await.unwrap();
    let bundle = answer.json();
    let deliveries = bundle["deliveries"].as_array().unwrap();
    assert_eq!((deliveries.len(), &bundle["more_deliveries"]), (20, &json!(true)));
    for delivery in deliveries {
        assert_eq!(
            (delivery["attempts"].as_array().unwrap().len(), &delivery["attempts_omitted"]),
            (10, &json!(2))
        );
        assert_eq!(delivery["attempts"][9]["number"], 12, "the newest are kept");
    }
    let bytes = answer.text().len();
    assert!(bytes < 200 * 1024, "{bytes} bytes");
}

#[tokio::test]
async fn a_conversation_and_its_message_lead_to_their_deliveries() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    let tenant = gateway.tenant("talks").await;
    let config = json!({"workflow_id": "123", "callback_url": receiver.url("/callback")});
    let new = json!({"channel": "API", "usecase": "WORKFLOW_EXECUTION", "config": config});
    let conversation = text(&tenant.post("/v1/conversations", &new).await, "id");
    let message = json!({"content": "hello", "content_type": "TEXT", "type": "USER_INPUT", "channel": "API", "created_by": "user123"});
    let message =
        text(&tenant.post(&format!("/v1/conversations/{conversation}/messages"), &message).await, "id");
    receiver.wait_for(1).await;
    for query in [format!("conversation_id={conversation}"), format!("message_id={message}")] {
        let bundle = tenant.read(&format!("/v1/support?{query}")).await;
        assert_eq!(bundle["deliveries"].as_array().unwrap().len(), 1, "{query}");
        assert_eq!(bundle["webhooks"].as_array().unwrap().len(), 1, "{query}");
    }
    let unknown = "00000000-0000-4000-8000-000000000000";
    for query in [format!("conversation_id={unknown}"), format!("message_id={unknown}")] {
        assert_eq!(tenant.get(&format!("/v1/support?{query}")).await.unwrap().status(), 404, "{query}");
    }
}
