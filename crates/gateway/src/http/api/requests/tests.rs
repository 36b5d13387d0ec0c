use std::time::Duration;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use stentor_core::id::{RequestId, SourceId, WebhookId};
use stentor_engine::entropy;
use stentor_engine::feed::Fact;
use stentor_engine::receptions::{Reception, ReceptionTiming, Verdict};
use stentor_testkit::wait;

use super::*;
use crate::http::server::Answer as _;
use crate::http::test_app::{OPERATOR, TestApp};

fn refused(app: &TestApp, source: Option<(TenantId, SourceId)>, body: &str) -> Reception {
    let now = app.engine.clock().now();
    Reception {
        id: RequestId::new(now, entropy::bits()),
        tenant: source.map(|(tenant, _)| tenant),
        source: source.map(|(_, source)| source),
        peer: std::net::Ipv4Addr::LOCALHOST.into(),
        received_at: now,
        method: "POST".into(),
        path: "/in/x?key=abc".into(),
        headers: vec![("x-signature".into(), b"abc".to_vec())],
        content_type: Some("text/plain".into()),
        body: body.to_owned().into(),
        body_bytes: body.len() as u64,
        timing: ReceptionTiming { body: Duration::from_millis(1), total: Duration::from_millis(2) },
        verdict: Verdict::Refused { code: "body_too_large", detail: "Too much.".into(), hidden: false },
        status: 413,
    }
}

async fn source(app: &TestApp, token: &str) -> (TenantId, SourceId) {
    let new = json!({"name": "s", "verification": {"preset": "none"}, "content": "any"});
    let created = app.call(token, "POST /v1/sources", new).await;
    assert_eq!(created.status, 201, "{created:?}");
    (app.tenant_of(token).await, created.text_of("id").parse().expect("an id"))
}

async fn rows(app: &TestApp, token: &str, call: &str, count: usize) -> Vec<Value> {
    wait::until(format!("{call} has {count}"), || async {
        let rows = app.call(token, call, Value::Null).await.body["data"].as_array().cloned()?;
        (rows.len() == count).then_some(rows)
    })
    .await
}

#[tokio::test]
async fn a_refused_request_is_listed_found_and_explained() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("own", &["read", "manage"]).await;
    let (_, foreign) = app.tenant("foreign", &["read", "manage"]).await;
    let (tenant, id) = source(&app, &token).await;
    for body in ["one NEEDLE", "two"] {
        app.engine.receptions().put(refused(&app, Some((tenant, id)), body));
    }
    app.engine.receptions().put(refused(&app, None, "whose?"));
    let list = format!("GET /v1/sources/{id}/requests");
    let listed = rows(&app, &token, &list, 2).await;
    assert_eq!((&listed[0]["code"], &listed[0]["status"]), (&json!("body_too_large"), &json!(413)));
    assert!(listed[0].get("body").is_none(), "{listed:?}");
    let found =
        rows(&app, &token, &format!("{list}?text=needle&outcome=refused&code=body_too_large"), 1).await;
    let detail =
        app.call(&token, &format!("{list}/{}", found[0]["id"].as_str().expect("text")), Value::Null).await;
    assert_eq!((&detail.body["body"], &detail.body["body_truncated"]), (&json!("one NEEDLE"), &json!(false)));
    assert_eq!(detail.body["headers"], json!([{"name": "x-signature", "value": "abc"}]));
    assert!(detail.text_of("advice").contains("10 485 760"), "{detail:?}");
    rows(&app, &token, &format!("{list}?text=nowhere"), 0).await;
    rows(&app, &token, &format!("{list}?outcome=accepted"), 0).await;
    for call in [
        list.clone(),
        format!("{list}/{}", found[0]["id"].as_str().expect("text")),
        format!("{list}/stream?seconds=0"),
    ] {
        assert_eq!(app.call(&foreign, &call, Value::Null).await.status, 404, "{call}");
    }
    let refused = found[0]["id"].as_str().expect("text");
    let support = format!("GET /v1/support?request_id={refused}");
    let document = app.call(&token, &support, Value::Null).await;
    let told = &document.body["request"];
    assert_eq!((&told["id"], &told["code"]), (&json!(refused), &json!("body_too_large")), "{document:?}");
    assert_eq!((&told["header_names"], &told["path"]), (&json!(["x-signature"]), &json!("/in/x?[redacted]")));
    assert!(told["advice"].as_str().is_some_and(|advice| advice.contains("10 485 760")), "{document:?}");
    assert_eq!(document.body["source"]["id"], json!(id.to_string()));
    assert!(!document.text.contains("NEEDLE") && !document.text.contains("key=abc"), "{document:?}");
    assert_eq!(app.call(&foreign, &support, Value::Null).await.status, 404);
    let unmatched = rows(&app, OPERATOR, "GET /v1/requests", 1).await;
    assert_eq!(unmatched[0]["source_id"], Value::Null);
    let one = format!("GET /v1/requests/{}", unmatched[0]["id"].as_str().expect("text"));
    assert_eq!(app.call(OPERATOR, &one, Value::Null).await.body["body"], "whose?");
    assert_eq!(app.call(&token, &one, Value::Null).await.status, 403);
}

