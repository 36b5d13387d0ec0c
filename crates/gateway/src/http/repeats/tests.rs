use std::sync::Arc;

use http::Request;
use serde_json::Value;

use super::*;
use crate::http::openapi;
use crate::http::test_app::{Answer, OPERATOR, TestApp};

fn request(path: &str, key: &str, body: &str) -> Request<Body> {
    Request::post(path)
        .header("authorization", format!("Bearer {OPERATOR}"))
        .header("content-type", "application/json")
        .header("idempotency-key", key)
        .body(Body::from(body.to_owned()))
        .expect("a request")
}

async fn send(app: &TestApp, path: &str, key: &str, body: &str) -> Answer {
    app.send(request(path, key, body)).await
}

#[test]
fn every_post_that_creates_or_acts_documents_the_key() {
    let document = serde_json::to_value(openapi::document()).expect("a document");
    let mut seen = HashSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let count = parameters.iter().filter(|each| each["name"] == "Idempotency-Key").count();
            let expected = method == "post" && takes_key(path);
            assert_eq!(count, usize::from(expected), "{method} {path}");
            if method == "post" {
                seen.insert(path.clone());
            }
        }
    }
    for path in KEPT_WITH_WHAT_THEY_MAKE.iter().chain(&ONLY_TELL) {
        assert!(seen.contains(*path), "{path} is no POST");
    }
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let app = TestApp::start().await;
    let refused = send(&app, "/v1/tenants", "k", r#"{"no":"name"}"#).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    let created = send(&app, "/v1/tenants", "k", r#"{"name":"one"}"#).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let taken = send(&app, "/v1/tenants", "other", r#"{"name":"one"}"#).await;
    assert_eq!(taken.problem().0, "name_taken");
    let free = send(&app, "/v1/tenants", "other", r#"{"name":"two"}"#).await;
    assert_eq!(free.status, 201, "{}", free.text);
}

#[tokio::test]
async fn a_request_that_was_cut_off_is_not_carried_out_again() {
    let app = TestApp::start().await;
    let body = r#"{"name":"one"}"#;
    let (parts, ()) = request("/v1/tenants", "k", body).map(|_| ()).into_parts();
    let token = app.engine.authenticator().authenticate(OPERATOR).await.expect("read").expect("it lives");
    let now = app.engine.clock().now();
    let key = key_of(token.id, &parts, "k", body.as_bytes(), now);
    assert_eq!(app.engine.store().take_key(&key, now).await.expect("taken"), KeyTaken::First);
    let repeat = send(&app, "/v1/tenants", "k", body).await;
    assert_eq!((repeat.status, repeat.problem().0.as_str()), (409, "outcome_unknown"));
    assert_eq!(send(&app, "/v1/tenants", "new", body).await.status, 201, "nothing was created");
}

#[tokio::test]
async fn of_many_at_once_one_is_carried_out() {
    let app = Arc::new(TestApp::start().await);
    let sends = (0..8).map(|_| {
        let app = Arc::clone(&app);
        tokio::spawn(async move { send(&app, "/v1/tenants", "k", r#"{"name":"one"}"#).await })
    });
    let mut created = HashSet::new();
    for send in sends.collect::<Vec<_>>() {
        let answer = send.await.expect("answered");
        match answer.status {
            201 => drop(created.insert(answer.text)),
            _ => assert_eq!(answer.problem().0, "request_running"),
        }
    }
    assert_eq!(created.len(), 1, "{created:?}");
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_only_for_who_may_ask() {
    let app = TestApp::start().await;
    let (long, body) = ("k".repeat(257), r#"{"name":"one"}"#);
    assert_eq!(send(&app, "/v1/tenants", &long, body).await.problem().0, "invalid_request");
    let mut stranger = request("/v1/tenants", &long, body);
    stranger.headers_mut().remove("authorization");
    assert_eq!(app.send(stranger).await.problem().0, "unauthenticated");
}

#[tokio::test]
async fn a_key_is_the_tokens_own() {
    let app = TestApp::start().await;
    let (tenant, token) = app.tenant("acme", &["manage", "read"]).await;
    let body = r#"{"name":"t","scopes":["read"]}"#;
    let mut secrets = HashSet::new();
    for _ in 0..2 {
        let mut own = request("/v1/tokens", "k", body);
        own.headers_mut().insert("authorization", format!("Bearer {token}").parse().expect("a header"));
        let answer = app.send(own).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        secrets.insert(answer.body["token"].clone());
    }
    assert_eq!(secrets.len(), 1);
    let mut operators = request("/v1/tokens", "k", body);
    operators.headers_mut().insert(TENANT_HEADER, tenant.parse().expect("a header"));
    let answer = app.send(operators).await;
    assert!(
        answer.body["token"] != Value::Null && secrets.insert(answer.body["token"].clone()),
        "{}",
        answer.text
    );
}
