use serde_json::{Value, json};

use crate::http::test_app::TestApp;

const ALL: [&str; 3] = ["publish", "read", "manage"];

async fn webhook(app: &TestApp, token: &str, events: Value) -> String {
    let body = json!({"url": "http://127.0.0.1:65000/", "events": events, "active": false});
    app.call(token, "POST /v1/webhooks", body).await.text_of("id")
}

/// The webhooks that an event of that type goes to.
async fn sent_to(app: &TestApp, token: &str, event_type: &str, data: Value) -> Vec<String> {
    let event = app.call(token, "POST /v1/events", json!({"type": event_type, "data": data})).await;
    assert_eq!(event.status, 202, "{event:?}");
    let call = format!("GET /v1/events/{}/deliveries", event.text_of("id"));
    let deliveries = app.call(token, &call, Value::Null).await;
    let rows = deliveries.body["data"].as_array().expect("a list").iter();
    let mut ids: Vec<_> = rows.map(|row| row["webhook_id"].as_str().expect("an id").to_owned()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn a_route_decides_at_once_where_events_go() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &ALL).await;
    let (own, routed) = (webhook(&app, &token, json!(["a"])).await, webhook(&app, &token, json!([])).await);
    assert_eq!(sent_to(&app, &token, "a", json!({"n": 1})).await, std::slice::from_ref(&own));
    let route = json!({"name": "ones", "match": {"filters": {"n": 1}}, "webhooks": [routed, own]});
    let created = app.call(&token, "POST /v1/routes", route).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(
        (
            &created.body["match"],
            &created.body["position"],
            &created.body["continue"],
            &created.body["active"]
        ),
        (
            &json!({"events": ["*"], "filters": {"n": 1}, "conditions": null}),
            &json!(0),
            &json!(false),
            &json!(true)
        )
    );
    let mut both = vec![own.clone(), routed.clone()];
    both.sort();
    assert_eq!(sent_to(&app, &token, "a", json!({"n": 1})).await, both, "one delivery each");
    assert_eq!(sent_to(&app, &token, "a", json!({"n": 2})).await, [own]);
    let id = created.text_of("id");
    let changed = app
        .call(
            &token,
            &format!("PATCH /v1/routes/{id}"),
            json!({"match": {"filters": null}, "webhooks": [routed]}),
        )
        .await;
    assert_eq!((changed.status, &changed.body["match"]["filters"]), (200, &Value::Null), "{changed:?}");
    assert_eq!(sent_to(&app, &token, "b", json!({})).await, std::slice::from_ref(&routed));
    let deleted = app.call(&token, &format!("DELETE /v1/routes/{id}"), Value::Null).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(sent_to(&app, &token, "b", json!({})).await, [""; 0]);
}

#[tokio::test]
async fn routes_are_listed_and_ordered() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &ALL).await;
    let mut ids = Vec::new();
    for position in [json!(null), json!(null), json!(0)] {
        let body = json!({"webhooks": [], "position": position});
        ids.push(app.call(&token, "POST /v1/routes", body).await.text_of("id"));
    }
    let listed = |answer: &Value| -> Vec<String> {
        let rows = answer["data"].as_array().expect("a list").iter();
        rows.map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
    };
    let list = app.call(&token, "GET /v1/routes", Value::Null).await;
    assert_eq!(listed(&list.body), [&*ids[2], &*ids[0], &*ids[1]]);
    assert_eq!(
        list.body["data"][0]["warnings"],
        json!(["webhooks is empty: the events that it takes go nowhere."])
    );
    let ordered = app.call(&token, "PUT /v1/routes/order", json!({"routes": [ids[1], ids[2]]})).await;
    assert_eq!(listed(&ordered.body), [&*ids[1], &*ids[2], &*ids[0]]);
    let twice = app.call(&token, "PUT /v1/routes/order", json!({"routes": [ids[1], ids[1]]})).await;
    assert_eq!(twice.problem(), ("invalid_body".into(), vec!["/routes/1".into()]));
    let moved = app.call(&token, &format!("PATCH /v1/routes/{}", ids[0]), json!({"position": 0})).await;
    assert_eq!((moved.status, &moved.body["position"]), (200, &json!(0)));
}

