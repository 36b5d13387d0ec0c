//! Seed 004: both of its receivers verify the bytes.

use http::Method;
use serde_json::{Value, json};
use stentor_testkit::gateway::Gateway;
use stentor_testkit::program::{Program, node};
use stentor_testkit::python::script;
use stentor_verify::{Secret, plain};

use super::delivering::Setting;
use super::forging::post;

const SECRET: &str = "your_webhook_secret";
const CREATED: &str = r#"{"type": "resource.created", "data": {"id": "res_xyz789", "name": "New Resource",
    "status": "active", "n": [2.0, 12345678901234567890, "Gr\u00fc\u00dfe"]}}"#;

/// The body of the seed's curl.
fn printed() -> Value {
    json!({
        "url": "https://your-app.com/webhooks",
        "events": ["resource.created", "resource.updated", "resource.deleted"],
        "secret": SECRET,
    })
}

async fn takes_and_refuses(mut command: std::process::Command) {
    command.env("WEBHOOK_SECRET", SECRET);
    let mut program = Program::start(command).await;
    let mut body = printed();
    body["profile"] = json!("resource");
    let setting = Setting::new(&program, "/webhooks", body).await;
    let taken = setting.delivered(&mut program, CREATED).await;
    assert_eq!(taken, json!(["res_xyz789", "New Resource", "active"]));

    let body = r#"{"id":"evt_1","type":"resource.deleted"}"#;
    let sign =
        |secret: &str, body: &str| plain::HEX.sign_body(&Secret::raw(secret).unwrap(), body.as_bytes());
    let send = |signature: String, body: &str| {
        post(&program, "/webhooks", &[("X-Webhook-Signature", signature)], body)
    };
    assert_eq!(send(sign(SECRET, body), body), 200, "the genuine one");
    assert_eq!(send(sign("another_secret", body), body), 401);
    assert_eq!(send(sign(SECRET, body), &body.replace("evt_1", "evt_2")), 401);
    assert_eq!(send("0".repeat(64), body), 401);
}

#[tokio::test]
async fn flask_takes_what_is_genuine_and_refuses_what_is_forged() {
    takes_and_refuses(script("tests/receivers/resource/flask_app.py")).await;
}

#[tokio::test]
async fn express_takes_what_is_genuine_and_refuses_what_is_forged() {
    takes_and_refuses(node("tests/receivers/resource/express_app.js")).await;
}

#[tokio::test]
async fn the_seeds_curl_gets_its_profile_where_the_tenant_has_it() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let operator = gateway.api();
    let tenant = operator.post("/v1/tenants", &json!({"name": "t", "default_profile": "resource"})).await;
    let token = operator.create_token(tenant["id"].as_str().unwrap(), &["read", "manage"]).await;
    let api = operator.with_token(&token);
    let answer = api.request(Method::POST, "/v1/webhooks", &[], printed().to_string()).await.unwrap();
    assert_eq!(answer.status(), 201, "{}", answer.text());
    let webhook: Value = serde_json::from_str(&answer.text()).unwrap();
    assert_eq!((&webhook["profile"], &webhook["format"]), (&json!("resource"), &json!("resource")));
    assert_eq!(webhook["preview"]["attempt_offsets"], json!([0, 60, 360, 2_160, 9_360]));
    assert_eq!(webhook["disable"]["failed_attempts"], 5);
    let path = format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap());
    let raw = api.patch(&path, &json!({"profile": "raw"})).await;
    assert_eq!(raw["profile"], "raw");
    assert_eq!(api.patch(&path, &json!({"profile": null})).await["profile"], "resource");
    // As printed: the address's own PATCH and DELETE.
    let changed = api.patch(&path, &json!({"events": ["resource.created", "resource.updated"]})).await;
    assert_eq!(changed["events"], json!(["resource.created", "resource.updated"]));
    api.delete(&path).await;
}
