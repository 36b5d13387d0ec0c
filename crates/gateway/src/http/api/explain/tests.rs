use serde_json::{Value, json};

use crate::http::test_app::{Answer, TestApp};

const ALL: [&str; 3] = ["publish", "read", "manage"];

struct Scene {
    app: TestApp,
    token: String,
}

impl Scene {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let (_, token) = app.tenant("acme", &ALL).await;
        Self { app, token }
    }

    async fn call(&self, call: &str, body: Value) -> Answer {
        self.app.call(&self.token, call, body).await
    }

    /// A paused webhook, so that nothing is sent.
    async fn webhook(&self, members: Value) -> String {
        let mut body = json!({"url": "http://127.0.0.1:65000/", "events": ["order.*"], "active": false});
        body.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
        let created = self.call("POST /v1/webhooks", body).await;
        assert_eq!(created.status, 201, "{created:?}");
        created.text_of("id")
    }

    async fn publish(&self, event_type: &str, data: Value) -> String {
        self.call("POST /v1/events", json!({"type": event_type, "data": data})).await.text_of("id")
    }

    async fn explain(&self, webhook: &str, question: Value) -> Value {
        let answer = self.call(&format!("POST /v1/webhooks/{webhook}/explain"), question).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }
}

#[tokio::test]
async fn every_clause_is_told_with_what_it_saw() {
    let scene = Scene::start().await;
    let filters = json!({"plan": ["pro", "team"], "seats": {"greater_than": 5}});
    let id =
        scene.webhook(json!({"filters": filters, "conditions": {"region": {"starts_with": "eu"}}})).await;
    let event = scene.publish("order.paid", json!({"plan": "pro", "seats": "6"})).await;
    let told = scene.explain(&id, json!({"event_id": event})).await;
    assert_eq!(
        (&told["matched"], &told["status"], &told["event_id"]),
        (&json!(false), &json!("paused"), &json!(event))
    );
    assert_eq!(told["events"], json!({"patterns": ["order.*"], "matched": true, "pattern": "order.*"}));
    assert_eq!(
        told["filter"]["clauses"],
        json!([
            {"pointer": "/filters/plan", "path": "plan", "test": "in", "operand": ["pro", "team"], "seen": ["pro"],
             "seen_count": 1, "passed": true, "reason": null},
            {"pointer": "/filters/seats/greater_than", "path": "seats", "test": "greater_than", "operand": 5,
             "seen": ["6"], "seen_count": 1, "passed": false, "reason": "type"},
            {"pointer": "/conditions/region/starts_with", "path": "region", "test": "starts_with", "operand": "eu",
             "seen": [], "seen_count": 0, "passed": false, "reason": "missing"},
        ])
    );
    let summary = told["summary"].as_str().expect("text");
    assert!(summary.contains("/filters/seats/greater_than (what is there is of another type)"), "{summary}");
    let other = scene.explain(&id, json!({"event": {"type": "user.created", "data": {}}})).await;
    assert_eq!((&other["matched"], &other["event_id"]), (&json!(false), &Value::Null));
    assert!(other["summary"].as_str().expect("text").contains("user.created"));
    let good = json!({"type": "order.paid", "data": {"plan": "pro", "seats": 6, "region": "eu-1"}});
    let good = scene.explain(&id, json!({"event": good})).await;
    assert_eq!(good["matched"], true);
    assert!(good["summary"].as_str().expect("text").contains("held"), "{good}");
}

