//! A gateway with one webhook that goes to a program.

use serde_json::{Value, json};
use stentor_testkit::api::{Api, text};
use stentor_testkit::gateway::Gateway;
use stentor_testkit::program::Program;

/// The gateway, its tenant and the webhook.
pub struct Setting {
    _gateway: Gateway,
    pub api: Api,
    pub webhook: String,
}

impl Setting {
    /// Creates the webhook by posting this body, its `url` put in place.
    pub async fn new(program: &Program, path: &str, mut body: Value) -> Self {
        let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
        let api = gateway.tenant("acme").await;
        let settings =
            if body["webhook_config"].is_object() { &mut body["webhook_config"] } else { &mut body };
        settings["url"] = json!(program.url(path));
        let webhook = text(&api.post("/v1/webhooks", &body).await, "id");
        Self { _gateway: gateway, api, webhook }
    }

    /// Publishes, waits until it is delivered and answers what the receiver said it took. One attempt must suffice.
    pub async fn delivered(&self, program: &mut Program, event: &str) -> Value {
        let event = self.api.publish_raw(event.to_owned()).await.id;
        let deliveries = self.api.wait_delivered(&event).await;
        assert_eq!((deliveries.len(), &deliveries[0]["attempt_count"]), (1, &json!(1)), "{deliveries:?}");
        serde_json::from_str(&program.line("taken ").await).unwrap()
    }

    /// The exact body that a stored event becomes.
    pub async fn body_of(&self, event: &str) -> String {
        let path = format!("/v1/webhooks/{}/preview", self.webhook);
        text(&self.api.post(&path, &json!({ "event_id": event })).await, "body")
    }
}
