//! Receiving through the real binary: what a provider signed still verifies at the far end, whatever templates say.

use axum::http::Method;
use serde_json::json;
use stentor_testkit::api::{Api, text};
use stentor_testkit::gateway::Gateway;
use stentor_testkit::receiver::Receiver;

/// GitHub's own example (docs.github.com, "Validating webhook deliveries"): secret, payload and signature.
const SECRET: &str = "It's a Secret to Everybody";
const PAYLOAD: &str = "Hello, World!";
const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

async fn start() -> (Gateway, Api) {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let tenant = gateway.tenant("receiving").await;
    (gateway, tenant)
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

#[tokio::test]
async fn a_template_adds_headers_and_replaces_no_signature() {
    let (gateway, tenant) = start().await;
    let receiver = Receiver::start().await;
    let verification = json!({"preset": "github", "secret": SECRET});
    let kept = json!({"name": "hub", "verification": verification, "keep_headers": ["*"]});
    let source = text(&tenant.post("/v1/sources", &kept).await, "id");
    let path = format!("/in/{source}");
    let templates = json!({"X-Hub-Signature-256": "sha256=00", "X-GitHub-Event": "{{ event.type }}-made", "X-Made": "{{ event.type }}"});
    let raw = json!({"profile": "raw", "transform": {"headers": templates}});
    tenant.create_webhook(&receiver.url("/raw"), &raw).await;
    let headers = [
        ("content-type", "text/plain"),
        ("x-hub-signature-256", SIGNATURE),
        ("x-github-event", "push"),
        ("x-several", "one"),
        ("x-several", "two"),
        ("x-forwarded-for", "192.0.2.1"),
        ("accept-encoding", "gzip"),
        ("authorization", "Bearer canary"),
    ];
    let taken = gateway.api().without_token().request(Method::POST, &path, &headers, PAYLOAD).await.unwrap();
    assert_eq!(taken.status(), 200, "{}", taken.text());
    let arrived = receiver.next_request().await;
    assert_eq!(arrived.body, PAYLOAD.as_bytes());
    assert_eq!(arrived.header("x-hub-signature-256"), Some(SIGNATURE));
    assert_eq!(arrived.header("x-github-event"), Some("push"));
    assert_eq!(arrived.header("x-made"), Some("push"));
    let several = arrived.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("x-several"));
    let several: Vec<_> = several.map(|(_, value)| value.as_str()).collect();
    assert_eq!(several, ["one", "two"], "what came several times is handed on as often");
    // What belongs to the connection is the gateway's own; what says who may speak is not even kept.
    assert_eq!(arrived.header("host"), Some(receiver.address().to_string().as_str()));
    for name in ["x-forwarded-for", "accept-encoding", "authorization"] {
        assert_eq!(arrived.header(name), None, "{name}");
    }
    let requests = tenant.list(&format!("/v1/sources/{source}/requests"), "").await;
    let request = tenant.read(&format!("/v1/sources/{source}/requests/{}", text(&requests[0], "id"))).await;
    let names: Vec<String> =
        request["headers"].as_array().unwrap().iter().map(|header| text(header, "name")).collect();
    assert!(names.contains(&"x-forwarded-for".to_owned()) && names.contains(&"host".to_owned()), "{names:?}");
    assert!(!names.contains(&"authorization".to_owned()), "{names:?}");
    // Of the webhook's own signature it is known when it is saved.
    let own = json!({
        "url": receiver.url("/own"),
        "events": ["*"],
        "signature": {"scheme": "hex", "header": "X-Own-Signature"},
        "transform": {"headers": {"x-own-signature": "forged"}},
    });
    let refused = tenant.request(Method::POST, "/v1/webhooks", &[], own.to_string()).await.unwrap();
    let problem = refused.json();
    assert_eq!((refused.status(), &problem["code"]), (422, &json!("invalid_body")), "{problem}");
    assert_eq!(problem["errors"][0]["pointer"], "/transform/headers/x-own-signature", "{problem}");
}
