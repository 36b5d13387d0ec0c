//! What publishing does with declared event types, and test sends of their samples, through the real binary.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use http::Method;
use serde_json::{Value, json};
use stentor_testkit::api::{Answer, Api, text};
use stentor_testkit::gateway::Gateway;
use stentor_testkit::receiver::{Receiver, Reply};

const SCHEMA: &str = r#"{"type":"object","required":["id"],"properties":{"id":{"type":"string","pattern":"^ord_"},"total":{"minimum":0}}}"#;

async fn start() -> Gateway {
    Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await
}

/// A tenant with `order.created` declared, and its id.
async fn declared(gateway: &Gateway) -> (Api, String) {
    let api = gateway.tenant("acme").await;
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    api.put("/v1/event-types/order.created", &json!({ "schema": schema })).await;
    let tenants = gateway.api().list("/v1/tenants", "").await;
    let tenant = tenants.iter().find(|tenant| tenant["name"] == "acme").unwrap();
    (api, text(tenant, "id"))
}

async fn demand(gateway: &Gateway, tenant: &str, rules: Value) {
    gateway.api().patch(&format!("/v1/tenants/{tenant}"), &json!({ "event_types": rules })).await;
}

async fn publish(api: &Api, event_type: &str, data: Value) -> Answer {
    api.try_publish(json!({"type": event_type, "data": data}).to_string()).await.unwrap()
}

fn pointers(errors: &Value) -> Vec<String> {
    errors.as_array().unwrap().iter().map(|error| text(error, "pointer")).collect()
}

#[tokio::test]
async fn data_that_does_not_fit_is_taken_warned_of_or_refused_as_the_tenant_says() {
    let gateway = start().await;
    let (api, tenant) = declared(&gateway).await;
    let bad = || json!({"id": "no order", "total": -1});
    let taken = publish(&api, "order.created", bad()).await;
    assert_eq!((taken.status(), taken.json().get("warnings")), (202, None), "nobody looks");

    demand(&gateway, &tenant, json!({"validation": "warn"})).await;
    let warned = publish(&api, "order.created", bad()).await;
    assert_eq!(
        (warned.status(), pointers(&warned.json()["warnings"])),
        (202, vec!["/data/id".into(), "/data/total".into()])
    );
    assert_eq!(publish(&api, "order.created", json!({"id": "ord_1"})).await.json().get("warnings"), None);

    demand(&gateway, &tenant, json!({"validation": "reject"})).await;
    let before = api.list("/v1/events", "").await.len();
    let refused = publish(&api, "order.created", bad()).await;
    assert_eq!((refused.status(), refused.problem_code()), (422, "schema_mismatch".into()));
    assert_eq!(pointers(&refused.json()["errors"]), ["/data/id", "/data/total"]);
    assert!(!refused.text().contains("no order"), "the data is not repeated: {}", refused.text());
    assert_eq!(api.list("/v1/events", "").await.len(), before, "nothing of it is stored");
    assert_eq!(publish(&api, "order.created", json!({"id": "ord_1"})).await.status(), 202);
    assert_eq!(publish(&api, "undeclared", bad()).await.status(), 202);

    let batch = json!({"events": [
        {"type": "order.created", "data": {"id": "ord_2"}}, {"type": "order.created", "data": 7},
    ]});
    let results = api.post("/v1/events/batch", &batch).await["results"].clone();
    assert_eq!((&results[0]["status"], &results[1]["code"]), (&json!(202), &json!("schema_mismatch")));
    assert_eq!(pointers(&results[1]["errors"]), ["/data"]);
}

#[tokio::test]
async fn a_change_of_a_schema_counts_from_the_next_event_on() {
    let gateway = start().await;
    let (api, tenant) = declared(&gateway).await;
    demand(&gateway, &tenant, json!({"validation": "reject"})).await;
    for round in 0..20 {
        let expected = if round % 2 == 0 { "string" } else { "integer" };
        api.put("/v1/event-types/order.created", &json!({"schema": {"type": expected}})).await;
        let fits = if round % 2 == 0 { json!("a") } else { json!(1) };
        let fails = if round % 2 == 0 { json!(1) } else { json!("a") };
        assert_eq!(publish(&api, "order.created", fits).await.status(), 202, "{round}");
        assert_eq!(publish(&api, "order.created", fails).await.problem_code(), "schema_mismatch", "{round}");
    }
    api.delete("/v1/event-types/order.created").await;
    assert_eq!(publish(&api, "order.created", json!(null)).await.status(), 202);
}

