//! A store that fails on request. Everything reaches the real store behind it, but for the commits it is told about.

mod delegate;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use stentor_core::id::{EventId, TenantId};
use stentor_store::Store;
use stentor_store::error::StoreResult;
use stentor_store::journal::{CommitResult, Journal, NewEvent, Write};
use tokio::sync::watch;

/// What a commit answers instead of the truth (engine rule E3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitFault {
    /// Nothing is stored, and it says so.
    NotCommitted,
    /// Nothing is stored, and nobody can tell.
    UnknownAndLost,
    /// Everything is stored, and nobody can tell.
    UnknownAndStored,
    /// The database is broken; nothing is stored.
    Fatal,
}

/// Which commits a fault waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batches {
    /// Any.
    All,
    /// Those that accept an event.
    WithEvents,
    /// Those that record an attempt.
    WithOutcomes,
    /// Those that end deliveries without an attempt.
    WithFinishes,
}

impl Batches {
    fn has(self, batch: &[Write]) -> bool {
        match self {
            Self::All => true,
            Self::WithEvents => {
                batch.iter().any(|write| matches!(write, Write::Accept(_) | Write::AcceptAll(_)))
            }
            Self::WithOutcomes => {
                batch.iter().any(|write| matches!(write, Write::Outcome(_) | Write::Outcomes(_)))
            }
            Self::WithFinishes => batch.iter().any(|write| matches!(write, Write::Finish { .. })),
        }
    }
}

type IsPoison = Box<dyn Fn(&NewEvent) -> bool + Send + Sync>;

#[derive(Default)]
struct Faults {
    next: VecDeque<(Batches, CommitFault)>,
    poison: Option<IsPoison>,
}

/// The wrapper. Commits go through unharmed until it is told otherwise.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    faults: Mutex<Faults>,
    stalled: watch::Sender<bool>,
    waiting: watch::Sender<usize>,
    calls: Mutex<BTreeMap<&'static str, usize>>,
}

impl FaultyStore {
    /// Wraps a store.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            faults: Mutex::default(),
            stalled: watch::Sender::new(false),
            waiting: watch::Sender::new(0),
            calls: Mutex::default(),
        }
    }

    /// Has the next commit of this kind fail. Told several times, one commit after the other fails.
    pub fn fail_next(&self, batches: Batches, fault: CommitFault) {
        self.faults().next.push_back((batches, fault));
    }

    /// How many faults have not struck yet.
    pub fn faults_left(&self) -> usize {
        self.faults().next.len()
    }

    /// Damages every event of which `is_poison` is true, so that the real store must refuse that item and no other.
    pub fn poison(&self, is_poison: impl Fn(&NewEvent) -> bool + Send + Sync + 'static) {
        self.faults().poison = Some(Box::new(is_poison));
    }

    /// Keeps commits from reaching the real store until [`release`](Self::release).
    pub fn stall(&self) {
        self.stalled.send_replace(true);
    }

    /// Lets stalled commits go on.
    pub fn release(&self) {
        self.stalled.send_replace(false);
    }

    /// Returns once a commit is stalled.
    ///
    /// # Panics
    /// Never: the sender it listens to is its own.
    pub async fn until_stalled(&self) {
        self.waiting.subscribe().wait_for(|waiting| *waiting > 0).await.expect("the store holds the sender");
    }

    /// How often each function but the commit was called since this was asked last.
    pub fn take_calls(&self) -> BTreeMap<&'static str, usize> {
        std::mem::take(&mut *self.calls.lock().expect("no panic while holding the lock"))
    }

    fn note_call(&self, name: &'static str) {
        *self.calls.lock().expect("no panic while holding the lock").entry(name).or_default() += 1;
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().expect("no panic while holding the lock")
    }

    async fn pass_stall(&self) {
        let mut stalled = self.stalled.subscribe();
        if *stalled.borrow_and_update() {
            self.waiting.send_modify(|waiting| *waiting += 1);
            stalled.wait_for(|stalled| !stalled).await.expect("the store holds the sender");
            self.waiting.send_modify(|waiting| *waiting -= 1);
        }
    }

    fn take_fault(&self, batch: &[Write]) -> Option<CommitFault> {
        let mut faults = self.faults();
        let index = faults.next.iter().position(|(batches, _)| batches.has(batch))?;
        faults.next.remove(index).map(|(_, fault)| fault)
    }

    fn damaged(&self, batch: Arc<[Write]>) -> Arc<[Write]> {
        let faults = self.faults();
        let Some(is_poison) = &faults.poison else { return batch };
        let damage = |write: &Write| match write {
            Write::Accept(event) if is_poison(event) => {
                let mut event = event.clone();
                // One delivery too few: a contradiction that the store has to find.
                event.event.matched += 1;
                Write::Accept(event)
            }
            Write::AcceptAll(events) => {
                let mut events = events.clone();
                events.iter_mut().filter(|event| is_poison(event)).for_each(|event| event.event.matched += 1);
                Write::AcceptAll(events)
            }
            other => other.clone(),
        };
        batch.iter().map(damage).collect()
    }
}

#[async_trait]
impl Journal for FaultyStore {
    async fn commit(&self, batch: Arc<[Write]>) -> CommitResult {
        self.pass_stall().await;
        let fault = self.take_fault(&batch);
        let reason = || "told to".to_owned();
        match fault {
            None => self.inner.commit(self.damaged(batch)).await,
            Some(CommitFault::NotCommitted) => CommitResult::NotCommitted(reason()),
            Some(CommitFault::UnknownAndLost) => CommitResult::Unknown(reason()),
            Some(CommitFault::Fatal) => CommitResult::Fatal(reason()),
            Some(CommitFault::UnknownAndStored) => match self.inner.commit(self.damaged(batch)).await {
                CommitResult::Committed(_) => CommitResult::Unknown(reason()),
                other => other,
            },
        }
    }

    async fn stored_events(&self, events: &[(TenantId, EventId)]) -> StoreResult<Vec<EventId>> {
        self.inner.stored_events(events).await
    }
}
