//! Connections of a scripted receiver.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::State;
use super::reply::{Action, Reply};
use super::request::{self, Parts, Received};

/// What happens to the connection after a reply.
enum Next {
    KeepAlive,
    Close,
    Reset,
}

/// Accepts until the task is aborted; its connections end with it.
pub(super) async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else { continue };
        let open = Open::count(&state);
        connections.spawn(async move { serve(stream, &open).await });
    }
}

/// Counts a connection as open while it lives.
struct Open {
    state: Arc<State>,
    number: usize,
}

impl Open {
    fn count(state: &Arc<State>) -> Self {
        let mut inner = state.lock();
        inner.connections += 1;
        inner.open_connections += 1;
        Self { state: Arc::clone(state), number: inner.connections }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.state.lock().open_connections -= 1;
    }
}

async fn serve(mut stream: TcpStream, connection: &Open) {
    let state = &connection.state;
    // Only latency suffers when this fails.
    stream.set_nodelay(true).ok();
    let mut buffer = BytesMut::new();
    while let Some(parts) = request::read(&mut stream, &mut buffer).await {
        let (reply, _in_flight) = arrive(state, parts, connection.number);
        match answer(&mut stream, state, &reply).await {
            Some(Next::KeepAlive) => {}
            Some(Next::Reset) => return reset(&stream),
            Some(Next::Close) | None => return,
        }
    }
}

/// Counts a request as in flight while it lives.
struct InFlight(Arc<State>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.lock().in_flight -= 1;
    }
}

/// Remembers the request and chooses the reply.
fn arrive(state: &Arc<State>, parts: Parts, connection: usize) -> (Reply, InFlight) {
    let Parts { method, path, headers, body } = parts;
    let (arrived, arrived_at) = (Instant::now(), SystemTime::now());
    let mut inner = state.lock();
    let reply = inner.choose(&path);
    let answered_status = reply.answered_status();
    let number = inner.requests.len();
    let received =
        Received { number, connection, method, path, headers, body, arrived, arrived_at, answered_status };
    if let Some(ledger) = &state.ledger {
        ledger.arrived(&received);
    }
    inner.requests.push(Arc::new(received));
    inner.in_flight += 1;
    inner.in_flight_max = inner.in_flight_max.max(inner.in_flight);
    let count = inner.requests.len();
    drop(inner);
    state.arrived.send_replace(count);
    (reply, InFlight(Arc::clone(state)))
}

/// Does what the reply says; nothing when the client has gone.
async fn answer(stream: &mut TcpStream, state: &State, reply: &Reply) -> Option<Next> {
    if reply.held {
        // The semaphore is never closed. A permit is used up, not given back.
        state.releases.acquire().await.ok()?.forget();
    }
    if !reply.delay.is_zero() {
        tokio::time::sleep(reply.delay).await;
    }
    match &reply.action {
        Action::Answer { status, headers, body, close } => {
            write(stream, &render(*status, headers, body, *close)).await?;
            return Some(if *close { Next::Close } else { Next::KeepAlive });
        }
        Action::Hang => wait_for_end(stream).await,
        Action::EndlessBody => {
            write(stream, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            forever(stream, b"10\r\n0123456789abcdef\r\n").await;
        }
        Action::EndlessHead => {
            write(stream, b"HTTP/1.1 200 OK\r\n").await?;
            forever(stream, b"x-more: and more\r\n").await;
        }
        Action::Trickle { body_bytes, pause } => {
            write(stream, format!("HTTP/1.1 200 OK\r\ncontent-length: {body_bytes}\r\n\r\n").as_bytes())
                .await?;
            for _ in 0..*body_bytes {
                tokio::time::sleep(*pause).await;
                write(stream, b"x").await?;
            }
            return Some(Next::KeepAlive);
        }
        Action::Reset => return Some(Next::Reset),
        Action::Close => {}
        Action::Bytes(bytes) => write(stream, bytes).await?,
    }
    Some(Next::Close)
}

fn render(status: u16, headers: &[(String, String)], body: &Bytes, close: bool) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} Scripted\r\n");
    // A 204 has no body and must not tell its length (RFC 9110 section 8.6).
    if status != 204 {
        head += &format!("content-length: {}\r\n", body.len());
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    if close {
        head += "connection: close\r\n";
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

async fn write(stream: &mut TcpStream, bytes: &[u8]) -> Option<()> {
    stream.write_all(bytes).await.ok()
}

async fn forever(stream: &mut TcpStream, bytes: &[u8]) {
    while write(stream, bytes).await.is_some() {
        // Otherwise a fast client keeps the test's thread to itself.
        tokio::task::yield_now().await;
    }
}

async fn wait_for_end(stream: &mut TcpStream) {
    let mut sink = [0; 1024];
    while matches!(stream.read(&mut sink).await, Ok(1..)) {}
}

fn reset(stream: &TcpStream) {
    // Closing with a zero linger time sends RST instead of FIN.
    stream.set_zero_linger().expect("an open socket takes the option");
}
