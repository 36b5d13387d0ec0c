//! The journal: every write of the hot path goes through one bounded, fair queue; one writer takes what is waiting, commits
//! it as one transaction, hands the deliveries to their lanes and then answers those who wait (engine rules E1, E3, E10).
//!
//! Batches grow with load by themselves: while one commit runs, the next batch gathers. There is no timer.

mod dispatch;
mod live;
mod queue;
mod writer;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use stentor_core::id::{EventId, TenantId};
use stentor_core::webhook::Webhook;
use stentor_store::journal::{MessageUnwritten, NewEvent, OutcomeWrite, Write, Written};
use stentor_store::lanes::LaneKey;
use tokio::sync::{Notify, oneshot};

pub use self::queue::QueueLimits;
use self::queue::{Busy, FairQueue};
pub use self::writer::OnFatal;
pub(crate) use self::writer::{OnDisabled, Writer};
use crate::accept::{PublishError, Published};
use crate::clock::Stopwatch;
use crate::commands::CommandError;
use crate::limits::Reservation;

/// A database that has not committed for this long while there was work is not ready.
const STUCK_AFTER: Duration = Duration::from_secs(5);

/// What a publisher learns of its event.
#[derive(Debug)]
pub enum AcceptAnswer {
    /// It is stored, now or before. Of several, this is the first one.
    Published(Published),
    /// Its key was used with another body.
    KeyConflict(EventId),
    /// The message that it tells of could not be written.
    MessageUnwritten(MessageUnwritten),
    /// Its routing is out of date.
    StaleConfig,
    /// It is not stored, or may not be.
    Failed(String),
}

/// An event on its way into the store.
pub struct Accepting {
    pub event: Box<NewEvent>,
    /// The webhooks of its deliveries, in their order.
    pub webhooks: Vec<Arc<Webhook>>,
    /// Its place within the tenant's limits, given back when it is stored or will not be.
    pub reservation: Option<Reservation>,
}

/// What one publisher waits for: an event, or several that are stored together or not at all.
pub struct AcceptEntry {
    pub first: Accepting,
    /// Those that are stored with the first. Their tenant is the first one's.
    pub others: Vec<Accepting>,
    pub waiter: oneshot::Sender<AcceptAnswer>,
}

impl AcceptEntry {
    /// Its events, the first one first.
    pub fn events(&self) -> impl Iterator<Item = &NewEvent> {
        std::iter::once(&self.first).chain(&self.others).map(|accepting| &*accepting.event)
    }
}

/// What a lane asks the journal to write; the answer goes back to the lane's shard.
pub struct LaneEntry {
    pub lane: LaneKey,
    pub write: Write,
}

/// One thing waiting to be written.
pub enum Entry {
    Accept(AcceptEntry),
    Outcome {
        lane: LaneKey,
        outcome: Box<OutcomeWrite>,
    },
    /// One attempt of several deliveries.
    Outcomes {
        lane: LaneKey,
        outcomes: Vec<OutcomeWrite>,
    },
    Lane(LaneEntry),
    /// A command. Lanes learn what concerns them, and the one who waits learns the result.
    Command {
        write: Write,
        waiter: oneshot::Sender<Result<Written, String>>,
    },
}

/// Where writes are put. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<FairQueue>,
    /// Something was put.
    filled: Notify,
    /// Since when a batch waits to be committed.
    committing: Mutex<Option<Stopwatch>>,
}

impl Journal {
    /// An empty journal.
    pub fn new(limits: QueueLimits) -> Self {
        Self {
            shared: Arc::new(Shared {
                queue: Mutex::new(FairQueue::new(limits)),
                filled: Notify::new(),
                committing: Mutex::default(),
            }),
        }
    }

    /// Puts an event. It is stored and handed over even if nobody waits any more once it was taken.
    pub(crate) fn accept(&self, entry: AcceptEntry) -> Result<(), PublishError> {
        let put = self.queue().put_acceptance(entry);
        match put {
            Ok(()) => {
                self.shared.filled.notify_one();
                Ok(())
            }
            Err(Busy::Tenant) => Err(PublishError::TenantBusy),
            Err(Busy::Everything) => {
                Err(PublishError::Unavailable("too many events wait to be stored".into()))
            }
            Err(Busy::Closed) => Err(PublishError::Unavailable("stopping".into())),
        }
    }

    /// Puts what a lane has to write. Never refused: what a lane may have unwritten is bounded by its permits.
    pub(crate) fn put(&self, entries: impl IntoIterator<Item = Entry>) {
        let mut queue = self.queue();
        for entry in entries {
            queue.put_first(entry);
        }
        drop(queue);
        self.shared.filled.notify_one();
    }

    /// Writes one thing and waits for the result.
    pub(crate) async fn write(&self, write: Write) -> Result<Written, CommandError> {
        let (waiter, answer) = oneshot::channel();
        self.put([Entry::Command { write, waiter }]);
        Self::answered(answer).await
    }

    async fn answered(answer: oneshot::Receiver<Result<Written, String>>) -> Result<Written, CommandError> {
        match answer.await {
            Ok(Ok(Written::Refused(reason)) | Err(reason)) => Err(CommandError::Unavailable(reason)),
            Ok(Ok(written)) => Ok(written),
            Err(_) => Err(CommandError::Unavailable("stopping".into())),
        }
    }

    /// Refuses new events; what is waiting is still written.
    pub(crate) fn close(&self) {
        self.queue().close();
        self.shared.filled.notify_one();
    }

    /// Whether a batch has waited for its commit for longer than a database that works needs.
    pub(crate) fn is_stuck(&self) -> bool {
        self.committing().is_some_and(|since| since.elapsed() > STUCK_AFTER)
    }

    fn committing(&self) -> MutexGuard<'_, Option<Stopwatch>> {
        self.shared.committing.lock().expect("no panic while holding the lock")
    }

    /// How many events of a tenant, or of all, may wait, and how many more fit now.
    pub(crate) fn room(&self, tenant: Option<TenantId>) -> (usize, usize) {
        self.queue().room(tenant)
    }

    /// Entries waiting.
    pub(crate) fn waiting(&self) -> usize {
        self.queue().len()
    }

    fn queue(&self) -> MutexGuard<'_, FairQueue> {
        self.shared.queue.lock().expect("no panic while holding the lock")
    }
}
