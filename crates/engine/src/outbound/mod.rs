//! The one HTTP client that speaks to receivers, and the only way out of the process (reliability S6).
//!
//! Every request goes through [`OutboundClient::send`]. The cast, in the order a request meets it: `client` bounds the
//! exchange by one total deadline; its pool asks the `connector` for a connection when none is idle; the connector
//! turns the host into addresses through a [`Resolver`], has the [`AddressPolicy`] decide about each and dials only
//! what was decided about; `receive` reads a bounded part of the answer; `failure` turns whatever broke into an
//! [`AttemptOutcome`]. Redirects are not followed, nothing is retried that may have been seen, and no proxy is used but
//! the operator's own ([`EgressProxy`]), which is asked for the very addresses that were decided about.

mod body;
mod client;
mod connector;
mod dial;
mod failure;
mod handshake;
mod prepared_url;
pub mod probe;
mod progress;
mod proxy;
mod receive;
mod resolver;
mod retry_after;
mod stream;
mod system_resolver;
#[cfg(test)]
mod tests;
mod tls;

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use rustls::pki_types::CertificateDer;
use stentor_core::address::AddressPolicy;
use stentor_core::attempt::{AttemptOutcome, CapturedResponse};
use stentor_core::time::Time;

pub use client::OutboundClient;
pub use prepared_url::PreparedUrl;
pub use proxy::{EgressProxy, ProxyCredentials, ProxyProtocol};
pub use resolver::{ResolveError, Resolver};
pub use system_resolver::{SystemResolver, SystemResolverError};
pub use tls::{TlsSetupError, database_tls};

/// How the client behaves, the same for all receivers.
#[derive(Clone, Debug)]
pub struct OutboundOptions {
    /// Which addresses may be dialled; asked at every connect.
    pub policy: AddressPolicy,
    /// The `User-Agent` of requests that do not bring their own.
    pub user_agent: HeaderValue,
    /// How long an idle connection is kept for the next request.
    pub idle_timeout: Duration,
    /// Most idle HTTP/1.1 connections kept per scheme, host and port.
    pub idle_per_host: usize,
    /// Certificate authorities trusted besides the platform's, such as a private one.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// The local address that connections leave from, so that receivers can allow-list it. Receivers that only have
    /// addresses of the other family are unreachable then.
    pub bind_address: Option<IpAddr>,
    /// The proxy that all connections go through.
    pub proxy: Option<EgressProxy>,
}

impl OutboundOptions {
    /// Options with the usual pool: 1 024 idle connections per host, each for 30 s.
    #[must_use]
    pub fn new(policy: AddressPolicy, user_agent: HeaderValue) -> Self {
        Self {
            policy,
            user_agent,
            idle_timeout: Duration::from_secs(30),
            idle_per_host: 1_024,
            extra_roots: Vec::new(),
            bind_address: None,
            proxy: None,
        }
    }
}

/// One POST to a receiver.
#[derive(Debug)]
pub struct OutboundRequest {
    /// Where to.
    pub url: PreparedUrl,
    /// All headers except `Host`, `Content-Length` and, unless it is set here, `User-Agent`.
    pub headers: HeaderMap,
    /// The exact bytes.
    pub body: Bytes,
    /// Total time from resolving the name to the last byte of the answer; at most the longest timeout of a webhook.
    pub timeout: Duration,
    /// The wall-clock time, against which a date in `Retry-After` is read.
    pub now: Time,
}

/// What came of a request. A receiver's fault is a value, never an error.
#[derive(Debug)]
pub struct OutboundReport {
    /// What came of it.
    pub outcome: AttemptOutcome,
    /// The start of the answer's body; `None` if it was empty or there was none.
    pub response: Option<CapturedResponse>,
}
