//! The one connection that writes.

use std::sync::{Arc, Mutex};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::OpenError;
use super::checkpoint::Log;
use super::row::IdBytes;
use super::statistics::SharedMinutes;
use crate::abort::AbortOnPanic;
use crate::error::{StoreError, StoreResult};
use crate::usage::Backlogs;

/// The writing connection and what it remembers between transactions.
#[derive(Debug)]
pub(super) struct Writer {
    pub connection: Connection,
    /// Rows with ids below this are part of the closed totals.
    pub closed_before: IdBytes,
    /// How many deliveries each tenant has pending, once that is followed.
    pub backlogs: Option<Arc<Backlogs>>,
    /// How it failed: what is synced after a failed sync may stand on pages that were lost (engine rule E3).
    failed: Option<String>,
    log: Arc<Log>,
    /// What is counted, once it is committed.
    pub minutes: SharedMinutes,
}

impl Writer {
    pub fn new(mut connection: Connection, log: Arc<Log>, minutes: SharedMinutes) -> Result<Self, OpenError> {
        let closed_before = connection
            .query_row("SELECT value FROM meta WHERE name = 'closed_before'", [], |row| row.get(0))
            .optional()?;
        let hooked = Arc::clone(&log);
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, frames: i32| {
            hooked.grew_to(frames);
            Ok(())
        }))?;
        let closed_before = closed_before.unwrap_or_default();
        Ok(Self { connection, closed_before, backlogs: None, failed: None, log, minutes })
    }

    /// Runs one transaction. Whatever `work` returns as an error is rolled back.
    pub fn transaction<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> StoreResult<T>,
    ) -> StoreResult<T> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = work(&transaction)?;
        transaction.commit()?;
        Ok(value)
    }

    /// Answers how it failed, if it ever did: nothing may be written any more.
    pub fn failure(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// Notes that it failed; the first failure stays.
    pub fn fail(&mut self, reason: &str) {
        self.failed.get_or_insert_with(|| reason.to_owned());
    }

    /// Between batches: starts the write-ahead log anew when it has grown too large (engine rule E20).
    pub fn limit_log(&mut self) {
        if self.log.is_restart_due()
            && let Err(error) = self.log.restart(&self.connection)
        {
            tracing::warn!(%error, "the write-ahead log could not be restarted");
        }
    }
}

/// Locks the writer for some work. After a fatal failure, in here or in a batch, there is none. A panic in there would leave the writer in an unknown state, so it ends the process.
pub(super) fn hold<T>(
    writer: &Mutex<Writer>,
    work: impl FnOnce(&mut Writer) -> StoreResult<T>,
) -> StoreResult<T> {
    let _guard = AbortOnPanic;
    match writer.lock() {
        Ok(mut writer) => {
            if let Some(reason) = writer.failure() {
                return Err(StoreError::Fatal(reason.to_owned()));
            }
            let done = work(&mut writer);
            if let Err(StoreError::Fatal(reason)) = &done {
                writer.fail(reason);
            }
            done
        }
        Err(_) => Err(StoreError::Fatal("a panic ended the writer".into())),
    }
}
