//! The only place that reads the time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use nix::time::{ClockId, clock_gettime};
use stentor_core::time::Time;
use tokio::sync::Notify;

/// Where the engine gets its time from.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The wall-clock time.
    fn now(&self) -> Time;

    /// Time that passed since some fixed moment, unaffected when the wall clock is set, also while the machine slept.
    fn elapsed(&self) -> Duration;

    /// Returns once `now` is at or past `at`.
    async fn sleep_until(&self, at: Time);
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Time {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Time::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }

    fn elapsed(&self) -> Duration {
        let now = clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from);
        // Linux has had this clock since 2011; without it leases end at once and nothing is sent.
        now.unwrap_or(Duration::MAX)
    }

    async fn sleep_until(&self, at: Time) {
        // The wall clock may be set while we sleep, so long sleeps look again.
        loop {
            let wait = at.since(self.now());
            if wait.is_zero() {
                return;
            }
            // Timers have millisecond resolution; a hair more keeps the loop from spinning.
            tokio::time::sleep(wait.min(Duration::from_secs(60)).max(Duration::from_millis(1))).await;
        }
    }
}

/// A clock that stands still until it is told to move; for tests.
#[derive(Debug)]
pub struct ManualClock {
    micros: AtomicI64,
    /// How far the wall clock was set, in microseconds.
    jumped: AtomicI64,
    moved: Notify,
    sleepers: Mutex<Vec<Time>>,
}

impl ManualClock {
    /// A clock that shows `start`.
    pub fn new(start: Time) -> Self {
        Self {
            micros: AtomicI64::new(start.as_micros()),
            jumped: AtomicI64::new(0),
            moved: Notify::new(),
            sleepers: Mutex::default(),
        }
    }

    /// Moves the clock forward and wakes all who slept until then.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.micros.fetch_add(micros, Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Sets the wall clock forward without time having passed.
    pub fn jump(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.jumped.fetch_add(micros, Ordering::SeqCst);
        self.advance(by);
    }

    /// The earliest time that somebody waits for.
    pub fn next_wake(&self) -> Option<Time> {
        let now = self.now();
        self.sleepers
            .lock()
            .expect("no panic while holding the lock")
            .iter()
            .copied()
            .filter(|at| *at > now)
            .min()
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time::from_micros(self.micros.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        let passed = self.micros.load(Ordering::SeqCst) - self.jumped.load(Ordering::SeqCst);
        Duration::from_micros(u64::try_from(passed).unwrap_or(0))
    }

    async fn sleep_until(&self, at: Time) {
        self.sleepers.lock().expect("no panic while holding the lock").push(at);
        let _registered = Registered { clock: self, at };
        loop {
            let moved = self.moved.notified();
            if self.now() >= at {
                return;
            }
            moved.await;
        }
    }
}

/// Takes a sleeper off the list, however its sleep ends.
struct Registered<'a> {
    clock: &'a ManualClock,
    at: Time,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        if let Ok(mut sleepers) = self.clock.sleepers.lock()
            && let Some(index) = sleepers.iter().position(|at| *at == self.at)
        {
            sleepers.swap_remove(index);
        }
    }
}

/// Measures how long something took, unaffected by changes of the wall clock.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
