//! The live feed through the real binary.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use axum::http::Method;
use serde_json::{Value, json};
use stentor_testkit::api::{Api, text};
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
        Self::open_at(gateway, api, &format!("/v1/events/stream?{query}"), last).await
    }

    /// The same of any stream.
    async fn open_at(gateway: &Gateway, api: &Api, target: &str, last: &str) -> Self {
        let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
        let last = if last.is_empty() { String::new() } else { format!("Last-Event-ID: {last}\r\n") };
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {}\r\n{last}\r\n",
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

/// A tenant with a source that takes anything: its API, the source's path, and that of its stream.
async fn receiving(gateway: &Gateway, name: &str) -> (Api, String, String) {
    let api = gateway.tenant(name).await;
    let source = json!({"name": name, "verification": {"preset": "none"}});
    let id = text(&api.post("/v1/sources", &source).await, "id");
    (api, format!("/in/{id}"), format!("/v1/sources/{id}/requests/stream"))
}

/// Reads so many requests off a stream: their bodies' numbers. A gap fails the test.
async fn numbers(mut stream: Stream, count: usize) -> Vec<u64> {
    let mut seen = Vec::new();
    while seen.len() < count {
        let sent = stream.next().await.unwrap();
        assert_eq!(sent.kind, "request.accepted", "a client that reads misses nothing: {sent:?}");
        let body: Value = serde_json::from_str(sent.data["body"].as_str().unwrap()).unwrap();
        seen.push(body["n"].as_u64().unwrap());
    }
    seen
}

/// A thousand clients ask for what sources receive and never read: ten of them until nothing more fits into their
/// connections.
#[tokio::test]
async fn a_thousand_stalled_clients_of_requests_have_no_effect_on_those_that_read() {
    const LARGE: usize = 130;
    const SMALL: usize = 300;
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let mut stalled = Vec::new();
    for tenant in 0..10 {
        let (api, _, stream) = receiving(&gateway, &format!("idle-{tenant}")).await;
        for _ in 0..99 {
            stalled.push(Stream::open_at(&gateway, &api, &stream, "").await);
        }
    }
    let (busy, busy_door, busy_stream) = receiving(&gateway, "busy").await;
    for _ in 0..10 {
        stalled.push(Stream::open_at(&gateway, &busy, &busy_stream, "").await);
    }
    assert_eq!((stalled.len(), gateway.metric("stentor_live_streams").await), (1_000, Some(1_000.0)));
    let beside = tokio::spawn(numbers(Stream::open_at(&gateway, &busy, &busy_stream, "").await, LARGE));
    let (own, own_door, own_stream) = receiving(&gateway, "own").await;
    let healthy = tokio::spawn(numbers(Stream::open_at(&gateway, &own, &own_stream, "").await, SMALL));
    let front = gateway.api().without_token();
    let send = async |door: &str, n: usize, padding: usize| {
        let body = json!({"n": n, "padding": "x".repeat(padding)}).to_string();
        let answer = front.request(Method::POST, door, &[], body).await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text());
    };
    let resident = gateway.rss_kb();
    for n in 0..LARGE {
        send(&busy_door, n, 60_000).await;
        for small in 0..SMALL / LARGE {
            send(&own_door, n * (SMALL / LARGE) + small, 10).await;
        }
    }
    for n in SMALL / LARGE * LARGE..SMALL {
        send(&own_door, n, 10).await;
    }
    let in_order = |count: usize| (0..count as u64).collect::<Vec<_>>();
    assert_eq!(healthy.await.unwrap(), in_order(SMALL));
    assert_eq!(beside.await.unwrap(), in_order(LARGE));
    let grown = gateway.rss_kb().saturating_sub(resident);
    assert!(grown < 150 * 1024, "{grown} kB more for those that do not read");
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
