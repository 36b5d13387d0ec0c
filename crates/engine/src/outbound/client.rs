//! The client: one pool, one deadline per request.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, LOCATION, USER_AGENT};
use http::{HeaderValue, Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::client::danger::ServerCertVerifier;
use stentor_core::attempt::{AttemptOutcome, Phase};
use stentor_core::limits::TIMEOUT_SECONDS;
use tokio::time::{Instant, timeout_at};

use super::body::OutboundBody;
use super::connector::Connector;
use super::dial::Dialler;
use super::progress::Progress;
use super::receive::{Received, receive};
use super::{OutboundOptions, OutboundReport, OutboundRequest, Resolver, TlsSetupError, failure, tls};

/// Largest head of a response, in bytes (reliability S28). The count of headers is bounded by hyper's default of 100:
/// setting it, even to the same number, moves the parser's table to the heap for every response.
const RESPONSE_HEAD_BYTES_MAX: usize = 64 * 1024;
/// Unread response bytes an HTTP/2 receiver may send us per stream and per connection.
const H2_STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const H2_CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Many requests share one HTTP/2 connection, so one that died silently has to be found by asking.
const H2_PING_INTERVAL: Duration = Duration::from_secs(20);
const H2_PING_TIMEOUT: Duration = Duration::from_secs(10);

/// The guarded HTTP client. Cheap to clone; clones share one pool.
#[derive(Clone)]
pub struct OutboundClient {
    pool: Client<Connector, OutboundBody>,
    shared: Arc<Shared>,
}

struct Shared {
    allows_http: bool,
    user_agent: HeaderValue,
    dialler: Arc<Dialler>,
    verifier: Arc<dyn ServerCertVerifier>,
}

impl OutboundClient {
    /// Sets up TLS and an empty pool. Nothing is resolved or dialled yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(options: OutboundOptions, resolver: Arc<dyn Resolver>) -> Result<Self, TlsSetupError> {
        let verifier = tls::verifier(&options.extra_roots)?;
        let tls = tls::client_config(Arc::clone(&verifier))?;
        let allows_http = options.policy.allows_http();
        let (policy, bind_address, proxy) = (options.policy, options.bind_address, options.proxy);
        let dialler = Arc::new(Dialler { policy, resolver, bind_address, proxy });
        let shared =
            Shared { allows_http, user_agent: options.user_agent, dialler: Arc::clone(&dialler), verifier };
        let pool = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(options.idle_timeout)
            .pool_max_idle_per_host(options.idle_per_host)
            // Only sends again what hyper hands back whole because the pooled connection closed before its first
            // byte was written: nothing reached the receiver, so it is still the same attempt.
            .retry_canceled_requests(true)
            .http1_max_buf_size(RESPONSE_HEAD_BYTES_MAX)
            .http2_max_header_list_size(RESPONSE_HEAD_BYTES_MAX as u32)
            .http2_initial_stream_window_size(H2_STREAM_WINDOW_BYTES)
            .http2_initial_connection_window_size(H2_CONNECTION_WINDOW_BYTES)
            .http2_keep_alive_interval(H2_PING_INTERVAL)
            .http2_keep_alive_timeout(H2_PING_TIMEOUT)
            .build(Connector::new(dialler, tls));
        Ok(Self { pool, shared: Arc::new(shared) })
    }

    pub(super) fn allows_http(&self) -> bool {
        self.shared.allows_http
    }

    pub(super) fn user_agent(&self) -> HeaderValue {
        self.shared.user_agent.clone()
    }

    pub(super) const fn pool(&self) -> &Client<Connector, OutboundBody> {
        &self.pool
    }

    pub(super) fn dialler(&self) -> &Dialler {
        &self.shared.dialler
    }

    pub(super) fn verifier(&self) -> Arc<dyn ServerCertVerifier> {
        Arc::clone(&self.shared.verifier)
    }

    /// Posts one request and reads the answer, all within the request's timeout.
    pub async fn send(&self, request: OutboundRequest) -> OutboundReport {
        self.send_as(Method::POST, request).await.0
    }

    /// The same with another method; also tells where a redirect leads.
    pub(super) async fn send_as(
        &self,
        method: Method,
        request: OutboundRequest,
    ) -> (OutboundReport, Option<HeaderValue>) {
        if !request.url.is_https() && !self.shared.allows_http {
            // Saved while plain http was allowed; sending it now would break the operator's rule.
            return (OutboundReport { outcome: AttemptOutcome::Unsendable, response: None }, None);
        }
        let timeout = request.timeout.min(Duration::from_secs(*TIMEOUT_SECONDS.end()));
        let progress = Progress::until(Instant::now() + timeout);
        let mut received = Received::default();
        let exchange = self.exchange(method, request, &progress, &mut received);
        let within_deadline = timeout_at(progress.deadline(), Arc::clone(&progress).scope(exchange)).await;
        let outcome = within_deadline.unwrap_or_else(|_| AttemptOutcome::Timeout { phase: progress.phase() });
        let location = received.location.take();
        (OutboundReport { outcome, response: received.into_captured() }, location)
    }

    async fn exchange(
        &self,
        method: Method,
        request: OutboundRequest,
        progress: &Arc<Progress>,
        received: &mut Received,
    ) -> AttemptOutcome {
        let length = HeaderValue::from(request.body.len());
        let mut http_request = Request::new(OutboundBody::new(request.body, Arc::clone(progress)));
        let takes_body = method == Method::POST;
        *http_request.method_mut() = method;
        *http_request.uri_mut() = request.url.into_uri();
        *http_request.headers_mut() = request.headers;
        let headers = http_request.headers_mut();
        if takes_body {
            // hyper leaves it out when there is no body, and some receivers then wait for one.
            headers.insert(CONTENT_LENGTH, length);
        }
        headers.entry(USER_AGENT).or_insert_with(|| self.shared.user_agent.clone());
        match self.pool.request(http_request).await {
            Ok(response) => {
                progress.enter(Phase::Body);
                if response.status().is_redirection() {
                    received.location = response.headers().get(LOCATION).cloned();
                }
                receive(response, request.now, received).await
            }
            Err(error) => failure::outcome_of(&error),
        }
    }
}
