//! What SQLite's errors mean for us.

use rusqlite::{Error, ErrorCode, ffi};

use crate::error::StoreError;
use crate::journal::CommitResult;

/// What a failure leaves possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// Only the statement is bad: a constraint, a value that does not fit.
    Item,
    /// The database cannot serve now, and nothing is damaged: full, busy, interrupted, out of memory.
    Passing,
    /// A read, write or sync failed, or the file is damaged. Nothing may be acknowledged any more (engine rule E3).
    Fatal,
}

pub(super) fn severity(error: &Error) -> Severity {
    let Some(failure) = error.sqlite_error() else { return Severity::Item };
    match failure.code {
        // The shared index of the write-ahead log could not grow: how a full disk shows itself there.
        ErrorCode::SystemIoFailure if failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE => Severity::Passing,
        ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Severity::Fatal,
        ErrorCode::DiskFull
        | ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::OperationInterrupted
        | ErrorCode::OutOfMemory
        | ErrorCode::CannotOpen => Severity::Passing,
        _ => Severity::Item,
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match severity(&error) {
            Severity::Item => Self::Unexpected(error.to_string()),
            Severity::Passing => Self::Unavailable(error.to_string()),
            Severity::Fatal => Self::Fatal(error.to_string()),
        }
    }
}

/// The batch is rolled back and failed with this.
pub(super) fn not_committed(error: &Error) -> CommitResult {
    match severity(error) {
        Severity::Fatal => CommitResult::Fatal(error.to_string()),
        Severity::Item | Severity::Passing => CommitResult::NotCommitted(error.to_string()),
    }
}
