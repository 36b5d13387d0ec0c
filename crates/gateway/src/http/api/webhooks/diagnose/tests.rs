use serde_json::{Value, json};
use stentor_engine::diagnose::finding::{CheckName, Finding};

use crate::http::test_app::{Answer, TestApp};

async fn diagnose(app: &TestApp, token: &str, body: Value) -> Answer {
    app.call(token, "POST /v1/webhooks/diagnose", body).await
}

#[tokio::test]
async fn what_does_not_go_together_is_refused_with_its_place() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &["manage"]).await;
    let (id, url) = ("wh_01h455vb4pex5vsknk084sn02q", "https://example.com/");
    for (body, pointer) in [
        (json!({}), "/url"),
        (json!({"webhook_id": id, "url": url}), "/url"),
        (json!({"webhook_id": id, "secret": "a long secret"}), "/secret"),
        (json!({"webhook_id": id, "profile": "raw"}), "/profile"),
        (json!({"url": url, "secret": "a long secret"}), "/profile"),
        (json!({"url": url, "profile": "raw"}), "/secret"),
        (json!({"url": url, "profile": "raw", "secret": "short"}), "/secret"),
        (json!({"url": url, "profile": "standard", "secret": "whsec_???"}), "/secret"),
        (json!({"url": "example.com"}), "/url"),
        (json!({"url": "https://user:pass@example.com/"}), "/url"),
        (json!({"url": url, "profile": "odd"}), "/profile"),
    ] {
        let answer = diagnose(&app, &token, body.clone()).await;
        assert_eq!(answer.problem(), ("invalid_body".into(), vec![pointer.into()]), "{body}");
        assert_eq!(answer.status, 422, "{body}");
    }
    let unknown = diagnose(&app, &token, json!({"webhook_id": id})).await;
    assert_eq!((unknown.status, unknown.problem().0.as_str()), (404, "not_found"));
}

/// One shape, whatever is refused and wherever it would lead: nothing is dialled, so nothing differs but the reason that an
/// attempt would tell too.
#[tokio::test]
async fn refused_addresses_all_answer_alike() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &["manage"]).await;
    let mut shapes = Vec::new();
    for url in [
        "http://10.0.0.1/",
        "http://10.255.255.1:6379/",
        "http://169.254.169.254/latest",
        "https://[fd00::1]/",
    ] {
        let answer = diagnose(&app, &token, json!({"url": url})).await;
        assert_eq!((answer.status, &answer.body["verdict"]), (200, &json!("failed")), "{url}");
        let checks = answer.body["checks"].as_array().expect("checks").clone();
        shapes.push(
            checks.iter().map(|check| (check["check"].clone(), check["code"].clone())).collect::<Vec<_>>(),
        );
        assert!(checks.iter().all(|check| check["duration_ms"].is_null()), "{url}: nothing took time");
    }
    assert!(shapes.iter().all(|shape| *shape == shapes[0]), "{shapes:?}");
    assert_eq!(shapes[0][0], (json!("url"), json!("url_refused")));
    assert!(shapes[0][1..].iter().all(|(_, code)| code == "not_tried"), "{shapes:?}");
}

/// `docs/diagnose.md` has a row for each finding with its advice, and names each check.
#[test]
fn every_finding_is_documented() {
    let page = include_str!("../../../../../../../docs/diagnose.md");
    for finding in Finding::ALL {
        let advice = finding.advice().unwrap_or("–");
        let row = format!("| `{}` | {} | {advice} |", finding.code(), finding.status().as_str());
        assert!(page.contains(&row), "missing: {row}");
    }
    for check in CheckName::ALL {
        assert!(page.contains(&format!("`{}`", check.as_str())), "{check:?}");
    }
}
