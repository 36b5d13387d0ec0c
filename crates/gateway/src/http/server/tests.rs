use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tower::Service as _;

use super::*;
use crate::http::extract::{BodyBudget, read_json};
use crate::http::problem::Problem;

mod deadlines;
mod framing;
mod stopping;

/// Longer than any deadline of these tests; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(100);

impl Answer for Router {
    async fn answer(mut self, request: Request) -> Response {
        self.call(request).await.expect("infallible")
    }
}

/// A running server with a handler that echoes small JSON, and one that waits to be released.
struct TestServer {
    address: SocketAddr,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
    entered: Arc<Notify>,
    release: Arc<Notify>,
}

impl TestServer {
    async fn start(options: ServerOptions) -> Self {
        let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (inside, gate) = (Arc::clone(&entered), Arc::clone(&release));
        let wait = async move || {
            inside.notify_one();
            gate.notified().await;
            "released"
        };
        let router = Router::new()
            .route("/", get(async || "hello"))
            .route("/json", post(echo))
            .route("/wait", get(wait));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, router, shutdown.clone(), options));
        Self { address, shutdown, serving, entered, release }
    }

    async fn connect(&self) -> Client {
        Client { stream: TcpStream::connect(self.address).await.expect("accepted"), unread: Vec::new() }
    }
}

async fn echo(request: Request) -> Result<Vec<u8>, Problem> {
    let body = read_json(request, 1_000, &BodyBudget::default()).await?;
    stentor_core::json::check(&body)?;
    Ok(body.trim_ascii().to_vec())
}

/// A client that says exactly what it is told.
struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Client {
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.expect("the server reads");
    }

    /// Everything until the server closes.
    async fn read_to_end(&mut self) -> String {
        let mut bytes = std::mem::take(&mut self.unread);
        let read = tokio::time::timeout(PATIENCE, self.stream.read_to_end(&mut bytes)).await;
        // A reset closes too; what came before it counts.
        let _count = read.expect("the server closes the connection");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The next answer, which must have a Content-Length.
    async fn answer(&mut self) -> String {
        loop {
            if let Some(length) = answer_length(&self.unread) {
                let rest = self.unread.split_off(length);
                return String::from_utf8(std::mem::replace(&mut self.unread, rest)).expect("text");
            }
            let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.unread)).await;
            let count = read.expect("an answer in time").expect("no reset");
            assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&self.unread));
        }
    }
}

fn answer_length(bytes: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(bytes).ok()?;
    let head = text.find("\r\n\r\n")? + 4;
    let length = text[..head].lines().find_map(|line| line.strip_prefix("content-length: "))?;
    let whole = head + length.parse::<usize>().ok()?;
    (bytes.len() >= whole).then_some(whole)
}

#[tokio::test]
async fn requests_follow_each_other_on_one_connection() {
    let server = TestServer::start(ServerOptions::default()).await;
    let mut client = server.connect().await;
    for _ in 0..3 {
        client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(client.answer().await.ends_with("hello"));
    }
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(client.answer().await.ends_with("hello") && client.answer().await.ends_with("hello"));
}

#[tokio::test]
async fn http2_with_prior_knowledge_works() {
    let server = TestServer::start(ServerOptions::default()).await;
    let stream = TcpStream::connect(server.address).await.expect("accepted");
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, io).await.expect("an HTTP/2 server");
    let driving = tokio::spawn(connection);
    let request = http::Request::post("http://x/json")
        .header("content-type", "application/json")
        .body(http_body_util::Full::new(bytes::Bytes::from_static(b"{\"a\":1}")));
    let response = sender.send_request(request.expect("legal")).await.expect("an answer");
    assert_eq!(response.status(), 200);
    drop((sender, response));
    server.shutdown.cancel();
    server.serving.await.expect("ends in order");
    driving.abort();
}

#[tokio::test]
async fn a_peer_beyond_its_cap_is_closed_and_the_others_wait_their_turn() {
    let options = ServerOptions { connections_per_peer_max: 1, ..ServerOptions::default() };
    let server = TestServer::start(options).await;
    let mut first = server.connect().await;
    first.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(first.answer().await.ends_with("hello"));
    assert_eq!(server.connect().await.read_to_end().await, "");

    let options = ServerOptions { connections_max: 1, ..ServerOptions::default() };
    let server = TestServer::start(options).await;
    let mut first = server.connect().await;
    first.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(first.answer().await.ends_with("hello"));
    let mut second = server.connect().await;
    second.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let early = tokio::time::timeout(SHORT, second.answer()).await;
    assert!(early.is_err(), "served beyond the cap");
    drop(first);
    assert!(second.answer().await.ends_with("hello"));
}
