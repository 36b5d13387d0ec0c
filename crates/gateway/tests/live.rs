//! The live feed through the real binary.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use serde_json::{Value, json};
use stentor_testkit::api::Api;
use stentor_testkit::gateway::Gateway;
use stentor_testkit::receiver::Receiver;
use stentor_testkit::wait;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// A client of one stream.
struct Stream(BufReader<TcpStream>);

#[derive(Debug)]
struct Sent {
    id: String,
    kind: String,
    data: Value,
}

impl Stream {
    /// Opens it and waits for the greeting: from then on nothing is missed.
    async fn open(gateway: &Gateway, api: &Api, query: &str, last: &str) -> Self {
        let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
        let last = if last.is_empty() { String::new() } else { format!("Last-Event-ID: {last}\r\n") };
        let head = format!(
            "GET /v1/events/stream?{query} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {}\r\n{last}\r\n",
            api.token().unwrap()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut stream = Self(BufReader::new(stream));
        assert_eq!(stream.line().await.unwrap(), "HTTP/1.1 200 OK");
        while stream.line().await.unwrap() != "retry: 1000" {}
        stream
    }

    /// The next line; none when the stream has ended. Lines of the transfer's chunks come too; no item has such.
    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = tokio::time::timeout(wait::DEADLINE, self.0.read_line(&mut line)).await;
        let bytes = read.expect("a line comes in time").unwrap_or(0);
        let line = line.trim_end().to_owned();
        // The last chunk of a transfer is empty.
        (bytes > 0 && line != "0").then_some(line)
    }

    async fn next(&mut self) -> Option<Sent> {
        let (mut id, mut kind) = (String::new(), String::new());
        loop {
            let line = self.line().await?;
            match line.split_once(": ") {
                Some(("id", text)) => id = text.to_owned(),
                Some(("event", text)) => kind = text.to_owned(),
                Some(("data", text)) => {
                    return Some(Sent { id, kind, data: serde_json::from_str(text).unwrap() });
                }
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn what_happens_is_told_in_order_and_resumed_after_a_crash() {
    let mut gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    let tenant = gateway.tenant("own").await;
    let other = gateway.tenant("other").await;
    let webhook = tenant.create_webhook(&receiver.url("/"), &json!({})).await;
    let mut stream = Stream::open(&gateway, &tenant, "type=order.*", "").await;
    other.publish("order.foreign", &json!(1)).await;
    tenant.publish("user.created", &json!(1)).await;
    let paid = tenant.publish("order.paid", &json!({"n": 1})).await.id;
    let mut last = String::new();
    for kind in ["event.accepted", "attempt.started", "attempt.ended", "delivery.finished"] {
        let sent = stream.next().await.unwrap();
        assert_eq!((sent.kind.as_str(), &sent.data["event"]["id"]), (kind, &json!(paid)), "{sent:?}");
        assert_eq!(sent.data["event"]["type"], "order.paid", "{sent:?}");
        match kind {
            "event.accepted" => assert_eq!(sent.data["deliveries"], 1),
            "attempt.ended" => assert_eq!(sent.data["attempt"]["status"], 200),
            "delivery.finished" => assert_eq!(sent.data["state"], "delivered"),
            _ => assert_eq!(sent.data["webhook_id"], webhook["id"]),
        }
        last = sent.id;
    }
    let meanwhile = tenant.publish("order.meanwhile", &json!(1)).await.id;
    gateway.kill9().await;
    gateway.restart().await;
    let mut again = Stream::open(&gateway, &tenant, "type=order.*&kinds=event.accepted", &last).await;
    let mut told = Vec::new();
    while told.last() != Some(&json!(meanwhile)) {
        let sent = again.next().await.unwrap();
        assert_eq!((sent.kind.as_str(), &sent.data["resumed"]), ("event.accepted", &json!(true)), "{sent:?}");
        told.push(sent.data["event"]["id"].clone());
    }
    let live = tenant.publish("order.live", &json!(1)).await.id;
    let sent = again.next().await.unwrap();
    assert_eq!((&sent.data["event"]["id"], sent.data.get("resumed")), (&json!(live), None));
}

#[tokio::test]
async fn a_stalled_client_among_many_has_no_effect() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let tenant = gateway.tenant("own").await;
    // Asked for, and never read.
    let mut stalled = Vec::new();
    for _ in 0..3 {
        stalled.push(Stream::open(&gateway, &tenant, "", "").await);
    }
    let mut readers = Vec::new();
    for _ in 0..20 {
        let mut stream = Stream::open(&gateway, &tenant, "kinds=event.accepted", "").await;
        readers.push(tokio::spawn(async move {
            let mut subjects = Vec::new();
            while subjects.len() < 2_000 {
                let sent = stream.next().await.unwrap();
                assert_eq!(sent.kind, "event.accepted", "a client that reads misses nothing: {sent:?}");
                subjects.push(sent.data["event"]["subject"].as_str().unwrap().to_owned());
            }
            subjects
        }));
    }
    for piece in 0..20 {
        let events: Vec<Value> = (0..100)
            .map(|n| json!({"type": "order.paid", "data": n, "subject": format!("{piece}-{n}-{}", "x".repeat(200))}))
            .collect();
        let answer = tenant.post("/v1/events/batch", &json!({"events": events})).await;
        assert!(!answer.to_string().contains("\"code\""), "each is stored: {answer}");
    }
    for reader in readers {
        let subjects = reader.await.unwrap();
        let distinct: std::collections::HashSet<_> = subjects.iter().collect();
        assert_eq!(distinct.len(), 2_000);
    }
    drop(stalled);
    wait::until("all places are given back", || async {
        (gateway.metric("stentor_live_streams").await == Some(0.0)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn streams_do_not_hold_up_the_end() {
    let mut gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let tenant = gateway.tenant("own").await;
    let mut stream = Stream::open(&gateway, &tenant, "", "").await;
    gateway.terminate();
    assert!(stream.next().await.is_none());
    assert!(gateway.wait().await.success());
}
