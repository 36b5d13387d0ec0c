//! The live feed (engine rule E19): what happens to a tenant, as it happens, for those who watch.
//!
//! Each watched tenant has a channel: a bounded ring of items that every subscription reads at its own pace. Whoever tells
//! never waits. A subscription that is slower than the ring finds what it wants overwritten and learns of a gap. Without
//! subscriptions nothing is made and nothing kept; asking for that costs one load. Items are told after the commit.

mod item;
mod position;
mod resume;
mod ring;
mod selection;
mod subscription;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use stentor_core::id::TenantId;
use stentor_core::time::Time;
use tokio::sync::watch;

pub use self::item::{AttemptEnded, AttemptStarted, EventFacts, Fact, Finished, Item, Kind};
pub use self::position::Position;
use self::ring::Ring;
pub use self::selection::Selection;
pub use self::subscription::{Next, Subscription};
use crate::entropy;

/// Whose channel: a tenant's, or the operator's for requests that no source matched.
pub type Owner = Option<TenantId>;

/// How much the feed may hold and serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedLimits {
    /// Most subscriptions of one tenant at once.
    pub subscriptions_each: usize,
    /// Most subscriptions of all together.
    pub subscriptions: usize,
    /// Items that a channel holds for its slowest subscription.
    pub items: usize,
    /// Bytes that the items of one channel hold at most, roughly.
    pub bytes_each: usize,
    /// Bytes that the items of one channel may hold even when the others hold all there is.
    pub bytes_least: usize,
    /// Bytes that the items of all channels hold at most, roughly, beside what each has for sure.
    pub bytes: usize,
}

impl Default for FeedLimits {
    fn default() -> Self {
        Self {
            subscriptions_each: 100,
            subscriptions: 2_000,
            items: 4_096,
            bytes_each: 8 * 1024 * 1024,
            bytes_least: 32 * 1024,
            bytes: 64 * 1024 * 1024,
        }
    }
}

/// Why nothing can be watched now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// The tenant, or all together, watch as much as may be.
    #[error("too many streams are open")]
    TooMany,
    /// The process is stopping.
    #[error("the process is stopping")]
    Stopping,
}

/// What happens, for those who watch.
#[derive(Debug)]
pub struct Feed {
    limits: FeedLimits,
    /// All subscriptions. Read on the hot path to know that nobody watches.
    watching: AtomicUsize,
    /// Bytes in all rings.
    bytes: Arc<AtomicUsize>,
    /// Items that subscriptions were too slow for, since the start.
    missed: AtomicU64,
    closed: AtomicBool,
    channels: Mutex<Arc<HashMap<Owner, Arc<Channel>>>>,
}

/// What one tenant's subscriptions read.
#[derive(Debug)]
struct Channel {
    /// Tells this channel from those of the same tenant before and after it.
    epoch: u64,
    ring: Mutex<Ring>,
    /// Sending wakes the subscriptions.
    wake: watch::Sender<()>,
    /// Changed only while the map of channels is locked, so that a channel that goes gets no new one.
    watching: AtomicUsize,
}

impl Channel {
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().expect("no panic while holding the lock")
    }
}

impl Default for Feed {
    fn default() -> Self {
        Self::new(FeedLimits::default())
    }
}

impl Feed {
    /// A feed that nobody watches.
    pub fn new(limits: FeedLimits) -> Self {
        Self {
            limits,
            watching: AtomicUsize::new(0),
            bytes: Arc::default(),
            missed: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            channels: Mutex::default(),
        }
    }

    /// Whether anybody watches anything. While nobody does, facts need not be made.
    pub fn is_watched(&self) -> bool {
        self.watching.load(Ordering::Relaxed) > 0
    }

    /// How many subscriptions there are.
    pub fn watching(&self) -> usize {
        self.watching.load(Ordering::Relaxed)
    }

    /// Items that subscriptions were too slow for, since the start.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// Whoever tells what happened, when anybody watches.
    pub fn teller(&self) -> Option<Teller<'_>> {
        self.is_watched().then(|| Teller {
            feed: self,
            channels: Arc::clone(&self.channels()),
            told: Vec::new(),
        })
    }

    /// Ends every subscription and refuses new ones: the process is stopping.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        for channel in self.channels().values() {
            channel.wake.send_replace(());
        }
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Takes a place among those who watch.
    fn join(self: &Arc<Self>, owner: Owner) -> Result<Place, WatchError> {
        let mut channels = self.channels();
        if self.is_closed() {
            return Err(WatchError::Stopping);
        }
        let watching = channels.get(&owner).map_or(0, |channel| channel.watching.load(Ordering::Relaxed));
        if watching >= self.limits.subscriptions_each || self.watching() >= self.limits.subscriptions {
            return Err(WatchError::TooMany);
        }
        let channel = Arc::make_mut(&mut channels).entry(owner).or_insert_with(|| {
            Arc::new(Channel {
                epoch: entropy::bits(),
                ring: Mutex::new(Ring::new(Arc::clone(&self.bytes))),
                wake: watch::Sender::new(()),
                watching: AtomicUsize::new(0),
            })
        });
        channel.watching.fetch_add(1, Ordering::Relaxed);
        self.watching.fetch_add(1, Ordering::Relaxed);
        Ok(Place { feed: Arc::clone(self), owner, channel: Arc::clone(channel) })
    }

    fn channels(&self) -> MutexGuard<'_, Arc<HashMap<Owner, Arc<Channel>>>> {
        self.channels.lock().expect("no panic while holding the lock")
    }
}

/// Tells what happened, and wakes those who watch when it is dropped. It sees the channels as they were when it was made.
#[derive(Debug)]
pub struct Teller<'a> {
    feed: &'a Feed,
    channels: Arc<HashMap<Owner, Arc<Channel>>>,
    told: Vec<Arc<Channel>>,
}

impl Teller<'_> {
    /// Tells one fact, which is made only when somebody watches its owner.
    pub fn tell(&mut self, owner: Owner, at: Time, fact: impl FnOnce() -> Fact) {
        let Some(channel) = self.channels.get(&owner) else { return };
        channel.ring().push(channel.epoch, at, fact(), &self.feed.limits);
        if !self.told.iter().any(|told| Arc::ptr_eq(told, channel)) {
            self.told.push(Arc::clone(channel));
        }
    }
}

impl Drop for Teller<'_> {
    fn drop(&mut self) {
        for channel in self.told.drain(..) {
            channel.wake.send_replace(());
        }
    }
}

/// The place of one subscription; the last one of a channel takes the channel with it.
#[derive(Debug)]
struct Place {
    feed: Arc<Feed>,
    owner: Owner,
    channel: Arc<Channel>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Ok(mut channels) = self.feed.channels.lock() else { return };
        self.feed.watching.fetch_sub(1, Ordering::Relaxed);
        if self.channel.watching.fetch_sub(1, Ordering::Relaxed) == 1 {
            Arc::make_mut(&mut channels).remove(&self.owner);
        }
    }
}
