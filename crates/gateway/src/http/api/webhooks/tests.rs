use serde_json::{Value, json};
use stentor_core::webhook::{DisableReason, WebhookStatus};
use tokio_util::sync::CancellationToken;

use crate::http::server::{ServerOptions, serve};
use crate::http::test_app::TestApp;

mod filters;
mod limits;

const ALL: [&str; 3] = ["publish", "read", "manage"];
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn app() -> (TestApp, String) {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &ALL).await;
    (app, token)
}

fn minimal() -> Value {
    json!({"url": "https://example.com/hooks", "events": ["order.*"]})
}

fn with(members: Value) -> Value {
    let mut body = minimal();
    let Value::Object(members) = members else { panic!("not an object: {members}") };
    body.as_object_mut().expect("an object").extend(members);
    body
}

#[tokio::test]
async fn the_secret_is_shown_once_and_headers_never() {
    let (app, token) = app().await;
    let new = with(json!({"secret": SECRET, "headers": {"Authorization": "Bearer hidden-value"}}));
    let created = app.call(&token, "POST /v1/webhooks", new).await;
    assert_eq!((created.status, created.text_of("secret").as_str()), (201, SECRET));
    let id = created.text_of("id");
    for call in
        [format!("GET /v1/webhooks/{id}"), "GET /v1/webhooks".to_owned(), format!("PATCH /v1/webhooks/{id}")]
    {
        let body = if call.starts_with("PATCH") { json!({"name": "billing"}) } else { Value::Null };
        let answer = app.call(&token, &call, body).await;
        assert_eq!(answer.status, 200, "{call}");
        assert!(
            !answer.text.contains(SECRET) && !answer.text.contains("hidden-value"),
            "{call}: {}",
            answer.text
        );
        assert!(
            answer.text.contains("whsec_MfKQ…") && answer.text.contains("\"Authorization\":\"…\""),
            "{}",
            answer.text
        );
    }
    assert!(!created.text.contains("hidden-value"));
}

#[tokio::test]
async fn what_is_in_force_is_shown() {
    let (app, token) = app().await;
    let created = app.call(&token, "POST /v1/webhooks", minimal()).await;
    assert!(created.text_of("secret").starts_with("whsec_"));
    let webhook = &created.body;
    assert_eq!(
        (&webhook["active"], &webhook["status"], &webhook["profile"]),
        (&json!(true), &json!("active"), &json!("standard"))
    );
    assert_eq!((&webhook["timeout"], &webhook["signature"]), (&json!(20), &json!({"scheme": "standard"})));
    assert_eq!(webhook["disable"], json!({"failing_for": 432_000, "failed_attempts": null, "gone": true}));
    let offsets = webhook["preview"]["attempt_offsets"].as_array().expect("offsets");
    assert_eq!((offsets.len(), &offsets[..3]), (10, &[json!(0), json!(5), json!(305)][..]));
    assert_eq!((&webhook["overrides"], &webhook["warnings"]), (&json!([]), &json!([])));
    assert_eq!(webhook["secrets"][0]["active_from"], Value::Null);
}