#[tokio::test]
async fn the_answer_is_by_what_was_in_force_when_the_event_came() {
    let scene = Scene::start().await;
    let early = scene.publish("order.paid", json!({"n": 1})).await;
    let id = scene.webhook(json!({"filters": {"n": 1}})).await;
    let before = scene.publish("order.paid", json!({"n": 2})).await;
    let patched =
        scene.call(&format!("PATCH /v1/webhooks/{id}"), json!({"filters": {"n": 2}, "active": true})).await;
    assert_eq!(patched.status, 200, "{patched:?}");
    let after = scene.publish("order.paid", json!({"n": 2})).await;
    let ask = async |event: &str| scene.explain(&id, json!({"event_id": event})).await;
    let told = ask(&early).await;
    assert_eq!((&told["matched"], &told["status"]), (&json!(false), &Value::Null));
    assert!(told["summary"].as_str().expect("text").contains("was not there"));
    let told = ask(&before).await;
    assert_eq!(
        (&told["matched"], &told["filter"]["clauses"][0]["operand"], &told["status"]),
        (&json!(false), &json!(1), &json!("paused"))
    );
    let told = ask(&after).await;
    assert_eq!(
        (&told["matched"], &told["filter"]["clauses"][0]["operand"], &told["status"]),
        (&json!(true), &json!(2), &json!("active"))
    );
    let draft = scene.explain(&id, json!({"event_id": before, "filters": {"n": {"less_than": 3}}})).await;
    assert_eq!((&draft["matched"], &draft["config_version"]), (&json!(true), &Value::Null));
    scene.call(&format!("DELETE /v1/webhooks/{id}"), Value::Null).await;
    assert_eq!(ask(&after).await["matched"], true, "it still answers for what it was");
}

#[tokio::test]
async fn a_filter_that_cannot_match_is_flagged() {
    let scene = Scene::start().await;
    let filters = json!({"plan": {"equals": "pro", "not_equals": "pro"}});
    let id = scene
        .webhook(json!({"filters": filters, "conditions": {"n": {"greater_than": 5, "less_than": 3}}}))
        .await;
    let told =
        scene.explain(&id, json!({"event": {"type": "order.paid", "data": {"plan": "pro", "n": 4}}})).await;
    let filter = &told["filter"];
    assert_eq!((&filter["can_match"], &filter["passed"]), (&json!("never"), &json!(false)));
    let named: Vec<_> =
        filter["contradictions"].as_array().expect("a list").iter().map(|one| &one["clauses"]).collect();
    assert_eq!(
        named,
        [
            &json!(["/filters/plan/equals", "/filters/plan/not_equals"]),
            &json!(["/conditions/n/greater_than", "/conditions/n/less_than"])
        ]
    );
    let shown = scene.call(&format!("GET /v1/webhooks/{id}"), Value::Null).await;
    assert_eq!(shown.body["warnings"].as_array().expect("a list").len(), 2, "{shown:?}");
}

#[tokio::test]
async fn routes_are_explained_in_their_order() {
    let scene = Scene::start().await;
    let to = scene.webhook(json!({"events": []})).await;
    let route = async |members: Value| {
        let mut body = json!({"webhooks": [to]});
        body.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
        scene.call("POST /v1/routes", body).await.text_of("id")
    };
    let rest = route(json!({"name": "rest", "default": true})).await;
    let support =
        route(json!({"name": "support", "match": {"filters": {"workflow_id": {"starts_with": "support_"}}}}))
            .await;
    let failed = route(json!({"name": "failed", "match": {"events": ["workflow.failed"]}})).await;
    let event = json!({"type": "workflow.failed", "data": {"workflow_id": "sales_1"}});
    let told = scene.call("POST /v1/routes/explain", json!({"event": event})).await.body;
    let steps = |told: &Value| -> Vec<(String, String)> {
        let rows = told["routes"].as_array().expect("a list").iter();
        let text = |row: &Value, name: &str| row[name].as_str().expect("text").to_owned();
        rows.map(|row| (text(row, "route_id"), text(row, "outcome"))).collect()
    };
    let expected = [(&support, "filter"), (&failed, "taken"), (&rest, "not_needed")];
    assert_eq!(steps(&told), expected.map(|(id, outcome)| (id.clone(), outcome.to_owned())));
    assert_eq!(told["webhooks"], json!([to]));
    assert_eq!(told["routes"][0]["filter"]["clauses"][0]["seen"], json!(["sales_1"]));
    let stored = scene.publish("workflow.failed", json!({"workflow_id": "sales_1"})).await;
    scene.call(&format!("DELETE /v1/routes/{failed}"), Value::Null).await;
    let then = scene.call("POST /v1/routes/explain", json!({"event_id": stored})).await.body;
    assert_eq!(steps(&then)[1].1, "taken", "by the routes that were in force");
    let by_route = scene.explain(&to, json!({"event_id": stored})).await;
    assert_eq!(by_route["matched"], true);
    assert!(by_route["summary"].as_str().expect("text").contains("the route failed"), "{by_route}");
    let call = format!("POST /v1/routes/{support}/explain");
    let draft = json!({"event": {"type": "a", "data": {"workflow_id": "sales_1"}}, "filters": {"workflow_id": "sales_1"}});
    let one = scene.call(&call, draft).await.body;
    assert_eq!(
        (steps(&one), &one["routes"][0]["filter"]["passed"]),
        (vec![(support, "taken".into())], &json!(true))
    );
}

