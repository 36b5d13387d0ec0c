//! What PostgreSQL's errors mean for us.

use std::error::Error as _;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::error::StoreError;
use crate::journal::CommitResult;

/// What a failure leaves possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// Only the statement is bad: a constraint, a value that does not fit.
    Item,
    /// Another transaction was in the way (engine rule E13).
    Conflict,
    /// The database cannot serve now, and nothing is damaged: full, restarting, cut off.
    Passing,
    /// The database is damaged. Nothing may be acknowledged any more (engine rule E3).
    Fatal,
}

/// By the class of the error code (PostgreSQL manual, appendix A).
pub(super) fn severity(error: &Error) -> Severity {
    let Some(code) = error.code() else {
        let is_of_connection =
            error.is_closed() || error.source().is_some_and(|source| source.is::<std::io::Error>());
        return if is_of_connection { Severity::Passing } else { Severity::Item };
    };
    if matches!(*code, SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED) {
        return Severity::Fatal;
    }
    if matches!(*code, SqlState::T_R_DEADLOCK_DETECTED | SqlState::T_R_SERIALIZATION_FAILURE) {
        return Severity::Conflict;
    }
    match code.code().get(..2) {
        Some("0A" | "21" | "22" | "23" | "42" | "54") => Severity::Item,
        _ => Severity::Passing,
    }
}

/// The message and the code. Details are left out: they repeat values.
pub(super) fn text(error: &Error) -> String {
    match error.as_db_error() {
        Some(failure) => format!("{} ({})", failure.message(), failure.code().code()),
        None => match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}

/// Whether the server said that it did not do what it was asked for. When it ends a session it says no such thing: what it was
/// doing may be done.
pub(super) fn is_refusal(error: &Error) -> bool {
    let severity = error.as_db_error().and_then(tokio_postgres::error::DbError::parsed_severity);
    severity == Some(tokio_postgres::error::Severity::Error)
}

/// Why there is no session, and what can be done about it.
pub(super) fn no_session(error: &Error) -> StoreError {
    let told = match error.code().map(SqlState::code) {
        Some("28P01" | "28000") => {
            "the database server refuses this user; check the user, the password and pg_hba.conf"
        }
        Some("3D000") => "the database server has no such database; create it first",
        Some("53300") => "the database server has no session left; raise max_connections",
        Some(_) => "the database server refuses sessions",
        None if error.source().is_some_and(|source| source.is::<std::io::Error>()) => {
            "the database server cannot be reached; check that it runs and that host and port are right"
        }
        None => "no session with the database server could be opened",
    };
    StoreError::Unavailable(format!("{told}: {}", text(error)))
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match severity(&error) {
            Severity::Item => Self::Unexpected(text(&error)),
            Severity::Conflict => Self::Conflict(text(&error)),
            Severity::Passing => Self::Unavailable(text(&error)),
            Severity::Fatal => Self::Fatal(text(&error)),
        }
    }
}

/// The batch is rolled back and failed with this.
pub(super) fn not_committed(error: StoreError) -> CommitResult {
    match error {
        StoreError::Fatal(reason) => CommitResult::Fatal(reason),
        StoreError::Unavailable(reason) | StoreError::Conflict(reason) | StoreError::Unexpected(reason) => {
            CommitResult::NotCommitted(reason)
        }
    }
}
