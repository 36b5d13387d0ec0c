use serde_json::{Value, json};

use crate::http::test_app::{OPERATOR, TestApp};

#[tokio::test]
async fn a_token_is_shown_once_and_works_until_revoked() {
    let app = TestApp::start().await;
    let (tenant, manager) = app.tenant("acme", &["publish", "read", "manage"]).await;
    let created = app.call(&manager, "POST /v1/tokens", json!({"scopes": ["read"]})).await;
    let secret = created.text_of("token");
    assert_eq!((created.status, secret.len(), &secret[..4]), (201, 47, "stk_"));
    assert_eq!((&created.body["name"], &created.body["expires_at"]), (&json!("unnamed"), &Value::Null));
    for call in ["GET /v1/tokens".to_owned(), format!("GET /v1/tenants/{tenant}/tokens")] {
        let token = if call.contains("tenants") { OPERATOR } else { &manager };
        let listed = app.call(token, &call, Value::Null).await;
        assert_eq!(listed.body["data"].as_array().map(Vec::len), Some(2), "{call}");
        assert!(!listed.text.contains("stk_"), "{call}");
    }
    assert_eq!(app.call(&secret, "GET /v1/webhooks", Value::Null).await.status, 200);
    let one = format!("DELETE /v1/tokens/{}", created.text_of("id"));
    assert_eq!(app.call(&manager, &one, Value::Null).await.status, 204);
    assert_eq!(app.call(&secret, "GET /v1/webhooks", Value::Null).await.problem().0, "invalid_token");
    assert_eq!(app.call(&manager, &one, Value::Null).await.status, 404);
}

#[tokio::test]
async fn nobody_gives_more_than_they_have() {
    let app = TestApp::start().await;
    let (_, manager) = app.tenant("acme", &["manage"]).await;
    let refused = app.call(&manager, "POST /v1/tokens", json!({"scopes": ["manage", "publish"]})).await;
    assert_eq!((refused.status, &refused.body["scope"]), (403, &json!("publish")));
}

#[tokio::test]
async fn another_tenants_token_is_not_there() {
    let app = TestApp::start().await;
    let (tenant, token) = app.tenant("acme", &["manage"]).await;
    let (_, foreign) = app.tenant("globex", &["manage"]).await;
    let list = app.call(&token, "GET /v1/tokens", Value::Null).await;
    let id = list.body["data"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(app.call(&foreign, &format!("DELETE /v1/tokens/{id}"), Value::Null).await.status, 404);
    assert_eq!(
        app.call(OPERATOR, &format!("DELETE /v1/tenants/{tenant}/tokens/{id}"), Value::Null).await.status,
        204
    );
}

#[tokio::test]
async fn what_is_wrong_is_pointed_at() {
    let app = TestApp::start().await;
    let (_, manager) = app.tenant("acme", &["manage"]).await;
    for (body, pointer) in [
        (json!({}), "/scopes"),
        (json!({"scopes": []}), "/scopes"),
        (json!({"scopes": ["manage", "admin"]}), "/scopes/1"),
        (json!({"scopes": ["manage"], "expires_at": "2020-01-01T00:00:00Z"}), "/expires_at"),
        (json!({"scopes": ["manage"], "expires_at": "tomorrow"}), "/expires_at"),
        (json!({"scopes": ["manage"], "scope": "read"}), "/scope"),
    ] {
        let refused = app.call(&manager, "POST /v1/tokens", body.clone()).await;
        assert_eq!((refused.status, refused.problem().1), (422, vec![pointer.to_owned()]), "{body}");
    }
}

#[tokio::test]
async fn nothing_is_stored_after_its_token_was_revoked_though_it_was_known_a_moment_ago() {
    let app = TestApp::start().await;
    let (_, manager) = app.tenant("acme", &["publish", "read", "manage"]).await;
    let tenant = app.tenant_of(&manager).await;
    let event = || json!({"type": "a.b", "data": 1});
    assert_eq!(app.call(&manager, "POST /v1/events", event()).await.status, 202);
    let created = app.call(&manager, "POST /v1/tokens", json!({"scopes": ["publish"]})).await;
    let (secret, id) = (created.text_of("token"), created.text_of("id").parse().expect("an id"));
    assert_eq!(app.call(&secret, "POST /v1/events", event()).await.status, 202, "newer than what was read");
    // Past the handler, which would forget the token: as if it were revoked after the request was authenticated.
    assert!(app.engine.store().revoke_token(tenant, id, app.engine.clock().now()).await.expect("revoked"));
    for _ in 0..2 {
        let refused = app.call(&secret, "POST /v1/events", event()).await;
        assert_eq!((refused.status, refused.problem().0.as_str()), (401, "invalid_token"));
    }
    assert_eq!(app.call(&manager, "POST /v1/events", event()).await.status, 202);
    let stored = app.call(&manager, "GET /v1/events", Value::Null).await;
    assert_eq!(stored.body["data"].as_array().map(Vec::len), Some(3));
}
