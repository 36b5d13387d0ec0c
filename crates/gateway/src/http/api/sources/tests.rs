//! Sources and credentials over the API.

use serde_json::{Value, json};
use stentor_core::plan::Plan;

use crate::http::test_app::{Answer, OPERATOR, TestApp};

async fn app() -> (TestApp, String) {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("a", &["manage", "read"]).await;
    (app, token)
}

async fn create(app: &TestApp, token: &str, body: Value) -> Answer {
    app.call(token, "POST /v1/sources", body).await
}

#[tokio::test]
async fn a_source_comes_back_with_everything_and_without_its_secret() {
    let (app, token) = app().await;
    let secret = "the-secret-of-the-provider";
    let body = json!({
        "name": "pushes", "description": "d", "verification": {"preset": "github", "secret": secret},
        "content": "json", "on_invalid": "store_and_200", "dedupe": {"by": {"header": "X-Id"}, "window": 3600},
        "split": "array", "event_type": {"from": ["provider", {"body": "a.b"}], "default": "push"},
        "allow": ["192.0.2.0/24", "2001:db8::1"], "rate": {"count": 5, "period": 60},
        "response": {"rules": [{"filters": {"n": 12345678901234567890_u64}, "status": 500, "headers": {"X-A": "1"}, "body": "no", "delay_ms": 10}]},
        "keep_headers": ["X-Kept"], "public_url": "https://hooks.example.com/x", "max_body_bytes": 100,
    });
    let created = create(&app, &token, body.clone()).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert!(!created.text.contains(secret));
    let read = app.call(&token, &format!("GET /v1/sources/{}", created.text_of("id")), Value::Null).await;
    assert_eq!(read.body, created.body);
    let mut same = body;
    same["verification"] = created.body["verification"].clone();
    same["keep_headers"] = json!(["x-kept"]);
    same["dedupe"]["by"] = json!({"header": "x-id"});
    same["response"]["rules"][0]["headers"] = json!({"x-a": "1"});
    for (name, value) in same.as_object().expect("an object") {
        assert_eq!(&created.body[name], value, "{name}");
    }
    assert_eq!(created.body["verification"]["secrets"], json!([{"secret": "th…", "until": null}]));
    assert_eq!(created.text_of("url"), "https://hooks.example.com/x");
}

#[tokio::test]
async fn broken_rules_name_their_place() {
    let (app, token) = app().await;
    for (member, value, pointer) in [
        ("name", json!(""), "/name"),
        ("verification", json!({"preset": "nope", "secret": "x"}), "/verification/preset"),
        ("verification", json!({"preset": "github"}), "/verification/secret"),
        ("verification", json!({"preset": "basic", "secret": "x"}), "/verification/secret"),
        ("verification", json!({"preset": "github", "scheme": {}}), "/verification"),
        ("allow", json!(["192.0.2.0/24", "x"]), "/allow/1"),
        ("public_url", json!("ftp://x/"), "/public_url"),
        ("dedupe", json!({"by": {"body": "a..b"}}), "/dedupe/by/body"),
        ("dedupe", json!({"window": 1}), "/dedupe/window"),
        ("event_type", json!({"default": "a b"}), "/event_type/default"),
        ("response", json!({}), "/response"),
        ("response", json!({"sequence": [{"status": 700}]}), "/response/sequence/0/status"),
        ("content", json!("xml"), "/content"),
        ("expires_at", json!("2001-01-01T00:00:00Z"), "/expires_at"),
        ("unknown", json!(1), "/unknown"),
    ] {
        let mut body = json!({"name": "n"});
        body[member] = value.clone();
        let refused = create(&app, &token, body).await;
        assert_eq!(
            (refused.status, refused.problem().1),
            (422, vec![pointer.to_owned()]),
            "{member} {value}"
        );
    }
}

