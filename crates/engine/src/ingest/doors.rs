//! Which sources and credentials there are, remembered for a short while.
//!
//! A credential is found by the keyed hash of its pair, in memory or by one row of an index: the cost does not depend on how many
//! there are, and no secret is compared. What is remembered may be out of date for a few seconds without harm, because a change
//! moves the tenant's configuration version and the commit checks it (engine rule E7): then it is read again before anything is stored.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use stentor_core::arrival::{Arrival, Proof};
use stentor_core::credential::Credential;
use stentor_core::id::{CredentialId, SourceId};
use stentor_core::source::Source;
use stentor_core::time::Time;
use stentor_store::{Store, StoreError};
use tracing::warn;

use super::gate::Gate;
use crate::clock::Clock;

/// How long an answer is remembered, found ones and others alike.
const REMEMBERED: Duration = Duration::from_secs(5);
/// Most answers remembered; beyond it all are forgotten, so that guessing fills no memory.
const REMEMBERED_MAX: usize = 20_000;
/// How often it is written down when credentials were used.
const TOUCH_EVERY: Duration = Duration::from_secs(60);

/// The keyed hash of a pair.
type PairHash = [u8; 32];

/// Sources and credentials as last read.
pub struct Doors {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    gates: Mutex<Remembered<SourceId, Arc<Gate>>>,
    pairs: Mutex<Remembered<PairHash, Arc<Credential>>>,
    used: Mutex<Used>,
}

struct Remembered<K, V> {
    /// Raised whenever everything is forgotten: an answer asked for before that is not remembered after it.
    epoch: u64,
    answers: HashMap<K, (Time, Option<V>)>,
}

#[derive(Default)]
struct Used {
    written_at: Option<Time>,
    credentials: HashMap<CredentialId, Time>,
}

impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Self { epoch: 0, answers: HashMap::new() }
    }
}

impl<K: Eq + Hash, V: Clone> Remembered<K, V> {
    fn recall(&self, key: &K, now: Time) -> Option<Option<V>> {
        let (asked_at, answer) = self.answers.get(key)?;
        (now.since(*asked_at) < REMEMBERED).then(|| answer.clone())
    }

    /// What was last found, however long ago.
    fn last(&self, key: &K) -> Option<V> {
        self.answers.get(key)?.1.clone()
    }

    fn keep(&mut self, epoch: u64, key: K, asked_at: Time, answer: Option<V>) {
        if epoch != self.epoch {
            return;
        }
        if self.answers.len() >= REMEMBERED_MAX {
            self.answers.clear();
        }
        self.answers.insert(key, (asked_at, answer));
    }

    fn forget(&mut self) {
        self.epoch += 1;
        self.answers.clear();
    }
}

impl Doors {
    /// Nothing is known yet.
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, gates: Mutex::default(), pairs: Mutex::default(), used: Mutex::default() }
    }

    /// The source with this id, of whatever tenant.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn gate(&self, id: SourceId) -> Result<Option<Arc<Gate>>, StoreError> {
        let now = self.clock.now();
        let (remembered, epoch) = {
            let gates = lock(&self.gates);
            (gates.recall(&id, now), gates.epoch)
        };
        match remembered {
            Some(answer) => Ok(answer),
            None => self.read_gate(id, now, epoch).await,
        }
    }

    async fn read_gate(&self, id: SourceId, now: Time, epoch: u64) -> Result<Option<Arc<Gate>>, StoreError> {
        let found = self.read_source(id).await?;
        let mut gates = lock(&self.gates);
        // A gate holds what was counted; one of the same version goes on.
        let before = gates.last(&id);
        let gate = found.map(|source| match before {
            Some(gate) if gate.source.version == source.version => gate,
            Some(gate) => Arc::new(gate.changed(Arc::new(source), now)),
            None => Arc::new(Gate::new(Arc::new(source), now)),
        });
        gates.keep(epoch, id, now, gate.clone());
        Ok(gate)
    }

    /// The id is the place in the order of all sources: the first one after its predecessor is it, or there is none.
    async fn read_source(&self, id: SourceId) -> Result<Option<Source>, StoreError> {
        let Some(before) = u128::from_be_bytes(*id.as_bytes()).checked_sub(1) else { return Ok(None) };
        let before = SourceId::from_bytes(before.to_be_bytes());
        let found = self.store.all_sources(Some(before), 1).await?;
        Ok(found.into_iter().next().filter(|source| source.id == id))
    }

    /// The credential with this `username:password`, live or not.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn credential(&self, user_pass: &str) -> Result<Option<Arc<Credential>>, StoreError> {
        let now = self.clock.now();
        let hash = self.store.pair_hash(user_pass);
        let (remembered, epoch) = {
            let pairs = lock(&self.pairs);
            (pairs.recall(&hash, now), pairs.epoch)
        };
        if let Some(answer) = remembered {
            return Ok(answer);
        }
        let found = self.store.credential_by_hash(hash).await?.map(Arc::new);
        lock(&self.pairs).keep(epoch, hash, now, found.clone());
        Ok(found)
    }

    /// Whether this pair belonged to somebody when it was last looked up.
    pub fn has_worked(&self, user_pass: &str) -> bool {
        lock(&self.pairs).last(&self.store.pair_hash(user_pass)).is_some()
    }

    /// Forgets everything, after a source or a credential changed through this process.
    pub fn forget(&self) {
        lock(&self.pairs).forget();
        let mut gates = lock(&self.gates);
        gates.epoch += 1;
        // Kept for what they counted, but asked for anew.
        for (asked_at, _) in gates.answers.values_mut() {
            *asked_at = Time::ZERO;
        }
    }

    /// Whether the source still takes what arrived, and by the same credential. Reads it anew.
    pub(crate) async fn still_open(&self, arrival: &Arrival) -> Result<bool, StoreError> {
        let now = self.clock.now();
        self.forget();
        let Some(gate) = self.gate(arrival.source).await? else { return Ok(false) };
        let source = &gate.source;
        let credential = match arrival.proof {
            Proof::Credential(id) => self.store.credential(source.tenant, source.id, id).await?,
            Proof::None | Proof::Key(_) => return Ok(source.takes_at(now)),
        };
        Ok(source.takes_at(now) && credential.is_some_and(|credential| credential.is_live(now)))
    }

    /// Notes that a credential was used. Written down once a minute, so that it costs the request nothing.
    pub(crate) fn note_used(&self, id: CredentialId, now: Time) {
        let mut used = lock(&self.used);
        used.credentials.insert(id, now);
        let due = used.written_at.is_none_or(|at| now.since(at) >= TOUCH_EVERY);
        if !due && used.credentials.len() < REMEMBERED_MAX {
            return;
        }
        used.written_at = Some(now);
        let credentials: Vec<_> = std::mem::take(&mut used.credentials).into_iter().collect();
        drop(used);
        let store = Arc::clone(&self.store);
        tokio::spawn(async move {
            if let Err(error) = store.touch_credentials(&credentials).await {
                warn!(%error, "it was not written down when credentials were used");
            }
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic while holding the lock")
}
