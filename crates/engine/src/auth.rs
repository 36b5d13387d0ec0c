//! Who a bearer token speaks for. Looked up by keyed hash, remembered for a short while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha2::{Digest, Sha256};
use stentor_core::time::Time;
use stentor_core::token::Token;
use stentor_store::{Store, StoreError};

use crate::clock::Clock;

/// How long an answer is remembered, known tokens and unknown ones alike. Revoking through this process takes effect at
/// once; through another node within this time.
const REMEMBERED: Duration = Duration::from_secs(5);
/// Most answers remembered; beyond it all are forgotten, so that guessing fills no memory.
const REMEMBERED_MAX: usize = 20_000;

/// When it was asked, and the answer, by hash of the secret.
type Remembered = HashMap<[u8; 32], (Time, Option<Arc<Token>>)>;

/// The cache in front of the token table.
pub struct Authenticator {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    remembered: Mutex<Remembered>,
}

impl Authenticator {
    /// An empty cache.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, remembered: Mutex::default() }
    }

    /// The live token with this secret.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn authenticate(&self, secret: &str) -> Result<Option<Arc<Token>>, StoreError> {
        let now = self.clock.now();
        let key: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        if let Some((asked_at, answer)) = self.lock().get(&key)
            && now.since(*asked_at) < REMEMBERED
        {
            return Ok(answer.clone().filter(|token| token.is_live(now)));
        }
        let answer =
            self.store.token_by_secret(secret).await?.filter(|token| token.is_live(now)).map(Arc::new);
        let mut remembered = self.lock();
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(key, (now, answer.clone()));
        Ok(answer)
    }

    /// Forgets everything, after a token changed.
    pub fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.remembered.lock().expect("no panic while holding the lock")
    }
}