#[tokio::test]
async fn a_patch_merges_and_keeps_what_it_does_not_name() {
    let (app, token) = app().await;
    let body = json!({"name": "n", "verification": {"preset": "github", "secret": "first"}, "rate": {"count": 5, "period": 60},
        "response": {"sequence": [{"status": 200}]}});
    let created = create(&app, &token, body).await;
    let call = format!("PATCH /v1/sources/{}", created.text_of("id"));
    let changed =
        app.call(&token, &call, json!({"description": "d", "rate": {"count": 6}, "active": false})).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.body["rate"], json!({"count": 6, "period": 60}));
    assert_eq!(changed.body["response"], created.body["response"]);
    assert_eq!((&changed.body["description"], &changed.body["active"]), (&json!("d"), &json!(false)));
    let cleared =
        app.call(&token, &call, json!({"rate": null, "response": null, "dedupe": {"by": "off"}})).await;
    assert!(cleared.body.get("rate").is_none() && cleared.body.get("response").is_none(), "{cleared:?}");
    assert_eq!(cleared.body["dedupe"]["by"], "off");
    assert_eq!(cleared.body["verification"]["secrets"], created.body["verification"]["secrets"]);
    for by in [json!({"header": "x-id"}), json!({"body": "id"}), json!("provider")] {
        let changed = app.call(&token, &call, json!({"dedupe": {"by": by}})).await;
        assert_eq!((changed.status, &changed.body["dedupe"]["by"]), (200, &by), "another place replaces");
    }
    let without = app.call(&token, &call, json!({"verification": {"preset": "stripe"}})).await;
    assert_eq!(
        without.problem().1,
        ["/verification/secret"],
        "the secret of another provider is not taken on"
    );
    let other =
        app.call(&token, &call, json!({"verification": {"preset": "stripe", "secret": "second"}})).await;
    assert_eq!(other.body["verification"]["secrets"], json!([{"secret": "se…", "until": null}]));
    let basic = app.call(&token, &call, json!({"verification": {"preset": "basic"}})).await;
    assert_eq!((basic.status, &basic.body["verification"]["secrets"]), (200, &json!([])));
}

#[tokio::test]
async fn a_patch_of_a_scheme_keeps_what_it_does_not_name() {
    let (app, token) = app().await;
    let scheme = json!({"algorithm": "hmac-sha256", "signature": {"header": "x-sig", "prefix": "v1="}});
    let body = json!({"name": "n", "verification": {"scheme": scheme, "secret": "a secret"}});
    let created = create(&app, &token, body).await;
    let call = format!("PATCH /v1/sources/{}", created.text_of("id"));
    let patch =
        json!({"verification": {"scheme": {"signature": {"header": "x-other"}}, "secret": "a secret"}});
    let changed = app.call(&token, &call, patch).await;
    let signature = &changed.body["verification"]["scheme"]["signature"];
    assert_eq!(signature, &json!({"header": "x-other", "prefix": "v1="}), "{changed:?}");
}

#[tokio::test]
async fn a_rotated_secret_overlaps() {
    let (app, token) = app().await;
    let body = json!({"name": "n", "verification": {"preset": "github", "secret": "first"}});
    let id = create(&app, &token, body).await.text_of("id");
    let call = format!("POST /v1/sources/{id}/rotate-secret");
    let rotated = app.call(&token, &call, json!({"secret": "second", "overlap": 60})).await;
    let secrets = rotated.body["verification"]["secrets"].as_array().expect("a list").clone();
    assert!(secrets.len() == 2 && secrets[0]["until"].is_null() && secrets[1]["until"].is_string());
    let empty = app.call(&token, &call, json!({"secret": ""})).await;
    assert_eq!(empty.problem(), ("invalid_body".into(), vec!["/secret".into()]));
    let basic = create(&app, &token, json!({"name": "b"})).await.text_of("id");
    let none =
        app.call(&token, &format!("POST /v1/sources/{basic}/rotate-secret"), json!({"secret": "x"})).await;
    assert_eq!(none.problem().0, "no_secrets");
}

