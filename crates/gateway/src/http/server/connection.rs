//! One connection from its first byte to its last.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::header::EXPECT;
use http::{Request, Response, Version};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::body::GuardedBody;
use super::io::{Busy, GuardedIo, HEAD_BYTES_MAX, Progress};
use super::{Answer, ServerOptions, framing};
use crate::http::problem::{Code, Problem};

/// Most header fields of a request.
const HEADERS_MAX: usize = 100;
/// Most requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 200;
/// How often an HTTP/2 peer is asked whether it is alive, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);

/// Serves the connection until it ends, or until `shutdown` and the answers then in flight.
pub(super) async fn run(
    stream: TcpStream,
    peer: SocketAddr,
    answers: impl Answer,
    shutdown: CancellationToken,
    options: ServerOptions,
) {
    let progress = Progress::default();
    let io = GuardedIo::new(stream, progress.clone(), options.head_deadline, options.idle_max);
    let service =
        service_fn(move |request| answer(request, peer, answers.clone(), progress.clone(), options));
    let builder = builder();
    let mut connection = pin!(builder.serve_connection(TokioIo::new(io), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%peer, %error, "connection ended");
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // The deadline of heads is kept by our io, which tells idle connections from slow ones.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    let header_list_max = u32::try_from(HEAD_BYTES_MAX).expect("64 KiB");
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(header_list_max)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    builder
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    answers: impl Answer,
    progress: Progress,
    options: ServerOptions,
) -> Result<Response<AnswerBody>, Infallible> {
    let http2 = request.version() == Version::HTTP_2;
    let (busy, head) = progress.begin(http2);
    if let Some(refusal) = framing::refusal(&head, request.method().as_str()) {
        let refused = Problem::new(Code::InvalidRequest, refusal).closing().into_response();
        return Ok(refused.map(|body| AnswerBody { body, _busy: busy }));
    }
    progress.recycle(head);
    // Reading on after `Expect` would invite a body that nobody wants (RFC 9110 section 10.1.1).
    let lingers = !http2 && !request.headers().contains_key(EXPECT);
    let mut request = request.map(|incoming| {
        if incoming.is_end_stream() {
            return Body::empty();
        }
        Body::new(GuardedBody::new(incoming, progress.busy(), options.body, lingers))
    });
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = answers.answer(request).await;
    Ok(response.map(|body| AnswerBody { body, _busy: busy }))
}

/// The body of an answer; the connection is busy until it is written.
struct AnswerBody {
    body: Body,
    _busy: Busy,
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
