//! Clients that connect and stall (reliability S9): good ones do not notice, and the stalled ones are closed by the
//! server's timers. And clients that take every descriptor there is (F13).
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod limited;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use stentor_testkit::api::Api;
use stentor_testkit::gateway::Gateway;
use stentor_testkit::hostile::{End, Hostile};
use stentor_testkit::receiver::{Receiver, Reply};
use stentor_testkit::wait;
use tokio::task::JoinSet;

const STALLED: usize = 1_000;
/// The timers are 10 s for a head and 15 s for a body that brings nothing; this is only how long the test waits.
const CLOSED_WITHIN: Duration = Duration::from_secs(60);

/// How a client stalls.
#[derive(Debug, Clone, Copy)]
enum Stall {
    BeforeTheHead,
    InTheHead,
    InTheBody,
}

impl Stall {
    const ALL: [Self; 3] = [Self::BeforeTheHead, Self::InTheHead, Self::InTheBody];

    fn bytes(self, address: SocketAddr, token: &str) -> String {
        let line =
            format!("POST /v1/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n");
        match self {
            Self::BeforeTheHead => String::new(),
            Self::InTheHead => line,
            Self::InTheBody => {
                format!(
                    "{line}content-type: application/json\r\ncontent-length: 100\r\n\r\n{{\"type\":\"a.b\","
                )
            }
        }
    }

    /// Whether what came back before the end fits: a body that does not come is told so.
    fn fits(self, answer: &str) -> bool {
        match self {
            Self::BeforeTheHead => answer.is_empty(),
            Self::InTheHead => answer.is_empty() || answer.starts_with("HTTP/1.1 408 "),
            Self::InTheBody => answer.starts_with("HTTP/1.1 408 "),
        }
    }
}

/// Publishes one event after the other, each over a connection of its own, until told to stop; how many.
async fn good_clients(gateway_api: impl Fn() -> Api, stop: &AtomicBool) -> usize {
    let mut published = 0;
    while !stop.load(Ordering::Acquire) {
        gateway_api().publish("good.client", &json!({"n": published})).await;
        published += 1;
    }
    published
}

#[tokio::test]
async fn stalled_clients_are_closed_and_delay_nobody() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    let tenant = gateway.tenant("slow").await;
    tenant.create_webhook(&receiver.url("/"), &json!({})).await;
    let token = tenant.token().unwrap().to_owned();

    let mut stalled = Vec::new();
    for number in 0..STALLED {
        let stall = Stall::ALL[number % Stall::ALL.len()];
        let mut client = Hostile::connect(gateway.address()).await;
        assert!(client.send(stall.bytes(gateway.address(), &token)).await, "{stall:?} was closed at once");
        stalled.push((stall, client));
    }
    let mut ends = JoinSet::new();
    for (stall, mut client) in stalled {
        ends.spawn(async move { (stall, client.end_within(CLOSED_WITHIN).await) });
    }
    let stop = Arc::new(AtomicBool::new(false));
    let all_closed = async {
        while let Some(ended) = ends.join_next().await {
            let (stall, (answer, end)) = ended.unwrap();
            let answer = String::from_utf8_lossy(&answer).into_owned();
            assert_ne!(end, End::StillOpen, "{stall:?} was not closed within {CLOSED_WITHIN:?}");
            assert!(stall.fits(&answer), "{stall:?} was answered {answer:?}");
        }
        stop.store(true, Ordering::Release);
    };
    // Good clients are at it from before the first stalled one is closed until after the last is; each must be accepted.
    let fresh = || gateway.api().with_token(&token);
    let ((), published) = tokio::join!(all_closed, good_clients(fresh, &stop));
    println!("{published} events were published meanwhile");
    assert!(published > 0);
    assert_eq!(receiver.wait_for(published).await.len(), published);
}

/// Clients that take all the places there are leave the deliveries theirs.
#[tokio::test]
async fn clients_cannot_take_the_descriptors_of_deliveries() {
    let (gateway, _directory) = limited::start("-n 256").await;
    let receiver = Receiver::start().await;
    receiver.default_reply(Reply::status(200).close());
    let tenant = gateway.tenant("few descriptors").await;
    tenant.create_webhook(&receiver.url("/"), &json!({})).await;
    let mut idle = Vec::new();
    for _ in 0..500 {
        idle.push(Hostile::connect(gateway.address()).await);
    }
    for number in 0..20 {
        // Over the connection that the tenant has kept; the receiver wants a new one for each.
        let published = tenant.publish("few.descriptors", &json!({"n": number})).await;
        let deliveries = tenant.wait_delivered(&published.id).await;
        assert_eq!(deliveries[0]["attempt_count"], 1, "{deliveries:?}");
    }
    // Full, it waits for a place; it neither spins nor complains.
    assert!(!gateway.log().contains("connections cannot be accepted"), "{}", gateway.log());
    drop(idle);
    wait::until("a new client is served", || async {
        let answer = gateway.api().get("/readyz").await.ok()?;
        (answer.status() == 200).then_some(())
    })
    .await;
}
