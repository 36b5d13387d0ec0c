//! Start, stop, upkeep and backup.

use std::path::Path;

use async_trait::async_trait;
use stentor_core::time::Time;

use crate::error::StoreResult;

/// How the previous process that used the database ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviousEnd {
    /// There was none.
    FirstStart,
    /// It stopped in order: nothing was in flight.
    Clean,
    /// It did not: rows may have been in flight (engine rule E22).
    Unclean,
}

/// Upkeep of the database.
#[async_trait]
pub trait Maintenance: Send + Sync {
    /// Notes that a process uses the database now, and answers how the previous one ended.
    async fn begin_process(&self, now: Time) -> StoreResult<PreviousEnd>;

    /// Notes an orderly stop: every outcome is committed.
    async fn end_process(&self, now: Time) -> StoreResult<()>;

    /// One round of upkeep that the backend needs now and then, such as a checkpoint. Cheap when there is nothing to do.
    async fn upkeep(&self) -> StoreResult<()>;

    /// Closes totals and rollups of hours before `now` (engine rule E21).
    async fn close_hours(&self, now: Time) -> StoreResult<()>;

    /// Writes a consistent copy to `file` while serving. The file must not exist.
    async fn backup(&self, file: &Path) -> StoreResult<()>;

    /// Whether the database answers.
    async fn ping(&self) -> StoreResult<()>;
}
