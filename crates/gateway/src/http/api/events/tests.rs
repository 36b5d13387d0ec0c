use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::http::test_app::{Answer, TestApp};

const ALL: [&str; 3] = ["publish", "read", "manage"];

async fn app() -> (TestApp, String) {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &ALL).await;
    (app, token)
}

async fn post(app: &TestApp, token: &str, path: &str, key: Option<&str>, body: impl Into<Body>) -> Answer {
    let mut request = Request::post(path).header("authorization", format!("Bearer {token}"));
    request = request.header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    app.send(request.body(body.into()).expect("legal")).await
}

async fn publish(app: &TestApp, token: &str, body: &str) -> Answer {
    post(app, token, "/v1/events", None, body.to_owned()).await
}

#[tokio::test]
async fn data_is_kept_to_the_byte() {
    let (app, token) = app().await;
    for data in [
        r#"{ "b":1.50e1,"a" : [ ],"a":2 }"#,
        "12345678901234567890123",
        "1e400",
        r#""\ud800 \u0000 ö""#,
        "null",
        "\"\"",
    ] {
        let body = format!("\n{{\"data\" : {data}\t,\"type\":\"order.created\" }}");
        let published = publish(&app, &token, &body).await;
        assert_eq!(published.status, 202, "{published:?}");
        let event =
            app.call(&token, &format!("GET /v1/events/{}", published.text_of("id")), Value::Null).await;
        assert!(event.text.contains(&format!("\"data\":{data}")), "{data}: {}", event.text);
    }
}

