use serde_json::{Value, json};

use crate::http::test_app::{OPERATOR, TestApp};

#[tokio::test]
async fn a_tenant_lives_from_post_to_delete() {
    let app = TestApp::start().await;
    let created = app.call(OPERATOR, "POST /v1/tenants", json!({"name": "acme"})).await;
    assert_eq!((created.status, &created.body["plan"]), (201, &json!("default")));
    let one = format!("/v1/tenants/{}", created.text_of("id"));
    let mut read = app.call(OPERATOR, &format!("GET {one}"), Value::Null).await.body;
    let usage = read.as_object_mut().expect("an object").remove("usage").expect("its use");
    assert_eq!(
        (&read, &usage["plan"], &usage["events"]["used"]),
        (&created.body, &json!("default"), &json!(0))
    );
    let changed = app.call(OPERATOR, &format!("PATCH {one}"), json!({"plan": "pro"})).await;
    assert_eq!(
        (changed.status, &changed.body["plan"], &changed.body["name"]),
        (200, &json!("pro"), &json!("acme"))
    );
    assert_eq!(app.call(OPERATOR, &format!("DELETE {one}"), Value::Null).await.status, 204);
    assert_eq!(app.call(OPERATOR, &format!("GET {one}"), Value::Null).await.status, 404);
    assert_eq!(app.call(OPERATOR, &format!("DELETE {one}"), Value::Null).await.status, 404);
}

#[tokio::test]
async fn a_plan_must_be_one_of_the_operators() {
    let app = TestApp::start().await;
    let (tenant, _) = app.tenant("acme", &["read"]).await;
    for call in ["POST /v1/tenants".to_owned(), format!("PATCH /v1/tenants/{tenant}")] {
        for plan in ["large", "", "Pro"] {
            let refused = app.call(OPERATOR, &call, json!({"name": "other", "plan": plan})).await;
            assert_eq!(refused.problem(), ("invalid_body".into(), vec!["/plan".to_owned()]), "{refused:?}");
            assert_eq!(refused.body["errors"][0]["code"], "unknown_plan");
        }
    }
}

#[tokio::test]
async fn names_are_unique_and_readable() {
    let app = TestApp::start().await;
    app.tenant("acme", &["read"]).await;
    let (other, _) = app.tenant("globex", &["read"]).await;
    let taken = app.call(OPERATOR, "POST /v1/tenants", json!({"name": "acme"})).await;
    assert_eq!((taken.status, taken.problem().0.as_str()), (409, "name_taken"));
    let taken = app.call(OPERATOR, &format!("PATCH /v1/tenants/{other}"), json!({"name": "acme"})).await;
    assert_eq!(taken.status, 409);
    for name in ["", "  ", "a\nb", &"x".repeat(1_025)] {
        let refused = app.call(OPERATOR, "POST /v1/tenants", json!({"name": name})).await;
        assert_eq!((refused.status, refused.problem().1), (422, vec!["/name".to_owned()]), "{name:?}");
    }
}

#[tokio::test]
async fn a_deleted_tenants_token_stops_at_once() {
    let app = TestApp::start().await;
    let (id, token) = app.tenant("acme", &["read"]).await;
    assert_eq!(app.call(&token, "GET /v1/webhooks", Value::Null).await.status, 200);
    assert_eq!(app.call(OPERATOR, &format!("DELETE /v1/tenants/{id}"), Value::Null).await.status, 204);
    assert_eq!(app.call(&token, "GET /v1/webhooks", Value::Null).await.problem().0, "invalid_token");
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let app = TestApp::start().await;
    let mut made = Vec::new();
    for n in 0..5 {
        made.push(app.tenant(&format!("tenant {n}"), &["read"]).await.0);
    }
    made.reverse();
    let mut seen = Vec::new();
    let mut path = "GET /v1/tenants?limit=2".to_owned();
    loop {
        let page = app.call(OPERATOR, &path, Value::Null).await;
        let rows = page.body["data"].as_array().expect("rows").clone();
        assert!(rows.len() <= 2);
        seen.extend(rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()));
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        path = format!("GET /v1/tenants?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, made);
    for query in ["limit=0", "limit=251", "order=asc"] {
        let refused = app.call(OPERATOR, &format!("GET /v1/tenants?{query}"), Value::Null).await;
        assert_eq!((refused.status, refused.problem().0.as_str()), (400, "invalid_query"), "{query}");
    }
    assert_eq!(
        app.call(OPERATOR, "GET /v1/tenants?cursor=xyz", Value::Null).await.problem().0,
        "invalid_cursor"
    );
}