#[tokio::test]
async fn a_flood_of_refused_requests_is_bounded_and_counted() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("own", &["read", "manage"]).await;
    let (tenant, id) = source(&app, &token).await;
    let flood = 20_000;
    for _ in 0..flood {
        app.engine.receptions().put(refused(&app, Some((tenant, id)), &"x".repeat(1_000)));
    }
    let unrecorded = wait::until("the flood is over", || async {
        let dropped = app.engine.receptions().dropped();
        let list = format!("GET /v1/sources/{id}/requests?limit=250");
        let kept = app.call(&token, &list, Value::Null).await.body["data"].as_array()?.len() as u64;
        (dropped + kept == flood && kept > 0).then_some(dropped)
    })
    .await;
    assert!(unrecorded > flood / 2, "{unrecorded}");
    assert!(
        app.engine.metrics().render().contains(&format!("stentor_requests_unrecorded_total {unrecorded}"))
    );
}

/// The next chunk of a stream as text.
async fn chunk(body: &mut Body) -> Option<String> {
    let frame = tokio::time::timeout(wait::DEADLINE, body.frame()).await.expect("a chunk comes")?;
    let data = frame.expect("infallible").into_data().expect("data");
    Some(String::from_utf8(data.to_vec()).expect("text"))
}

async fn open(app: &TestApp, token: &str, path: &str) -> Body {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    let response = app.surface().answer(request.body(Body::empty()).expect("legal")).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    let mut body = response.into_body();
    assert_eq!(chunk(&mut body).await.expect("a greeting"), "retry: 1000\n\n");
    body
}

#[tokio::test]
async fn a_request_appears_live_with_its_body() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("own", &["read", "manage"]).await;
    let (tenant, id) = source(&app, &token).await;
    let mut stream = open(&app, &token, &format!("/v1/sources/{id}/requests/stream")).await;
    let other = SourceId::from_bytes([9; 16]);
    app.engine.receptions().put(refused(&app, Some((tenant, other)), "not this one"));
    app.engine.receptions().put(refused(&app, Some((tenant, id)), "this one"));
    let text = chunk(&mut stream).await.expect("a request");
    assert!(text.contains("event: request.refused\n") && text.contains("this one"), "{text}");
    assert!(!text.contains("not this one"), "{text}");
}

#[tokio::test]
async fn a_slow_stream_gets_a_gap_and_goes_on() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("own", &["read"]).await;
    let tenant = app.tenant_of(&token).await;
    let mut stream = open(&app, &token, "/v1/events/stream?kinds=webhook.disabled").await;
    let tell = |count: u32| {
        let mut teller = app.engine.feed().teller().expect("somebody watches");
        for _ in 0..count {
            let webhook = WebhookId::from_bytes([1; 16]);
            let now = app.engine.clock().now();
            teller.tell(Some(tenant), now, || Fact::Disabled { webhook, reason: None });
        }
    };
    tell(5_000);
    let gap = chunk(&mut stream).await.expect("a gap");
    assert!(gap.starts_with("event: gap\ndata: {\"missed\":904,"), "{gap}");
    let items = chunk(&mut stream).await.expect("items");
    assert_eq!(items.matches("event: webhook.disabled\n").count(), 64);
    let id = items.lines().find_map(|line| line.strip_prefix("id: ")).expect("an id").to_owned();
    // Another who comes back while the channel is there goes on right after what it had.
    let request = Request::get("/v1/events/stream").header("authorization", format!("Bearer {token}"));
    let request = request.header("last-event-id", &id).body(Body::empty()).expect("legal");
    let mut again = app.surface().answer(request).await.into_body();
    chunk(&mut again).await.expect("a greeting");
    let next = chunk(&mut again).await.expect("items");
    assert_eq!(next.lines().next(), items.lines().filter(|line| line.starts_with("id: ")).nth(1));
    assert!(app.engine.metrics().render().contains("stentor_live_missed_total 904"));
}

#[tokio::test]
async fn streams_are_bounded_and_end_with_their_token() {
    let app = TestApp::start().await;
    let (id, token) = app.tenant("own", &["read"]).await;
    let manager = app.token(&id, &["manage"]).await;
    let mut streams = Vec::new();
    for _ in 0..100 {
        streams.push(open(&app, &token, "/v1/events/stream").await);
    }
    let refused = app.call(&token, "GET /v1/events/stream", Value::Null).await;
    assert_eq!((refused.status, refused.text_of("code").as_str()), (429, "too_many_streams"));
    streams.truncate(1);
    let mut others = open(&app, &app.token(&id, &["read"]).await, "/v1/events/stream").await;
    let authenticated =
        app.engine.authenticator().authenticate(&token).await.expect("answers").expect("known");
    let revoked = app.call(&manager, &format!("DELETE /v1/tokens/{}", authenticated.id), Value::Null).await;
    assert_eq!(revoked.status, 204);
    assert_eq!(chunk(&mut streams[0]).await, None, "a revoked token shows nothing more");
    app.engine.announce_stop();
    assert_eq!(chunk(&mut others).await, None, "and a stopping process ends all");
    assert_eq!(app.call(&manager, "GET /v1/events/stream", Value::Null).await.status, 403);
}