#[tokio::test]
async fn the_seeds_spelling_is_understood() {
    let (app, token) = app().await;
    let printed = json!({
        "url": "https://your-app.com/webhooks/broxi",
        "events": ["workflow.completed", "workflow.failed", "user.message.received"],
        "secret": "webhook_secret_key_here",
        "retry_policy": {"max_retries": 3, "retry_delay": 5, "exponential_backoff": true},
        "headers": {"X-Custom-Header": "custom-value", "Authorization": "Bearer your-auth-token"},
        "timeout": 30,
        "active": true,
    });
    let created = app.call(&token, "POST /v1/webhooks", printed).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.body["preview"]["attempt_offsets"], json!([0, 5, 15, 35]));
    assert_eq!(created.body["overrides"], json!(["timeout", "retry_policy"]));
    assert_eq!(created.body["warnings"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_patch_merges_and_null_returns_to_the_profile() {
    let (app, token) = app().await;
    let new = with(
        json!({"timeout": 5, "headers": {"X-A": "1", "X-B": "2"}, "metadata": {"a": 1, "b": 2}, "limits": {"concurrency": 3}}),
    );
    let id = app.call(&token, "POST /v1/webhooks", new).await.text_of("id");
    let patch = async |body: Value| app.call(&token, &format!("PATCH /v1/webhooks/{id}"), body).await;
    let body =
        patch(json!({"timeout": null, "headers": {"X-A": null}, "metadata": {"b": 3}, "events": ["a"]}))
            .await
            .body;
    assert_eq!((&body["timeout"], &body["headers"]), (&json!(20), &json!({"X-B": "…"})));
    assert_eq!((&body["metadata"], &body["events"]), (&json!({"a": 1, "b": 3}), &json!(["a"])));
    assert_eq!((&body["limits"], &body["overrides"]), (&json!({"concurrency": 3}), &json!(["limits"])));
    let body = patch(json!({"retry_policy": {"max_retries": 2, "initial_delay": "7s"}})).await.body;
    assert_eq!(body["preview"]["attempt_offsets"], json!([0, 7, 21]));
    let body = patch(json!({"retry_policy": {"max_retries": 1}})).await.body;
    assert_eq!(body["preview"]["attempt_offsets"], json!([0, 7]));
    let body = patch(json!({"retry_policy": {"schedule": [1, 2]}})).await.body;
    assert_eq!(body["preview"]["attempt_offsets"], json!([1, 3]));
    let body = patch(json!({"disable": {"failed_attempts": 5}})).await.body;
    assert_eq!(body["disable"], json!({"failing_for": 432_000, "failed_attempts": 5, "gone": true}));
    let body = patch(json!({"disable": null, "retry_policy": null, "limits": null})).await.body;
    assert_eq!(body["overrides"], json!([]));
    for (refused, pointer) in [
        (json!({"secret": SECRET}), "/secret"),
        (json!({"url": null}), "/url"),
        (json!({"active": null}), "/active"),
    ] {
        assert_eq!(patch(refused).await.problem(), ("invalid_body".to_owned(), vec![pointer.to_owned()]));
    }
}

#[tokio::test]
async fn pausing_and_deleting() {
    let (app, token) = app().await;
    let id = app.call(&token, "POST /v1/webhooks", with(json!({"active": false}))).await.text_of("id");
    let one = format!("/v1/webhooks/{id}");
    assert_eq!(app.call(&token, &format!("GET {one}"), Value::Null).await.body["status"], "paused");
    let listed = app.call(&token, "GET /v1/webhooks?status=paused", Value::Null).await;
    assert_eq!(listed.body["data"].as_array().map(Vec::len), Some(1));
    let listed = app.call(&token, "GET /v1/webhooks?status=disabled", Value::Null).await;
    assert_eq!(listed.body["data"].as_array().map(Vec::len), Some(0));
    let resumed = app.call(&token, &format!("PATCH {one}"), json!({"active": true})).await;
    assert_eq!(resumed.body["status"], "active");
    assert_eq!(app.call(&token, &format!("DELETE {one}"), Value::Null).await.status, 204);
    for call in [format!("GET {one}"), format!("DELETE {one}"), format!("PATCH {one}")] {
        let body = if call.starts_with("PATCH") { json!({}) } else { Value::Null };
        assert_eq!(app.call(&token, &call, body).await.status, 404, "{call}");
    }
}

#[tokio::test]
async fn disabled_ones_are_listed_whatever_the_reason() {
    let (app, token) = app().await;
    for reason in DisableReason::ALL {
        let created = app.call(&token, "POST /v1/webhooks", minimal()).await;
        let tenant = app.tenant_of(&token).await;
        let id = created.text_of("id").parse().expect("an id");
        let mut webhook = app.engine.store().webhook(tenant, id).await.expect("answers").expect("stored");
        webhook.status = WebhookStatus::Disabled(reason);
        app.engine.store().update_webhook(&webhook).await.expect("stored");
    }
    let first = app.call(&token, "GET /v1/webhooks?status=disabled&limit=2", Value::Null).await;
    let rows = first.body["data"].as_array().expect("rows");
    assert_eq!((rows.len(), &rows[0]["active"]), (2, &json!(false)));
    assert_eq!(rows[0]["disabled_reason"], "failing_too_long");
    let next = format!("GET /v1/webhooks?status=disabled&limit=2&cursor={}", first.text_of("next_cursor"));
    let second = app.call(&token, &next, Value::Null).await;
    assert_eq!(
        (&second.body["data"][0]["disabled_reason"], &second.body["next_cursor"]),
        (&json!("gone"), &Value::Null)
    );
}

#[tokio::test]
async fn another_tenants_webhook_is_not_there() {
    let (app, token) = app().await;
    let (_, foreign) = app.tenant("globex", &ALL).await;
    let id = app.call(&token, "POST /v1/webhooks", minimal()).await.text_of("id");
    for (call, body) in [
        (format!("GET /v1/webhooks/{id}"), Value::Null),
        (format!("PATCH /v1/webhooks/{id}"), json!({"active": false})),
        (format!("DELETE /v1/webhooks/{id}"), Value::Null),
        (format!("POST /v1/webhooks/{id}/rotate-secret"), Value::Null),
        ("POST /v1/webhooks/test".to_owned(), json!({"webhook_id": id, "event_type": "a"})),
    ] {
        assert_eq!(app.call(&foreign, &call, body).await.status, 404, "{call}");
    }
    assert_eq!(
        app.call(&token, &format!("GET /v1/webhooks/{id}"), Value::Null).await.body["status"],
        "active"
    );
}

#[tokio::test]
async fn rotation_overlaps_and_is_bounded() {
    let (app, token) = app().await;
    let id = app.call(&token, "POST /v1/webhooks", with(json!({"secret": SECRET}))).await.text_of("id");
    let call = format!("POST /v1/webhooks/{id}/rotate-secret");
    let rotated = app.call(&token, &call, Value::Null).await;
    assert_eq!(rotated.status, 200, "{rotated:?}");
    assert!(rotated.text_of("secret").starts_with("whsec_") && rotated.text_of("secret") != SECRET);
    let secrets = rotated.body["secrets"].as_array().expect("secrets");
    assert_eq!((secrets.len(), &secrets[0]["active_until"]), (2, &Value::Null));
    assert_eq!(
        (&secrets[1]["secret"], secrets[1]["active_until"].is_string()),
        (&json!("whsec_MfKQ…"), true)
    );
    let chosen = app.call(&token, &call, json!({"secret": "a secret of our own", "overlap": 0})).await;
    assert_eq!(chosen.text_of("secret"), "a secret of our own");
    for (body, pointer) in
        [(json!({"overlap": 604_801}), "/overlap"), (json!({"secret": "short"}), "/secret")]
    {
        assert_eq!(app.call(&token, &call, body).await.problem().1, [pointer]);
    }
}

#[tokio::test]
async fn a_test_send_answers_the_attempt_even_when_paused() {
    let (app, token) = app().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    let receiver = axum::Router::new().fallback(|headers: http::HeaderMap, body: String| async move {
        let test = headers["webhook-test"].to_str().expect("ASCII");
        (http::StatusCode::IM_A_TEAPOT, format!("{test} {body}"))
    });
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, receiver, stop.clone(), ServerOptions::default()));
    let new = with(json!({"url": url, "active": false, "profile": "raw"}));
    let id = app.call(&token, "POST /v1/webhooks", new).await.text_of("id");
    let test = json!({"webhook_id": id, "event_type": "order.created", "data": {"n": 1}});
    let answer = app.call(&token, "POST /v1/webhooks/test", test).await;
    assert_eq!(
        (answer.status, &answer.body["outcome"], &answer.body["status"]),
        (200, &json!("refused"), &json!(418)),
        "{answer:?}"
    );
    assert_eq!(answer.body["response"], json!({"body": "true {\"n\":1}", "truncated": false}));
    stop.cancel();
    drop(app);
    serving.await.expect("ends in order");
}
