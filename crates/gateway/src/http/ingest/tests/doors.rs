//! What stands before the body: plan, credentials that belong elsewhere, methods, and answers that are held back.

use std::time::Duration;

use http::{Method, Request};
use stentor_core::plan::{Feature, Plan};
use stentor_core::source::{SimulatedResponse, Simulation};
use stentor_engine::clock::Stopwatch;
use stentor_testkit::wait;

use super::*;
use crate::http::openapi;
use crate::http::test_app::OPERATOR;

#[tokio::test]
async fn a_plan_without_receiving_takes_nothing_and_says_so() {
    let plan = Plan { features: [].into(), ..Plan::unlimited() };
    let front = Front::of(TestApp::with_plans([("free".into(), plan)]).await).await;
    let (source, pair) = front.basic().await;
    assert_eq!(front.post(&pair, "{}").await.0, 200);
    let tenant = format!("/v1/tenants/{}", front.tenant);
    front.app.call(OPERATOR, &format!("PATCH {tenant}"), json!({"plan": "free"})).await;
    let (status, answer) = front.post(&pair, "{}").await;
    assert_eq!((status, &answer["code"]), (403, &json!("ingest_not_in_plan")));
    assert!(
        answer["detail"].as_str().is_some_and(|detail| detail.contains("plan does not include receiving"))
    );
    // The body is not waited for.
    let unsent =
        [("authorization", &*basic(&pair)), ("content-type", "application/json"), ("content-length", "9")];
    assert_eq!(front.raw("POST /", &unsent, b"").await.0, 403);
    let new = json!({"name": "s", "verification": {"preset": "none"}});
    let refused = front.app.call(&front.token, "POST /v1/sources", new).await;
    assert_eq!((refused.status, refused.problem().0.as_str()), (403, "plan_lacks_feature"));
    let credentials = format!("POST /v1/sources/{source}/credentials");
    let refused = front.app.call(&front.token, &credentials, json!({"name": "c"})).await;
    assert_eq!((refused.status, refused.problem().0.as_str()), (403, "plan_lacks_feature"));
    front.app.call(OPERATOR, &format!("PATCH {tenant}"), json!({"plan": "default"})).await;
    assert_eq!(front.post(&pair, "{}").await.0, 200);
    assert!(Plan::unlimited().features.contains(&Feature::Ingest), "the plan of everybody");
}

#[tokio::test]
async fn a_credential_opens_its_own_source_and_nothing_else() {
    let front = Front::start().await;
    let (source, pair) = front.basic().await;
    let document = serde_json::to_value(openapi::document()).expect("a document");
    let mut calls = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        if !path.starts_with("/v1/") {
            continue;
        }
        for method in item.as_object().expect("operations").keys().filter(|key| *key != "parameters") {
            let path = path.replace("{id}", &source.to_string()).replace(['{', '}'], "");
            for value in [basic(&pair), format!("Bearer {pair}")] {
                let request = Request::builder().method(method.to_uppercase().as_str()).uri(&path);
                let request = request.header("authorization", &value).body(axum::body::Body::empty());
                let answer = front.app.send(request.expect("legal")).await;
                assert_eq!(answer.status, 401, "{method} {path} with {value}: {answer:?}");
                calls += 1;
            }
        }
    }
    assert!(calls > 100, "{calls}");
    for authorization in [None, Some("Bearer x"), Some("Basic ###")] {
        let mut request = Request::builder().method("POST").uri("/");
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        let answer = front.app.send(request.body(axum::body::Body::empty()).expect("legal")).await;
        let asked = answer.headers.get("www-authenticate").and_then(|value| value.to_str().ok());
        assert_eq!((answer.status, asked), (401, Some("Basic realm=\"stentor\", charset=\"UTF-8\"")));
    }
    let rate = Some(stentor_core::rate::Rate { count: 1, period: Duration::from_secs(3_600) });
    let mut other = SourceConfig::new("other".into(), Verification::Basic);
    other.rate = rate;
    let (other, others_pair) = front.basic_as(other).await;
    for (line, pair) in [(format!("POST /in/{source}"), &others_pair), (format!("POST /in/{other}"), &pair)] {
        let authorization = basic(pair);
        let headers = [("authorization", &*authorization), ("content-type", "application/json")];
        let (status, answer) = front.raw(&line, &headers, b"{}").await;
        assert_eq!((status, &answer["code"]), (401, &json!("unknown_credentials")), "{line}: {answer}");
    }
    // What was refused elsewhere used nothing of its own source's rate.
    assert_eq!(front.post(&others_pair, "{}").await.0, 200);
    let own = [("authorization", &*basic(&pair)), ("content-type", "application/json")];
    assert_eq!(front.raw(&format!("POST /in/{source}"), &own, b"{}").await.0, 200);
}

#[tokio::test]
async fn methods_that_nobody_sends_are_answered_with_those_that_work() {
    let front = Front::start().await;
    let (basic_source, _) = front.basic().await;
    let open = front.source(SourceConfig::new("open".into(), Verification::None), None).await;
    for path in [format!("/in/{open}"), format!("/in/{basic_source}"), "/in/nowhere".to_owned()] {
        for method in ["HEAD", "TRACE", "BREW"] {
            let request = Request::builder().method(method).uri(&path).body(axum::body::Body::empty());
            let answer = front.app.send(request.expect("legal")).await;
            let allowed = answer.headers.get("allow").and_then(|value| value.to_str().ok());
            assert_eq!(
                (answer.status, allowed),
                (405, Some("DELETE, GET, OPTIONS, PATCH, POST, PUT")),
                "{method} {path}"
            );
        }
    }
    for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
        let request = Request::builder().method(method.clone()).uri(format!("/in/{open}"));
        let answer = front.app.send(request.body(axum::body::Body::from("x")).expect("legal")).await;
        assert_eq!(answer.status, 200, "{method} {answer:?}");
    }
}

#[tokio::test]
async fn a_delay_holds_back_the_answer_and_not_the_event() {
    const DELAY: Duration = Duration::from_secs(2);
    let front = Front::start().await;
    let response =
        |status| SimulatedResponse { status, headers: Vec::new(), body: "\"late\"".into(), delay: DELAY };
    let turns = Simulation::Sequence(vec![response(201), response(500)]);
    let config =
        SourceConfig { response: Some(turns), ..SourceConfig::new("late".into(), Verification::None) };
    let line = format!("POST /in/{}", front.source(config, None).await);
    let since = Stopwatch::start();
    let headers = [("content-type", "text/plain")];
    let sent = front.raw(&line, &headers, b"x");
    let stored = wait::until("the event is stored", || async {
        let sums = front.app.engine.store().conservation(None).await.expect("answers");
        (sums.events == 1).then(|| since.elapsed())
    });
    let ((status, body), stored) = tokio::join!(sent, stored);
    assert_eq!((status, body), (201, json!("late")));
    assert!(
        stored < DELAY && since.elapsed() >= DELAY,
        "stored after {stored:?}, answered after {:?}",
        since.elapsed()
    );
    let (again, refused) = (Stopwatch::start(), front.raw(&line, &headers, b"y").await);
    assert_eq!(refused, (500, json!("late")));
    assert!(again.elapsed() >= DELAY, "{:?}", again.elapsed());
    assert_eq!(front.app.engine.store().conservation(None).await.expect("answers").events, 1);
}
