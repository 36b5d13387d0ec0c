//! Start, stop, upkeep and backup.

use std::path::Path;

use async_trait::async_trait;
use stentor_core::id::WebhookId;
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

/// What an orderly stop keeps of rates, so that the next process holds them exactly (engine rule E14).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptStarts {
    /// Since when every start is known. What started before is not, because a process died.
    pub known_since: Time,
    /// Webhooks with what their rates must remember; all others have no start that matters.
    pub webhooks: Vec<(WebhookId, Vec<Time>)>,
}

/// Upkeep of the database.
#[async_trait]
pub trait Maintenance: Send + Sync {
    /// Notes that a process uses the database now, and answers how the previous one ended.
    async fn begin_process(&self, now: Time) -> StoreResult<PreviousEnd>;

    /// Keeps the starts for the next process. To be called before [`end_process`](Self::end_process).
    async fn keep_starts(&self, kept: &KeptStarts) -> StoreResult<()>;

    /// Takes what the last process kept, if it kept anything: it is there once. Only to be believed after a clean end.
    async fn take_starts(&self) -> StoreResult<Option<KeptStarts>>;

    /// Notes an orderly stop: every outcome is committed.
    async fn end_process(&self, now: Time) -> StoreResult<()>;

    /// One round of upkeep that the backend needs now and then, such as a checkpoint. Cheap when there is nothing to do.
    async fn upkeep(&self) -> StoreResult<()>;

    /// Closes totals and rollups of hours before `now` (engine rule E21).
    async fn close_hours(&self, now: Time) -> StoreResult<()>;

    /// Deletes what configuration leaves behind and nobody can ask about once everything accepted before `before` is gone:
    /// tokens and credentials that were revoked or expired, finished replays, tombstones that no delivery names, revisions that were
    /// followed by another. At most `rows_max` of each kind; answers how many rows went, 0 when nothing was left.
    async fn purge_leftovers(&self, before: Time, rows_max: u32) -> StoreResult<u32>;

    /// Writes a consistent copy to `file` while serving. The file must not exist.
    async fn backup(&self, file: &Path) -> StoreResult<()>;

    /// Whether the database answers.
    async fn ping(&self) -> StoreResult<()>;
}
