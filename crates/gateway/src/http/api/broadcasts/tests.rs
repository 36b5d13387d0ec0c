use serde_json::{Value, json};

use crate::http::test_app::{Answer, OPERATOR, TestApp};

async fn start(app: &TestApp, body: Value, key: Option<&str>) -> Answer {
    let mut request = http::Request::builder()
        .method("POST")
        .uri("/v1/broadcasts")
        .header("authorization", format!("Bearer {OPERATOR}"))
        .header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    app.send(request.body(body.to_string().into()).expect("a legal request")).await
}

async fn finished(app: &TestApp, id: &str) -> Answer {
    loop {
        let read = app.call(OPERATOR, &format!("GET /v1/broadcasts/{id}"), Value::Null).await;
        assert_eq!(read.status, 200, "{read:?}");
        if read.body["status"] == "finished" {
            return read;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn every_tenant_gets_one_event_and_a_repeat_begins_nothing() {
    let app = TestApp::start().await;
    let mut tokens = Vec::new();
    for name in ["one", "two", "three"] {
        tokens.push(app.tenant(name, &["read"]).await);
    }
    let body =
        json!({"type": "system.maintenance", "data": {"from": "2025-02-18T10:30:00Z"}, "tenants": "all"});
    let started = start(&app, body.clone(), Some("key")).await;
    assert_eq!((started.status, &started.body["to_all"]), (202, &json!(true)), "{started:?}");
    let id = started.text_of("id");
    let read = finished(&app, &id).await;
    assert_eq!((&read.body["tenants"], &read.body["events"]), (&json!(3), &json!(3)));
    assert_eq!(start(&app, body, Some("key")).await.text_of("id"), id);
    let other = json!({"type": "system.maintenance", "data": {}, "tenants": "all"});
    let reused = start(&app, other, Some("key")).await;
    assert_eq!((reused.status, reused.problem().0), (409, "idempotency_key_reused".into()));
    for (_, token) in &tokens {
        let events = app.call(token, "GET /v1/events", Value::Null).await;
        let events = events.body["data"].as_array().cloned().expect("a list");
        assert_eq!(events.len(), 1);
        assert_eq!(events[0]["type"], "system.maintenance");
        let usage = app.call(token, "GET /v1/usage", Value::Null).await;
        assert_eq!(usage.body["events"]["used"], 0, "it counts in no quota");
    }
    let list = app.call(OPERATOR, "GET /v1/broadcasts", Value::Null).await;
    assert_eq!(list.body["data"], json!([read.body]));
}

#[tokio::test]
async fn some_tenants_are_named_and_must_exist() {
    let app = TestApp::start().await;
    let (own, _) = app.tenant("own", &["read"]).await;
    let (_, other) = app.tenant("other", &["read"]).await;
    let body = |tenants: Value| json!({"type": "system.maintenance", "data": 1, "tenants": tenants});
    let started = start(&app, body(json!([own, own])), None).await;
    assert_eq!((started.status, &started.body["tenants"]), (202, &json!(1)), "{started:?}");
    assert_eq!(finished(&app, &started.text_of("id")).await.body["events"], 1);
    let events = app.call(&other, "GET /v1/events", Value::Null).await;
    assert_eq!(events.body["data"], json!([]));
    let unknown = "tnt_01h455vb4pex5vsknk084sn02q";
    let many = vec![own.clone(); 1_001];
    for (tenants, pointer) in [
        (json!([own, unknown]), "/tenants/1"),
        (json!([]), "/tenants"),
        (json!("some"), "/tenants"),
        (json!(["x"]), "/tenants"),
        (json!(many), "/tenants"),
        (Value::Null, "/tenants"),
    ] {
        let refused = start(&app, body(tenants), None).await;
        assert_eq!(refused.problem(), ("invalid_body".into(), vec![pointer.to_owned()]), "{refused:?}");
    }
    let large = json!({"type": "a", "data": "x".repeat(65_536), "tenants": "all"});
    assert_eq!(start(&app, large, None).await.problem().1, ["/data"]);
}
