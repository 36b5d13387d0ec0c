//! Background upkeep: the sweep for stored deliveries that no lane knows, retention, the database's own upkeep.
//!
//! Each task is idempotent, takes no input and runs by a timer; a round that fails is tried again at the next one.

use std::time::Duration;

use stentor_core::statistics::Minute;
use stentor_core::time::Time;
use stentor_store::StoreError;
use stentor_store::journal::{Write, Written};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::engine::Engine;

/// How often stored deliveries are compared with the lanes (engine rule E1).
const SWEEP_INTERVAL: Duration = Duration::from_secs(30);
/// Lanes read at a time: few enough for a cold and slow disk within the time that a read may take.
const SWEEP_ROWS: u32 = 256;
/// How often the database's own upkeep runs.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);
/// How often totals are closed, so that the open rest is quickly counted, and old rows are looked for.
const RETENTION_INTERVAL: Duration = Duration::from_secs(60);
/// Rollups of a minute are built this long after it ended.
const ROLLUP_DELAY: Duration = Duration::from_secs(6);
/// Pause between two pieces of a purge: it must not be felt (engine rule E17).
const PIECE_PAUSE: Duration = Duration::from_millis(50);
/// Rows of one kind deleted per piece.
const PIECE_ROWS: u32 = 500;
/// How often what configuration leaves behind is looked for.
const LEFTOVERS_INTERVAL: Duration = Duration::from_secs(3_600);
/// Nothing is purged once the wall clock was set by more than this (engine rule E17, reliability F10).
const CLOCK_JUMP_MAX: Duration = Duration::from_secs(24 * 3_600);

/// What is deleted when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Age at which events and everything of them go. Deliveries still pending then become `dead: expired`.
    pub age: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { age: Duration::from_secs(30 * 24 * 3_600) }
    }
}

/// Both clocks at one moment.
#[derive(Debug, Clone, Copy)]
struct Reading {
    wall: Time,
    elapsed: Duration,
}

impl Reading {
    fn of(clock: &dyn Clock) -> Self {
        Self { wall: clock.now(), elapsed: clock.elapsed() }
    }

    /// Whether the wall clock moved by another amount than time did.
    fn has_jumped_since(self, start: Self) -> bool {
        let passed = self.elapsed.saturating_sub(start.elapsed);
        let expected = start.wall.plus(passed);
        self.wall.since(expected).max(expected.since(self.wall)) > CLOCK_JUMP_MAX
    }
}

/// The background tasks.
pub(crate) struct Maintenance {
    engine: Engine,
    retention: Retention,
}

impl Maintenance {
    pub(crate) fn new(engine: Engine, retention: Retention) -> Self {
        Self { engine, retention }
    }

