//! Clients that reset right after the last byte of a publish: whatever was stored is delivered (engine rule E1). The
//! journal hands over, not the request, so a request that was dropped half way changes nothing.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use stentor_testkit::api::text;
use stentor_testkit::gateway::Gateway;
use stentor_testkit::receiver::Receiver;
use stentor_testkit::wait;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const CLIENTS: usize = 1_000;
/// Rounds until a reset came between a request's acceptance and its answer.
const ROUNDS: usize = 5;

/// Sockets of the gateway, those to the receiver aside.
fn api_sockets(gateway: &Gateway, receiver: &Receiver) -> usize {
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", gateway.process_id())).unwrap();
    let sockets = descriptors
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count();
    sockets.saturating_sub(receiver.open_connections())
}

/// When the reset comes. The pauses spread the resets over all that the gateway does with a request: most of those that
/// come at once find it not yet begun.
fn pause(number: usize) -> Duration {
    Duration::from_micros(500) * u32::try_from(number % 20).unwrap()
}

/// Whether it was reset without having been answered.
async fn publish_and_reset(address: SocketAddr, token: String, number: usize, pause: Duration) -> bool {
    let body = json!({"type": "reset.tested", "data": {"n": number}}).to_string();
    let length = body.len();
    let request = format!(
        "POST /v1/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
    let answered = !client.try_read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
    // Closing with a zero linger time sends RST instead of FIN.
    client.set_zero_linger().unwrap();
    !answered
}

#[tokio::test]
async fn every_stored_event_of_a_client_that_resets_is_delivered() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    let tenant = gateway.tenant("resets").await;
    tenant.create_webhook(&receiver.url("/"), &json!({})).await;
    let sockets_before = api_sockets(&gateway, &receiver);

    let (mut unanswered, mut stored, mut abandoned) = (HashSet::new(), HashSet::<String>::new(), 0);
    // How long the gateway takes depends on what else the machine does: each round waits longer before its resets.
    for round in 0..ROUNDS {
        let mut clients = JoinSet::new();
        for number in round * CLIENTS..(round + 1) * CLIENTS {
            let (address, token) = (gateway.address(), tenant.token().unwrap().to_owned());
            clients.spawn(async move {
                (number, publish_and_reset(address, token, number, pause(number) * (1 << round)).await)
            });
        }
        unanswered.extend(
            clients.join_all().await.into_iter().filter_map(|(number, reset)| reset.then_some(number)),
        );

        // Once the gateway has let go of every connection and written all that it took, nothing more can be stored.
        wait::until("every reset connection is gone", || async {
            (api_sockets(&gateway, &receiver) <= sockets_before).then_some(())
        })
        .await;
        wait::until("nothing waits to be written", || async {
            (gateway.metric("stentor_journal_waiting").await? == 0.0).then_some(())
        })
        .await;
        let events = tenant.list("/v1/events", "limit=100").await;
        stored = events.iter().map(|event| text(event, "id")).collect();
        let numbers = events.iter().map(|event| event["data"]["n"].as_u64().unwrap() as usize);
        abandoned = numbers.filter(|number| unanswered.contains(number)).count();
        println!("{} unanswered, {} stored, {abandoned} both", unanswered.len(), stored.len());
        if abandoned > 0 {
            break;
        }
    }
    assert!(
        abandoned > 0,
        "no reset came between a request's acceptance and its answer; this proves nothing"
    );

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
