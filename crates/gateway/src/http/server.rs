//! The accept loop. It is ours because `axum::serve` leaves slow clients connected for ever (crates.md finding 3).
//!
//! `serve` accepts within the caps of [`admission`]; each connection runs hyper over an [`io`] that ends it when nothing
//! comes, checks the head's framing ([`framing`]) and hands the request on with a body that has deadlines ([`body`]).
//! This is the hot path: nothing here allocates per request but what hyper and axum need.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

mod admission;
mod body;
mod connection;
mod framing;
mod io;
#[cfg(test)]
mod tests;
mod unreadable;

pub use admission::counted_as;
use admission::{Admission, Permit};
pub use body::SlowBody;

/// First and longest pause after the operating system refused to give us a connection.
const ACCEPT_PAUSE: std::ops::RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(1);

/// Who answers the requests of a connection. The accept loop knows nothing of what is asked.
pub trait Answer: Clone + Send + 'static {
    /// The answer to one request.
    fn answer(self, request: Request<Body>) -> impl Future<Output = Response> + Send;
}

/// Caps and deadlines of connections (reliability S9).
#[derive(Debug, Clone, Copy)]
pub struct ServerOptions {
    /// Most connections at once; beyond it, no more are accepted until one ends.
    pub connections_max: usize,
    /// Most connections of one address (of one /64 for IPv6); more are closed at once.
    pub connections_per_peer_max: usize,
    /// From the first byte of a head to its end, and from connecting to the first byte.
    pub head_deadline: Duration,
    /// How long a connection may lie idle between requests.
    pub idle_max: Duration,
    /// Deadlines of bodies.
    pub body: BodyDeadlines,
    /// How long requests in flight may go on after a stop was asked for.
    pub drain: Duration,
}

/// Deadlines of a request's body, counted from when it is first waited for.
#[derive(Debug, Clone, Copy)]
pub struct BodyDeadlines {
    /// Everything must have come within this.
    pub whole: Duration,
    /// Until this, any rate will do.
    pub grace: Duration,
    /// After the grace, each interval must bring at least [`Self::interval_bytes_min`].
    pub interval: Duration,
    /// Least bytes per interval.
    pub interval_bytes_min: u64,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            connections_per_peer_max: 4_096,
            head_deadline: Duration::from_secs(10),
            idle_max: Duration::from_secs(60),
            body: BodyDeadlines::default(),
            drain: Duration::from_secs(30),
        }
    }
}

impl Default for BodyDeadlines {
    fn default() -> Self {
        Self {
            whole: Duration::from_secs(30),
            grace: Duration::from_secs(10),
            interval: Duration::from_secs(5),
            interval_bytes_min: 5 * 1024,
        }
    }
}

/// Serves until `shutdown` is cancelled: then nothing more is accepted, idle connections are closed, and requests in
/// flight may end within `options.drain`. Returns when the last one has ended or been dropped.
pub async fn serve(
    listener: TcpListener,
    answers: impl Answer,
    shutdown: CancellationToken,
    options: ServerOptions,
) {
    let admission = Admission::new(options.connections_max, options.connections_per_peer_max);
    let connections = TaskTracker::new();
    let cut_off = CancellationToken::new();
    let mut pause = *ACCEPT_PAUSE.start();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &admission) => accepted,
        };
        match accepted {
            Ok(Some((stream, peer, permit))) => {
                pause = *ACCEPT_PAUSE.start();
                let connection = connection::run(stream, peer, answers.clone(), shutdown.clone(), options);
                let cut_off = cut_off.clone();
                connections.spawn(async move {
                    let _permit = permit;
                    cut_off.run_until_cancelled_owned(connection).await
                });
            }
            Ok(None) => {}
            Err(error) if concerns_one_connection(error.kind()) => {}
            Err(error) => {
                // Out of descriptors or memory: accepting again at once would spin.
                warn!(%error, pause_ms = pause.as_millis(), "connections cannot be accepted");
                tokio::select! { () = shutdown.cancelled() => break, () = tokio::time::sleep(pause) => {} }
                pause = (pause * 2).min(*ACCEPT_PAUSE.end());
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(options.drain, connections.wait()).await.is_err() {
        warn!(
            left = connections.len(),
            "requests were still in flight at the deadline; their connections are dropped"
        );
        cut_off.cancel();
        connections.wait().await;
    }
    info!("no connection is left");
}

/// The next connection; none when its peer has too many, which closes it.
async fn accept(
    listener: &TcpListener,
    admission: &Admission,
) -> std::io::Result<Option<(TcpStream, SocketAddr, Permit)>> {
    let place = admission.place().await;
    let (stream, peer) = listener.accept().await?;
    let Some(permit) = admission.admit(place, peer.ip()) else { return Ok(None) };
    // Answers are written whole; waiting to coalesce them would only delay them.
    stream.set_nodelay(true)?;
    Ok(Some((stream, peer, permit)))
}

/// The peer gave up before we got to it; the next one may be fine.
fn concerns_one_connection(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::InvalidInput
    )
}
