//! `filters` and `conditions` of a webhook.

use serde_json::json;

use super::{app, minimal, with};

#[tokio::test]
async fn a_filter_is_shown_as_written_and_replaced_as_a_whole() {
    let (app, token) = app().await;
    // Digits that no double keeps.
    let written = r#"{"n":{"greater_than":12345678901234567890.10}}"#;
    let body = format!(
        r#"{{"url":"https://example.com/","events":["a"],"filters":{written},"conditions":{{"m":1}}}}"#
    );
    let request = |method: &str, path: &str, body: &str| {
        http::Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(axum::body::Body::from(body.to_owned()))
            .expect("a legal request")
    };
    let created = app.send(request("POST", "/v1/webhooks", &body)).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert!(created.text.contains(written), "{}", created.text);
    let path = format!("/v1/webhooks/{}", created.text_of("id"));
    let renamed = app.send(request("PATCH", &path, r#"{"name":"x"}"#)).await;
    assert!(
        renamed.text.contains(written) && renamed.text.contains(r#""conditions":{"m":1}"#),
        "{}",
        renamed.text
    );
    let other = r#"{"k":{"less_than":98765432109876543210.5}}"#;
    let replaced = app.send(request("PATCH", &path, &format!(r#"{{"filters":{other}}}"#))).await;
    assert!(
        replaced.text.contains(other) && replaced.text.contains(r#""conditions":{"m":1}"#),
        "{}",
        replaced.text
    );
    let removed = app.send(request("PATCH", &path, r#"{"filters":null,"conditions":null}"#)).await;
    assert_eq!((&removed.body["filters"], &removed.body["conditions"]), (&json!(null), &json!(null)));
}

#[tokio::test]
async fn what_is_no_filter_is_refused_where_it_stands() {
    let (app, token) = app().await;
    let bad = json!({"filters": {"a": {"greater_then": 1}}, "conditions": {"b": []}, "name": " "});
    let answer = app.call(&token, "POST /v1/webhooks", with(bad)).await;
    let pointers = ["/name", "/filters/a/greater_then", "/conditions/b"].map(String::from);
    assert_eq!(answer.problem(), ("invalid_body".into(), pointers.into()));
    assert_eq!(answer.body["errors"][1]["code"], "filter");
    let created = app.call(&token, "POST /v1/webhooks", minimal()).await.text_of("id");
    let patch = json!({"filters": {"any": []}});
    let answer = app.call(&token, &format!("PATCH /v1/webhooks/{created}"), patch).await;
    assert_eq!(answer.problem(), ("invalid_body".into(), vec!["/filters/any".into()]));
}

#[tokio::test]
async fn only_events_that_pass_are_delivered() {
    let (app, token) = app().await;
    let body = json!({"url": "http://127.0.0.1:65000/", "events": ["order.*"], "active": false, "filters": {"plan": "pro"}});
    let webhook = app.call(&token, "POST /v1/webhooks", body).await.text_of("id");
    let mut made = Vec::new();
    for plan in ["pro", "free"] {
        let event = json!({"type": "order.paid", "data": {"plan": plan}});
        let published = app.call(&token, "POST /v1/events", event).await;
        made.push(published.body["deliveries"].clone());
        let call = format!("POST /v1/events/{}/replay", published.text_of("id"));
        let replayed = app.call(&token, &call, json!({})).await;
        assert_eq!(replayed.body["deliveries"], made[made.len() - 1], "a replay asks the filter, too");
        let named = app.call(&token, &call, json!({"webhook_id": webhook})).await;
        assert_eq!(named.body["deliveries"], 1, "who names the webhook means it");
    }
    assert_eq!(made, [json!(1), json!(0)]);
}

/// The configuration printed in the third seed, without its wrapper.
#[tokio::test]
async fn the_seeds_filter_is_taken_as_printed() {
    let (app, token) = app().await;
    let printed = json!({
        "filters": {
            "workflow_id": ["customer_support_bot", "sales_assistant"],
            "user_id": {"starts_with": "premium_"},
            "output_contains": ["error", "failed", "unable"]
        },
        "conditions": {
            "execution_time": {"greater_than": 5.0},
            "token_usage": {"greater_than": 1000},
            "cost": {"greater_than": 0.10}
        }
    });
    let created = app.call(&token, "POST /v1/webhooks", with(printed.clone())).await;
    assert_eq!((created.status, &created.body["filters"]), (201, &printed["filters"]));
    assert_eq!(
        (&created.body["conditions"], &created.body["warnings"]),
        (&printed["conditions"], &json!([]))
    );
}
