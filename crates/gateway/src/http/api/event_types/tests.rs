use serde_json::{Value, json};

use crate::http::test_app::{Answer, OPERATOR, TestApp};

async fn put(app: &TestApp, token: &str, name: &str, body: Value) -> Answer {
    app.call(token, &format!("PUT /v1/event-types/{name}"), body).await
}

#[tokio::test]
async fn a_type_lives_from_put_to_delete() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &["read", "manage"]).await;
    let body = json!({"description": "d", "schema": {"type": "object"}, "sample": {"n": 1}});
    let created = put(&app, &token, "order%2Fcreated:v1", body).await;
    assert_eq!((created.status, created.text_of("name")), (201, "order/created:v1".into()), "{created:?}");
    let one = "/v1/event-types/order%2Fcreated:v1";
    let read = app.call(&token, &format!("GET {one}"), Value::Null).await;
    assert_eq!((read.status, &read.body), (200, &created.body));
    let replaced = put(&app, &token, "order%2Fcreated:v1", json!({"archived": true})).await;
    assert_eq!((replaced.status, &replaced.body["schema"]), (200, &Value::Null));
    assert_eq!(replaced.body["created_at"], created.body["created_at"]);
    let listed = async |query: &str| {
        let list = app.call(&token, &format!("GET /v1/event-types{query}"), Value::Null).await;
        list.body["data"].as_array().expect("rows").len()
    };
    assert_eq!((listed("").await, listed("?archived=true").await), (0, 1));
    assert_eq!(app.call(&token, &format!("DELETE {one}"), Value::Null).await.status, 204);
    for call in ["GET", "DELETE"] {
        assert_eq!(app.call(&token, &format!("{call} {one}"), Value::Null).await.status, 404);
    }
    assert_eq!(put(&app, &token, "a%20b", json!({})).await.status, 404, "no event type has this name");
}

#[tokio::test]
async fn what_is_refused_names_its_place() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &["read", "manage"]).await;
    let deep = (0..40).fold(json!(true), |inner, _| json!({"not": inner}));
    for (body, pointers) in [
        (json!({"schema": 1}), vec!["/schema"]),
        (json!({"schema": {"properties": {"a/b": {"type": "strin"}}}}), vec!["/schema/properties/a~1b/type"]),
        (json!({"schema": {"items": {"$ref": "https://example.com/"}}}), vec!["/schema/items/$ref"]),
        (json!({"schema": {"required": ["id"]}, "sample": {}}), vec!["/sample"]),
        (
            json!({"schema": {"properties": {"n": {"type": "null"}, "m": {"minimum": 3}}}, "sample": {"n": 1, "m": 1}}),
            vec!["/sample/m", "/sample/n"],
        ),
        (json!({"description": ""}), vec!["/description"]),
        (json!({"sample": "x".repeat(70_000)}), vec!["/sample"]),
    ] {
        let refused = put(&app, &token, "a", body.clone()).await;
        let (code, mut named) = refused.problem();
        named.sort();
        assert_eq!(
            (refused.status, code.as_str(), named),
            (422, "invalid_body", pointers.into_iter().map(String::from).collect()),
            "{body}"
        );
    }
    for (member, odd) in
        [("sample", "1e400"), ("sample_previous_data", r#"{"a":"\ud800"}"#), ("schema", "1e400")]
    {
        let request = http::Request::builder()
            .method("PUT")
            .uri("/v1/event-types/a")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(axum::body::Body::from(format!(r#"{{"{member}":{odd}}}"#)));
        let refused = app.send(request.expect("a legal request")).await;
        assert_eq!((refused.status, refused.problem().1), (422, vec![format!("/{member}")]), "{odd}");
    }
    let refused = put(&app, &token, "a", json!({"schema": deep})).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(app.call(&token, "GET /v1/event-types/a", Value::Null).await.status, 404);
}

#[tokio::test]
async fn catalogues_load_by_name_and_keep_what_stands() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &["read", "manage"]).await;
    put(&app, &token, "workflow.started", json!({"description": "mine"})).await;
    let load = async |body: Value| app.call(&token, "POST /v1/event-types/load", body).await;
    let loaded = load(json!({"catalogue": "broxi"})).await;
    let count = |answer: &Answer, what: &str| answer.body[what].as_array().expect("a list").len();
    assert_eq!(
        (loaded.status, count(&loaded, "created"), &loaded.body["kept"]),
        (200, 14, &json!(["workflow.started"]))
    );
    let again = load(json!({"catalogue": "broxi", "replace": true})).await;
    assert_eq!((count(&again, "created"), count(&again, "replaced")), (0, 15));
    let sample = app.call(&token, "GET /v1/event-types/workflow.completed/sample", Value::Null).await;
    assert_eq!((sample.text_of("origin"), &sample.body["data"]["cost"]), ("declared".into(), &json!(0.0045)));
    assert!(sample.text.contains(r#"{"name":"OpenAI Model","execution_time":2.0}"#), "{}", sample.text);
    assert_eq!(load(json!({"catalogue": "other"})).await.problem().1, ["/catalogue"]);
}

#[tokio::test]
async fn a_sample_is_made_from_the_schema() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &["read", "manage"]).await;
    let schema = json!({"type": "object", "properties": {"id": {"type": "string", "pattern": "^ord_"}, "n": {"type": "integer", "minimum": 7}}});
    put(&app, &token, "order.created", json!({"schema": schema})).await;
    put(&app, &token, "bare", json!({})).await;
    let sample =
        async |name: &str| app.call(&token, &format!("GET /v1/event-types/{name}/sample"), Value::Null).await;
    let made = sample("order.created").await;
    assert_eq!((made.text_of("origin"), &made.body["data"]["n"]), ("schema".into(), &json!(7)));
    assert_eq!(made.body["warnings"][0]["pointer"], "/data/id", "patterns are not followed, and it says so");
    assert_eq!(sample("bare").await.text_of("origin"), "synthetic");
    assert_eq!(sample("unknown").await.status, 404);
}

#[tokio::test]
async fn the_operator_sets_what_publishing_demands() {
    let app = TestApp::start().await;
    let (tenant, _) = app.tenant("acme", &["read"]).await;
    let one = format!("/v1/tenants/{tenant}");
    let read = app.call(OPERATOR, &format!("GET {one}"), Value::Null).await;
    assert_eq!(read.body["event_types"], json!({"validation": "off", "strict": false}));
    let patched =
        app.call(OPERATOR, &format!("PATCH {one}"), json!({"event_types": {"validation": "warn"}})).await;
    assert_eq!((patched.status, &patched.body["event_types"]["validation"]), (200, &json!("warn")));
    let patched = app.call(OPERATOR, &format!("PATCH {one}"), json!({"event_types": {"strict": true}})).await;
    assert_eq!(patched.body["event_types"], json!({"validation": "warn", "strict": true}));
    let refused =
        app.call(OPERATOR, &format!("PATCH {one}"), json!({"event_types": {"validation": "on"}})).await;
    assert_eq!((refused.status, refused.problem().1), (422, vec!["/event_types/validation".to_owned()]));
}
