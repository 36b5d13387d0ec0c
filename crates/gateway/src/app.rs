//! The whole gateway, put together from its configuration: the same in production and in tests.
//!
//! The order matters: the listener first, so that its address is known and never dialled; then the master key, the store,
//! the first-run bootstrap, the engine, and the server last, so that the first answer finds everything in place.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use stentor_core::address::AddressPolicy;
use stentor_engine::clock::{Clock, Stopwatch};
use stentor_engine::maintenance::Retention;
use stentor_engine::outbound::OutboundOptions;
use stentor_engine::{Engine, EngineOptions};
use stentor_store::Store;
use stentor_store::postgres::{PostgresOptions, StandBy};
use stentor_store::sqlite::SqliteStore;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::error;

mod bootstrap;
mod descriptors;
pub mod lifecycle;
mod master_key;
mod node;
mod own_addresses;
mod stand_by;

pub use bootstrap::FirstStart;

use self::node::Place;
use crate::config::{Config, Database};
use crate::http::server::{self, ServerOptions};
use crate::http::{AppState, Facts, HttpOptions, Surface};

/// The part of the time to stop in that belongs to requests; the rest is for the attempts that they may have started.
const REQUESTS_SHARE: f64 = 0.5;

/// A running gateway.
pub struct App {
    engine: Engine,
    address: SocketAddr,
    first_start: Option<FirstStart>,
    stop: CancellationToken,
    server: JoinHandle<()>,
    delay: Duration,
    drain: Duration,
    /// Among the nodes of the database, for as long as the process lives.
    _place: Option<Place>,
}

impl App {
    /// Starts everything.
    ///
    /// # Errors
    /// When the address, the master key or the database cannot be used; the text says which and what to do.
    pub async fn start(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let descriptors = descriptors::raise_limit();
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("cannot listen on {}", config.listen))?;
        let address = listener.local_addr().context("the listener has no address")?;
        let options = server_options(config, descriptors);
        let (store, place) = open_store(config, clock.as_ref(), &listener, options).await?;
        let first_start =
            bootstrap::run(store.as_ref(), clock.as_ref(), config.operator_token.as_ref()).await?;
        let engine = Engine::start(store, engine_options(config, address), clock).await?;
        let stop = CancellationToken::new();
        let state = AppState::new(
            engine.clone(),
            http_options(config),
            Facts::of(config),
            config.http.trusted_proxies.networks(),
        );
        let surface = Surface::new(state);
        let server = tokio::spawn(server::serve(listener, surface, stop.clone(), options));
        let (delay, drain) = (config.shutdown.delay(), config.shutdown.drain());
        Ok(Self { engine, address, first_start, stop, server, delay, drain, _place: place })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What the first start made. To be shown once and never logged.
    pub fn first_start(&self) -> Option<&FirstStart> {
        self.first_start.as_ref()
    }

    /// Stops in order: readyz turns red; after the delay nothing more is accepted, requests end, then attempts
    /// (reliability F17).
    pub async fn shutdown(self) {
        self.engine.announce_stop();
        tokio::time::sleep(self.delay).await;
        let stopwatch = Stopwatch::start();
        self.stop.cancel();
        if let Err(error) = self.server.await {
            error!(%error, "the server had stopped before");
        }
        self.engine.shutdown(self.drain.saturating_sub(stopwatch.elapsed())).await;
    }
}

/// A database on a server may be another process's: then this one stands by.
async fn open_store(
    config: &Config,
    clock: &dyn Clock,
    listener: &TcpListener,
    server: ServerOptions,
) -> anyhow::Result<(Arc<dyn Store>, Option<Place>)> {
    let key = master_key::resolve(config)?;
    let told = || format!("cannot open {}", config.database.shown());
    match &config.database {
        Database::Sqlite(path) => {
            let path = path.clone();
            let opened = tokio::task::spawn_blocking(move || SqliteStore::open(&path, &key)).await?;
            Ok((Arc::new(opened.with_context(told)?), None))
        }
        Database::Postgres(url) => {
            let tls = Some(stentor_engine::outbound::database_tls().context("cannot set up TLS")?);
            let place = Place::take(clock);
            let membership = place.membership.clone();
            let options = PostgresOptions { now: clock.now(), dev: config.dev, tls, membership };
            let node = StandBy::join(url, &key, &options).await.with_context(told)?;
            let store = stand_by::until_taken(node, listener, server).await.with_context(told)?;
            Ok((Arc::new(store), Some(place)))
        }
    }
}

fn address_policy(config: &Config, own: SocketAddr) -> AddressPolicy {
    let outbound = &config.outbound;
    let policy = if config.dev { AddressPolicy::dev() } else { AddressPolicy::closed() };
    let allows_http = policy.allows_http() || outbound.http;
    let own_addresses = if own.ip().is_unspecified() { own_addresses::all() } else { Vec::new() };
    policy
        .with_allow(outbound.allow.iter().cloned())
        .with_http(allows_http)
        .with_internal_names(outbound.internal_names)
        .with_own_listeners([own])
        .with_own_addresses(own_addresses)
}

fn engine_options(config: &Config, own: SocketAddr) -> EngineOptions {
    let policy = address_policy(config, own);
    let outbound = OutboundOptions {
        bind_address: config.outbound.bind_address,
        proxy: config.outbound.proxy.as_ref().map(|url| url.proxy().clone()),
        ..OutboundOptions::new(policy.clone(), config.outbound.user_agent.value())
    };
    let mut options = EngineOptions::new(policy, outbound, Arc::new(end_process));
    options.permits = config.outbound.concurrency.get();
    options.queue.items = config.limits.waiting_events.size();
    options.queue.tenant_items = config.limits.waiting_events_per_tenant.size();
    options.plans = config.plans();
    options.retention = Retention { age: config.retention.age() };
    options
}

fn http_options(config: &Config) -> HttpOptions {
    HttpOptions { wrong_tokens: config.limits.wrong_tokens.get(), public_metrics: config.metrics.public }
}

fn server_options(config: &Config, descriptors: Option<u64>) -> ServerOptions {
    ServerOptions {
        connections_max: descriptors::connections_that_fit(config.limits.connections.size(), descriptors),
        connections_per_peer_max: config.limits.connections_per_peer.size(),
        drain: config.shutdown.drain().mul_f64(REQUESTS_SHARE),
        ..ServerOptions::default()
    }
}

/// After a failed sync nothing may be acknowledged (engine rule E3), and nothing in memory can be trusted to be stored.
fn end_process(reason: &str) {
    error!(reason, "the database failed; the process ends now");
    std::process::exit(1);
}

#[cfg(test)]
mod tests;
