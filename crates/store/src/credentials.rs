//! Credentials of sources. The pair of user name and password is known only as a keyed hash.

use async_trait::async_trait;
use stentor_core::credential::Credential;
use stentor_core::id::{CredentialId, SourceId, TenantId};
use stentor_core::time::Time;
use stentor_core::webhook::SecretText;

use crate::Page;
use crate::error::StoreResult;

/// The keyed hash of `username:password`.
pub type PairHash = [u8; 32];

/// What became of a credential that was to be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialCreated {
    /// It is stored.
    Done,
    /// The source has as many live ones as it may have.
    TooMany,
    /// There is no such source.
    NoSource,
}

/// Reads and changes of credentials. A change moves the tenant's configuration version (engine rule E7).
#[async_trait]
pub trait Credentials: Send + Sync {
    /// The keyed hash that a pair is known by. It takes the same time for every pair of one length.
    fn pair_hash(&self, user_pass: &str) -> PairHash;

    /// Stores a credential under the keyed hash of its pair.
    async fn create_credential(
        &self,
        credential: &Credential,
        user_pass: &SecretText,
        now: Time,
    ) -> StoreResult<CredentialCreated>;

    /// Stores name, environment and expiry. False when there is no such credential that is not revoked.
    async fn update_credential(&self, credential: &Credential) -> StoreResult<bool>;

    /// Revokes a credential. False when there is none, or it was revoked before.
    async fn revoke_credential(
        &self,
        tenant: TenantId,
        source: SourceId,
        id: CredentialId,
        now: Time,
    ) -> StoreResult<bool>;

    /// One credential, a revoked one too.
    async fn credential(
        &self,
        tenant: TenantId,
        source: SourceId,
        id: CredentialId,
    ) -> StoreResult<Option<Credential>>;

    /// Credentials of a source that are not revoked, newest first, with ids below `before`.
    async fn credentials(
        &self,
        tenant: TenantId,
        source: SourceId,
        before: Option<CredentialId>,
        rows: u32,
    ) -> StoreResult<Page<Credential>>;

    /// Credentials of all tenants that are not revoked, with ids above `after`, in the order of their ids: for the
    /// directory at the start.
    async fn all_credentials(
        &self,
        after: Option<CredentialId>,
        rows: u32,
    ) -> StoreResult<Vec<(PairHash, Credential)>>;

    /// Credentials of a source that are not revoked, with their keyed hashes: for the directory after a change. They are at
    /// most [`CREDENTIALS_MAX`](stentor_core::limits::CREDENTIALS_MAX) live ones and those that expired within retention.
    async fn credential_pairs(&self, source: SourceId) -> StoreResult<Vec<(PairHash, Credential)>>;

    /// The credential with that keyed hash, revoked and expired ones included. Its cost does not depend on how many there are.
    async fn credential_by_hash(&self, hash: PairHash) -> StoreResult<Option<Credential>>;

    /// Notes when credentials were last used; an earlier time than the stored one changes nothing.
    async fn touch_credentials(&self, used: &[(CredentialId, Time)]) -> StoreResult<()>;
}
