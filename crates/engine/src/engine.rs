//! The engine as a whole: how it starts, what it is made of, how it stops.

mod options;
mod parts;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stentor_core::address::AddressPolicy;
use stentor_core::id::WebhookId;
use stentor_core::shard::Shard;
use stentor_core::time::Time;
use stentor_store::maintenance::{KeptStarts, PreviousEnd};
use stentor_store::{Store, StoreError};
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;
use tracing::{info, warn};

pub use self::options::EngineOptions;
use crate::accept::Positions;
use crate::auth::Authenticator;
use crate::clock::{Clock, Stopwatch};
use crate::destination::{Destination, HttpDestination};
use crate::directory::Directory;
use crate::feed::Feed;
use crate::ingest::{Certificates, Doors};
use crate::journal::{Journal, OnDisabled, OnFatal, Writer};
use crate::lease::Lease;
use crate::limits::Limits;
use crate::maintenance::Maintenance;
use crate::metrics::Metrics;
use crate::outbound::{OutboundClient, SystemResolver};
use crate::receptions::Receptions;
use crate::requests::Recorder;
use crate::sender::Sender;
use crate::shard::state::ShardOptions;
use crate::shard::{Actor, Shards, SharedPermits, World};
use crate::sources::SourceDirectory;
use crate::starts;

/// How often a stopping engine looks whether its attempts have ended.
const DRAIN_LOOK: Duration = Duration::from_millis(20);

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The outbound client cannot be set up.
    #[error("outbound requests cannot be set up: {0}")]
    Outbound(String),
}

/// The handle of the running engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    journal: Journal,
    shards: Shards,
    limits: Arc<Limits>,
    directory: Directory,
    sources: SourceDirectory,
    authenticator: Authenticator,
    sender: Arc<Sender>,
    outbound: Option<OutboundClient>,
    probe_time: Duration,
    permits: SharedPermits,
    positions: Positions,
    metrics: Arc<Metrics>,
    receptions: Arc<Receptions>,
    doors: Doors,
    certificates: Certificates,
    feed: Arc<Feed>,
    address_policy: AddressPolicy,
    /// Since when every start of an attempt is known (engine rule E14).
    starts_known_since: Time,
    stopping: AtomicBool,
    /// Something is noted for an operational event.
    announcing: Notify,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Renews the lease until the last outcome is committed.
    lease: Mutex<Option<JoinHandle<()>>>,
    background: Mutex<Vec<JoinHandle<()>>>,
}

impl Engine {
    /// Starts the engine: everything pending in the store goes on.
    ///
    /// # Errors
    /// When the database does not answer or outbound requests cannot be set up.
    pub async fn start(
        store: Arc<dyn Store>,
        options: EngineOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let resolver = SystemResolver::new().map_err(|error| StartError::Outbound(error.to_string()))?;
        let client = OutboundClient::new(options.outbound.clone(), Arc::new(resolver))
            .map_err(|error| StartError::Outbound(error.to_string()))?;
        let destination = Arc::new(HttpDestination::new(client.clone()));
        Self::launch(store, options, clock, destination, Some(client)).await
    }

