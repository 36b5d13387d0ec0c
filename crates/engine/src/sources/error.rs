//! Why a source or a credential is not as it was to be.

use stentor_core::id::SourceId;
use stentor_core::limits::{CREDENTIALS_MAX, SECRETS_MAX, SOURCES_MAX};
use stentor_core::source::SourceRefusal;
use stentor_store::StoreError;

/// Why a source or credential was not created or changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SourceError {
    /// There is no such source or credential, or no such tenant.
    #[error("there is no such source or credential")]
    NotFound,
    /// Rules are broken.
    #[error("{} rules are broken", .0.len())]
    Refused(Vec<SourceRefusal>),
    /// The tenant's plan does not include receiving.
    #[error("the tenant's plan does not include receiving webhooks (feature `ingest`)")]
    NotInPlan,
    /// The tenant has as many sources as it may have.
    #[error("a tenant has at most {SOURCES_MAX} sources")]
    TooMany,
    /// The source has as many live credentials as it may have.
    #[error("a source has at most {CREDENTIALS_MAX} live credentials; revoke those that are not used")]
    TooManyCredentials,
    /// More secrets overlap than allowed.
    #[error("at most {SECRETS_MAX} secrets may overlap; wait until an older one has expired")]
    TooManySecrets,
    /// The idempotency key was used before with another body.
    #[error("the idempotency key was used before for {0} with a different body")]
    KeyConflict(SourceId),
    /// Its requests are not verified with a secret.
    #[error("requests to this source are not verified with a secret")]
    NoSecrets,
    /// Only a source with verification `basic` has credentials.
    #[error("only a source with the verification basic has credentials")]
    NoCredentials,
    /// It keeps being changed by others.
    #[error("the source is being changed by others; try again")]
    Busy,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SourceError {
    /// One broken rule.
    pub fn refused(pointer: &str, detail: impl Into<String>) -> Self {
        Self::Refused(vec![SourceRefusal::at(pointer, detail)])
    }
}
