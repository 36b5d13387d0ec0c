//! Clients that reset right after the last byte of a publish: whatever was stored is delivered (engine rule E1). The
//! journal hands over, not the request, so a request that was dropped half way changes nothing.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use serde_json::json;
use stentor_testkit::api::text;
use stentor_testkit::gateway::Gateway;
use stentor_testkit::hostile::Hostile;
use stentor_testkit::receiver::Receiver;
use stentor_testkit::wait;
use tokio::task::JoinSet;

const CLIENTS: usize = 1_000;

/// Sockets of the gateway, those to the receiver aside.
fn api_sockets(gateway: &Gateway, receiver: &Receiver) -> usize {
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", gateway.process_id())).unwrap();
    let sockets = descriptors
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count();
    sockets.saturating_sub(receiver.open_connections())
}

/// When the reset comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// After head and body in one piece; often before the gateway has looked at the request at all.
    AfterEverything,
    /// After the body that the gateway's handler has asked for and waits for (RFC 9110 section 10.1.1).
    AfterTheAwaitedBody,
}

async fn publish_and_reset(address: SocketAddr, token: String, number: usize, moment: Moment) {
    let body = json!({"type": "reset.tested", "data": {"n": number}}).to_string();
    let length = body.len();
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n"
    );
    let mut client = Hostile::connect(address).await;
    let sent = match moment {
        Moment::AfterEverything => client.send(format!("{head}\r\n{body}")).await,
        Moment::AfterTheAwaitedBody => {
            client.send(format!("{head}expect: 100-continue\r\n\r\n")).await;
            assert_eq!(client.status().await, Some(100));
            client.send(body).await
        }
    };
    assert!(sent, "the gateway went first");
    client.reset();
}

#[tokio::test]
async fn every_stored_event_of_a_client_that_resets_is_delivered() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    let tenant = gateway.tenant("resets").await;
    tenant.create_webhook(&receiver.url("/"), &json!({})).await;
    let sockets_before = api_sockets(&gateway, &receiver);

    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let (address, token) = (gateway.address(), tenant.token().unwrap().to_owned());
        let moment = if number % 2 == 0 { Moment::AfterEverything } else { Moment::AfterTheAwaitedBody };
        clients.spawn(publish_and_reset(address, token, number, moment));
    }
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }

    // Once the gateway has let go of every connection and written all that it took, nothing more can be stored.
    wait::until("every reset connection is gone", || async {
        (api_sockets(&gateway, &receiver) <= sockets_before).then_some(())
    })
    .await;
    wait::until("nothing waits to be written", || async {
        (gateway.metric("stentor_journal_waiting").await? == 0.0).then_some(())
    })
    .await;
    let stored: HashSet<String> =
        tenant.list("/v1/events", "limit=100").await.iter().map(|event| text(event, "id")).collect();
    println!("{} of {CLIENTS} events were stored", stored.len());
    assert!(!stored.is_empty(), "no request got as far as the store; this proves nothing");

    receiver.wait_for(stored.len()).await;
    wait::until("nothing is pending", || async {
        tenant.deliveries("status=pending").await.is_empty().then_some(())
    })
    .await;
    let mut arrivals: HashMap<String, usize> = HashMap::new();
    for request in receiver.requests() {
        *arrivals.entry(request.expect_header("webhook-id").to_owned()).or_default() += 1;
    }
    assert_eq!(arrivals.keys().cloned().collect::<HashSet<_>>(), stored);
    assert!(arrivals.values().all(|count| *count == 1), "{arrivals:?}");
    // The sweep delivers what was not handed over, and counts it: it must not have hidden a lost hand-over.
    assert_eq!(gateway.metric("stentor_orphans_total").await, Some(0.0));
}
