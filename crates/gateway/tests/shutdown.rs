//! SIGTERM under load ends in order, and a second one at once (reliability F17).
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::HashSet;
use std::os::unix::process::ExitStatusExt;

use serde_json::json;
use stentor_testkit::api::Api;
use stentor_testkit::gateway::Gateway;
use stentor_testkit::hostile::{End, Hostile};
use stentor_testkit::ledger::SenderLine;
use stentor_testkit::load::{Ledgers, Load, LoadOptions};
use stentor_testkit::receiver::{Receiver, Reply};
use stentor_testkit::wait;
use tokio::net::TcpStream;

const SLOW_CLIENTS: usize = 20;
const HELD: usize = 5;

async fn start() -> Gateway {
    Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await
}

/// Waits until the signal has been taken: nothing more is accepted.
async fn stopping(gateway: &Gateway) {
    wait::until("no connection is accepted", || async {
        TcpStream::connect(gateway.address()).await.is_err().then_some(())
    })
    .await;
}

/// A publish whose head is with the gateway's handler, which asks for the body (RFC 9110 section 10.1.1).
struct Accepted {
    client: Hostile,
    body: String,
}

impl Accepted {
    async fn begin(gateway: &Gateway, tenant: &Api, number: usize) -> Self {
        let (address, token) = (gateway.address(), tenant.token().unwrap());
        let body = json!({"type": "slow.client", "data": {"n": number}}).to_string();
        let length = body.len();
        let mut client = Hostile::connect(address).await;
        client
            .send(format!(
                "POST /v1/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
                 content-type: application/json\r\ncontent-length: {length}\r\nexpect: 100-continue\r\n\r\n"
            ))
            .await;
        assert_eq!(client.status().await, Some(100));
        Self { client, body }
    }

    /// Sends the body; the whole answer.
    async fn finish(mut self) -> String {
        self.client.send(self.body).await;
        let (answer, end) = self.client.end().await;
        assert_eq!(end, End::Closed, "an accepted request is not reset");
        String::from_utf8(answer).unwrap()
    }
}

/// Attempts that the receiver holds until it is told to answer.
async fn hold(tenant: &Api, receiver: &Receiver) -> Vec<String> {
    receiver.always("/held", Reply::status(200).held());
    tenant.create_webhook(&receiver.url("/held"), &json!({"events": ["held.*"]})).await;
    let mut held = Vec::new();
    // One at a time until the lane has proven itself; each success lets it go twice as wide.
    for warm in 1..=HELD {
        let published = tenant.publish("held.before", &json!({"warm": warm})).await;
        receiver.release(1);
        tenant.wait_delivered(&published.id).await;
    }
    for number in 0..HELD {
        held.push(tenant.publish("held.at_the_stop", &json!({"n": number})).await.id);
    }
    wait::until("the attempts are in flight", || async {
        (receiver.requests_to("/held").len() == 2 * HELD).then_some(())
    })
    .await;
    held
}

