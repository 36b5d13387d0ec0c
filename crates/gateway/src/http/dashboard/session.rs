//! Who is signed in. The cookie's value is 256 random bits, of which the store keeps a keyed hash: a session survives a restart,
//! ends after [`SESSION_LIFE`], when somebody signs out, and with the token that it was opened with.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::request::Parts;
use sha2::{Digest, Sha256};
use stentor_core::time::Time;
use stentor_core::token::Token;
use stentor_store::StoreError;
use stentor_store::sessions::NewSession;

use super::cookies::SessionCookie;
use crate::http::AppState;
use crate::http::peer::Sender;

/// How long a session lasts, whatever is done in it.
pub(super) const SESSION_LIFE: Duration = Duration::from_secs(12 * 3_600);

/// A live session.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// The token that it was opened with; its scopes are the session's.
    pub(super) token: Arc<Token>,
    /// What forms carry, so that no other page can send them. It follows from the cookie and tells nothing of it.
    pub(super) csrf: String,
}

impl Session {
    /// The session of a request.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn of(parts: &Parts, state: &AppState) -> Result<Option<Self>, StoreError> {
        let sender = sender(parts, state);
        let Some(secret) = SessionCookie::of(sender).read(&parts.headers) else { return Ok(None) };
        let now = state.engine().clock().now();
        let token = state.engine().store().session_token(secret, now).await?;
        let live = token.filter(|token| token.is_live(now));
        Ok(live.map(|token| Self { token: Arc::new(token), csrf: csrf(secret) }))
    }
}

/// A session that begins now.
pub(super) fn beginning(secret: &str, now: Time) -> NewSession<'_> {
    NewSession { secret, created_at: now, expires_at: now.plus(SESSION_LIFE) }
}

/// Who sends a request, as far as trusted proxies tell.
pub(super) fn sender(parts: &Parts, state: &AppState) -> Sender {
    Sender::of(
        peer(parts).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        &parts.headers,
        state.trusted_proxies(),
    )
}

/// The other end of the connection.
pub(super) fn peer(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip())
}

/// The secret that the cookie carries, whether or not it is good.
pub(super) fn carried(sender: Sender, headers: &HeaderMap) -> Option<&str> {
    SessionCookie::of(sender).read(headers)
}

fn csrf(secret: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(b"stentor dashboard form\0");
    hash.update(secret);
    URL_SAFE_NO_PAD.encode(hash.finalize())
}
