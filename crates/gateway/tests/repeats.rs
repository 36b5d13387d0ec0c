//! A repeat with its idempotency key gets the first answer and does nothing, for every POST of the served document that
//! creates or acts.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[path = "surface/mod.rs"]
#[expect(dead_code, unused_imports, reason = "shared with the tests of isolation and of bad input")]
mod surface;

use http::Method;
use serde_json::Value;
use stentor_testkit::api::{Answer, Api};
use stentor_testkit::wait;
use surface::{Call, World};

/// These keep their keys with what they make; a body that breaks their rules is refused before the key is looked at.
const OWN_KEYS: [&str; 6] = [
    "publishEvent",
    "publishEvents",
    "createWebhook",
    "createConversation",
    "createMessage",
    "startBroadcast",
];
const ONLY_TELL: [&str; 4] = ["explainWebhook", "explainRoute", "explainRoutes", "previewWebhook"];
const LISTS: [&str; 8] = [
    "/v1/webhooks",
    "/v1/events",
    "/v1/deliveries",
    "/v1/tokens",
    "/v1/routes",
    "/v1/conversations",
    "/v1/tenants",
    "/v1/broadcasts",
];

async fn send(api: &Api, path: &str, key: &str, body: &str) -> Answer {
    api.request(Method::POST, path, &[("idempotency-key", key)], body.to_owned()).await.unwrap()
}

/// The ids of everything that the tenant and the operator list.
async fn everything(world: &World) -> Vec<Value> {
    let (own, operator) = (&world.own.api, world.gateway.api());
    let mut ids = Vec::new();
    for path in LISTS {
        let api = if matches!(path, "/v1/tenants" | "/v1/broadcasts") { &operator } else { own };
        ids.extend(api.list(path, "").await.into_iter().map(|row| row["id"].clone()));
    }
    ids.extend(
        own.list(&format!("/v1/conversations/{}/messages", world.own.ids.get("conversation")), "").await,
    );
    ids
}

/// Every `id` in it.
fn ids_in(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => {
            let own = members.get("id").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(members.values().flat_map(ids_in)).collect()
        }
        Value::Array(items) => items.iter().flat_map(ids_in).collect(),
        _ => Vec::new(),
    }
}

fn body_of(call: &Call, world: &World) -> String {
    let body = call.body(&world.own.ids);
    let Ok(mut json) = serde_json::from_str::<Value>(&body) else { return body };
    // The key is in the header.
    json.as_object_mut().unwrap().remove("idempotency_key");
    json.to_string()
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_does_nothing() {
    let world = World::start().await;
    let mut tried = 0;
    for call in world.surface.secured().iter().filter(|call| call.method == Method::POST) {
        let operation = call.row.operation;
        if ONLY_TELL.contains(&operation) {
            continue;
        }
        let api = world.token(&world.own, &[call.scope.as_deref().unwrap()]).await;
        let (path, body) = (call.target(&world.own.ids, &world.own.ids), body_of(call, &world));
        let first = send(&api, &path, "key", &body).await;
        assert!(first.is_success(), "{operation}: {}", first.text());
        if operation == "startBroadcast" {
            let path = format!("/v1/broadcasts/{}", ids_in(&first.json())[0]);
            wait::until("the broadcast is finished", || async {
                api.read(&path).await["finished_at"].is_string().then_some(())
            })
            .await;
        }
        let answer_of = |answer: &Answer| match OWN_KEYS.contains(&operation) {
            // These show what there is, which may have moved on, and say that it was there before.
            true => ids_in(&answer.json()),
            false => vec![answer.text()],
        };
        let (before, requests) = (everything(&world).await, world.receiver.requests_to("/own").len());
        let again = send(&api, &path, "key", &body).await;
        assert_eq!((again.status(), answer_of(&again)), (first.status(), answer_of(&first)), "{operation}");
        assert_eq!(everything(&world).await, before, "{operation} did something twice");
        if matches!(operation, "testWebhook" | "diagnoseWebhook" | "repeatHandshake") {
            assert_eq!(world.receiver.requests_to("/own").len(), requests, "{operation} sent again");
        }
        if !OWN_KEYS.contains(&operation) && !body.is_empty() {
            let other = send(&api, &path, "key", &format!("{body} ")).await;
            assert_eq!(
                (other.status(), other.problem_code()),
                (409, "idempotency_key_reused".into()),
                "{operation}"
            );
        }
        tried += 1;
    }
    assert!(tried >= 19, "{tried}");
}

#[tokio::test]
async fn answers_outlive_the_process_and_no_secret_lies_in_the_database() {
    let mut world = World::start().await;
    let body = r#"{"name":"t","scopes":["read"]}"#;
    let first = send(&world.own.api, "/v1/tokens", "key", body).await;
    let token = first.json()["token"].as_str().unwrap().to_owned();
    world.gateway.kill9().await;
    world.gateway.restart().await;
    let again = send(&world.own.api, "/v1/tokens", "key", body).await;
    assert_eq!((again.status(), again.text()), (201, first.text()));
    for file in std::fs::read_dir(world.gateway.directory()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(
            !bytes.windows(token.len()).any(|window| window == token.as_bytes()),
            "the token in the clear"
        );
    }
}
