//! Sums over attempts and deliveries by minute and hour (engine rule E21).
//!
//! Every commit counts what it records: nobody scans attempts, and what is committed is counted, whenever the process dies.

mod counted;
mod open;

use std::time::Duration;

use async_trait::async_trait;
use stentor_core::id::{TenantId, WebhookId};
use stentor_core::statistics::Rollup;
use stentor_core::time::Time;

use crate::error::StoreResult;

pub(crate) use counted::Counted;
pub(crate) use open::{Bound, OpenMinutes, RowKey};

/// How long sums by minute are kept: a day, and what a reader of a whole day needs beside it.
pub const MINUTES_KEPT: Duration = Duration::from_secs(26 * 3_600);
/// How long sums by hour are kept: a week and a day.
pub const HOURS_KEPT: Duration = Duration::from_secs(8 * 24 * 3_600);

/// Reads and upkeep of rollups.
///
/// An attempt counts in the minute in which it ended, and a delivery in that of the attempt that ended it; one that ended
/// without an attempt in the minute in which it did.
#[async_trait]
pub trait Statistics: Send + Sync {
    /// The sums of each minute that has some, from the one in which `since` lies to the one before that of `until`, oldest
    /// first, up to the last commit. Of one webhook, or of all of the tenant together. Nothing for another tenant's webhook.
    async fn minutes(
        &self,
        tenant: TenantId,
        webhook: Option<WebhookId>,
        since: Time,
        until: Time,
    ) -> StoreResult<Vec<(Time, Rollup)>>;

    /// The same by hour.
    async fn hours(
        &self,
        tenant: TenantId,
        webhook: Option<WebhookId>,
        since: Time,
        until: Time,
    ) -> StoreResult<Vec<(Time, Rollup)>>;

    /// Builds the rollups of minutes and hours that have ended. Changes nothing that is read.
    async fn close_minutes(&self, now: Time) -> StoreResult<()>;

    /// Deletes rollups older than [`MINUTES_KEPT`] and [`HOURS_KEPT`].
    async fn purge_rollups(&self, now: Time) -> StoreResult<()>;
}
