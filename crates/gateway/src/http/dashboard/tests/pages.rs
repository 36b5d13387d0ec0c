//! Pages as a whole.

use super::{NEAR, Reader, send};
use crate::http::test_app::{OPERATOR, TestApp};

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
    let page = send(&app, "GET /sign-out", &[("accept", "text/html,*/*")], "", NEAR).await;
    assert!(page.status == 405 && page.text.contains("method_not_allowed"), "{page:?}");
    assert!(page.headers.contains_key("allow"), "{page:?}");
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
