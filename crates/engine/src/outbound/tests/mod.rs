//! Real sockets on loopback: scripted receivers that behave well or badly, byte by byte.

mod certificates;
mod diagnosis;
mod exchange;
mod guard;
mod hostile;
mod names;
mod probe;
mod proxies;
mod tls;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use stentor_core::address::AddressPolicy;
use stentor_core::attempt::{AttemptOutcome, NetworkError, Phase};
use stentor_core::destination_url::DestinationUrl;
use stentor_core::time::Time;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{
    OutboundClient, OutboundOptions, OutboundReport, OutboundRequest, PreparedUrl, ResolveError, Resolver,
};

const BODY: &[u8] = br#"{"answer":42}"#;
/// Generous: a test that reaches it fails.
const PATIENT: Duration = Duration::from_secs(20);
/// For receivers that never finish.
const SHORT: Duration = Duration::from_millis(300);

/// A receiver that runs `behaviour` for each connection, with its number from 0.
struct Receiver {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Receiver {
    async fn start<F: Future<Output = ()> + Send + 'static>(
        behaviour: impl Fn(TcpStream, usize) -> F + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(behaviour(stream, number));
            }
        });
        Self { address, connections }
    }

    /// Reads each request and answers it with the same bytes, then closes.
    async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = Arc::new(answer.into());
        Self::start(move |mut stream, _| {
            let answer = Arc::clone(&answer);
            async move {
                read_request(&mut stream).await;
                // The client may have seen enough and gone.
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
                drain(&mut stream).await;
            }
        })
        .await
    }

    fn url(&self) -> String {
        format!("http://{}/hook?key=value", self.address)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// One request with a `Content-Length`, as text; what was read so far if the client goes away.
async fn read_request(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return String::from_utf8(bytes).unwrap();
            }
        }
        match stream.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => return String::from_utf8(bytes).unwrap(),
            Ok(_) => {}
        }
    }
}

async fn drain(stream: &mut (impl AsyncReadExt + Unpin)) {
    let mut bytes = [0; 4096];
    while matches!(stream.read(&mut bytes).await, Ok(1..)) {}
}

/// Answers lookups from a list; the last answer stays.
struct ScriptedResolver(Mutex<VecDeque<Result<Vec<IpAddr>, ResolveError>>>);

impl ScriptedResolver {
    fn new(answers: impl IntoIterator<Item = Result<Vec<IpAddr>, ResolveError>>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(answers.into_iter().collect())))
    }

    fn addresses(texts: &[&str]) -> Result<Vec<IpAddr>, ResolveError> {
        Ok(texts.iter().map(|text| text.parse().unwrap()).collect())
    }
}

#[async_trait]
impl Resolver for ScriptedResolver {
    async fn resolve(&self, _: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let mut answers = self.0.lock().unwrap();
        if answers.len() > 1 { answers.pop_front().unwrap() } else { answers.front().cloned().unwrap() }
    }
}

/// A resolver for tests that use addresses only.
fn no_names() -> Arc<ScriptedResolver> {
    ScriptedResolver::new([Err(ResolveError::Failed)])
}

fn options(policy: AddressPolicy) -> OutboundOptions {
    OutboundOptions::new(policy, HeaderValue::from_static("Stentor/test"))
}

fn dev_client() -> OutboundClient {
    client_with(no_names())
}

fn client_with(resolver: Arc<dyn Resolver>) -> OutboundClient {
    OutboundClient::new(options(AddressPolicy::dev()), resolver).unwrap()
}

fn request(url: &str, timeout: Duration) -> OutboundRequest {
    let url = PreparedUrl::new(&DestinationUrl::from_stored(url).unwrap());
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    OutboundRequest {
        url,
        headers,
        body: Bytes::from_static(BODY),
        timeout,
        now: Time::from_seconds(1_000_000),
    }
}

async fn post(client: &OutboundClient, url: &str) -> OutboundReport {
    client.send(request(url, PATIENT)).await
}

async fn outcome(client: &OutboundClient, url: &str) -> AttemptOutcome {
    post(client, url).await.outcome
}

async fn impatient(client: &OutboundClient, url: &str) -> OutboundReport {
    client.send(request(url, SHORT)).await
}

const fn delivered(status: u16) -> AttemptOutcome {
    AttemptOutcome::Delivered { status }
}

const fn network(error: NetworkError) -> AttemptOutcome {
    AttemptOutcome::Network { error }
}

const fn timeout(phase: Phase) -> AttemptOutcome {
    AttemptOutcome::Timeout { phase }
}
