//! What can go wrong between us and the database.

use crate::seal::SealError;

/// A store operation that did not happen. Outcomes that a caller must tell apart (not found, conflict) are values of the
/// operations, not errors.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database cannot serve right now; trying again later makes sense. Callers answer 503.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Another transaction was in the way; the same again may well succeed. Batches are tried again before anybody hears of it.
    #[error("the database is not available: {0}")]
    Conflict(String),
    /// The database holds something that we did not write, or refuses what must work. A fault to report.
    #[error("the database answered unexpectedly: {0}")]
    Unexpected(String),
    /// The database is damaged or a sync failed: the process must stop (engine rule E3).
    #[error("the database failed: {0}")]
    Fatal(String),
}

/// Short form for the operations of the traits.
pub type StoreResult<T> = Result<T, StoreError>;

impl From<SealError> for StoreError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::NoRandomness => Self::Unavailable(error.to_string()),
            SealError::OtherKey | SealError::Damaged => Self::Unexpected(format!("a secret: {error}")),
        }
    }
}

/// A value in the database that we did not write.
pub(crate) fn unreadable(what: &str) -> StoreError {
    StoreError::Unexpected(format!("{what} in the database cannot be read"))
}
