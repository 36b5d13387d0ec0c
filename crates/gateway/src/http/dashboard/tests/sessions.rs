//! Who is signed in, how, and until when.

use serde_json::json;

use super::super::session;
use super::{FAR, NEAR, OWN, Reader, cookie, location, send};
use crate::http::test_app::{OPERATOR, TestApp};

#[tokio::test]
async fn who_is_not_signed_in_is_asked_to_and_comes_back() {
    let app = TestApp::start().await;
    let asked = send(&app, "GET /events?type=order.*", &[], "", NEAR).await;
    assert_eq!((asked.status, location(&asked)), (303, "/sign-in?next=%2Fevents%3Ftype%3Dorder.*"));
    let program = send(&app, "GET /events", &[("accept", "*/*")], "", NEAR).await;
    assert_eq!(
        (program.status, program.problem().0.as_str()),
        (404, "not_found"),
        "programs are told of the API"
    );
    let page = send(&app, &format!("GET {}", location(&asked)), &[], "", NEAR).await;
    assert!(page.status == 200 && page.text.contains("value=\"/events?type=order.*\""), "{page:?}");
    let (_, token) = app.tenant("acme", &["read"]).await;
    let body = format!("token={token}&next=/events?type=order.*");
    let opened = send(&app, "POST /sign-in", &[OWN], &body, NEAR).await;
    assert_eq!((opened.status, location(&opened)), (303, "/events?type=order.*"));
    let page = send(&app, "GET /events", &[("cookie", &cookie(&opened))], "", NEAR).await;
    assert!(
        page.status == 200 && page.text.contains("<h1>Events</h1>") && page.text.contains("acme"),
        "{page:?}"
    );
}

#[tokio::test]
async fn only_a_live_token_that_may_read_opens_a_session() {
    let app = TestApp::start().await;
    let (tenant, _) = app.tenant("acme", &["read"]).await;
    let publisher = app.token(&tenant, &["publish"]).await;
    for (token, status, code) in [("stk_wrong", 401, "The token is not valid"), (&publisher, 403, "scope")] {
        let answer = send(&app, "POST /sign-in", &[OWN], &format!("token={token}"), NEAR).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.text.contains(code) && !answer.headers.contains_key("set-cookie"), "{answer:?}");
        assert!(!answer.text.contains(token), "a token is never shown: {answer:?}");
    }
}

#[tokio::test]
async fn plain_http_from_elsewhere_signs_nobody_in() {
    let app = TestApp::start().await;
    let answer = send(&app, "POST /sign-in", &[OWN], &format!("token={OPERATOR}"), FAR).await;
    assert!(answer.status == 403 && answer.text.contains("plain http"), "{answer:?}");
}

#[tokio::test]
async fn guessing_gets_slow() {
    let app = TestApp::start().await;
    for _ in 0..11 {
        assert_eq!(send(&app, "POST /sign-in", &[OWN], "token=stk_wrong", NEAR).await.status, 401);
    }
    let answer = send(&app, "POST /sign-in", &[OWN], "token=stk_other", NEAR).await;
    assert_eq!(answer.status, 429, "{answer:?}");
}

#[tokio::test]
async fn a_session_ends_when_somebody_signs_out_and_with_its_token() {
    let app = TestApp::start().await;
    let (tenant, token) = app.tenant("acme", &["read", "manage"]).await;
    let (one, two) = (Reader::sign_in(&app, &token).await, Reader::sign_in(&app, &token).await);
    assert_ne!(one.cookie, two.cookie);
    let out = one.form("/events", "/sign-out", "").await;
    assert_eq!((out.status, location(&out)), (303, "/sign-in"));
    assert!(out.headers["set-cookie"].to_str().expect("text").contains("Max-Age=0"), "{out:?}");
    assert_eq!(one.get("/events").await.status, 303, "the cookie opens nothing any more");
    assert_eq!(two.get("/events").await.status, 200);
    let tokens = app.call(OPERATOR, &format!("GET /v1/tenants/{tenant}/tokens"), json!(null)).await;
    let id = tokens.body["data"][0]["id"].as_str().expect("an id").to_owned();
    app.call(OPERATOR, &format!("DELETE /v1/tenants/{tenant}/tokens/{id}"), json!(null)).await;
    assert_eq!(two.get("/events").await.status, 303, "revoked");
}

#[tokio::test]
async fn a_link_signs_in_once_and_only_when_its_button_is_pressed() {
    let app = TestApp::start().await;
    let operator = app.engine.authenticator().authenticate(OPERATOR).await.expect("read").expect("lives");
    let now = app.engine.clock().now();
    let link = session::beginning("the-code", now);
    app.engine.store().create_link(operator.id, link).await.expect("stored");
    app.tenant("default", &["read"]).await;
    for _ in 0..2 {
        let page = send(&app, "GET /sign-in?code=the-code", &[], "", NEAR).await;
        assert!(page.status == 200 && page.text.contains("Open the dashboard"), "{page:?}");
    }
    let opened = send(&app, "POST /sign-in", &[OWN], "code=the-code", NEAR).await;
    assert_eq!(opened.status, 303, "{opened:?}");
    let page = send(&app, "GET /", &[("cookie", &cookie(&opened))], "", NEAR).await;
    assert_eq!(page.status, 200, "{page:?}");
    let again = send(&app, "POST /sign-in", &[OWN], "code=the-code", NEAR).await;
    assert!(again.status == 401 && again.text.contains("used before"), "{again:?}");
}

#[tokio::test]
async fn a_portal_link_shows_one_tenant_and_ends() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &["read", "manage"]).await;
    let owner = Reader::sign_in(&app, &token).await;
    let page = owner.form("/tokens", "/tokens/link", "hours=1").await;
    let (_, rest) = page.text.split_once("/sign-in?code=").unwrap_or_else(|| panic!("no link in {page:?}"));
    let code = rest.split('<').next().expect("a code");
    let opened = send(&app, "POST /sign-in", &[OWN], &format!("code={code}"), NEAR).await;
    assert_eq!(opened.status, 303, "{opened:?}");
    let customer = Reader { app: &app, cookie: cookie(&opened) };
    assert!(customer.get("/webhooks").await.text.contains("acme"));
    assert_eq!(customer.get("/tokens").await.status, 403, "a link does not make links");
    let refused = customer.form("/webhooks", "/webhooks", "url=http://127.0.0.1:65000/&events=*").await;
    assert!(refused.text.contains("scope"), "{refused:?}");
    let listed = app.call(&token, "GET /v1/tokens", json!(null)).await;
    let made = listed.body["data"].as_array().expect("rows").iter().find(|row| row["name"] == "portal link");
    let made = made.unwrap_or_else(|| panic!("no token in {listed:?}"));
    assert!(made["expires_at"].is_string());
    let id = made["id"].as_str().expect("an id");
    owner.form("/tokens", "/tokens/revoke", &format!("token={id}")).await;
    assert_eq!(customer.get("/webhooks").await.status, 303);
}
