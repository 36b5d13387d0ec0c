//! Who is signed in to the dashboard, and the links that sign somebody in once. Secrets are known only as keyed hashes.
//!
//! A session allows what the token allows that it was opened with, and ends with it: its rows hold no rights of their own.

use async_trait::async_trait;
use stentor_core::id::TokenId;
use stentor_core::time::Time;
use stentor_core::token::Token;

use crate::error::StoreResult;

/// Most sessions that a token has, and most links; beyond it the oldest goes.
pub const SESSIONS_PER_TOKEN_MAX: u32 = 100;

/// A session or a link to be stored.
#[derive(Debug, Clone, Copy)]
pub struct NewSession<'a> {
    /// What proves it; stored as a keyed hash.
    pub secret: &'a str,
    /// When it begins.
    pub created_at: Time,
    /// When it ends by itself.
    pub expires_at: Time,
}

/// Reads and changes of sessions and links. Whatever is stored takes those with it that have ended.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Stores a link that opens a session of the token once.
    async fn create_link(&self, token: TokenId, link: NewSession<'_>) -> StoreResult<()>;

    /// Stores a session of the token.
    async fn open_session(&self, token: TokenId, session: NewSession<'_>) -> StoreResult<()>;

    /// Uses a link up and opens the session of its token, in one transaction. False when there is no such link, it was used
    /// before, has ended, or its token does not live at the beginning of the session.
    async fn redeem_link(&self, link: &str, session: NewSession<'_>) -> StoreResult<bool>;

    /// The token of the session with that secret, unless the session has ended by `now`; revoked and expired tokens included.
    async fn session_token(&self, secret: &str, now: Time) -> StoreResult<Option<Token>>;

    /// Ends a session. False when there is none.
    async fn end_session(&self, secret: &str) -> StoreResult<bool>;
}
