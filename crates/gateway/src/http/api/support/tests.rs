use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use stentor_testkit::wait;

use crate::http::test_app::{OPERATOR, TestApp};

#[tokio::test]
async fn exactly_one_subject_is_named() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &["read"]).await;
    let id = "01h455vb4pex5vsknk084sn02q";
    for query in ["".to_owned(), format!("?delivery_id=del_{id}&event_id=evt_{id}")] {
        let answer = app.call(&token, &format!("GET /v1/support{query}"), Value::Null).await;
        assert_eq!((answer.status, answer.problem().0.as_str()), (400, "invalid_query"), "{query}");
    }
    for query in
        [format!("delivery_id=del_{id}"), format!("event_id=evt_{id}"), format!("webhook_id=wh_{id}")]
    {
        let answer = app.call(&token, &format!("GET /v1/support?{query}"), Value::Null).await;
        assert_eq!((answer.status, answer.problem().0.as_str()), (404, "not_found"), "{query}");
    }
}

#[tokio::test]
async fn the_gateways_configuration_is_for_the_operator() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("default", &["read", "manage"]).await;
    let new = json!({"url": "https://example.com/in?key=abcdef", "events": ["*"], "metadata": {"m": "own"}});
    let webhook = app.call(&token, "POST /v1/webhooks", new).await.text_of("id");
    let call = format!("GET /v1/support?webhook_id={webhook}");
    let own = app.call(&token, &call, Value::Null).await;
    assert_eq!(own.status, 200, "{own:?}");
    assert_eq!(own.body["webhooks"][0]["url"], "https://example.com/in?[redacted]");
    assert!(
        own.body.get("configuration").is_none() && !own.text.contains("abcdef") && !own.text.contains("own")
    );
    let operators = app.call(OPERATOR, &call, Value::Null).await;
    assert!(operators.body.get("configuration").is_some(), "{operators:?}");
}

#[tokio::test]
async fn a_request_to_a_source_is_told_without_what_it_carried() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &["read", "manage"]).await;
    let (_, foreign) = app.tenant("foreign", &["read"]).await;
    let verification = json!({"preset": "gitlab", "secret": "of-the-source-canary"});
    let new = json!({"name": "pushes", "verification": verification, "response": {"sequence": [{"status": 200, "body": "canary"}]}});
    let source = app.call(&token, "POST /v1/sources", new).await.text_of("id");
    let send = async |secret: &str| {
        let request = Request::post(format!("/in/{source}?key=canary-of-the-query"))
            .header("content-type", "application/json")
            .header("x-gitlab-token", secret)
            .header("x-gitlab-event", "Push Hook")
            .header("x-gitlab-instance", "canary-of-a-header")
            .body(Body::from("{\"canary\": \"of the body\"}"));
        app.send(request.expect("legal")).await.status
    };
    assert_eq!((send("another").await, send("of-the-source-canary").await), (401, 200));
    let requests = wait::until("both are listed", || async {
        let listed = app.call(&token, &format!("GET /v1/sources/{source}/requests"), Value::Null).await;
        listed.body["data"].as_array().filter(|rows| rows.len() == 2).cloned()
    })
    .await;
    for row in &requests {
        let call = format!("GET /v1/support?request_id={}", row["id"].as_str().expect("an id"));
        let told = app.call(&token, &call, Value::Null).await;
        assert_eq!(told.status, 200, "{told:?}");
        assert!(!told.text.contains("canary"), "{}", told.text);
        let request = &told.body["request"];
        assert_eq!((&request["id"], &request["outcome"]), (&row["id"], &row["outcome"]));
        assert_eq!(request["path"], json!(format!("/in/{source}?[redacted]")));
        assert_eq!(
            (&told.body["source"]["id"], &told.body["source"]["name"]),
            (&json!(source), &json!("pushes"))
        );
        if row["outcome"] == "accepted" {
            assert_eq!(told.body["event"]["id"], row["event_ids"][0]);
        } else {
            assert_eq!((&request["code"], &told.body["event"]), (&json!("wrong_token"), &Value::Null));
        }
        assert_eq!(app.call(&foreign, &call, Value::Null).await.status, 404);
    }
}
