//! Role `forwarder`: what the gateway would be without durability, and so the measure of it.
//!
//! The gateway's stack (hyper, tokio with a worker a core, Standard Webhooks signatures), but it parses
//! and stores nothing: it answers 202 as soon as its forwards have a permit and are under way.

use std::convert::Infallible;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use stentor_verify::Secret;
use stentor_verify::standard::{ID_HEADER, SIGNATURE_HEADER, Signer, SignerKey, TIMESTAMP_HEADER};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::cli::ForwarderOptions;
use crate::{payload, processes};

/// Signs what goes to this run's own receiver, which checks nothing: no secret to keep.
const SIGNING_KEY: [u8; 32] = [0x5e; 32];

struct Forwarder {
    client: Client<HttpConnector, Full<Bytes>>,
    signer: Signer,
    targets: Vec<Uri>,
    permits: Arc<Semaphore>,
    next_id: AtomicU64,
}

pub(crate) fn run(options: &ForwarderOptions) -> anyhow::Result<()> {
    processes::leave_with_parent();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(options))
}

async fn serve(options: &ForwarderOptions) -> anyhow::Result<()> {
    let forwarder = Arc::new(Forwarder::new(options)?);
    let listener = TcpListener::bind(options.listen).await?;
    writeln!(std::io::stdout(), "listening on http://{}", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(connection(Arc::clone(&forwarder), stream));
    }
}

async fn connection(forwarder: Arc<Forwarder>, stream: TcpStream) {
    let service = service_fn(move |request| take(Arc::clone(&forwarder), request));
    // A publisher may drop its connection at any time; that ends this connection and nothing else.
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

async fn take(
    forwarder: Arc<Forwarder>,
    request: Request<Incoming>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let mut answer = Response::new(Empty::new());
    let Ok(body) = request.into_body().collect().await else {
        *answer.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(answer);
    };
    let body = body.to_bytes();
    let id = format!("evt_{}", forwarder.next_id.fetch_add(1, Ordering::Relaxed));
    for target in 0..forwarder.targets.len() {
        let permit =
            Arc::clone(&forwarder.permits).acquire_owned().await.expect("the semaphore is never closed");
        let (forwarder, id, body) = (Arc::clone(&forwarder), id.clone(), body.clone());
        tokio::spawn(async move {
            if let Err(error) = forwarder.forward(target, &id, body).await {
                // The receiver's count tells that one is missing; this tells why.
                writeln!(std::io::stderr(), "a forward failed: {error:#}").ok();
            }
            drop(permit);
        });
    }
    *answer.status_mut() = StatusCode::ACCEPTED;
    Ok(answer)
}

impl Forwarder {
    fn new(options: &ForwarderOptions) -> anyhow::Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let targets = options.targets.iter().map(|target| target.parse()).collect::<Result<_, _>>();
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            signer: Signer::new([SignerKey::Secret(Secret::from_bytes(&SIGNING_KEY)?)])?,
            targets: targets.context("a target is not a URL")?,
            permits: Arc::new(Semaphore::new(options.in_flight_max)),
            next_id: AtomicU64::new(0),
        })
    }

    async fn forward(&self, target: usize, id: &str, body: Bytes) -> anyhow::Result<()> {
        let seconds = payload::now_ns() / 1_000_000_000;
        let request = Request::post(self.targets[target].clone())
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(ID_HEADER, id)
            .header(TIMESTAMP_HEADER, seconds)
            .header(SIGNATURE_HEADER, self.signer.sign(id, seconds, &body)?)
            .body(Full::new(body))?;
        let answer = self.client.request(request).await?;
        anyhow::ensure!(answer.status().is_success(), "the receiver answered {}", answer.status());
        // Reading to the end gives the connection back to the pool.
        answer.into_body().collect().await?;
        Ok(())
    }
}
