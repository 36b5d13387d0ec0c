use serde_json::{Value, json};

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
