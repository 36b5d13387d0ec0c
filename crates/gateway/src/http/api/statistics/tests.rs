use serde_json::{Value, json};
use stentor_core::attempt::{Attempt, AttemptOutcome, Phase};
use stentor_core::delivery::{DeadReason, FinalState};
use stentor_core::id::DeliveryId;

use super::*;
use crate::http::test_app::TestApp;

const START: Time = Time::from_seconds(1_700_000_000);

fn sums(outcomes: &[(AttemptOutcome, Option<FinalState>)]) -> Rollup {
    let mut sums = Rollup::default();
    for (number, (outcome, end)) in (1..).zip(outcomes) {
        sums.attempt(&Attempt {
            delivery: DeliveryId::new(START, 8),
            number,
            started_at: START.plus(Duration::from_millis(2)),
            duration: Duration::from_millis(100),
            outcome: *outcome,
            response: None,
        });
        if let Some(state) = end {
            sums.finished(*state, START.plus(Duration::from_secs(1)));
        }
    }
    sums
}

#[test]
fn health_has_the_seeds_shape_and_more() {
    let delivered = (AttemptOutcome::Delivered { status: 200 }, Some(FinalState::Delivered));
    let timeout = (AttemptOutcome::Timeout { phase: Phase::Response }, None);
    let dead = Some(FinalState::Dead(DeadReason::Exhausted));
    let refused = (AttemptOutcome::Refused { status: 500, retry_after: None }, dead);
    let pieces = vec![(START, sums(&[timeout, delivered])), (START, sums(&[refused, delivered]))];
    let series = Series { since: START, until: START, pieces };
    let shown = serde_json::to_value(HealthView::new(WindowWord::Hour, &series, Some(START))).expect("JSON");
    assert_eq!(shown["status"], "degraded");
    assert!(shown["success_rate"].as_f64().is_some_and(|rate| (rate - 66.666).abs() < 0.01), "{shown}");
    assert_eq!((&shown["total_deliveries"], &shown["successful_deliveries"]), (&json!(3), &json!(2)));
    assert_eq!((&shown["failed_deliveries"], &shown["average_response_time"]), (&json!(1), &json!(0.1)));
    assert_eq!(shown["last_delivery"], "2023-11-14T22:13:21.000Z");
    assert_eq!((&shown["attempts"], &shown["retries"]), (&json!(4), &json!(2)));
    let errors = json!({"refused": 1, "timeout": 1, "network": 0, "blocked": 0, "unsendable": 0});
    assert_eq!((&shown["errors"], &shown["window"]), (&errors, &json!("1h")));
    let p50 = shown["response_time"]["p50"].as_f64().expect("a number");
    assert!((p50 / 0.1 - 1.0).abs() < 0.07 && shown["queue_delay"]["p99"].is_number(), "{shown}");
    assert_eq!(shown["failing_since"], START.to_string());
}

#[tokio::test]
async fn without_data_there_is_only_the_status() {
    let app = TestApp::start().await;
    let (_, token) = app.tenant("acme", &["manage", "read"]).await;
    let webhook = json!({"url": "https://example.com/", "events": ["*"]});
    let id = app.call(&token, "POST /v1/webhooks", webhook).await.text_of("id");
    for window in ["", "?window=1h", "?window=24h", "?window=7d"] {
        let answer = app.call(&token, &format!("GET /v1/webhooks/{id}/health{window}"), Value::Null).await;
        assert_eq!((answer.status, answer.body), (200, json!({"status": "no_data"})), "{window}");
    }
    for (query, interval) in [
        ("", "hour"),
        ("?window=1h", "minute"),
        ("?window=24h&interval=minute", "minute"),
        ("?window=7d", "hour"),
    ] {
        for path in [format!("webhooks/{id}/statistics"), "statistics".to_owned()] {
            let answer = app.call(&token, &format!("GET /v1/{path}{query}"), Value::Null).await;
            assert_eq!((answer.status, &answer.body["data"]), (200, &json!([])), "{path}{query}");
            assert_eq!(
                (&answer.body["interval"], &answer.body["total"]["attempts"]),
                (&json!(interval), &json!(0))
            );
        }
    }
    for refused in ["?window=2h", "?window=7d&interval=minute", "?interval=second", "?since=now"] {
        let answer = app.call(&token, &format!("GET /v1/statistics{refused}"), Value::Null).await;
        assert_eq!((answer.status, answer.problem().0.as_str()), (400, "invalid_query"), "{refused}");
    }
}
