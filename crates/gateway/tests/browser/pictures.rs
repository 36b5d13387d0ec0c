//! Every page of a tenant with one webhook that fails, one that is slow and one that is disabled.

use std::time::Duration;

use serde_json::{Value, json};
use stentor_testkit::api::{Api, text};
use stentor_testkit::gateway::Gateway;
use stentor_testkit::receiver::{Receiver, Reply};
use stentor_testkit::wait;

use super::{run, script};

/// Slower than what the overview calls slow, by a margin.
const SLOW: Duration = Duration::from_millis(2_400);

/// What the overview says of them, in words.
const SENTENCES: [&str; 5] = [
    "4 of 7 webhooks need attention.",
    "old-billing was disabled: its receiver answered 410 Gone",
    "acme-prod answers 503 since",
    "no-patience answers 503 since",
    "archive usually takes 2.",
];

/// What the tenant has, and the pages that show it.
async fn furnish(tenant: &Api, receiver: &Receiver) -> Value {
    receiver.always("/failing", Reply::status(503).body("{\"error\": \"no database\"}"));
    receiver.always("/slow", Reply::status(200).after(SLOW));
    receiver.always("/gone", Reply::status(410));
    let waits = json!({ "retry_policy": { "schedule": [0, 0, 0, 3_600] } });
    let named = |name: &str, more: &Value| {
        let mut settings = more.clone();
        settings["name"] = name.into();
        settings
    };
    let webhook =
        async |path: &str, settings: &Value| tenant.create_webhook(&receiver.url(path), settings).await;
    webhook("/well", &named("crm", &json!({ "events": ["order.*", "invoice.paid"] }))).await;
    webhook(
        "/well",
        &named(
            "warehouse",
            &json!({ "events": ["order.*"], "filters": { "total": { "greater_than": 1_000 } } }),
        ),
    )
    .await;
    let failing = webhook("/failing", &named("acme-prod", &waits)).await;
    let slow = webhook("/slow", &named("archive", &json!({}))).await;
    webhook("/gone", &named("old-billing", &json!({}))).await;
    let dead =
        webhook("/failing", &named("no-patience", &json!({ "retry_policy": { "schedule": [0] } }))).await;
    let mut last = String::new();
    for number in 0..6 {
        let data = json!({ "order": number, "total": 129.5, "customer": { "name": "Ada Lovelace", "city": "Zürich" }, "items": ["lamp", "desk"] });
        last = tenant.publish("order.created", &data).await.id;
    }
    let of = |webhook: &Value, state: &str| format!("webhook_id={}&status={state}", text(webhook, "id"));
    let dead = rows(tenant, "/v1/deliveries", &of(&dead, "dead"), |_| true).await;
    rows(tenant, "/v1/webhooks", "status=disabled", |_| true).await;
    rows(tenant, "/v1/deliveries", &of(&slow, "delivered"), |_| true).await;
    let tried = |row: &Value| row["attempt_count"] == 3;
    let waiting = rows(tenant, "/v1/deliveries", &of(&failing, "pending"), tried).await;
    let source = text(&tenant.post("/v1/sources", &json!({ "name": "reasoner" })).await, "id");
    tenant.post(&format!("/v1/sources/{source}/credentials"), &json!({ "name": "production" })).await;
    let route = json!({ "name": "large orders", "match": { "events": ["order.*"], "filters": { "total": { "greater_than": 1_000 } } }, "webhooks": [text(&failing, "id")] });
    tenant.post("/v1/routes", &route).await;
    tenant.post("/v1/event-types/load", &json!({ "catalogue": "broxi" })).await;
    let event_type = text(&tenant.list("/v1/event-types", "").await[0], "name");
    let config = json!({ "callback_url": receiver.url("/well"), "workflow_id": "support" });
    let conversation = json!({ "channel": "API", "usecase": "support", "config": config });
    let conversation = text(&tenant.post("/v1/conversations", &conversation).await, "id");
    json!({
        "overview": "/",
        "events": "/events",
        "event": format!("/events/{}", last),
        "webhooks": "/webhooks",
        "webhook": format!("/webhooks/{}", text(&failing, "id")),
        "webhook-new": "/webhooks/new",
        "delivery": format!("/deliveries/{}", text(&waiting[0], "id")),
        "delivery-dead": format!("/deliveries/{}", text(&dead[0], "id")),
        "dead-letters": "/dead-letters",
        "sources": "/sources",
        "source": format!("/sources/{source}"),
        "source-new": "/sources/new",
        "routes": "/routes",
        "event-types": "/event-types",
        "event-type": format!("/event-types/{event_type}"),
        "conversations": "/conversations",
        "conversation": format!("/conversations/{conversation}"),
        "tokens": "/tokens",
        "settings": "/settings",
    })
}

/// The rows of a list, once it has some and all are as wanted.
async fn rows(tenant: &Api, path: &str, query: &str, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    wait::until(format!("{path}?{query} has rows"), || async {
        let rows = tenant.list(path, query).await;
        (!rows.is_empty() && rows.iter().all(&wanted)).then_some(rows)
    })
    .await
}

#[tokio::test]
async fn every_page_is_light_accessible_and_fits_its_screen() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    let tenant = gateway.tenant("acme").await;
    let pages = furnish(&tenant, &receiver).await;
    let mut pictures = script("pictures", &gateway);
    pictures.env("STENTOR_TOKEN", tenant.token().unwrap()).env("STENTOR_PAGES", pages.to_string());
    pictures.env("STENTOR_SENTENCES", json!(SENTENCES).to_string());
    let said = run(pictures).await;
    assert_eq!(said.lines().count(), pages.as_object().unwrap().len(), "{said}");
}
