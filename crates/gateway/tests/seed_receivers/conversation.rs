//! Seed 002: receivers that do not verify and acknowledge everything, so what they took is looked at.

use serde_json::{Value, json};
use stentor_testkit::program::{Program, node, php};
use stentor_testkit::python::script;

use super::delivering::Setting;

const MESSAGE: &str = r#"{"type": "message.created", "subject": "7c0ec6a4-6f0e-4b43-9d9b-0a3c6e6f3f11", "data": {
    "id": "e9c7b1c0-8a52-4a4e-8c58-2f6ad2a2c0aa", "content": "Grüße 🎺 \u2028 \"quoted\"", "content_type": "TEXT",
    "type": "USER_INPUT", "channel": "API", "status": "RECEIVED", "metadata": {"n": 2.0, "big": 12345678901234567890},
    "created_by": "user123", "updated_by": "user123", "created_at": "2024-03-21T10:00:00Z",
    "updated_at": "2024-03-21T10:00:00Z"}}"#;

async fn takes(mut program: Program, path: &str) {
    let setting =
        Setting::new(&program, path, json!({"events": ["message.*"], "profile": "conversation"})).await;
    let webhook = setting.api.read(&format!("/v1/webhooks/{}", setting.webhook)).await;
    assert_eq!((&webhook["secret"], &webhook["secrets"]), (&Value::Null, &json!([])), "it is unsigned");
    let taken = setting.delivered(&mut program, MESSAGE).await;
    assert_eq!(taken, "e9c7b1c0-8a52-4a4e-8c58-2f6ad2a2c0aa");
}

#[tokio::test]
async fn flask_takes_messages() {
    takes(Program::start(script("tests/receivers/conversation/flask_app.py")).await, "/webhook").await;
}

#[tokio::test]
async fn django_takes_messages() {
    takes(Program::start(script("tests/receivers/conversation/django_view.py")).await, "/webhook").await;
}

#[tokio::test]
async fn fastapi_takes_messages() {
    takes(Program::start(script("tests/receivers/conversation/fastapi_app.py")).await, "/webhook").await;
}

#[tokio::test]
async fn express_takes_messages() {
    takes(Program::start(node("tests/receivers/conversation/express_app.js")).await, "/webhook").await;
}

#[tokio::test]
async fn the_built_in_server_of_php_takes_messages() {
    let program = Program::start_on_port(|address| php("tests/receivers/conversation/handler.php", address));
    takes(program.await, "/webhook").await;
}