    /// Tells every shard which of its webhooks have stored deliveries. At start this is what sets the lanes going; later
    /// it finds nothing new unless there is a bug, and counts that.
    pub(crate) async fn sweep(&self) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let lanes = self.engine.store().waiting_lanes(after, SWEEP_ROWS).await?;
            let is_last = lanes.len() < SWEEP_ROWS as usize;
            after = lanes.last().map(|waiting| waiting.key);
            for waiting in lanes {
                self.engine.shards().found(waiting).await;
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Starts the tasks.
    pub(crate) fn spawn(self) -> Vec<JoinHandle<()>> {
        let Self { engine, retention } = self;
        let sweeper = Self { engine: engine.clone(), retention };
        let purger = Self { engine: engine.clone(), retention };
        let counter = engine.clone();
        vec![
            tokio::spawn(async move {
                loop {
                    sweeper.wait(SWEEP_INTERVAL).await;
                    if let Err(error) = sweeper.sweep().await {
                        warn!(%error, "the sweep failed");
                    }
                    if let Err(error) = sweeper.engine.retire_unused_webhooks().await {
                        warn!(%error, "webhooks that no conversation uses any more could not be deleted");
                    }
                    sweeper.engine.settle_sources().await;
                }
            }),
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(UPKEEP_INTERVAL).await;
                    if let Err(error) = engine.store().upkeep().await {
                        warn!(%error, "the database's upkeep failed");
                    }
                }
            }),
            tokio::spawn(async move {
                loop {
                    roll_up(&counter).await;
                }
            }),
            tokio::spawn(async move {
                let start = Reading::of(&**purger.engine.clock());
                let mut leftovers_at = start.wall;
                loop {
                    purger.wait(RETENTION_INTERVAL).await;
                    purger.retain(start, &mut leftovers_at).await;
                }
            }),
        ]
    }

    async fn wait(&self, interval: Duration) {
        let clock = self.engine.clock();
        clock.sleep_until(clock.now().plus(interval)).await;
    }

    async fn retain(&self, start: Reading, leftovers_at: &mut Time) {
        let reading = Reading::of(&**self.engine.clock());
        let now = reading.wall;
        if let Err(error) = self.engine.store().close_hours(now).await {
            warn!(%error, "the totals of past hours could not be closed");
            return;
        }
        if reading.has_jumped_since(start) {
            warn!("the clock was set since the start; nothing is purged until the next one");
            return;
        }
        if let Err(error) = self.purge(now).await {
            warn!(%error, "old events could not be purged");
            return;
        }
        if let Err(error) = self.purge_refused(now).await {
            warn!(%error, "old refused requests could not be purged");
        }
        // Only once old events are gone nobody asks for what was in force when they came.
        if now >= *leftovers_at {
            *leftovers_at = now.plus(LEFTOVERS_INTERVAL);
            if let Err(error) = self.purge_leftovers(now).await {
                warn!(%error, "what configuration leaves behind could not be purged");
            }
        }
        if let Err(error) = self.engine.store().purge_rollups(now).await {
            warn!(%error, "old statistics could not be purged");
        }
    }

    /// Deletes refused requests over age, a small piece at a time.
    async fn purge_refused(&self, now: Time) -> Result<(), StoreError> {
        let before = now.minus(self.retention.age);
        while self.engine.store().purge_refused(before, PIECE_ROWS).await? > 0 {
            tokio::time::sleep(PIECE_PAUSE).await;
        }
        Ok(())
    }

    /// Deletes old tokens, replays, tombstones and revisions that nothing names any more, a small piece at a time.
    async fn purge_leftovers(&self, now: Time) -> Result<(), StoreError> {
        let before = now.minus(self.retention.age);
        while self.engine.store().purge_leftovers(before, PIECE_ROWS).await? > 0 {
            tokio::time::sleep(PIECE_PAUSE).await;
        }
        Ok(())
    }

    /// Deletes everything over age, a small piece at a time.
    pub(crate) async fn purge(&self, now: Time) -> Result<u64, String> {
        let before = now.minus(self.retention.age);
        let mut total = 0;
        loop {
            let write = Write::Purge { before, rows_max: PIECE_ROWS, now };
            match self.engine.journal().write(write).await.map_err(|error| error.to_string())? {
                Written::Purged { expired, deleted, more } => {
                    total += u64::from(deleted);
                    for (delivery, webhook, shard) in expired {
                        self.engine.shards().withdrawn(shard, webhook, delivery).await;
                    }
                    if !more {
                        break;
                    }
                }
                other => return Err(format!("unexpected answer {other:?}")),
            }
            tokio::time::sleep(PIECE_PAUSE).await;
        }
        if total > 0 {
            info!(rows = total, %before, "old rows were purged");
        }
        Ok(total)
    }
}

/// Builds the rollups of what has ended, and waits until the next minute has (engine rule E21).
async fn roll_up(engine: &Engine) {
    let now = engine.clock().now();
    if let Err(error) = engine.store().close_minutes(now).await {
        warn!(%error, "rollups could not be built");
    }
    let next = Minute(Minute::of(now.minus(ROLLUP_DELAY)).0 + 1);
    engine.clock().sleep_until(next.start().plus(ROLLUP_DELAY)).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn a_set_clock_is_told_from_time_that_passed() {
        let clock = ManualClock::new(Time::from_seconds(1_700_000_000));
        let start = Reading::of(&clock);
        clock.advance(Duration::from_secs(40 * 24 * 3_600));
        assert!(!Reading::of(&clock).has_jumped_since(start));
        clock.jump(Duration::from_secs(2 * 24 * 3_600));
        assert!(Reading::of(&clock).has_jumped_since(start));
        clock.advance(Duration::from_secs(60));
        assert!(Reading::of(&clock).has_jumped_since(start), "and it stays so");
    }
}
