use serde_json::{Value, json};

use crate::http::test_app::TestApp;

const ALL: [&str; 3] = ["publish", "read", "manage"];

/// A tenant with one paused webhook and one event for it: its token, the webhook and the held delivery.
async fn held() -> (TestApp, String, String, String) {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &ALL).await;
    let webhook = json!({"url": "https://example.com/", "events": ["a"], "active": false});
    let webhook = app.call(&token, "POST /v1/webhooks", webhook).await.text_of("id");
    app.call(&token, "POST /v1/events", json!({"type": "a", "data": 1})).await;
    let list = app.call(&token, &format!("GET /v1/webhooks/{webhook}/deliveries"), Value::Null).await;
    let delivery = list.body["data"][0]["id"].as_str().expect("one delivery").to_owned();
    (app, token, webhook, delivery)
}

#[tokio::test]
async fn a_delivery_is_shown_with_its_attempts_and_listed_without() {
    let (app, token, webhook, id) = held().await;
    let delivery = app.call(&token, &format!("GET /v1/deliveries/{id}"), Value::Null).await;
    assert_eq!((delivery.status, delivery.text_of("state")), (200, "held".into()));
    assert_eq!((&delivery.body["attempts"], &delivery.body["attempt_count"]), (&json!([]), &json!(0)));
    assert_eq!((&delivery.body["next_attempt_at"], delivery.body.get("reason")), (&Value::Null, None));
    let event = delivery.text_of("event_id");
    for (query, rows) in [
        (String::new(), 1),
        ("status=held".into(), 1),
        ("status=dead".into(), 0),
        (format!("webhook_id={webhook}&event_id={event}"), 1),
        ("webhook_id=wh_01h455vb4pex5vsknk084sn02q".into(), 0),
    ] {
        let list = app.call(&token, &format!("GET /v1/deliveries?{query}"), Value::Null).await;
        let found = list.body["data"].as_array().expect("rows");
        assert_eq!(found.len(), rows, "{query}");
        assert!(found.iter().all(|row| row.get("attempts").is_none()));
    }
    let wrong = app.call(&token, "GET /v1/deliveries?status=lost", Value::Null).await;
    assert_eq!((wrong.status, wrong.problem()), (400, ("invalid_query".into(), vec!["/status".into()])));
}

#[tokio::test]
async fn a_cancelled_delivery_has_ended_until_it_is_retried() {
    let (app, token, _, id) = held().await;
    let cancel = format!("POST /v1/deliveries/{id}/cancel");
    let cancelled = app.call(&token, &cancel, Value::Null).await;
    assert_eq!((cancelled.status, cancelled.text_of("state")), (200, "cancelled".into()));
    assert_eq!(cancelled.text_of("reason"), "requested");
    assert!(cancelled.body["finished_at"].is_string());
    let again = app.call(&token, &cancel, Value::Null).await;
    assert_eq!((again.status, again.problem().0.as_str()), (409, "not_pending"));
    let retried = app.call(&token, &format!("POST /v1/deliveries/{id}/retry"), Value::Null).await;
    assert_eq!((retried.status, retried.text_of("state")), (200, "held".into()), "{retried:?}");
}

#[tokio::test]
async fn another_tenants_delivery_does_not_exist() {
    let (app, _, webhook, id) = held().await;
    let (_, other) = app.tenant("other", &ALL).await;
    for call in [
        format!("GET /v1/deliveries/{id}"),
        format!("POST /v1/deliveries/{id}/retry"),
        format!("POST /v1/deliveries/{id}/cancel"),
        format!("GET /v1/webhooks/{webhook}/deliveries"),
    ] {
        assert_eq!(app.call(&other, &call, Value::Null).await.status, 404, "{call}");
    }
    let list = app.call(&other, "GET /v1/deliveries", Value::Null).await;
    assert_eq!(list.body["data"], json!([]));
}
