use std::collections::HashSet;

use http_body_util::BodyExt;
use stentor_core::destination_url::UrlRefusal;
use stentor_engine::webhooks::WebhookError;
use stentor_store::StoreError;

use super::*;

async fn json(problem: Problem) -> (StatusCode, http::HeaderMap, serde_json::Value) {
    let (parts, body) = problem.into_response().into_parts();
    let bytes = body.collect().await.expect("a buffered body").to_bytes();
    (parts.status, parts.headers, serde_json::from_slice(&bytes).expect("JSON"))
}

#[test]
fn the_page_is_written_from_the_table() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
    if std::env::var_os("STENTOR_UPDATE_DOCS").is_some() {
        std::fs::write(file, Code::markdown()).expect("docs/errors.md is writable");
    }
    let page = std::fs::read_to_string(file).expect("docs/errors.md exists");
    assert!(
        page == Code::markdown(),
        "docs/errors.md differs from the table; run this test with STENTOR_UPDATE_DOCS=1"
    );
}

#[test]
fn words_are_unique_anchors_of_the_page() {
    let words: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(words.len(), Code::ALL.len());
    let page = Code::markdown();
    for word in words {
        assert!(word.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{word}");
        assert!(page.contains(&format!("\n## {word}\n")), "{word}");
    }
}

#[tokio::test]
async fn the_body_is_that_of_rfc_9457() {
    let problem = Problem::from(WebhookError::Url(UrlRefusal::Scheme));
    let (status, headers, body) = json(problem).await;
    assert_eq!(status, 422);
    assert_eq!(headers[CONTENT_TYPE], "application/problem+json");
    assert_eq!(
        body,
        serde_json::json!({
            "type": "/docs/errors#invalid_body",
            "title": "The body breaks a rule",
            "status": 422,
            "code": "invalid_body",
            "detail": "/url: the URL must start with https://",
            "errors": [{"pointer": "/url", "detail": "the URL must start with https://", "code": "url_scheme"}],
        })
    );
}

#[tokio::test]
async fn what_failed_inside_stays_inside() {
    let cause = "disk I/O error in /var/lib/secret";
    for error in [StoreError::Unexpected(cause.into()), StoreError::Unavailable(cause.into())] {
        let (status, headers, body) = json(error.into()).await;
        assert!(!body.to_string().contains("secret"), "{body}");
        assert!(body["error_id"].as_str().is_some_and(|id| id.starts_with("err_")));
        assert_eq!(headers.contains_key(RETRY_AFTER), status == 503);
    }
}

#[tokio::test]
async fn a_challenge_comes_with_401_and_a_wait_is_rounded_up() {
    let (status, headers, _) = json(Problem::new(Code::InvalidToken, "x")).await;
    assert_eq!(status, 401);
    assert_eq!(headers[WWW_AUTHENTICATE], "Bearer realm=\"stentor\", error=\"invalid_token\"");
    let busy = Problem::new(Code::TenantBusy, "x").with_retry_after(Duration::from_millis(1_001)).closing();
    let (_, headers, _) = json(busy).await;
    assert_eq!(
        (&headers[RETRY_AFTER], &headers[CONNECTION]),
        (&HeaderValue::from(2), &HeaderValue::from_static("close"))
    );
}