#[tokio::test]
async fn a_credential_is_shown_once_and_works_until_it_is_revoked() {
    let (app, token) = app().await;
    let created = create(&app, &token, json!({"name": "n"})).await;
    let id = created.text_of("id");
    assert!(created.text_of("url").ends_with('/') && created.body["content"] == "json");
    let call = format!("POST /v1/sources/{id}/credentials");
    let made = app.call(&token, &call, json!({"name": "p", "environment": "production"})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let (user, password) = (made.text_of("username"), made.text_of("password"));
    let pair = format!("{user}:{password}");
    assert_eq!(pair.len(), 57);
    let lines = made.text_of("environment_lines");
    assert_eq!(lines, format!("REASONER_WEBHOOK_USERNAME={user}\nREASONER_WEBHOOK_PASSWORD={password}"));
    let found = |pair: &str| {
        let known = app.engine.sources().by_pair(pair, app.engine.clock().now());
        known.map(|(source, _)| source.source.id.to_string())
    };
    assert_eq!(found(&pair), Some(id.clone()));
    assert_eq!(found(&format!("{pair}x")), None);
    let list = app.call(&token, &format!("GET /v1/sources/{id}/credentials"), Value::Null).await;
    assert!(list.body["data"][0]["username"] == user.as_str() && !list.text.contains(&password));
    let one = format!("/v1/sources/{id}/credentials/{}", made.text_of("id"));
    let renamed = app.call(&token, &format!("PATCH {one}"), json!({"name": "q", "environment": null})).await;
    assert_eq!((&renamed.body["name"], &renamed.body["environment"]), (&json!("q"), &Value::Null));
    let answer = app.call(&pair, "GET /v1/sources", Value::Null).await;
    assert_eq!(answer.status, 401, "it is good for nothing else");
    assert_eq!(app.call(&token, &format!("DELETE {one}"), Value::Null).await.status, 204);
    assert_eq!(found(&pair), None);
    assert_eq!(app.call(&token, &format!("DELETE {one}"), Value::Null).await.status, 404);
}

#[tokio::test]
async fn a_deleted_source_takes_its_credentials_along() {
    let (app, token) = app().await;
    let id = create(&app, &token, json!({"name": "n"})).await.text_of("id");
    let made = app.call(&token, &format!("POST /v1/sources/{id}/credentials"), Value::Null).await;
    let pair = format!("{}:{}", made.text_of("username"), made.text_of("password"));
    let now = app.engine.clock().now();
    assert!(app.engine.sources().by_pair(&pair, now).is_some());
    assert_eq!(app.call(&token, &format!("DELETE /v1/sources/{id}"), Value::Null).await.status, 204);
    assert!(app.engine.sources().by_pair(&pair, now).is_none());
    assert_eq!(app.call(&token, &format!("GET /v1/sources/{id}"), Value::Null).await.status, 404);
}

#[tokio::test]
async fn only_a_plan_with_the_feature_has_sources() {
    let without = Plan { features: std::collections::BTreeSet::new(), ..Plan::unlimited() };
    let app = TestApp::with_plans([("small".into(), without)]).await;
    let (tenant, token) = app.tenant("a", &["manage", "read"]).await;
    let id = create(&app, &token, json!({"name": "n"})).await.text_of("id");
    app.call(OPERATOR, &format!("PATCH /v1/tenants/{tenant}"), json!({"plan": "small"})).await;
    let refused = create(&app, &token, json!({"name": "n"})).await;
    assert_eq!((refused.status, refused.problem().0), (403, "plan_lacks_feature".into()));
    let refused = app.call(&token, &format!("POST /v1/sources/{id}/credentials"), Value::Null).await;
    assert_eq!((refused.status, refused.problem().0), (403, "plan_lacks_feature".into()));
    assert_eq!(app.call(&token, "GET /v1/sources", Value::Null).await.status, 200);
}

#[tokio::test]
async fn presets_say_what_they_need() {
    let (app, token) = app().await;
    let list = app.call(&token, "GET /v1/source-presets", Value::Null).await;
    let rows = list.body["data"].as_array().expect("a list").clone();
    let of = |name: &str| rows.iter().find(|row| row["name"] == name).expect("a preset").clone();
    assert_eq!((&of("meta")["needs_verify_token"], &of("twilio")["signs_url"]), (&json!(true), &json!(true)));
    assert!(rows.len() >= 30 && rows.iter().all(|row| row["name"] != "basic"));
}
