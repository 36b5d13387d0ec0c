//! Until when this process may send (engine rule E8): another one may have taken its place after that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stentor_store::{Store, StoreError};
use tracing::warn;

use crate::clock::Clock;
use crate::journal::OnFatal;

/// How often it is renewed while it lasts.
const RENEWALS: u32 = 5;
/// The part of it that is not relied on: clocks drift, and what is begun now reaches its receiver a little later.
const MARGIN: u32 = 10;
/// Pause after it could not be renewed.
const PAUSE: Duration = Duration::from_millis(500);
/// The end of a lease that nobody can take away.
const NEVER: u64 = u64::MAX;

/// What the database granted this process.
pub struct Lease {
    clock: Arc<dyn Clock>,
    /// By the clock that stops for nobody, in microseconds.
    until: AtomicU64,
}

impl Lease {
    /// One that was not granted yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, until: AtomicU64::new(0) }
    }

    /// Whether nobody else can have taken this process's place by now.
    pub fn holds(&self) -> bool {
        micros(self.clock.elapsed()) < self.until.load(Ordering::Acquire)
    }

    /// Asks for it anew. Answers when to ask again; none when it does not end.
    ///
    /// # Errors
    /// When the database does not answer, or says that another process has taken over.
    pub async fn renew(&self, store: &dyn Store) -> Result<Option<Duration>, StoreError> {
        let asked_at = self.clock.elapsed();
        let granted = store.renew_lease().await?;
        let until = granted.map_or(NEVER, |length| micros(asked_at + length - length / MARGIN));
        self.until.store(until, Ordering::Release);
        Ok(granted.map(|length| length / RENEWALS))
    }

    /// Renews it as long as the process runs. When another has taken over, the process must end.
    pub(crate) async fn keep(self: Arc<Self>, store: Arc<dyn Store>, on_fatal: OnFatal) {
        loop {
            match self.renew(&*store).await {
                Ok(None) => return,
                Ok(Some(wait)) => tokio::time::sleep(wait).await,
                Err(StoreError::Fatal(reason)) => return on_fatal(&reason),
                Err(error) => {
                    warn!(%error, "the lease could not be renewed");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(NEVER)
}
