use serde_json::{Value, json};

use crate::http::test_app::{Answer, TestApp};

const URL: &str = "http://127.0.0.1:65000/callback";

fn printed(url: &str) -> Value {
    json!({"channel": "API", "usecase": "WORKFLOW_EXECUTION", "config": {"workflow_id": "123", "callback_url": url}})
}

async fn create(app: &TestApp, token: &str, body: Value) -> Answer {
    app.call(token, "POST /v1/conversations", body).await
}

fn text_message() -> Value {
    json!({"content": "Message content", "content_type": "TEXT", "type": "USER_INPUT", "created_by": "user123"})
}

#[tokio::test]
async fn a_conversation_lives_from_post_to_delete() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &["read", "manage", "publish"]).await;
    let created = create(&app, &token, printed(URL)).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(created.body["config"], json!({"workflow_id": "123", "callback_url": URL}));
    let one = format!("/v1/conversations/{}", created.text_of("id"));
    assert_eq!(app.call(&token, &format!("GET {one}"), Value::Null).await.body, created.body);
    let patch = json!({"usecase": "OTHER", "config": {"workflow_id": null, "secret": "not so secret"}});
    let patched = app.call(&token, &format!("PATCH {one}"), patch).await;
    assert_eq!(patched.body["config"], json!({"callback_url": URL, "secret": "…"}), "{patched:?}");
    assert_eq!((&patched.body["usecase"], &patched.body["channel"]), (&json!("OTHER"), &json!("API")));
    assert_ne!(patched.body["webhook_id"], created.body["webhook_id"], "another secret, another webhook");
    let unsigned = app.call(&token, &format!("PATCH {one}"), json!({"config": {"secret": null}})).await;
    assert_eq!(unsigned.body["config"], json!({"callback_url": URL}));
    assert_eq!(app.call(&token, &format!("DELETE {one}"), Value::Null).await.status, 204);
    for call in ["GET", "DELETE"] {
        assert_eq!(app.call(&token, &format!("{call} {one}"), Value::Null).await.status, 404);
    }
    let lost = app.call(&token, &format!("POST {one}/messages"), text_message()).await;
    assert_eq!(lost.status, 404);
}

#[tokio::test]
async fn what_is_refused_names_its_place() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &["read", "manage"]).await;
    let with = |pointer: &str, value: Value| {
        let mut body = printed(URL);
        if pointer.is_empty() {
            return value;
        }
        if let Some(place) = body.pointer_mut(pointer) {
            *place = value;
        } else {
            body["config"][pointer.trim_start_matches("/config/")] = value;
        }
        body
    };
    for (pointer, value) in [
        ("/channel", json!("EMAIL")),
        ("/channel", json!("api")),
        ("/usecase", json!("")),
        ("/config/workflow_id", json!("x".repeat(300))),
        ("/config/callback_url", json!("ftp://example.com/")),
        ("/config/callback_url", json!("http://169.254.169.254/")),
        ("/config/callback_url", json!("no url")),
        ("/config/secret", json!("short")),
        ("/config/secret", json!("whsec_%%%%%%%%")),
    ] {
        let refused = create(&app, &token, with(pointer, value.clone())).await;
        assert_eq!((refused.status, refused.problem().1), (422, vec![pointer.to_owned()]), "{value}");
    }
    let mut without = printed(URL);
    without["config"].as_object_mut().expect("an object").remove("callback_url");
    assert_eq!(create(&app, &token, without).await.problem().1, ["/config/callback_url"]);
    let created = create(&app, &token, printed(URL)).await;
    let call = format!("PATCH /v1/conversations/{}", created.text_of("id"));
    for (patch, pointer) in [
        (json!({"channel": null}), "/channel"),
        (json!({"config": {"callback_url": null}}), "/config/callback_url"),
        (json!({"config": {"callback_url": "x"}}), "/config/callback_url"),
        (json!({"id": "018f2a5e-3c1b-7d4e-9a6f-2b8c4d6e8f01"}), "/id"),
    ] {
        let refused = app.call(&token, &call, patch.clone()).await;
        assert_eq!((refused.status, refused.problem().1), (422, vec![pointer.to_owned()]), "{patch}");
    }
}

#[tokio::test]
async fn ids_may_be_the_callers_and_are_taken_once() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &["read", "manage", "publish"]).await;
    let (_, other) = app.tenant("globex", &["manage"]).await;
    let id = "3F2504E0-4F89-11D3-9A0C-0305E82C3301";
    let mut body = printed(URL);
    body["id"] = json!(id);
    let created = create(&app, &token, body.clone()).await;
    assert_eq!((created.status, created.text_of("id")), (201, id.to_lowercase()));
    assert_eq!(create(&app, &token, body.clone()).await.problem().0, "id_taken");
    assert_eq!(create(&app, &other, body).await.status, 201, "each tenant has its own");
    let mut message = text_message();
    message["id"] = json!(id);
    let call = format!("POST /v1/conversations/{id}/messages");
    let said = app.call(&token, &call, message.clone()).await;
    assert_eq!((said.status, said.text_of("id")), (201, id.to_lowercase()), "{said:?}");
    assert_eq!(app.call(&token, &call, message).await.problem().0, "id_taken");
}

