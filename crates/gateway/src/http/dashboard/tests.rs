//! Sessions, forms and pages over the whole surface. What browsers make of them is tested in `tests/browser`.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{HeaderName, Request};
use serde_json::json;

use crate::http::test_app::{Answer, OPERATOR, TestApp};

const NEAR: &str = "127.0.0.1:1";
const FAR: &str = "203.0.113.7:1";
const OWN: (&str, &str) = ("sec-fetch-site", "same-origin");

async fn send(app: &TestApp, call: &str, headers: &[(&str, &str)], body: &str, from: &str) -> Answer {
    let (method, path) = call.split_once(' ').expect("a method and a path");
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(HeaderName::from_bytes(name.as_bytes()).expect("a name"), *value);
    }
    let peer: SocketAddr = from.parse().expect("an address");
    request = request.extension(ConnectInfo(peer));
    app.send(request.body(Body::from(body.to_owned())).expect("a legal request")).await
}

/// Somebody with a browser on this machine.
struct Reader<'a> {
    app: &'a TestApp,
    cookie: String,
}

impl<'a> Reader<'a> {
    async fn sign_in(app: &'a TestApp, token: &str) -> Self {
        let answer = send(app, "POST /sign-in", &[OWN], &format!("token={token}"), NEAR).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        Self { app, cookie: cookie(&answer) }
    }

    async fn get(&self, path: &str) -> Answer {
        send(self.app, &format!("GET {path}"), &[("cookie", &self.cookie)], "", NEAR).await
    }

    /// Sends a form of the page at `page`, with what is hidden in it.
    async fn form(&self, page: &str, path: &str, fields: &str) -> Answer {
        let csrf = csrf(&self.get(page).await);
        let headers = [("cookie", self.cookie.as_str()), OWN];
        send(self.app, &format!("POST {path}"), &headers, &format!("csrf={csrf}&{fields}"), NEAR).await
    }
}

fn cookie(answer: &Answer) -> String {
    let set = answer.headers["set-cookie"].to_str().expect("text");
    set.split(';').next().expect("a pair").to_owned()
}

fn csrf(page: &Answer) -> String {
    let (_, rest) =
        page.text.split_once("name=\"csrf\" value=\"").unwrap_or_else(|| panic!("no form in {page:?}"));
    rest.split('"').next().expect("a value").to_owned()
}

fn location(answer: &Answer) -> &str {
    answer.headers["location"].to_str().expect("text")
}

#[tokio::test]
async fn who_is_not_signed_in_is_asked_to_and_comes_back() {
    let app = TestApp::start().await;
    let asked = send(&app, "GET /events?type=order.*", &[], "", NEAR).await;
    assert_eq!((asked.status, location(&asked)), (303, "/sign-in?next=%2Fevents%3Ftype%3Dorder.*"));
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
    let link = super::session::beginning("the-code", now);
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
async fn forms_are_taken_from_pages_of_this_session_only() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &["read", "manage"]).await;
    let (own, other) = (Reader::sign_in(&app, &token).await, Reader::sign_in(&app, &token).await);
    let csrf = csrf(&own.get("/webhooks/new").await);
    let form = format!("csrf={csrf}&url=http://127.0.0.1:65000/&events=*");
    let post = async |cookie: &str, site: (&str, &str), body: &str| {
        send(&app, "POST /webhooks", &[("cookie", cookie), site], body, NEAR).await
    };
    for (cookie, site, body) in [
        (&own.cookie, ("sec-fetch-site", "cross-site"), form.as_str()),
        (&own.cookie, ("sec-fetch-site", "same-site"), &form),
        (&own.cookie, ("origin", "https://evil.example"), &form),
        (&own.cookie, ("accept", "*/*"), &form),
        (&own.cookie, OWN, "url=http://127.0.0.1:65000/&events=*"),
        (&own.cookie, OWN, "csrf=wrong&url=http://127.0.0.1:65000/&events=*"),
        (&other.cookie, OWN, &form),
    ] {
        let answer = post(cookie, site, body).await;
        assert!(answer.status == 403 && answer.text.contains("foreign_form"), "{site:?} {body}: {answer:?}");
    }
    let listed = app.call(&token, "GET /v1/webhooks", json!(null)).await;
    assert_eq!(listed.body["data"], json!([]), "nothing was made");
    let answer = post(&own.cookie, OWN, &form).await;
    assert!(answer.status == 200 && answer.text.contains("shown this once"), "{answer:?}");
}