#[tokio::test]
async fn a_stop_under_load_ends_in_order_and_loses_and_repeats_nothing() {
    let mut gateway = start().await;
    let (ledgers, receiver) = Ledgers::start().await;
    let tenant = gateway.tenant("stops").await;
    let held_receiver = Receiver::start().await;
    let held = hold(&tenant, &held_receiver).await;
    let slow_receiver = Receiver::start().await;
    tenant.create_webhook(&slow_receiver.url("/"), &json!({"events": ["slow.*"]})).await;
    tenant.create_webhook(&receiver.url("/a"), &json!({"events": ["load.*"]})).await;
    tenant.create_webhook(&receiver.url("/b"), &json!({"events": ["load.*"], "ordered": true})).await;

    let mut accepted = Vec::new();
    for number in 0..SLOW_CLIENTS {
        accepted.push(Accepted::begin(&gateway, &tenant, number).await);
    }
    let mut readiness = Hostile::connect(gateway.address()).await;
    readiness.send("GET /readyz HTTP/1.1\r\n").await;
    let options = LoadOptions { connections: 8, event_type: "load.sent", padding_bytes: 0 };
    let load = Load::start(&tenant, &ledgers.sender, options);
    load.acked(200).await;
    gateway.terminate();
    stopping(&gateway).await;

    readiness.send("host: x\r\n\r\n").await;
    assert_eq!(readiness.status().await, Some(503), "/readyz is red");
    let acked = load.end().await;
    let mut answers = Vec::new();
    for request in accepted {
        answers.push(request.finish().await);
    }
    assert!(answers.iter().all(|answer| answer.starts_with("HTTP/1.1 202 ")), "{answers:?}");
    held_receiver.release(HELD);
    let status = gateway.wait().await;
    assert_eq!(status.code(), Some(0), "signal {:?}", status.signal());

    gateway.restart().await;
    for event in &held {
        let delivery = &tenant.event_deliveries(event).await[0];
        assert_eq!((&delivery["state"], &delivery["attempt_count"]), (&json!("delivered"), &json!(1)));
    }
    wait::until("nothing is pending", || async {
        tenant.deliveries("status=pending").await.is_empty().then_some(())
    })
    .await;
    assert_eq!((held_receiver.count(), slow_receiver.count()), (2 * HELD, SLOW_CLIENTS));
    ledgers.judge(&["/a"], false, 0).assert_holds();
    ledgers.judge(&["/b"], true, 0).assert_holds();
    assert!(acked.len() >= 200);
    unanswered_were_not_stored(&ledgers, &receiver);
}

/// Who got no answer had not been accepted: nothing of it was stored.
fn unanswered_were_not_stored(ledgers: &Ledgers, receiver: &Receiver) {
    let lines = ledgers.sent();
    let unknown: HashSet<u64> = lines
        .iter()
        .filter_map(|line| if let SenderLine::Unknown { sequence } = line { Some(*sequence) } else { None })
        .collect();
    let arrived: HashSet<u64> = receiver
        .requests()
        .iter()
        .map(|request| request.json()["data"]["sequence"].as_u64().unwrap())
        .collect();
    let stored: Vec<&u64> = unknown.intersection(&arrived).collect();
    assert!(stored.is_empty(), "stored, but the sender was not answered: {stored:?}");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once_and_what_hung_is_delivered_later() {
    let mut gateway = start().await;
    let receiver = Receiver::start().await;
    receiver.default_reply(Reply::hang());
    let tenant = gateway.tenant("stops").await;
    tenant.create_webhook(&receiver.url("/"), &json!({"timeout": 120})).await;
    let published = tenant.publish("hung.once", &json!({})).await;
    receiver.wait_for(1).await;
    gateway.terminate();
    stopping(&gateway).await;
    // It would wait for the receiver for 30 s; the process is still there to be asked again.
    gateway.terminate();
    assert_eq!(gateway.wait().await.code(), Some(1));
    assert!(!gateway.log().contains("stopped in order"), "it waited for the receiver");

    receiver.default_reply(Reply::status(200));
    gateway.restart().await;
    tenant.wait_delivered(&published.id).await;
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2, "one before the stop, one after");
    assert!(requests.iter().all(|request| request.header("webhook-id") == Some(&published.id)));
}

#[tokio::test]
async fn between_the_red_readyz_and_the_stop_requests_are_still_taken() {
    let mut gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor"))
        .argument("--shutdown-delay-seconds")
        .argument("5")
        .start()
        .await;
    let receiver = Receiver::start().await;
    let tenant = gateway.tenant("stops").await;
    tenant.create_webhook(&receiver.url("/"), &json!({})).await;
    gateway.terminate();
    wait::until("/readyz is red", || async {
        tenant.get("/readyz").await.ok().filter(|answer| answer.status() == 503).map(|_| ())
    })
    .await;
    let published = tenant.publish("late.comer", &json!({})).await;
    tenant.wait_delivered(&published.id).await;
    assert_eq!(gateway.wait().await.code(), Some(0));
}