#[tokio::test]
async fn a_backtest_counts_what_stored_events_would_have_done() {
    let scene = Scene::start().await;
    let id = scene.webhook(json!({"filters": {"n": {"greater_than": 100}}})).await;
    let big = "x".repeat(70_000);
    for n in 0..130 {
        let event_type = if n % 10 == 0 { "user.created" } else { "order.paid" };
        let data = if n == 101 { json!({"n": n, "big": big}) } else { json!({"n": n}) };
        scene.publish(event_type, data).await;
    }
    let past = json!({"since": "2020-01-01T00:00:00Z"});
    let saved = scene.explain(&id, past).await;
    // 101 to 129 without 110 and 120.
    assert_eq!(
        (&saved["examined"], &saved["matched"], &saved["other_type"]),
        (&json!(130), &json!(27), &json!(13))
    );
    assert_eq!(
        (&saved["refused"], &saved["refused_by"]),
        (&json!(90), &json!({"/filters/n/greater_than": 90}))
    );
    assert_eq!((saved["matches"].as_array().map(Vec::len), &saved["next_cursor"]), (Some(27), &Value::Null));
    let draft = json!({"since": "2020-01-01T00:00:00Z", "limit": 2, "filters": {"n": {"in": [1, 2, 3]}, "m": {"exists": false}}, "conditions": {"n": {"less_than": 3}}});
    let draft = scene.explain(&id, draft).await;
    assert_eq!((&draft["matched"], draft["matches"].as_array().map(Vec::len)), (&json!(2), Some(2)));
    assert_eq!(draft["matches"][0]["type"], "order.paid");
    assert_eq!(draft["refused_by"], json!({"/filters/n/in": 114, "/conditions/n/less_than": 115}));
    let none = json!({"since": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"});
    assert_eq!(scene.explain(&id, none).await["examined"], 0);
}

#[tokio::test]
async fn a_question_says_what_it_is_about_exactly_once() {
    let scene = Scene::start().await;
    let id = scene.webhook(json!({})).await;
    let event = scene.publish("order.paid", json!({})).await;
    for (question, pointers) in [
        (json!({}), &[""][..]),
        (json!({"event_id": event, "since": "2020-01-01T00:00:00Z"}), &["/since"]),
        (json!({"event_id": event, "event": {"type": "a", "data": 1}}), &["/event"]),
        (json!({"event_id": event, "until": "2020-01-01T00:00:00Z", "cursor": null}), &["/until"]),
        (json!({"since": "2020-01-02T00:00:00Z", "until": "2020-01-01T00:00:00Z"}), &["/until"]),
        (json!({"event": {"type": "a", "data": 1, "metadata": {}, "subject": ""}}), &["/event/subject"]),
        (json!({"event_id": event, "filters": {"a": {"matches": "["}}}), &["/filters/a/matches"]),
    ] {
        let answer = scene.call(&format!("POST /v1/webhooks/{id}/explain"), question.clone()).await;
        let expected = pointers.iter().map(|pointer| (*pointer).to_owned()).collect();
        assert_eq!(answer.problem(), ("invalid_body".to_owned(), expected), "{question}");
    }
}