#[tokio::test]
async fn a_strict_tenant_takes_declared_types_only() {
    let gateway = start().await;
    let (api, tenant) = declared(&gateway).await;
    demand(&gateway, &tenant, json!({"strict": true})).await;
    assert_eq!(
        publish(&api, "order.created", json!("no object")).await.status(),
        202,
        "schemas are not asked"
    );
    let refused = publish(&api, "order.paid", json!({})).await;
    assert_eq!((refused.status(), refused.problem_code()), (422, "undeclared_event_type".into()));
    api.put("/v1/event-types/order.created", &json!({"archived": true})).await;
    assert_eq!(publish(&api, "order.created", json!({})).await.problem_code(), "undeclared_event_type");
    demand(&gateway, &tenant, json!({"strict": false})).await;
    assert_eq!(publish(&api, "order.paid", json!({})).await.status(), 202);
}

#[tokio::test]
async fn a_large_event_is_judged_and_names_the_first_place() {
    let gateway = start().await;
    let (api, tenant) = declared(&gateway).await;
    demand(&gateway, &tenant, json!({"validation": "reject"})).await;
    api.put("/v1/event-types/list", &json!({"schema": {"items": {"type": "integer"}}})).await;
    let list = |last: &str| format!(r#"{{"type":"list","data":[{}{last}]}}"#, "1,".repeat(500_000));
    assert_eq!(api.try_publish(list("1")).await.unwrap().status(), 202);
    let refused = api.try_publish(list("\"x\"")).await.unwrap();
    assert_eq!(pointers(&refused.json()["errors"]), ["/data/500000"]);
}

#[tokio::test]
async fn a_repeat_with_its_key_answers_the_first_event_whatever_is_demanded_by_now() {
    let gateway = start().await;
    let (api, tenant) = declared(&gateway).await;
    let event = |kind: &str, total: i32| {
        json!({"type": kind, "data": {"total": total}, "idempotency_key": kind}).to_string()
    };
    let mut firsts = Vec::new();
    for kind in ["order.created", "order.paid"] {
        firsts.push(text(&api.try_publish(event(kind, -1)).await.unwrap().json(), "id"));
    }
    demand(&gateway, &tenant, json!({"validation": "reject", "strict": true})).await;
    for (kind, first) in ["order.created", "order.paid"].into_iter().zip(firsts) {
        let again = api.try_publish(event(kind, -1)).await.unwrap();
        assert_eq!((again.status(), text(&again.json(), "id")), (202, first), "{}", again.text());
        let other = api.try_publish(event(kind, -2)).await.unwrap();
        assert_eq!((other.status(), other.problem_code()), (409, "idempotency_key_reused".into()));
    }
    let fresh = json!({"type": "order.created", "data": {"total": -1}, "idempotency_key": "new"});
    assert_eq!(api.try_publish(fresh.to_string()).await.unwrap().problem_code(), "schema_mismatch");
    assert_eq!(api.list("/v1/events", "").await.len(), 2);
}

async fn test_send(api: &Api, webhook: &str, event_type: &str) -> Answer {
    let body = json!({"webhook_id": webhook, "event_type": event_type}).to_string();
    api.request(Method::POST, "/v1/webhooks/test", &[], body).await.unwrap()
}

#[tokio::test]
async fn a_test_send_carries_the_sample_even_while_the_webhook_is_paused() {
    let (gateway, receiver) = (start().await, Receiver::start().await);
    let api = gateway.tenant("acme").await;
    api.post("/v1/event-types/load", &json!({"catalogue": "resource"})).await;
    let config = json!({"events": ["resource.*"], "profile": "resource", "active": false});
    let webhook = text(&api.create_webhook(&receiver.url("/"), &config).await, "id");
    receiver.script("/", [Reply::status(200), Reply::status(503)]);

    let attempt = test_send(&api, &webhook, "resource.updated").await.json();
    assert_eq!(
        (&attempt["outcome"], &attempt["status"], &attempt["number"]),
        (&json!("delivered"), &json!(200), &json!(1))
    );
    let request = receiver.next_request().await;
    assert_eq!(request.header("webhook-test"), Some("true"));
    assert!(request.header("x-webhook-signature").is_some(), "{:?}", request.headers);
    let body = request.json();
    assert_eq!(body["type"], "resource.updated");
    // As seed 004 prints it.
    assert_eq!(
        body["data"],
        json!({"object": {"id": "res_xyz789", "name": "Updated Resource", "status": "active"}})
    );
    assert_eq!(body["previous_data"], json!({"name": "Old Resource Name"}));

    let failed = test_send(&api, &webhook, "never.declared").await.json();
    assert_eq!((&failed["outcome"], &failed["status"]), (&json!("refused"), &json!(503)));
    let synthetic = receiver.next_request().await.json();
    assert_eq!(synthetic["data"]["object"]["test"], true);

    assert_eq!(receiver.count(), 2, "nothing is sent again");
    assert_eq!(
        (api.deliveries("").await.len(), api.list("/v1/events", "").await.len()),
        (0, 0),
        "nothing is stored"
    );
    assert_eq!(api.read(&format!("/v1/webhooks/{webhook}")).await["status"], "paused");
}

#[tokio::test]
async fn samples_arrive_as_the_seeds_print_them() {
    let (gateway, receiver) = (start().await, Receiver::start().await);
    let api = gateway.tenant("acme").await;
    for (catalogue, profile) in [("broxi", "broxi"), ("conversation", "conversation")] {
        api.post("/v1/event-types/load", &json!({ "catalogue": catalogue })).await;
        let config = json!({"events": [], "profile": profile});
        let webhook = text(&api.create_webhook(&receiver.url(&format!("/{profile}")), &config).await, "id");
        for listed in api.read("/v1/event-types").await["data"].as_array().unwrap() {
            let attempt = test_send(&api, &webhook, &text(listed, "name")).await.json();
            assert_eq!(attempt["outcome"], "delivered", "{listed}: {attempt}");
        }
    }
    let completed =
        receiver.requests_to("/broxi").into_iter().find(|one| one.json()["event"] == "workflow.completed");
    let body = completed.unwrap().json();
    assert_eq!(
        body["data"]["token_usage"],
        json!({"prompt_tokens": 150, "completion_tokens": 75, "total_tokens": 225})
    );
    assert_eq!((&body["data"]["execution_time"], &body["data"]["cost"]), (&json!(2.3), &json!(0.0045)));
    let message = receiver
        .requests_to("/conversation")
        .into_iter()
        .find(|one| one.json()["data"]["status"] == "FAILED");
    let body = message.unwrap().json();
    assert_eq!(body["conversation_id"].as_str().map(str::len), Some(36), "{body}");
    assert_eq!(body["data"]["created_by"], "user123");
}

#[tokio::test]
async fn the_command_line_declares_loads_and_prints_samples() {
    let gateway = start().await;
    let api = gateway.tenant("acme").await;
    let run = |words: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_stentor"))
            .args(words)
            .env("STENTOR_URL", format!("http://{}", gateway.address()))
            .env("STENTOR_TOKEN", api.token().unwrap())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {told}");
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["event-types", "load", "broxi"]);
    assert!(run(&["sample", "workflow.completed"]).contains(r#""cost":0.0045"#));
    run(&[
        "event-types",
        "put",
        "order/created",
        "--schema",
        SCHEMA,
        "--sample",
        r#"{"id":"ord_1", "total":1.0}"#,
    ]);
    assert_eq!(run(&["sample", "order/created"]), "{\"id\":\"ord_1\", \"total\":1.0}\n");
    assert!(run(&["event-types", "list"]).contains("order/created"));
    run(&["event-types", "delete", "order/created"]);
    assert!(!run(&["event-types", "list"]).contains("order/created"));
}

#[tokio::test]
async fn a_test_send_of_an_undeclared_type_has_the_sample_of_the_profiles_own_catalogue() {
    let (gateway, receiver) = (start().await, Receiver::start().await);
    let api = gateway.tenant("acme").await;
    let data = async |profile: &str, event_type: &str| {
        let config = json!({"events": ["*"], "profile": profile});
        let webhook = text(&api.create_webhook(&receiver.url("/"), &config).await, "id");
        assert_eq!(test_send(&api, &webhook, event_type).await.json()["outcome"], "delivered");
        receiver.next_request().await.json()["data"].clone()
    };
    assert_eq!(data("broxi", "workflow.completed").await["workflow_id"], "customer_support_bot");
    assert_eq!(data("resource", "resource.created").await["object"]["id"], "res_xyz789");
    assert_eq!(data("conversation", "message.created").await["content"], "Message content");
    assert_eq!(data("standard", "workflow.completed").await["test"], true);
    assert_eq!(data("broxi", "resource.created").await["test"], true);
    // What the tenant declares goes before it.
    api.put("/v1/event-types/workflow.completed", &json!({"sample": {"own": 1}})).await;
    assert_eq!(data("broxi", "workflow.completed").await, json!({"own": 1}));
}