#[tokio::test]
async fn messages_are_judged_by_their_rules() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &["read", "manage", "publish"]).await;
    let conversation = create(&app, &token, printed(URL)).await.text_of("id");
    let call = format!("POST /v1/conversations/{conversation}/messages");
    let with = |name: &str, value: Value| {
        let mut body = text_message();
        body[name] = value;
        body
    };
    for (name, value) in [
        ("content_type", json!("PDF")),
        ("type", json!("HUMAN")),
        ("channel", json!("FAX")),
        ("status", json!("SENT")),
        ("filename", json!("document.pdf")),
        ("metadata", json!([])),
        ("created_by", json!("")),
        ("content", json!("x".repeat(70_000))),
        ("id", json!("message-uuid")),
    ] {
        let refused = app.call(&token, &call, with(name, value.clone())).await;
        assert_eq!(refused.status, 422, "{name}: {refused:?}");
        assert!(refused.problem().1.contains(&format!("/{name}")), "{name}: {refused:?}");
    }
    let mut media = with("content_type", json!("DOCUMENT"));
    media["filename"] = json!("document.pdf");
    let said = app.call(&token, &call, media).await;
    assert_eq!((said.status, &said.body["filename"]), (201, &json!("document.pdf")), "{said:?}");
    assert_eq!((&said.body["channel"], &said.body["status"]), (&json!("API"), &json!("RECEIVED")));
    assert_eq!(said.body["updated_by"], "user123");
    assert!(said.body.get("metadata").is_none() && said.text_of("created_at").len() == 20, "{said:?}");
    let one = format!("PATCH /v1/conversations/{conversation}/messages/{}", said.text_of("id"));
    for (patch, pointer) in [
        (json!({"content_type": "TEXT"}), "/filename"),
        (json!({"status": null}), "/status"),
        (json!({"type": "BOT"}), "/type"),
    ] {
        let refused = app.call(&token, &one, patch.clone()).await;
        assert_eq!((refused.status, refused.problem().1), (422, vec![pointer.to_owned()]), "{patch}");
    }
    let quiet = app.call(&token, &one, json!({"content_type": "TEXT", "filename": null})).await;
    assert_eq!((quiet.status, &quiet.body["event"]), (200, &Value::Null), "{quiet:?}");
    let loud = app.call(&token, &one, json!({"status": "PROCESSED", "updated_by": "bot"})).await;
    assert_eq!((loud.status, &loud.body["event"]["type"]), (200, &json!("message.processed")), "{loud:?}");
    assert_eq!(loud.body["updated_by"], "bot");
    let back = app.call(&token, &one, json!({"status": "RECEIVED"})).await;
    assert_eq!((back.status, back.problem().1), (422, vec!["/status".to_owned()]));
}

#[tokio::test]
async fn their_webhook_is_hidden_and_not_changed_by_itself() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &["read", "manage", "publish"]).await;
    let conversation = create(&app, &token, printed(URL)).await;
    let other = create(&app, &token, printed(URL)).await;
    let webhook = conversation.text_of("webhook_id");
    assert_eq!(other.text_of("webhook_id"), webhook, "the same callback URL");
    let listed = async |query: &str| {
        let list = app.call(&token, &format!("GET /v1/webhooks{query}"), Value::Null).await;
        list.body["data"].as_array().expect("rows").len()
    };
    assert_eq!((listed("").await, listed("?conversations=true").await), (0, 1));
    let one = format!("/v1/webhooks/{webhook}");
    let shown = app.call(&token, &format!("GET {one}"), Value::Null).await;
    assert_eq!((&shown.body["conversations"], &shown.body["events"]), (&json!(true), &json!([])));
    assert_eq!(shown.body["limits"], json!({"concurrency": 10, "rate": {"count": 100, "period": 60}}));
    for (call, body) in [
        (format!("PATCH {one}"), json!({"active": false})),
        (format!("DELETE {one}"), Value::Null),
        (format!("POST {one}/rotate-secret"), json!({})),
    ] {
        let refused = app.call(&token, &call, body).await;
        assert_eq!((refused.status, refused.problem().0.as_str()), (409, "conversation_webhook"), "{call}");
    }
}

#[tokio::test]
async fn a_key_makes_repeats_safe() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &["read", "manage", "publish"]).await;
    let send = async |path: &str, body: Value| {
        let request = http::Request::builder()
            .method("POST")
            .uri(path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .header("idempotency-key", "k")
            .body(axum::body::Body::from(body.to_string()));
        app.send(request.expect("a legal request")).await
    };
    let first = send("/v1/conversations", printed(URL)).await;
    let again = send("/v1/conversations", printed(URL)).await;
    assert_eq!((first.status, &first.body), (201, &again.body));
    let other = send("/v1/conversations", printed("http://127.0.0.1:65000/other")).await;
    assert_eq!(other.problem().0, "idempotency_key_reused");
    let messages = format!("/v1/conversations/{}/messages", first.text_of("id"));
    let said = send(&messages, text_message()).await;
    let again = send(&messages, text_message()).await;
    assert_eq!((said.status, &said.body), (201, &again.body), "{again:?}");
    let mut other = text_message();
    other["content"] = json!("other");
    assert_eq!(send(&messages, other).await.problem().0, "idempotency_key_reused");
    let list = app.call(&token, &format!("GET {messages}"), Value::Null).await;
    assert_eq!(list.body["data"].as_array().map(Vec::len), Some(1));
}
