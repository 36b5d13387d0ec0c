//! Who a bearer token speaks for. Looked up by keyed hash, remembered for a short while.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha2::{Digest, Sha256};
use stentor_core::time::Time;
use stentor_core::token::Token;
use stentor_store::{Store, StoreError};
use tokio::sync::watch;

use crate::clock::Clock;

/// How long an answer is remembered, known tokens and unknown ones alike. Revoking through this process takes effect at
/// once; through another node within this time.
const REMEMBERED: Duration = Duration::from_secs(5);
/// Most answers remembered; beyond it all are forgotten, so that guessing fills no memory.
const REMEMBERED_MAX: usize = 20_000;

/// Hash of a secret.
type Key = [u8; 32];

/// What the database said about a secret.
type Answer = Option<Arc<Token>>;

/// The cache in front of the token table.
pub struct Authenticator {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    remembered: Mutex<Remembered>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Remembered {
    /// Raised whenever everything is forgotten: an answer asked for before that must not be remembered after it.
    epoch: u64,
    /// When it was asked, and the answer.
    answers: HashMap<Key, (Time, Answer)>,
    /// Secrets that were somebody's when they were last looked up, whatever became of them since.
    worked: HashSet<Key>,
}

impl Remembered {
    fn recall(&self, key: &Key, now: Time) -> Option<Answer> {
        let (asked_at, answer) = self.answers.get(key)?;
        (now.since(*asked_at) < REMEMBERED).then(|| answer.clone())
    }

    /// Keeps what was asked at `asked_at`, when `epoch` was in force.
    fn keep(&mut self, epoch: u64, key: Key, asked_at: Time, answer: Answer) {
        if epoch != self.epoch {
            return;
        }
        if self.answers.len() >= REMEMBERED_MAX {
            self.answers.clear();
        }
        self.answers.insert(key, (asked_at, answer));
    }

    /// Keeps apart what belonged to somebody, so that it is looked up again even while others guess.
    fn keep_apart(&mut self, key: Key, works: bool) {
        if self.worked.len() >= REMEMBERED_MAX {
            self.worked.clear();
        }
        if works {
            self.worked.insert(key);
        } else {
            self.worked.remove(&key);
        }
    }

    fn forget(&mut self) {
        self.epoch += 1;
        self.answers.clear();
    }
}

impl Authenticator {
    /// An empty cache.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, remembered: Mutex::default(), changed: watch::Sender::new(()) }
    }

    /// The live token with this secret.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn authenticate(&self, secret: &str) -> Result<Option<Arc<Token>>, StoreError> {
        let now = self.clock.now();
        let key: Key = Sha256::digest(secret.as_bytes()).into();
        let (epoch, known) = {
            let remembered = self.lock();
            (remembered.epoch, remembered.recall(&key, now))
        };
        let answer = match known {
            Some(answer) => answer,
            None => {
                let answer = self.store.token_by_secret(secret).await?.map(Arc::new);
                let mut remembered = self.lock();
                remembered.keep_apart(key, answer.as_ref().is_some_and(|token| token.is_live(now)));
                remembered.keep(epoch, key, now, answer.clone());
                answer
            }
        };
        Ok(answer.filter(|token| token.is_live(now)))
    }

    /// Whether this secret worked before. It may not any more.
    pub fn has_worked(&self, secret: &str) -> bool {
        let key: Key = Sha256::digest(secret.as_bytes()).into();
        self.lock().worked.contains(&key)
    }

    /// Forgets everything, after a token changed.
    pub fn forget(&self) {
        self.lock().forget();
        self.changed.send_replace(());
    }

    /// Tells when a token changed through this process, so that what it keeps open can be looked at again.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.remembered.lock().expect("no panic while holding the lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_asked_for_before_a_change_is_not_remembered_after_it() {
        let (mut remembered, now) = (Remembered::default(), Time::from_seconds(1_700_000_000));
        let (key, before) = ([1; 32], remembered.epoch);
        remembered.keep(before, key, now, None);
        assert_eq!(remembered.recall(&key, now), Some(None));
        remembered.forget();
        assert_eq!(remembered.recall(&key, now), None);
        remembered.keep(before, key, now, None);
        assert_eq!(remembered.recall(&key, now), None, "the read began before the change");
        remembered.keep(remembered.epoch, key, now, None);
        assert_eq!(remembered.recall(&key, now), Some(None));
        assert_eq!(remembered.recall(&key, now.plus(REMEMBERED)), None);
    }
}
