//! An engine that lives and dies like a process.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderValue;
use stentor_core::address::AddressPolicy;
use stentor_engine::clock::Clock;
use stentor_engine::outbound::OutboundOptions;
use stentor_engine::{Engine, EngineOptions};
use stentor_store::events::Conservation;
use stentor_store::{Events, Store};
use stentor_testkit::faulty_store::FaultyStore;
use stentor_testkit::wait::until;
use tokio::runtime::Runtime;

use super::{Database, Receiver};

/// Longest that the end of a process takes: its last commit runs to the end, as the kernel would finish it.
const DEATH: Duration = Duration::from_secs(20);

/// What a process is started with; kept over several processes on one database.
#[derive(Clone)]
pub struct Setup {
    pub clock: Arc<dyn Clock>,
    pub receiver: Arc<Receiver>,
    pub options: EngineOptions,
    /// Whether commits are stalled from the first one on.
    pub stalled: bool,
    /// Why the process should have ended.
    pub fatal: Arc<Mutex<Vec<String>>>,
}

impl Setup {
    /// The usual bounds.
    pub fn new(clock: Arc<dyn Clock>, receiver: &Arc<Receiver>) -> Self {
        let fatal: Arc<Mutex<Vec<String>>> = Arc::default();
        let told = Arc::clone(&fatal);
        let policy = AddressPolicy::dev();
        let outbound = OutboundOptions::new(policy.clone(), HeaderValue::from_static("test"));
        let on_fatal = Arc::new(move |reason: &str| told.lock().unwrap().push(reason.to_owned()));
        let options = EngineOptions::new(policy, outbound, on_fatal);
        Self { clock, receiver: Arc::clone(receiver), options, stalled: false, fatal }
    }

    /// The same with other options.
    pub fn with(mut self, change: impl FnOnce(&mut EngineOptions)) -> Self {
        change(&mut self.options);
        self
    }
}

/// An engine with its own runtime.
pub struct Process {
    runtime: Runtime,
    pub engine: Engine,
    pub store: Arc<FaultyStore>,
}

impl Process {
    /// Starts the engine on the database.
    pub fn start(database: &Database, setup: &Setup) -> Self {
        Self::start_on(database.open(), setup)
    }

    /// Starts the engine on an open store.
    pub fn start_on(store: Arc<dyn Store>, setup: &Setup) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let store = Arc::new(FaultyStore::new(store));
        if setup.stalled {
            store.stall();
        }
        let (backend, setup) = (Arc::clone(&store), setup.clone());
        let started = runtime.block_on(async move {
            // On a worker thread: the engine's tasks then belong to this runtime alone.
            let start = Engine::start_with(backend, setup.options, setup.clock, setup.receiver);
            tokio::spawn(start).await.expect("the start does not panic")
        });
        Self { runtime, engine: started.expect("the engine starts"), store }
    }

    /// Runs something to its end.
    pub fn run<F: Future>(&self, work: F) -> F::Output {
        self.runtime.block_on(work)
    }

    /// Runs something beside the test; it ends with the process at the latest.
    pub fn spawn<F>(&self, work: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.runtime.spawn(work)
    }

    /// Ends the process at whatever it is doing. Nothing of it is left when this returns.
    pub fn die(self) {
        // A commit that hangs would end with its process.
        self.store.release();
        self.runtime.shutdown_timeout(DEATH);
    }

    /// Ends the process in order.
    pub fn stop(self) {
        self.runtime.block_on(self.engine.shutdown(Duration::from_secs(20)));
        self.runtime.shutdown_timeout(DEATH);
    }

    /// The sums over all tenants.
    pub fn sums(&self) -> Conservation {
        self.run(self.store.conservation(None)).expect("the sums can be read")
    }

    /// Waits until the sums are as wanted; they hold all the while.
    #[track_caller]
    pub fn until_sums(&self, what: &str, wanted: impl FnMut(&Conservation) -> bool) -> Conservation {
        let wanted = RefCell::new(wanted);
        let (store, wanted) = (&self.store, &wanted);
        self.run(until(what, || async move {
            let sums = store.conservation(None).await.expect("the sums can be read");
            assert!(sums.holds(), "{sums:?}");
            (wanted.borrow_mut())(&sums).then_some(sums)
        }))
    }

    /// Waits until nothing is pending.
    #[track_caller]
    pub fn until_done(&self) -> Conservation {
        self.until_sums("nothing is pending", |sums| sums.pending == 0)
    }
}

/// A gauge of an engine's metrics.
pub fn gauge(engine: &Engine, name: &str) -> i64 {
    let text = engine.metrics().render();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is not a gauge in {text}")).trim().parse().expect("a number")
}