#[tokio::test]
async fn what_a_token_may_not_do_its_session_may_not_either() {
    let app = TestApp::start().await;
    let (tenant, manager) = app.tenant("acme", &["read", "manage"]).await;
    let reader = app.token(&tenant, &["read"]).await;
    let made = app
        .call(&manager, "POST /v1/webhooks", json!({ "url": "http://127.0.0.1:65000/", "events": ["*"] }))
        .await;
    let path = format!("/webhooks/{}", made.text_of("id"));
    let reader = Reader::sign_in(&app, &reader).await;
    let page = reader.get(&path).await;
    assert!(page.status == 200 && !page.text.contains("Pause"), "{page:?}");
    let refused = reader.form(&path, &format!("{path}/pause"), "").await;
    assert!(refused.status == 403 && refused.text.contains("insufficient_scope"), "{refused:?}");

    let (_, foreign) = app.tenant("other", &["read", "manage"]).await;
    let foreign = Reader::sign_in(&app, &foreign).await;
    let missing = foreign.get("/webhooks/wh_01h455vb4pex5vsknk084sn02q").await;
    let hidden = foreign.get(&path).await;
    assert_eq!((hidden.status, &hidden.text), (404, &missing.text), "as one that is not there");
    assert_eq!(foreign.form("/events", &format!("{path}/pause"), "").await.status, 404);
}

#[tokio::test]
async fn the_operator_chooses_the_tenant_that_pages_are_about() {
    let app = TestApp::start().await;
    let (_, _) = app.tenant("first", &["read"]).await;
    let (second, token) = app.tenant("second", &["manage"]).await;
    app.call(
        &token,
        "POST /v1/webhooks",
        json!({ "url": "http://127.0.0.1:65000/", "events": ["*"], "name": "theirs" }),
    )
    .await;
    app.tenant("third", &["read"]).await;
    let operator = Reader::sign_in(&app, OPERATOR).await;
    assert!(!operator.get("/webhooks").await.text.contains("theirs"));
    let chosen = operator.form("/webhooks", "/tenant", &format!("tenant={second}")).await;
    assert_eq!(chosen.status, 303, "{chosen:?}");
    let both = format!("{}; {}", operator.cookie, cookie(&chosen));
    let page = send(&app, "GET /webhooks", &[("cookie", &both)], "", NEAR).await;
    assert!(page.text.contains("theirs"), "{page:?}");
}

#[tokio::test]
async fn every_page_is_there_for_who_has_nothing_yet() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &["read", "manage"]).await;
    let shared = "/ /events /webhooks /webhooks/new /sources /sources/new /dead-letters /routes /event-types /conversations /settings /tokens";
    let (tenant, operator) = (Reader::sign_in(&app, &token).await, Reader::sign_in(&app, OPERATOR).await);
    for path in shared.split(' ') {
        for reader in [&tenant, &operator] {
            let page = reader.get(path).await;
            assert!(page.status == 200 && page.text.contains("</html>"), "{path}: {page:?}");
        }
    }
    assert_eq!(operator.get("/tenants").await.status, 200);
    assert_eq!(tenant.get("/tenants").await.status, 403);
    let rail = tenant.get("/").await;
    assert!(!rail.text.contains("href=\"/tenants\"") && rail.text.contains("href=\"/tokens\""), "{rail:?}");
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

#[tokio::test]
async fn pages_are_guarded_and_assets_are_kept() {
    let app = TestApp::start().await;
    let page = send(&app, "GET /sign-in", &[], "", NEAR).await;
    let policy = page.headers["content-security-policy"].to_str().expect("text");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.headers["cache-control"], "no-store");
    let (_, rest) = page.text.split_once("rel=\"stylesheet\" href=\"").expect("a style sheet");
    let path = rest.split('"').next().expect("a path");
    let style = send(&app, &format!("GET {path}"), &[], "", NEAR).await;
    assert_eq!(
        (style.status, style.headers["content-type"].to_str().expect("text")),
        (200, "text/css; charset=utf-8")
    );
    assert!(style.headers["cache-control"].to_str().expect("text").contains("immutable"));
    assert_eq!(send(&app, "GET /assets/style-0000000000000000.css", &[], "", NEAR).await.status, 404);
}

#[tokio::test]
async fn what_is_not_there_is_told_in_the_readers_form() {
    let app = TestApp::start().await;
    let page = send(&app, "GET /nowhere", &[("accept", "text/html,*/*")], "", NEAR).await;
    assert!(page.status == 404 && page.text.starts_with("<!doctype html>"), "{page:?}");
    let problem = send(&app, "GET /nowhere", &[("accept", "*/*")], "", NEAR).await;
    assert_eq!((problem.status, problem.problem().0.as_str()), (404, "not_found"));
}

#[test]
fn templates_never_trust_what_they_show() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("the templates") {
        let path = entry.expect("a template").path();
        let text = std::fs::read_to_string(&path).expect("text");
        seen += 1;
        assert!(!text.contains("|safe") && !text.contains("| safe"), "{}", path.display());
        for forbidden in ["<script>", " style=\"", "<style", " onclick", "javascript:", "http://", "//cdn"] {
            let text = text.replace("https://example.com/hooks", "");
            assert!(!text.contains(forbidden), "{forbidden} in {}", path.display());
        }
    }
    assert!(seen > 10);
}