#[tokio::test]
async fn everything_published_can_be_read() {
    let (app, token) = app().await;
    let published = publish(
        &app,
        &token,
        r#"{"type":"a.b","data":{},"previous_data":{"x": 1},"subject":"order/1","timestamp":"2025-02-18T11:30:00+01:00","metadata":{"m": 2}}"#,
    )
    .await;
    let keys: Vec<&str> = published.body.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["deliveries", "id", "type"]);
    let event = app.call(&token, &format!("GET /v1/events/{}", published.text_of("id")), Value::Null).await;
    assert!(event.text.contains(r#""previous_data":{"x": 1},"metadata":{"m": 2}"#), "{}", event.text);
    assert_eq!(event.text_of("timestamp"), "2025-02-18T10:30:00.000Z");
    assert_eq!((event.text_of("subject"), event.text_of("origin")), ("order/1".into(), "api".into()));
    assert_eq!(event.text_of("content_type"), "application/json");
}

#[tokio::test]
async fn what_breaks_a_rule_is_pointed_at_and_not_stored() {
    let (app, token) = app().await;
    let long = "x".repeat(257);
    for (body, code, pointer) in [
        ("", "invalid_json", ""),
        ("{", "invalid_json", ""),
        ("{\"type\":\"a\",\"data\":{} // x\n}", "invalid_json", ""),
        ("[]", "invalid_body", ""),
        ("{}", "invalid_body", "/type"),
        (r#"{"type":"a"}"#, "invalid_body", "/data"),
        (r#"{"type":"","data":1}"#, "invalid_body", "/type"),
        (r#"{"type":"a b","data":1}"#, "invalid_body", "/type"),
        (r#"{"type":"a","data":1,"payload":2}"#, "invalid_body", "/payload"),
        (r#"{"type":"a","data":1,"data":2}"#, "invalid_body", "/data"),
        (r#"{"type":"a","data":1,"timestamp":"2025-02-18"}"#, "invalid_body", "/timestamp"),
        (r#"{"type":"a","data":1,"metadata":[]}"#, "invalid_body", "/metadata"),
        (r#"{"type":"a","data":1,"subject":""}"#, "invalid_body", "/subject"),
        (&format!(r#"{{"type":"a","data":1,"subject":"{long}"}}"#), "invalid_body", "/subject"),
        (
            &format!(r#"{{"type":"a","data":1,"idempotency_key":"{long}"}}"#),
            "invalid_body",
            "/idempotency_key",
        ),
        (
            &format!(r#"{{"type":"a","data":1,"metadata":{{"x":"{}"}}}}"#, "y".repeat(8_192)),
            "invalid_body",
            "/metadata",
        ),
    ] {
        let answer = publish(&app, &token, body).await;
        let (told, pointers) = answer.problem();
        assert_eq!(told, code, "{body}: {answer:?}");
        assert!(code != "invalid_body" || pointers == [pointer], "{body}: {answer:?}");
    }
    let list = app.call(&token, "GET /v1/events", Value::Null).await;
    assert_eq!(list.body["data"], json!([]));
}

#[tokio::test]
async fn a_key_stands_for_one_body() {
    let (app, token) = app().await;
    let with_key = r#"{"type":"a","data":1,"idempotency_key":"k"}"#;
    let first = publish(&app, &token, with_key).await;
    assert_eq!(first.body.get("duplicate"), None);
    let same_in_header = post(&app, &token, "/v1/events", Some("k"), r#"{"type":"a","data":1}"#).await;
    for again in [publish(&app, &token, with_key).await, same_in_header] {
        assert_eq!(
            (again.status, &again.body["id"], &again.body["duplicate"]),
            (202, &first.body["id"], &json!(true))
        );
    }
    let other = post(&app, &token, "/v1/events", Some("k"), r#"{"type":"a","data":2}"#).await;
    assert_eq!((other.status, other.problem().0.as_str()), (409, "idempotency_key_reused"));
    assert_eq!(other.body["event_id"], first.body["id"]);
    let both = post(&app, &token, "/v1/events", Some("other"), with_key).await;
    assert_eq!((both.status, both.problem().1), (422, vec!["/idempotency_key".to_owned()]));
    assert_eq!(post(&app, &token, "/v1/events", Some("k"), with_key).await.status, 202);
    assert_eq!(post(&app, &token, "/v1/events", Some(""), with_key).await.status, 400);
}

#[tokio::test]
async fn a_batch_is_answered_item_by_item() {
    let (app, token) = app().await;
    let batch = r#"{"events":[{"type":"a","data":1.0},{"type":"a b","data":1},7,{"type":"c","data":null,"idempotency_key":"own"}]}"#;
    let answer = post(&app, &token, "/v1/events/batch", Some("batch"), batch).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let results = answer.body["results"].as_array().expect("results").clone();
    let statuses: Vec<_> = results.iter().map(|result| result["status"].as_u64()).collect();
    assert_eq!(statuses, [Some(202), Some(422), Some(422), Some(202)]);
    assert_eq!((&results[0]["type"], &results[1]["code"]), (&json!("a"), &json!("invalid_body")));
    assert_eq!(results[1]["errors"][0]["pointer"], "/type");
    let again = post(&app, &token, "/v1/events/batch", Some("batch"), batch).await;
    for index in [0, 3] {
        assert_eq!(again.body["results"][index]["id"], results[index]["id"]);
        assert_eq!(again.body["results"][index]["duplicate"], true);
    }
    let ids: Vec<_> =
        app.call(&token, "GET /v1/events", Value::Null).await.body["data"].as_array().expect("rows").clone();
    assert_eq!(ids.len(), 2);
}

#[tokio::test]
async fn a_batch_has_1_to_1_000_events() {
    let (app, token) = app().await;
    let batch =
        |events: usize| format!(r#"{{"events":[{}]}}"#, vec![r#"{"type":"a","data":1}"#; events].join(","));
    for body in
        [batch(0), batch(1_001), "{}".into(), r#"{"events":{}}"#.into(), r#"{"events":[],"x":1}"#.into()]
    {
        let answer = post(&app, &token, "/v1/events/batch", None, body).await;
        assert_eq!((answer.status, answer.problem().0.as_str()), (422, "invalid_body"), "{answer:?}");
    }
    let answer = post(&app, &token, "/v1/events/batch", None, batch(1_000)).await;
    let results = answer.body["results"].as_array().expect("results");
    assert!(results.len() == 1_000 && results.iter().all(|result| result["status"] == 202));
}

#[tokio::test]
async fn the_list_is_filtered_and_paged() {
    let (app, token) = app().await;
    for (kind, subject) in [("order.created", "1"), ("order.paid", "2"), ("orders", "1")] {
        publish(&app, &token, &format!(r#"{{"type":"{kind}","data":1,"subject":"{subject}"}}"#)).await;
    }
    let types = async |query: &str| -> Vec<String> {
        let list = app.call(&token, &format!("GET /v1/events?{query}"), Value::Null).await;
        assert_eq!(list.status, 200, "{list:?}");
        let rows = list.body["data"].as_array().expect("rows");
        rows.iter().map(|event| event["type"].as_str().expect("text").to_owned()).collect()
    };
    assert_eq!(types("").await, ["orders", "order.paid", "order.created"]);
    assert_eq!(types("type=order.*").await, ["order.paid", "order.created"]);
    assert_eq!(types("type=orders").await, ["orders"]);
    assert_eq!(types("type=*&subject=1").await, ["orders", "order.created"]);
    assert!(types("since=2100-01-01T00:00:00Z").await.is_empty());
    assert_eq!(types("until=2100-01-01T00:00:00Z&limit=1").await, ["orders"]);
    let first = app.call(&token, "GET /v1/events?limit=2", Value::Null).await;
    assert_eq!(types(&format!("cursor={}", first.text_of("next_cursor"))).await, ["order.created"]);
    let wrong = app.call(&token, "GET /v1/events?type=*.created", Value::Null).await;
    assert_eq!((wrong.status, wrong.problem()), (400, ("invalid_query".into(), vec!["/type".into()])));
}

#[tokio::test]
async fn large_data_is_left_out_of_the_list_only() {
    let (app, token) = app().await;
    let data = format!("\"{}\"", "x".repeat(64 * 1024));
    let published = publish(&app, &token, &format!(r#"{{"type":"a","data":{data}}}"#)).await;
    let list = app.call(&token, "GET /v1/events", Value::Null).await;
    let row = &list.body["data"][0];
    assert_eq!((&row["data_omitted"], row.get("data"), row.get("data_base64")), (&json!(true), None, None));
    let event = app.call(&token, &format!("GET /v1/events/{}", published.text_of("id")), Value::Null).await;
    assert!(event.text.contains(&data) && event.body.get("data_omitted").is_none());
}

#[tokio::test]
async fn deliveries_are_listed_and_replayed() {
    let (app, token) = app().await;
    let held = json!({"url": "https://example.com/", "events": ["a"], "active": false});
    let webhook = app.call(&token, "POST /v1/webhooks", held).await.text_of("id");
    let published = publish(&app, &token, r#"{"type":"a","data":1}"#).await;
    assert_eq!(published.body["deliveries"], 1);
    let event = published.text_of("id");
    let replay = format!("POST /v1/events/{event}/replay");
    assert_eq!(app.call(&token, &replay, Value::Null).await.body, json!({"deliveries": 1}));
    let again = app.call(&token, &replay, json!({"webhook_id": webhook})).await;
    assert_eq!((again.status, again.body), (202, json!({"deliveries": 1})));
    let unknown = json!({"webhook_id": "wh_01h455vb4pex5vsknk084sn02q"});
    assert_eq!(app.call(&token, &replay, unknown).await.status, 404);
    let list = app.call(&token, &format!("GET /v1/events/{event}/deliveries?status=held"), Value::Null).await;
    let rows = list.body["data"].as_array().expect("rows");
    assert!(
        rows.len() == 3
            && rows.iter().all(|row| row["event_id"] == json!(event) && row["webhook_id"] == json!(webhook))
    );
    let none = publish(&app, &token, r#"{"type":"b","data":1}"#).await.text_of("id");
    let list = app.call(&token, &format!("GET /v1/events/{none}/deliveries"), Value::Null).await;
    assert_eq!((list.status, &list.body["data"]), (200, &json!([])));
}
