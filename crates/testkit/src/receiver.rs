//! A webhook receiver whose behaviour the test writes, and which remembers every request to the byte.
//!
//! It speaks HTTP/1.1 over plain TCP on loopback, without an HTTP library: header order and spelling are kept, and it
//! can misbehave in ways that a library would not let it. A reply is chosen in this order: the next of the path's
//! [`script`](Receiver::script), the next of [`script_all`](Receiver::script_all), the path's
//! [`always`](Receiver::always), the default (200 without body).

mod reply;
mod request;
mod serve;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

pub use self::reply::{Action, Reply};
pub use self::request::Received;
use crate::ledger::ReceiverLedger;
use crate::wait;

/// A receiver that runs until dropped.
pub struct Receiver {
    state: Arc<State>,
    address: SocketAddr,
    accept_loop: JoinHandle<()>,
}

/// Shared by the handle and the connections.
struct State {
    inner: Mutex<Inner>,
    /// How many requests have come.
    arrived: watch::Sender<usize>,
    /// One permit for each held reply that may go out.
    releases: Semaphore,
    ledger: Option<ReceiverLedger>,
}

#[derive(Default)]
struct Inner {
    requests: Vec<Arc<Received>>,
    /// How many of them `next_request` has handed out.
    taken: usize,
    scripts: HashMap<String, VecDeque<Reply>>,
    script_all: VecDeque<Reply>,
    always: HashMap<String, Reply>,
    default: Reply,
    connections: usize,
    open_connections: usize,
    in_flight: usize,
    in_flight_max: usize,
}

impl Receiver {
    /// Starts on a free port of 127.0.0.1.
    pub async fn start() -> Self {
        Self::start_with(None).await
    }

    /// Starts, and writes every request into the ledger before it is answered.
    pub async fn start_with_ledger(ledger: ReceiverLedger) -> Self {
        Self::start_with(Some(ledger)).await
    }

    async fn start_with(ledger: Option<ReceiverLedger>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port on loopback");
        let address = listener.local_addr().expect("a bound listener has an address");
        let state = Arc::new(State {
            inner: Mutex::default(),
            arrived: watch::Sender::new(0),
            releases: Semaphore::new(0),
            ledger,
        });
        let accept_loop = tokio::spawn(serve::accept(listener, Arc::clone(&state)));
        Self { state, address, accept_loop }
    }

    /// The URL of a path (with its leading slash) of this receiver.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How requests are answered for which nothing else is written.
    pub fn default_reply(&self, reply: Reply) {
        self.state.lock().default = reply;
    }

    /// How requests to the path are answered once its script has run out.
    pub fn always(&self, path: &str, reply: Reply) {
        self.state.lock().always.insert(path.to_owned(), reply);
    }

    /// The replies to the next requests to the path, one each.
    pub fn script(&self, path: &str, replies: impl IntoIterator<Item = Reply>) {
        self.state.lock().scripts.entry(path.to_owned()).or_default().extend(replies);
    }

    /// The replies to the next requests to paths without a script, one each.
    pub fn script_all(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state.lock().script_all.extend(replies);
    }

    /// Lets that many [`Reply::held`] replies go out, now or when they come.
    pub fn release(&self, count: usize) {
        self.state.releases.add_permits(count);
    }

    /// Every request so far, in order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Arc<Received>> {
        self.state.lock().requests.clone()
    }

    /// The requests from that number on, so far.
    #[must_use]
    pub fn requests_since(&self, number: usize) -> Vec<Arc<Received>> {
        self.state.lock().requests.get(number..).unwrap_or_default().to_vec()
    }

    /// The requests to one path so far.
    #[must_use]
    pub fn requests_to(&self, path: &str) -> Vec<Arc<Received>> {
        self.requests().into_iter().filter(|request| request.path == path).collect()
    }

    /// How many requests have come so far.
    #[must_use]
    pub fn count(&self) -> usize {
        *self.state.arrived.borrow()
    }

    /// How many connections were accepted so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.lock().connections
    }

    /// How many connections are open.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.state.lock().open_connections
    }

    /// Requests read and not yet answered in full or given up.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.state.lock().in_flight
    }

    /// The most requests that were in flight at once.
    #[must_use]
    pub fn in_flight_max(&self) -> usize {
        self.state.lock().in_flight_max
    }

    /// The next request that was not handed out yet, in order of arrival.
    ///
    /// # Panics
    /// When none comes in time.
    pub async fn next_request(&self) -> Arc<Received> {
        let position = {
            let mut inner = self.state.lock();
            inner.taken += 1;
            inner.taken - 1
        };
        self.wait_for(position + 1).await.swap_remove(position)
    }

    /// Waits until that many requests have come in all, and returns every one so far.
    ///
    /// # Panics
    /// When they do not come in time.
    pub async fn wait_for(&self, count: usize) -> Vec<Arc<Received>> {
        let mut arrived = self.state.arrived.subscribe();
        let waited =
            tokio::time::timeout(wait::DEADLINE, arrived.wait_for(|&arrived| arrived >= count)).await;
        let so_far = self.count();
        assert!(waited.is_ok(), "waited for {count} requests in vain; {so_far} came");
        self.requests()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // Connections are tasks of the accept loop's set and end with it.
        self.accept_loop.abort();
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn choose(&mut self, path: &str) -> Reply {
        if let Some(reply) = self.scripts.get_mut(path).and_then(VecDeque::pop_front) {
            return reply;
        }
        if let Some(reply) = self.script_all.pop_front() {
            return reply;
        }
        self.always.get(path).unwrap_or(&self.default).clone()
    }
}

#[cfg(test)]
mod tests;
