//! Forms, and what their readers may.

use serde_json::json;

use super::{NEAR, OWN, Reader, cookie, csrf, send};
use crate::http::test_app::{OPERATOR, TestApp};

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