#[tokio::test]
async fn a_deleted_webhook_stays_in_the_route_and_counts_for_nothing() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &ALL).await;
    let (gone, rest) = (webhook(&app, &token, json!([])).await, webhook(&app, &token, json!([])).await);
    let first = app.call(&token, "POST /v1/routes", json!({"webhooks": [gone]})).await.text_of("id");
    app.call(&token, "POST /v1/routes", json!({"webhooks": [rest]})).await;
    assert_eq!(sent_to(&app, &token, "a", json!({})).await, std::slice::from_ref(&gone));
    app.call(&token, &format!("DELETE /v1/webhooks/{gone}"), Value::Null).await;
    let route = app.call(&token, &format!("GET /v1/routes/{first}"), Value::Null).await;
    assert_eq!(route.body["webhooks"], json!([gone]));
    assert!(route.body["warnings"].to_string().contains("passed over"), "{route:?}");
    assert_eq!(sent_to(&app, &token, "a", json!({})).await, [rest], "the next route takes it");
    let renamed = app.call(&token, &format!("PATCH /v1/routes/{first}"), json!({"name": "x"})).await;
    assert_eq!(renamed.status, 200, "what it named before may be gone");
    let again = app.call(&token, "POST /v1/routes", json!({"webhooks": [gone]})).await;
    assert_eq!(again.problem().0, "not_found");
}

#[tokio::test]
async fn every_broken_rule_of_a_route_is_told_at_once() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &ALL).await;
    let own = webhook(&app, &token, json!([])).await;
    let body = json!({
        "name": " ",
        "match": {"events": [], "filters": {"a": {"matches": "("}}, "conditions": {"b": []}},
        "webhooks": [own, own],
    });
    let answer = app.call(&token, "POST /v1/routes", body).await;
    let pointers =
        ["/name", "/match/events", "/webhooks/1", "/match/filters/a/matches", "/match/conditions/b"];
    assert_eq!(answer.problem(), ("invalid_body".into(), pointers.map(String::from).into()));
    let created = app.call(&token, "POST /v1/routes", json!({"webhooks": [own]})).await.text_of("id");
    for (patch, pointer) in [
        (json!({"match": {"events": []}}), "/match/events"),
        (json!({"match": {"filters": {"a": {}}}}), "/match/filters/a"),
        (json!({"match": null}), "/match"),
        (json!({"webhooks": null}), "/webhooks"),
        (json!({"position": -1}), "/position"),
        (json!({"target": 1}), "/target"),
    ] {
        let answer = app.call(&token, &format!("PATCH /v1/routes/{created}"), patch).await;
        assert_eq!(answer.problem(), ("invalid_body".into(), vec![pointer.into()]));
    }
}

#[tokio::test]
async fn a_replay_of_a_range_asks_filters_and_routes() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &ALL).await;
    for n in 0..4 {
        let data = json!({"type": "order.paid", "data": {"n": n}});
        app.call(&token, "POST /v1/events", data).await;
    }
    let asked = json!({"url": "http://127.0.0.1:65000/", "events": ["order.*"], "active": false, "filters": {"n": {"less_than": 3}}});
    let filtered = app.call(&token, "POST /v1/webhooks", asked).await.text_of("id");
    let routed = webhook(&app, &token, json!([])).await;
    let route = json!({"match": {"filters": {"n": 3}}, "webhooks": [routed]});
    assert_eq!(app.call(&token, "POST /v1/routes", route).await.status, 201);
    for (id, deliveries) in [(filtered, 3), (routed, 1)] {
        let call = format!("POST /v1/webhooks/{id}/replay");
        let replay = app.call(&token, &call, json!({"since": "2020-01-01T00:00:00Z"})).await.text_of("id");
        let mut view = app.call(&token, &format!("GET /v1/replays/{replay}"), Value::Null).await;
        while view.body["status"] != "finished" {
            tokio::task::yield_now().await;
            view = app.call(&token, &format!("GET /v1/replays/{replay}"), Value::Null).await;
        }
        assert_eq!(view.body["deliveries"], deliveries, "{view:?}");
    }
}
