//! Tokens. The secret is known only as a keyed hash.

use async_trait::async_trait;
use stentor_core::id::{TenantId, TokenId};
use stentor_core::time::Time;
use stentor_core::token::Token;

use crate::error::StoreResult;

/// Reads and changes of tokens. A change moves the tenant's configuration version (engine rule E7).
#[async_trait]
pub trait Tokens: Send + Sync {
    /// Stores a token under the keyed hash of its secret. False when the tenant does not exist.
    async fn create_token(&self, token: &Token, secret: &str) -> StoreResult<bool>;

    /// Stores or replaces the operator's token.
    async fn set_operator_token(&self, token: &Token, secret: &str) -> StoreResult<()>;

    /// The token with that secret, revoked and expired ones included. Its cost does not depend on how many there are.
    async fn token_by_secret(&self, secret: &str) -> StoreResult<Option<Token>>;

    /// A tenant's tokens that are not revoked, newest first.
    async fn tokens(&self, tenant: TenantId) -> StoreResult<Vec<Token>>;

    /// Revokes a token. False when there is none.
    async fn revoke_token(&self, tenant: TenantId, id: TokenId, now: Time) -> StoreResult<bool>;
}
