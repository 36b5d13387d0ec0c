//! Batches through the real binary (engine rule E23): what failed together is sent again as it was, over `kill -9` too, and
//! windows of seconds lose nothing and send nothing twice.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::HashMap;

use axum::http::Method;
use serde_json::{Value, json};
use stentor_testkit::api::Api;
use stentor_testkit::gateway::Gateway;
use stentor_testkit::receiver::{Received, Receiver, Reply};
use stentor_testkit::wait;

const PATH: &str = "/batches";

async fn start(batch: &Value, more: &Value) -> (Gateway, Api, Receiver) {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    let tenant = gateway.tenant("batches").await;
    let mut settings =
        json!({"batch": batch, "retry_policy": {"schedule": [0, 1, 1, 1, 1], "jitter_percent": 0}});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    tenant.create_webhook(&receiver.url(PATH), &settings).await;
    (gateway, tenant, receiver)
}

async fn publish(tenant: &Api, event_type: &str, n: usize) -> String {
    tenant.publish(event_type, &json!({ "n": n })).await.id
}

fn events(request: &Received) -> Vec<String> {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let id = |event: &Value| event["id"].as_str().unwrap().to_owned();
    body["events"].as_array().unwrap().iter().map(id).collect()
}

fn id(request: &Received) -> String {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let id = body["batch_id"].as_str().unwrap().to_owned();
    assert_eq!(request.header("webhook-id"), Some(id.as_str()));
    id
}

/// Until the gateway has recorded that many attempts of every delivery.
async fn recorded(tenant: &Api, attempts: u64, state: &str) {
    wait::until("the attempts are recorded", || async {
        let rows = tenant.deliveries("").await;
        let is_done = |row: &Value| row["attempt_count"] == attempts && row["state"] == state;
        (!rows.is_empty() && rows.iter().all(is_done)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e23_a_batch_that_fails_is_sent_again_as_it_was_whatever_is_killed_between() {
    for ordered in [false, true] {
        let batch = json!({"size": 3, "timeout": 60});
        let (mut gateway, tenant, receiver) = start(&batch, &json!({"ordered": ordered})).await;
        receiver.script(PATH, [Reply::status(500), Reply::status(500)]);
        let mut published = Vec::new();
        for n in 0..3 {
            published.push(publish(&tenant, "a", n).await);
        }
        for attempt in 1..=3 {
            receiver.wait_for(attempt).await;
            if attempt < 3 {
                recorded(&tenant, attempt as u64, "pending").await;
                gateway.kill9().await;
                gateway.restart().await;
            }
        }
        recorded(&tenant, 3, "delivered").await;
        let requests = receiver.requests();
        assert_eq!(requests.len(), 3);
        assert_eq!(events(&requests[0]), published);
        for again in &requests[1..] {
            assert_eq!((id(again), &again.body), (id(&requests[0]), &requests[0].body));
        }
    }
}

/// How often each event came in a batch that was answered with a success.
fn taken(receiver: &Receiver) -> HashMap<String, usize> {
    let mut taken = HashMap::new();
    for request in receiver.requests() {
        for event in events(&request) {
            *taken.entry(event).or_insert(0) += 1;
        }
    }
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_of_seconds_lose_nothing_over_a_restart_and_a_kill() {
    let (mut gateway, tenant, receiver) = start(&json!({"size": 10, "timeout": 2}), &json!({})).await;
    let mut published = Vec::new();
    for life in 0..4 {
        // Two types; the last ones wait for their window when the process ends.
        for n in 0..25 {
            published.push(publish(&tenant, if n % 2 == 0 { "a" } else { "b" }, life * 100 + n).await);
        }
        if life % 2 == 0 {
            gateway.terminate();
            assert!(gateway.wait().await.success(), "a stop does not wait for windows");
        } else {
            // Nothing is on the wire: what comes twice would have come twice without a crash.
            wait::until("nothing is in flight", || async {
                (gateway.metric("stentor_in_flight").await? == 0.0 && receiver.in_flight() == 0).then_some(())
            })
            .await;
            gateway.kill9().await;
        }
        gateway.restart().await;
    }
    wait::until("every event has come", || async {
        (taken(&receiver).len() == published.len()).then_some(())
    })
    .await;
    recorded(&tenant, 1, "delivered").await;
    let taken = taken(&receiver);
    assert!(published.iter().all(|event| taken.contains_key(event)));
    assert!(taken.values().all(|times| *times == 1), "none in two batches");
    let sizes: Vec<_> = receiver.requests().iter().map(|request| events(request).len()).collect();
    assert!(sizes.iter().all(|size| *size <= 10) && sizes.contains(&10), "{sizes:?}");
    // In each life a full batch and a rest of each type; a rest goes by its window and not by the end of the process.
    assert!(sizes.len() <= 4 * 2 * 2, "{sizes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_attempted_together_cannot_be_cancelled_alone() {
    let (_gateway, tenant, receiver) =
        start(&json!({"size": 2, "timeout": 60}), &json!({"retry_policy": {"schedule": [0, 3600]}})).await;
    receiver.always(PATH, Reply::status(500));
    for n in 0..2 {
        publish(&tenant, "a", n).await;
    }
    recorded(&tenant, 1, "pending").await;
    let row = tenant.deliveries("").await.remove(0);
    assert!(row["batch_id"].as_str().unwrap().starts_with("bat_"), "{row}");
    let path = format!("/v1/deliveries/{}", row["id"].as_str().unwrap());
    let refused = tenant.request(Method::POST, &format!("{path}/cancel"), &[], "").await.unwrap();
    assert_eq!((refused.status(), refused.problem_code()), (409, "in_batch".to_owned()));
    receiver.always(PATH, Reply::status(200));
    tenant.post(&format!("{path}/retry"), &json!({})).await;
    recorded(&tenant, 2, "delivered").await;
    let requests = receiver.requests();
    assert_eq!((requests.len(), id(&requests[0])), (2, id(&requests[1])));
    let delivered = tenant.read(&path).await;
    assert_eq!(delivered["batch_id"], id(&requests[0]), "{delivered}");
    for attempt in delivered["attempts"].as_array().unwrap() {
        assert_eq!(attempt["batch_id"], id(&requests[0]), "{delivered}");
    }
}
