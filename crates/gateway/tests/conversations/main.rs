//! Conversations through the real binary (seed 002, readings 002).

mod delivery;
mod lane;
mod life;

use serde_json::{Value, json};
use stentor_testkit::api::{Api, text};
use stentor_testkit::gateway::Gateway;

async fn start() -> Gateway {
    Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await
}

/// As seed 002 prints it, but for the URL.
fn printed(callback_url: &str) -> Value {
    json!({"channel": "API", "usecase": "WORKFLOW_EXECUTION", "config": {"workflow_id": "123", "callback_url": callback_url}})
}

fn text_message(content: &str) -> Value {
    json!({"content": content, "content_type": "TEXT", "type": "USER_INPUT", "created_by": "user123"})
}

async fn conversation(api: &Api, callback_url: &str) -> String {
    text(&api.post("/v1/conversations", &printed(callback_url)).await, "id")
}

async fn say(api: &Api, conversation: &str, message: &Value) -> Value {
    api.post(&format!("/v1/conversations/{conversation}/messages"), message).await
}
