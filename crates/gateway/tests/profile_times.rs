//! Attempt times of the profiles as a receiver sees them, on the real clock. The whole tables are checked on a clock that
//! can be moved, in the engine's tests.

use std::time::Duration;

use serde_json::json;
use stentor_testkit::gateway::Gateway;
use stentor_testkit::receiver::{Receiver, Reply};

/// How much later than planned an attempt may start.
const LATE: Duration = Duration::from_millis(1_500);

async fn waits(receiver: &Receiver, count: usize) -> Vec<Duration> {
    let requests = receiver.wait_for(count).await;
    requests.windows(2).map(|pair| pair[1].arrived - pair[0].arrived).collect()
}

#[tokio::test]
async fn a_conversation_is_tried_again_after_4_8_and_10_seconds() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    receiver.default_reply(Reply::status(500));
    let api = gateway.tenant("acme").await;
    api.create_webhook(&receiver.url("/in"), &json!({"profile": "conversation"})).await;
    let event = api.publish("message.created", &json!({"n": 1})).await.id;
    let waited = waits(&receiver, 4).await;
    for (waited, planned) in waited.iter().zip([4, 8, 10].map(Duration::from_secs)) {
        assert!((planned..planned + LATE).contains(waited), "{waited:?} is not {planned:?}");
    }
    let delivery = api.wait_state(&event, "dead").await.remove(0);
    assert_eq!((&delivery["reason"], &delivery["attempt_count"]), (&json!("exhausted"), &json!(4)));
    let bodies: Vec<_> = receiver.requests().iter().map(|request| request.body.clone()).collect();
    assert!(bodies.iter().all(|body| *body == bodies[0]), "the same bytes on every attempt");
}

#[tokio::test]
async fn broxi_waits_as_a_429_asks_and_gives_up_at_a_400() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    receiver.script("/in", [Reply::retry_after(429, 7), Reply::status(400)]);
    let api = gateway.tenant("acme").await;
    let webhook = json!({"webhook_config": {"url": receiver.url("/in"), "events": ["*"], "secret": "a secret of ours"}});
    api.post("/v1/webhooks", &webhook).await;
    let event = api.publish("workflow.completed", &json!({"n": 2.0})).await.id;
    let waited = waits(&receiver, 2).await[0];
    assert!((Duration::from_secs(7)..Duration::from_secs(7) + LATE).contains(&waited), "{waited:?}");
    let delivery = api.wait_state(&event, "dead").await.remove(0);
    assert_eq!((&delivery["reason"], &delivery["attempt_count"]), (&json!("not_retried"), &json!(2)));
    let requests = receiver.requests();
    assert_eq!(requests[0].body, requests[1].body);
    let signature = |n: usize| requests[n].expect_header("x-broxi-signature").to_owned();
    assert_eq!(signature(0), signature(1), "it covers the body alone");
    assert_ne!(
        requests[0].expect_header("x-broxi-timestamp"),
        requests[1].expect_header("x-broxi-timestamp")
    );
    let own = requests[0].json();
    assert_eq!(own["delivery_id"], requests[1].json()["delivery_id"]);
    assert!(requests[0].expect_header("webhook-signature").starts_with("v1,"), "the standard one beside it");
}

#[tokio::test]
async fn after_the_fifth_failure_a_resource_webhook_is_disabled_and_says_so() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    receiver.default_reply(Reply::status(500));
    let api = gateway.tenant("acme").await;
    // The table of the profile, faster.
    let faster = json!({"profile": "resource", "retry_policy": {"schedule": [0, 0, 0, 0, 0]}});
    let webhook = api.create_webhook(&receiver.url("/in"), &faster).await;
    let event = api.publish("resource.created", &json!({"id": "res_1"})).await.id;
    let delivery = api.wait_state(&event, "dead").await.remove(0);
    assert_eq!((&delivery["attempt_count"], receiver.count()), (&json!(5), 5));
    let path = format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap());
    let read = api.read(&path).await;
    assert_eq!(
        (&read["status"], &read["active"], &read["disabled_reason"]),
        (&json!("disabled"), &json!(false), &json!("failed_attempts"))
    );
    let held = api.publish("resource.created", &json!({"id": "res_2"})).await.id;
    api.wait_state(&held, "held").await;
    receiver.default_reply(Reply::status(200));
    api.patch(&path, &json!({"active": true})).await;
    api.wait_delivered(&held).await;
}
