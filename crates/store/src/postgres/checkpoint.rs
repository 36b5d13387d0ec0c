//! Keeps the tables short from which much is deleted (engine rule E18).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::connection::Connector;
use crate::error::StoreResult;

/// Rows deleted from the queue after which it is vacuumed: dead entries slow down whoever reads across them.
const VACUUM_ROWS: u64 = 50_000;

/// Counts deleted rows and vacuums on a session of its own.
#[derive(Debug)]
pub(super) struct Vacuum {
    connector: Arc<Connector>,
    deleted: AtomicU64,
}

impl Vacuum {
    pub fn new(connector: Arc<Connector>) -> Self {
        Self { connector, deleted: AtomicU64::new(0) }
    }

    /// After each commit.
    pub fn note(&self, deleted: u64) {
        self.deleted.fetch_add(deleted, Ordering::Relaxed);
    }

    /// Vacuums when there is enough to remove. Never in the way of writers: a table that somebody has locked is passed over.
    pub async fn upkeep(&self) -> StoreResult<()> {
        let deleted = self.deleted.load(Ordering::Relaxed);
        if deleted < VACUUM_ROWS {
            return Ok(());
        }
        let session = self.connector.upkeep().await?;
        session.batch("VACUUM (SKIP_LOCKED, TRUNCATE false) pending").await?;
        self.deleted.fetch_sub(deleted, Ordering::Relaxed);
        Ok(())
    }
}
