//! Each payload that the seeds print is reproduced field for field by a delivery; ids that the server makes are put in.

use serde_json::{Value, json};
use stentor_testkit::gateway::Gateway;
use stentor_testkit::receiver::Receiver;

const BROXI: [&str; 4] = [
    include_str!("../../../../tests/receivers/broxi/base.json"),
    include_str!("../../../../tests/receivers/broxi/workflow_completed.json"),
    include_str!("../../../../tests/receivers/broxi/workflow_failed.json"),
    include_str!("../../../../tests/receivers/broxi/user_message.json"),
];
const CONVERSATION: [&str; 1] = [include_str!("../../../../tests/receivers/conversation/structure.json")];
const RESOURCE: [&str; 2] = [
    include_str!("../../../../tests/receivers/resource/created.json"),
    include_str!("../../../../tests/receivers/resource/updated.json"),
];

/// What is published so that the printed payload comes out.
fn event_of(profile: &str, printed: &Value) -> Value {
    match profile {
        "broxi" => {
            json!({"type": printed["event"], "timestamp": printed["timestamp"], "data": printed["data"]})
        }
        "conversation" => json!({"type": "message.created", "subject": printed["conversation_id"],
            "timestamp": printed["timestamp"], "data": printed["data"]}),
        _ => json!({"type": printed["type"], "timestamp": printed["created_at"],
            "data": printed["data"]["object"], "previous_data": printed["previous_data"]}),
    }
}

/// `2.0` and `2` are the same number.
fn by_value(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(by_value).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), by_value(value))).collect()
        }
        other => other.clone(),
    }
}

/// The printed text's members in their order, as text.
fn members(value: &Value, text: &str) -> Vec<String> {
    let mut names: Vec<&String> = value.as_object().unwrap().keys().collect();
    let place = |name: &str| text.find(&format!("\"{name}\"")).unwrap();
    names.sort_by_key(|name| place(name));
    names.into_iter().cloned().collect()
}

async fn reproduces(profile: &str, samples: &[&str]) {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    let api = gateway.tenant("acme").await;
    api.create_webhook(&receiver.url("/in"), &json!({ "profile": profile })).await;
    for sample in samples {
        let mut printed: Value = serde_json::from_str(sample).unwrap();
        let event = api.publish_raw(event_of(profile, &printed).to_string()).await.id;
        let delivery = api.wait_delivered(&event).await.remove(0);
        let request = receiver.next_request().await;
        let sent = request.json();
        for (member, id) in
            [("webhook_id", &delivery["webhook_id"]), ("delivery_id", &delivery["id"]), ("id", &json!(event))]
        {
            if printed.get(member).is_some() {
                printed[member] = id.clone();
            }
        }
        assert_eq!(by_value(&sent), by_value(&printed));
        let body = std::str::from_utf8(&request.body).unwrap();
        assert_eq!(members(&sent, body), members(&printed, sample), "{body}");
        assert_eq!(request.expect_header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn those_of_seed_003() {
    reproduces("broxi", &BROXI).await;
}

#[tokio::test]
async fn that_of_seed_002() {
    reproduces("conversation", &CONVERSATION).await;
}

#[tokio::test]
async fn those_of_seed_004() {
    reproduces("resource", &RESOURCE).await;
}

/// Seed 003's conditional webhook, as printed.
const CONDITIONAL: &str = r#"{
  "webhook_config": {
    "url": "https://your-app.com/webhooks/broxi",
    "events": ["workflow.completed"],
    "filters": {
      "workflow_id": ["customer_support_bot", "sales_assistant"],
      "user_id": {"starts_with": "premium_"},
      "output_contains": ["error", "failed", "unable"]
    },
    "conditions": {
      "execution_time": {"greater_than": 5.0},
      "token_usage": {"greater_than": 1000},
      "cost": {"greater_than": 0.10}
    }
  }
}"#;

#[tokio::test]
async fn the_conditional_webhook_of_seed_003_is_taken_as_printed() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let api = gateway.tenant("acme").await;
    let webhook = api.post("/v1/webhooks", &serde_json::from_str(CONDITIONAL).unwrap()).await;
    assert_eq!((&webhook["profile"], &webhook["format"]), (&json!("broxi"), &json!("broxi")));
    assert_eq!(webhook["filters"]["user_id"], json!({"starts_with": "premium_"}));
    assert_eq!(webhook["conditions"]["cost"], json!({"greater_than": 0.10}));
}
