//! Links that sign in to the dashboard, once.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stentor_core::id::TokenId;
use stentor_core::time::Time;
use stentor_engine::entropy;
use stentor_store::sessions::NewSession;
use stentor_store::{Store, StoreError};

/// How long a link waits to be used.
pub const LINK_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// A secret of a link or a session: 256 random bits as text.
pub fn new_secret() -> String {
    URL_SAFE_NO_PAD.encode(entropy::secret_bytes())
}

/// Makes a link that opens a session of this token; it works within a day and, if the token ends, not after that. Its path
/// on this server, which is a secret.
///
/// # Errors
/// When the database does not answer.
pub async fn create(
    store: &dyn Store,
    token: TokenId,
    now: Time,
    token_ends_at: Option<Time>,
) -> Result<String, StoreError> {
    let (secret, latest) = (new_secret(), now.plus(LINK_LIFE));
    let expires_at = token_ends_at.map_or(latest, |end| end.min(latest));
    store.create_link(token, NewSession { secret: &secret, created_at: now, expires_at }).await?;
    Ok(format!("/sign-in?code={secret}"))
}
