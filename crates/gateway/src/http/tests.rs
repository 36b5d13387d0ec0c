use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::test_app::{OPERATOR, TestApp};
use super::{docs, openapi};

const ALL: [&str; 3] = ["publish", "read", "manage"];

/// Every documented operation under `/v1` as a call, ids filled in.
fn operations(id: impl Fn(&str) -> String) -> Vec<String> {
    let document = serde_json::to_value(openapi::document()).expect("a document");
    let mut calls = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        if !path.starts_with("/v1/") {
            continue;
        }
        let kind = path.split('/').nth(2).expect("a resource");
        let own = |path: &str, name: &str| if path.contains(name) { id(kind) } else { String::new() };
        let mut filled = path.replace("{id}", &own(path, "{id}")).replace("{token_id}", &id("tokens"));
        filled = filled
            .replace("{message_id}", &own(path, "{message_id}"))
            .replace("{credential_id}", &id("credentials"))
            .replace("{request_id}", &id("requests"))
            .replace("{name}", &own(path, "{name}"));
        if filled.ends_with("/stream") {
            // It would go on for ever.
            filled.push_str("?seconds=0");
        }
        for method in item.as_object().expect("operations").keys().filter(|key| *key != "parameters") {
            calls.push(format!("{} {filled}", method.to_uppercase()));
        }
    }
    assert!(calls.len() > 20, "{calls:?}");
    calls
}

fn never_made(kind: &str) -> String {
    if kind == "conversations" {
        return "018f2a5e-3c1b-7d4e-9a6f-2b8c4d6e8f01".to_owned();
    }
    let prefix = match kind {
        "tenants" => "tnt",
        "tokens" => "tok",
        "webhooks" => "wh",
        "events" => "evt",
        "deliveries" => "del",
        "replays" => "rpl",
        "broadcasts" => "brc",
        "event-types" => "type",
        "routes" => "rt",
        "sources" => "src",
        "credentials" => "crd",
        "requests" => "req",
        // It has none.
        "usage" => "none",
        other => panic!("no id known for {other}"),
    };
    format!("{prefix}_01h455vb4pex5vsknk084sn02q")
}

#[tokio::test]
async fn no_operation_works_without_a_token() {
    let app = TestApp::start().await;
    for call in operations(never_made) {
        let answer = app.call("", &call, Value::Null).await;
        assert_eq!((answer.status, answer.problem().0.as_str()), (401, "unauthenticated"), "{call}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"stentor\"", "{call}");
        let answer = app.call("stk_wrong", &call, Value::Null).await;
        assert_eq!((answer.status, answer.problem().0.as_str()), (401, "invalid_token"), "{call}");
    }
}

#[tokio::test]
async fn every_operation_demands_its_scope() {
    let app = TestApp::start().await;
    let (tenant, _) = app.tenant("acme", &ALL).await;
    for scope in ALL {
        let others: Vec<&str> = ALL.into_iter().filter(|other| *other != scope).collect();
        let without = app.token(&tenant, &others).await;
        let only = app.token(&tenant, &[scope]).await;
        let mut demanding = BTreeSet::new();
        for call in operations(never_made) {
            let (lacks, has) =
                (app.call(&without, &call, Value::Null).await, app.call(&only, &call, Value::Null).await);
            if lacks.status == 403 && lacks.body["scope"] == scope {
                assert_ne!(has.status, 403, "{call} demands more than {scope}");
                demanding.insert(call);
            }
        }
        assert!(!demanding.is_empty(), "nothing demands {scope}");
    }
}

#[tokio::test]
async fn only_the_operator_manages_tenants() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &ALL).await;
    for call in operations(never_made).iter().filter(|call| call.contains("/v1/tenants")) {
        let answer = app.call(&token, call, Value::Null).await;
        assert_eq!((answer.status, answer.problem().0.as_str()), (403, "operator_required"), "{call}");
    }
}

