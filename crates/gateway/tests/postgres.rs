//! The gateway on PostgreSQL: the way of an event through it, and through a `kill -9`.

use serde_json::json;
use stentor_testkit::gateway::Gateway;
use stentor_testkit::postgres::Postgres;
use stentor_testkit::receiver::{Receiver, Reply};

const MASTER_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

#[tokio::test]
async fn events_arrive_and_outlive_a_kill() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor"))
        .database(Postgres::shared().database())
        .environment("STENTOR_MASTER_KEY", MASTER_KEY);
    let (mut gateway, receiver) = (gateway.start().await, Receiver::start().await);
    let tenant = gateway.tenant("acme").await;
    receiver.script("/", [Reply::status(500)]);
    let policy = json!({"retry_policy": {"schedule": [0, 1]}});
    tenant.create_webhook(&receiver.url("/"), &policy).await;
    let published = tenant.publish("order.created", &json!({"n": 1})).await;
    assert_eq!(published.deliveries, 1);
    receiver.next_request().await;
    gateway.restart().await;
    let delivered = tenant.wait_delivered(&published.id).await;
    assert_eq!(delivered.len(), 1);
    let second = tenant.publish("order.created", &json!({"n": 2})).await;
    tenant.wait_delivered(&second.id).await;
    let requests = receiver.requests();
    assert!(requests.len() >= 3, "{} requests", requests.len());
}
