//! Seed 003: its Flask receiver verifies the bytes, its Express receiver what `JSON.stringify` makes of them, and a third
//! checks the timestamp too.

use serde_json::{Value, json};
use stentor_testkit::program::{Program, node};
use stentor_testkit::python::script;
use stentor_verify::{Secret, plain};

use super::delivering::Setting;
use super::forging::{now, post};

const SECRET: &str = "your_webhook_secret";
const PATH: &str = "/webhooks/broxi";
const COMPLETED: &str = include_str!("../../../../tests/receivers/broxi/workflow_completed.json");

/// The seed's own example of a webhook, as printed but for the address and the secret.
fn printed() -> Value {
    json!({"webhook_config": {
        "url": "https://your-app.com/webhooks/broxi",
        "events": ["workflow.completed", "workflow.failed", "user.message.received"],
        "secret": SECRET,
        "retry_policy": {"max_retries": 3, "retry_delay": 5, "exponential_backoff": true},
        "headers": {"X-Custom-Header": "custom-value", "Authorization": "Bearer your-auth-token"},
        "timeout": 30,
        "active": true,
    }})
}

async fn flask() -> Program {
    Program::start(script("tests/receivers/broxi/flask_app.py")).await
}

async fn express() -> Program {
    let mut command = node("tests/receivers/broxi/express_app.js");
    command.env("WEBHOOK_SECRET", SECRET);
    Program::start(command).await
}

fn completed(run: &str, extra: &str) -> String {
    format!(
        r#"{{"type": "workflow.completed", "data": {{ "workflow_id": "w", "run_id": "{run}", "output": "o"{extra} }}}}"#
    )
}

async fn takes_and_refuses(mut program: Program) {
    let setting = Setting::new(&program, PATH, printed()).await;
    let sample: Value = serde_json::from_str(COMPLETED).unwrap();
    let event = json!({"type": sample["event"], "timestamp": sample["timestamp"], "data": sample["data"]});
    let taken = setting.delivered(&mut program, &event.to_string()).await;
    let data = &sample["data"];
    assert_eq!(taken, json!([data["workflow_id"], data["run_id"], data["output"]]));

    let stored = setting.api.publish_raw(completed("forged", "")).await.id;
    setting.api.wait_delivered(&stored).await;
    program.line("taken ").await;
    let body = setting.body_of(&stored).await;
    let sign =
        |secret: &str, body: &str| plain::HEX.sign_body(&Secret::raw(secret).unwrap(), body.as_bytes());
    let send = |signature: Option<String>, body: &str| {
        let headers: Vec<_> = signature.into_iter().map(|value| ("X-Broxi-Signature", value)).collect();
        post(&program, PATH, &headers, body)
    };
    assert_eq!(send(Some(sign(SECRET, &body)), &body), 200, "the genuine one");
    assert_eq!(send(Some(sign("another_secret", &body)), &body), 401);
    assert_eq!(send(Some(sign(SECRET, &body)), &body.replace("forged", "forgen")), 401);
    assert_eq!(send(Some("0".repeat(64)), &body), 401);
    assert_eq!(send(None, &body), 401);
}

#[tokio::test]
async fn flask_takes_what_is_genuine_and_refuses_what_is_forged() {
    takes_and_refuses(flask().await).await;
}

#[tokio::test]
async fn express_takes_what_is_genuine_and_refuses_what_is_forged() {
    takes_and_refuses(express().await).await;
}

#[tokio::test]
async fn express_verifies_what_it_writes_otherwise_than_it_came() {
    let mut program = express().await;
    let setting = Setting::new(&program, PATH, printed()).await;
    for (n, extra) in [
        r#", "a": 2.0, "b": 1e21, "c": 0.0045, "d": -2.50, "e": 1E2, "f": 100e-2"#,
        r#", "unicode": "Gr\u00fc\u00dfe \ud83c\udfba \/ \u2028 \u007f 世", "lone": "\ud800", "nul": "\u0000\u001F""#,
        r#", "10": 1, "9": 2, "b": 3, "a": 4, "b": {"1": 0, "0": [ ] }, "__proto__": {"x": 1}"#,
        ",\n \"spaced\" : [ 1 ,\t2.500 , { } ]",
    ]
    .into_iter()
    .enumerate()
    {
        let taken = setting.delivered(&mut program, &completed(&format!("run {n}"), extra)).await;
        assert_eq!(taken, json!(["w", format!("run {n}"), "o"]));
    }
}

#[tokio::test]
async fn a_number_that_javascript_cannot_hold_is_sent_exactly_and_told() {
    let mut program = flask().await;
    let setting = Setting::new(&program, PATH, printed()).await;
    let event = completed("big", r#", "n": 12345678901234567890, "m": 2.0"#);
    let event = setting.api.publish_raw(event).await.id;
    let delivery = setting.api.wait_delivered(&event).await.remove(0);
    program.line("taken ").await;
    assert!(setting.body_of(&event).await.contains(r#""n":12345678901234567890,"m":2}"#));
    let read = setting.api.delivery(delivery["id"].as_str().unwrap()).await;
    let warning = read["warnings"][0].as_str().unwrap();
    assert!(warning.contains("12345678901234567890") && warning.contains("JSON.stringify"), "{read}");
    let event = setting.api.publish_raw(completed("small", r#", "m": 2.0"#)).await.id;
    let delivery = setting.api.wait_delivered(&event).await.remove(0);
    assert_eq!(setting.api.delivery(delivery["id"].as_str().unwrap()).await["warnings"], json!([]));
}

#[tokio::test]
async fn the_tolerant_variant_checks_the_timestamp() {
    let mut program = Program::start(script("tests/receivers/broxi/tolerant.py")).await;
    let mut body = printed();
    body["webhook_config"]["signature"] = json!({"content": "timestamp.body"});
    let setting = Setting::new(&program, PATH, body).await;
    let taken = setting.delivered(&mut program, &completed("r", r#", "n": 2.0"#)).await;
    assert_eq!(taken, json!(["workflow.completed", "del_"]));

    let body = r#"{"event":"workflow.completed","delivery_id":"del_1"}"#;
    let secret = Secret::raw(SECRET).unwrap();
    let send = |signed_at: u64, sent_at: u64| {
        let signature = plain::HEX.sign_timestamp_body(&secret, signed_at, body.as_bytes());
        let headers = [("X-Broxi-Signature", signature), ("X-Broxi-Timestamp", sent_at.to_string())];
        post(&program, PATH, &headers, body)
    };
    assert_eq!(send(now(0), now(0)), 200, "the genuine one");
    assert_eq!(send(now(-400), now(-400)), 401, "stale");
    assert_eq!(send(now(-400), now(0)), 401, "stale under a new time");
}