    /// Starts the engine with another way of getting events to receivers.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn start_with(
        store: Arc<dyn Store>,
        options: EngineOptions,
        clock: Arc<dyn Clock>,
        destination: Arc<dyn Destination>,
    ) -> Result<Self, StartError> {
        Self::launch(store, options, clock, destination, None).await
    }

    /// Starts the engine with the client that its destination sends with, if it sends over the network.
    pub(crate) async fn launch(
        store: Arc<dyn Store>,
        options: EngineOptions,
        clock: Arc<dyn Clock>,
        destination: Arc<dyn Destination>,
        outbound: Option<OutboundClient>,
    ) -> Result<Self, StartError> {
        let started_at = clock.now();
        let lease = Arc::new(Lease::new(Arc::clone(&clock)));
        lease.renew(&*store).await?;
        let keeping = tokio::spawn(Arc::clone(&lease).keep(Arc::clone(&store), options.on_fatal.clone()));
        let previous_end = store.begin_process(started_at).await?;
        let kept = starts::believed(store.take_starts().await?, previous_end, started_at);
        let limits = Limits::load(options.plans.clone(), &*store, Arc::clone(&clock)).await?;
        let sources = SourceDirectory::load(Arc::clone(&store)).await?;
        let metrics = Arc::new(Metrics::default());
        let journal = Journal::new(options.queue);
        let (shards, inboxes) = Shards::new();
        let permits = SharedPermits::new(options.permits);
        let sender =
            Sender::new(destination, Arc::clone(&store), Arc::clone(&clock), Arc::clone(&metrics), lease);
        let inner = Arc::new(Inner {
            directory: Directory::new(Arc::clone(&store), Arc::clone(&limits)),
            sources,
            limits,
            authenticator: Authenticator::new(Arc::clone(&store), Arc::clone(&clock)),
            sender: Arc::new(sender),
            outbound,
            probe_time: options.probe_time,
            store,
            clock,
            journal,
            shards,
            permits,
            positions: Positions::default(),
            metrics,
            receptions: Arc::default(),
            doors: Doors::default(),
            certificates: Certificates::default(),
            feed: Arc::default(),
            address_policy: options.address_policy.clone(),
            starts_known_since: kept.known_since,
            stopping: AtomicBool::new(false),
            announcing: Notify::new(),
            writer: Mutex::default(),
            lease: Mutex::new(Some(supervise(keeping, options.on_fatal.clone(), "the lease"))),
            background: Mutex::default(),
        });
        let engine = Self { inner };
        let world = Arc::new(engine.world(&options));
        let shard_options = shard_options(&options, started_at, previous_end, kept.known_since);
        let mut starts = starts::by_shard(kept);
        for (number, inbox) in (0_u8..=u8::MAX).zip(inboxes) {
            let shard = Shard(number);
            let starts = starts.remove(&shard).unwrap_or_default();
            let actor = Actor { shard, inbox, world: Arc::clone(&world), options: shard_options, starts };
            supervise(tokio::spawn(actor.run()), options.on_fatal.clone(), "a shard");
        }
        let writer = tokio::spawn(engine.writer(options.on_fatal.clone()).run());
        *engine.inner.writer.lock().await = Some(supervise(writer, options.on_fatal.clone(), "the journal"));
        let maintenance = Maintenance::new(engine.clone(), options.retention);
        maintenance.sweep().await?;
        engine.resume_replays().await?;
        engine.resume_broadcasts().await?;
        let announcer = tokio::spawn(engine.clone().announce_for_ever());
        let teller = tokio::spawn(engine.clone().tell_for_ever());
        let recorder = engine.receptions().watch().map(|inbox| Recorder::new(engine.clone(), inbox));
        let recorder = recorder.map(|recorder| tokio::spawn(recorder.run()));
        engine
            .inner
            .background
            .lock()
            .await
            .extend(maintenance.spawn().into_iter().chain([announcer, teller]).chain(recorder));
        Ok(engine)
    }

    fn world(&self, options: &EngineOptions) -> World {
        let inner = &self.inner;
        World {
            clock: Arc::clone(&inner.clock),
            store: Arc::clone(&inner.store),
            journal: inner.journal.clone(),
            shards: inner.shards.clone(),
            sender: Arc::clone(&inner.sender),
            permits: inner.permits.clone(),
            metrics: Arc::clone(&inner.metrics),
            feed: Arc::clone(&inner.feed),
            lane_limits: options.lane,
        }
    }

    fn writer(&self, on_fatal: OnFatal) -> Writer {
        let weak = Arc::downgrade(&self.inner);
        let on_disabled: OnDisabled = Arc::new(move |tenant, webhook| {
            let Some(inner) = weak.upgrade() else { return };
            inner.announcing.notify_one();
            tokio::spawn(async move {
                let engine = Self { inner };
                if let Err(error) = engine.webhook_changed(tenant, webhook).await {
                    warn!(%webhook, %error, "a disabled webhook could not be read");
                }
            });
        });
        let weak = Arc::downgrade(&self.inner);
        let on_dead = Arc::new(move || {
            if let Some(inner) = weak.upgrade() {
                inner.announcing.notify_one();
            }
        });
        Writer {
            journal: self.inner.journal.clone(),
            store: Arc::clone(&self.inner.store),
            shards: self.inner.shards.clone(),
            limits: Arc::clone(&self.inner.limits),
            metrics: Arc::clone(&self.inner.metrics),
            feed: Arc::clone(&self.inner.feed),
            on_fatal,
            on_disabled,
            on_dead,
        }
    }

    /// Whether new work is taken: the database answers and the engine is not stopping.
    ///
    /// # Errors
    /// A sentence for the operator when it is not.
    pub async fn readiness(&self) -> Result<(), String> {
        if self.is_stopping() {
            return Err("the process is stopping".into());
        }
        if self.inner.journal.is_stuck() {
            return Err("the database has not committed for some seconds".into());
        }
        self.inner.store.ping().await.map_err(|error| error.to_string())
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.inner.stopping.load(Ordering::Acquire)
    }

    /// Makes [`readiness`](Self::readiness) say that the process is stopping, and ends the live feed.
    pub fn announce_stop(&self) {
        self.inner.stopping.store(true, Ordering::Release);
        self.inner.feed.close();
    }

    /// Stops in order: no new attempts, those in flight get until the deadline, every outcome is committed.
    pub async fn shutdown(&self, drain: Duration) {
        self.announce_stop();
        let inner = &self.inner;
        for task in inner.background.lock().await.drain(..) {
            task.abort();
        }
        if let Err(error) = self.note_used_credentials().await {
            warn!(%error, "when credentials were used could not be stored");
        }
        let starts = inner.shards.drain().await;
        let stopwatch = Stopwatch::start();
        while inner.permits.in_use() > 0 && stopwatch.elapsed() < drain {
            tokio::time::sleep(DRAIN_LOOK).await;
        }
        let left = inner.permits.in_use();
        inner.journal.close();
        if let Some(writer) = inner.writer.lock().await.take()
            && writer.await.is_err()
        {
            warn!("the journal's writer had stopped before");
            return;
        }
        self.note_end(left, starts).await;
        if let Some(keeping) = inner.lease.lock().await.take() {
            keeping.abort();
        }
        if let Err(error) = inner.store.leave().await {
            warn!(%error, "another process has to wait for the end of the lease");
        }
    }

    /// Notes an orderly end, if it is one.
    async fn note_end(&self, left: u32, starts: Vec<(WebhookId, Vec<Time>)>) {
        let inner = &self.inner;
        if left > 0 {
            warn!(left, "attempts were still in flight; they will be repeated after the next start");
            return;
        }
        let kept = KeptStarts { known_since: inner.starts_known_since, webhooks: starts };
        if let Err(error) = inner.store.keep_starts(&kept).await {
            warn!(%error, "the orderly stop could not be noted");
            return;
        }
        match inner.store.end_process(inner.clock.now()).await {
            Ok(()) => info!("stopped in order"),
            Err(error) => warn!(%error, "the orderly stop could not be noted"),
        }
    }
}

/// A task without which the gateway would be silently deaf: when it panics, the process must end (reliability F24).
fn supervise(task: JoinHandle<()>, on_fatal: OnFatal, what: &'static str) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(error) = task.await
            && error.is_panic()
        {
            on_fatal(&format!("{what} panicked"));
        }
    })
}

fn shard_options(
    options: &EngineOptions,
    started_at: Time,
    previous_end: PreviousEnd,
    starts_known_since: Time,
) -> ShardOptions {
    ShardOptions {
        lane: options.lane,
        started_at,
        after_unclean_end: previous_end == PreviousEnd::Unclean,
        starts_known_since,
    }
}
