//! The way of an event, and what people do to it.

use serde_json::json;
use stentor_testkit::api::text;
use stentor_testkit::postgres::Postgres;
use stentor_testkit::receiver::{Receiver, Reply};

use super::on;

#[tokio::test]
async fn events_are_retried_replayed_held_and_outlive_a_kill() {
    let (mut gateway, receiver) =
        (on(Postgres::durable().database()).dev(true).start().await, Receiver::start().await);
    let tenant = gateway.tenant("acme").await;
    receiver.script("/", [Reply::status(500)]);
    let policy = json!({"retry_policy": {"schedule": [0, 1], "jitter_percent": 0}});
    let webhook = text(&tenant.create_webhook(&receiver.url("/"), &policy).await, "id");
    let published = tenant.publish("order.created", &json!({"n": 1})).await;
    assert_eq!(published.deliveries, 1);
    receiver.next_request().await;
    gateway.restart().await;
    let delivered = tenant.wait_delivered(&published.id).await;
    assert_eq!(delivered.len(), 1);

    tenant.post(&format!("/v1/events/{}/replay", published.id), &json!({})).await;
    stentor_testkit::wait::until("the replay is delivered", || async {
        let all = tenant.event_deliveries(&published.id).await;
        (all.len() == 2 && all.iter().all(|delivery| delivery["state"] == "delivered")).then_some(())
    })
    .await;

    let path = format!("/v1/webhooks/{webhook}");
    tenant.patch(&path, &json!({"active": false})).await;
    let held = tenant.publish("order.created", &json!({"n": 2})).await;
    tenant.wait_state(&held.id, "held").await;
    gateway.restart().await;
    let before = receiver.count();
    tenant.patch(&path, &json!({"active": true})).await;
    tenant.wait_delivered(&held.id).await;
    assert_eq!(receiver.count(), before + 1);

    receiver.script("/", [Reply::status(500), Reply::status(500)]);
    let dead = tenant.publish("order.created", &json!({"n": 3})).await;
    let dead = text(&tenant.wait_state(&dead.id, "dead").await[0], "id");
    tenant.post(&format!("/v1/deliveries/{dead}/retry"), &json!({})).await;
    let retried = stentor_testkit::wait::until("the retry is delivered", || async {
        let delivery = tenant.delivery(&dead).await;
        (delivery["state"] == "delivered").then_some(delivery)
    })
    .await;
    let numbers: Vec<_> =
        retried["attempts"].as_array().unwrap().iter().map(|a| a["number"].clone()).collect();
    assert_eq!(numbers, [1, 2, 3]);
}