#[tokio::test]
async fn unknown_and_malformed_ids_look_the_same() {
    let app = TestApp::start().await;
    app.tenant("default", &ALL).await;
    let unknown = operations(never_made);
    let malformed = operations(|_| "nonsense".to_owned());
    let made_by_name = |call: &str| call.starts_with("PUT /v1/event-types/");
    for (unknown, malformed) in unknown
        .iter()
        .zip(&malformed)
        .filter(|(unknown, malformed)| unknown != malformed && !made_by_name(unknown))
    {
        let body = match unknown {
            call if call.ends_with("/tokens") => json!({"scopes": ["read"]}),
            call if call.contains("/webhooks/") && call.ends_with("/replay") => {
                json!({"since": "2025-01-01T00:00:00Z"})
            }
            call if call.starts_with("POST") && call.ends_with("/messages") => {
                json!({"content": "c", "content_type": "TEXT", "type": "BOT", "created_by": "a"})
            }
            call if call.contains("/sources/") && call.ends_with("/rotate-secret") => {
                json!({"secret": "another secret"})
            }
            call if call.ends_with("/explain") => json!({"since": "2025-01-01T00:00:00Z"}),
            call if call.ends_with("/preview") => json!({"event_id": "evt_01h455vb4pex5vsknk084sn02q"}),
            _ => json!({}),
        };
        let first = app.call(OPERATOR, unknown, body.clone()).await;
        let second = app.call(OPERATOR, malformed, body).await;
        assert_eq!((first.status, &first.body), (404, &second.body), "{unknown}");
        assert_eq!(second.status, 404, "{malformed}");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let app = TestApp::start().await;
    let answer = app.call(OPERATOR, "GET /v1/nothing", Value::Null).await;
    assert_eq!((answer.status, answer.problem().0.as_str()), (404, "not_found"));
    let answer = app.call(OPERATOR, "PUT /v1/webhooks", Value::Null).await;
    assert_eq!((answer.status, answer.problem().0.as_str()), (405, "method_not_allowed"));
    let allowed: BTreeSet<_> =
        answer.headers["allow"].to_str().expect("ASCII").split(',').map(str::trim).collect();
    assert_eq!(allowed, BTreeSet::from(["GET", "HEAD", "POST"]));
}

#[tokio::test]
async fn health_and_documentation_need_no_token() {
    let app = TestApp::start().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(
            app.call("", &format!("GET {path}"), Value::Null).await.body,
            json!({"status": "ok"}),
            "{path}"
        );
    }
    assert_eq!(app.call("", "GET /metrics", Value::Null).await.status, 401);
    let metrics = app.call(OPERATOR, "GET /metrics", Value::Null).await;
    assert!(
        metrics.text.contains("stentor_events_accepted") && metrics.text.ends_with("# EOF\n"),
        "{}",
        metrics.text
    );
    let document = app.call("", &format!("GET {}", docs::OPENAPI_PATH), Value::Null).await;
    assert_eq!(document.body["openapi"], "3.1.0");
    assert_eq!(app.call("", "GET /docs/errors", Value::Null).await.status, 200);
    assert_eq!(app.call("", "GET /docs/", Value::Null).await.status, 200);
    let script = app.call("", "GET /docs/swagger-initializer.js", Value::Null).await;
    assert!(
        script.text.contains("\"validatorUrl\": \"none\"") && script.text.contains(docs::OPENAPI_PATH),
        "{}",
        script.text
    );
}

#[tokio::test]
async fn readiness_turns_red_when_stopping() {
    let app = TestApp::start().await;
    app.engine.announce_stop();
    let answer = app.call("", "GET /readyz", Value::Null).await;
    assert_eq!((answer.status, answer.problem().0.as_str()), (503, "unavailable"));
    assert!(answer.headers.contains_key("retry-after") && !answer.text.contains("stopping"));
    assert_eq!(app.call("", "GET /healthz", Value::Null).await.status, 200);
}

#[tokio::test]
async fn the_operator_chooses_a_tenant() {
    let app = TestApp::start().await;
    let list = |tenant: Option<String>| {
        let mut request = http::Request::builder()
            .uri("/v1/webhooks")
            .header("authorization", format!("Bearer {OPERATOR}"));
        if let Some(tenant) = tenant {
            request = request.header("stentor-tenant", tenant);
        }
        app.send(request.body(axum::body::Body::empty()).expect("legal"))
    };
    assert_eq!(list(None).await.status, 404);
    let (default, _) = app.tenant("default", &ALL).await;
    let (acme, token) = app.tenant("acme", &ALL).await;
    let new = json!({"url": "https://example.com/", "events": ["*"]});
    assert_eq!(app.call(&token, "POST /v1/webhooks", new).await.status, 201);
    let rows = |answer: &super::test_app::Answer| answer.body["data"].as_array().map(Vec::len);
    assert_eq!(rows(&list(None).await), Some(0));
    assert_eq!(rows(&list(Some(acme)).await), Some(1));
    assert_eq!(list(Some(never_made("tenants"))).await.status, 404);
    assert_eq!(list(Some("acme".into())).await.status, 400);
    let renamed = app.call(OPERATOR, &format!("PATCH /v1/tenants/{default}"), json!({"name": "main"})).await;
    assert_eq!((renamed.status, list(None).await.status), (200, 404));
}
