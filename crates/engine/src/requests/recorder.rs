//! The one watcher of the front door: tells each request to the live feed and keeps those that became no event: refused
//! ones, repetitions and handshakes.
//!
//! It writes at most some pieces a second, each small and with few rows of one source, so that a flood of bad requests costs
//! publishers nothing and pushes out only its own. What does not fit is counted.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use stentor_core::id::SourceId;
use stentor_store::requests::{ALREADY_PROCESSED, HANDSHAKE, RefusedBounds, RefusedRequest};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};
use tracing::warn;

use super::request_of;
use crate::engine::Engine;
use crate::feed::Fact;
use crate::mailbox::Inbox;
use crate::receptions::{Reception, Verdict, WaitingReception};

/// Records taken at a time.
const TAKE_MAX: usize = 256;
/// Pause between two writes.
const PAUSE: Duration = Duration::from_millis(250);
/// Rows and bytes of one write, and rows of one source in it.
const WRITE_ROWS_MAX: usize = 128;
const WRITE_BYTES_MAX: u64 = 1024 * 1024;
const WRITE_ROWS_OF_SOURCE_MAX: usize = 32;

/// What is kept of one source.
pub(crate) const KEPT: RefusedBounds = RefusedBounds { rows: 1_000, bytes: 8 * 1024 * 1024 };

/// The watcher.
pub(crate) struct Recorder {
    engine: Engine,
    inbox: Inbox<WaitingReception>,
    waiting: Vec<RefusedRequest>,
    waiting_bytes: u64,
    of_source: HashMap<Option<SourceId>, usize>,
    write_at: Instant,
    /// One write at a time.
    writing: Arc<Semaphore>,
}

impl Recorder {
    pub(crate) fn new(engine: Engine, inbox: Inbox<WaitingReception>) -> Self {
        Self {
            engine,
            inbox,
            waiting: Vec::new(),
            waiting_bytes: 0,
            of_source: HashMap::new(),
            write_at: Instant::now(),
            writing: Arc::new(Semaphore::new(1)),
        }
    }

    /// Runs until the process stops.
    pub(crate) async fn run(mut self) {
        let mut taken = Vec::with_capacity(TAKE_MAX);
        loop {
            tokio::select! {
                open = self.inbox.take(&mut taken, TAKE_MAX) => if !open { return },
                () = sleep_until(self.write_at), if !self.waiting.is_empty() => {}
            }
            for reception in taken.drain(..) {
                self.note(reception.into_reception());
            }
            if !self.waiting.is_empty() && Instant::now() >= self.write_at {
                self.write();
            }
        }
    }

    fn note(&mut self, mut reception: Reception) {
        if let Verdict::Accepted { events } = &reception.verdict
            && let Some(first) = events.first()
        {
            // It is found under its event's id: there is no other row of it.
            reception.id = request_of(*first);
        }
        if let Some(request) = eventless(&reception) {
            self.keep(request);
        }
        if let Some(mut teller) = self.engine.feed().teller() {
            let at = reception.received_at.plus(reception.timing.total);
            teller.tell(reception.tenant, at, || Fact::Request(Box::new(reception)));
        }
    }

    fn keep(&mut self, request: RefusedRequest) {
        let of_source = self.of_source.entry(request.source).or_default();
        let weight = request.weight();
        let fits = self.waiting.len() < WRITE_ROWS_MAX
            && self.waiting_bytes + weight <= WRITE_BYTES_MAX
            && *of_source < WRITE_ROWS_OF_SOURCE_MAX;
        if !fits {
            return self.engine.receptions().count_dropped(1);
        }
        *of_source += 1;
        self.waiting_bytes += weight;
        self.waiting.push(request);
    }

    /// Writes what waits, unless the last write is still under way.
    fn write(&mut self) {
        self.write_at = Instant::now() + PAUSE;
        let Ok(turn) = Arc::clone(&self.writing).try_acquire_owned() else { return };
        let requests = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        self.of_source.clear();
        let engine = self.engine.clone();
        tokio::spawn(async move {
            let count = requests.len();
            if let Err(error) = engine.store().record_refused(requests, KEPT).await {
                warn!(%error, count, "refused requests could not be kept");
                engine.receptions().count_dropped(count as u64);
            }
            drop(turn);
        });
    }
}

/// What is kept of a request that became no event.
fn eventless(reception: &Reception) -> Option<RefusedRequest> {
    let (code, detail, hidden) = match &reception.verdict {
        Verdict::Accepted { .. } => return None,
        Verdict::Duplicate { event } => (ALREADY_PROCESSED, event.to_string(), false),
        Verdict::Challenge => (HANDSHAKE, String::new(), false),
        Verdict::Refused { code, detail, hidden } => (*code, detail.clone(), *hidden),
    };
    Some(RefusedRequest {
        id: reception.id,
        tenant: reception.tenant,
        source: reception.source,
        peer: reception.peer,
        received_at: reception.received_at,
        method: reception.method.clone(),
        path: reception.path.clone(),
        headers: reception.headers.clone(),
        content_type: reception.content_type.clone(),
        body: reception.body.clone(),
        body_bytes: reception.body_bytes,
        body_time: reception.timing.body,
        total_time: reception.timing.total,
        code: code.to_owned(),
        detail,
        hidden,
        status: reception.status,
    })
}
