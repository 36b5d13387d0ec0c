//! Sessions of the dashboard and links to them, known by the keyed hash of their secret.

use async_trait::async_trait;
use stentor_core::id::TokenId;
use stentor_core::time::Time;
use stentor_core::token::Token;

use super::connection::{Session, Values};
use super::row::{self, Id, micros};
use super::{PostgresStore, tokens};
use crate::error::StoreResult;
use crate::sessions::{NewSession, SESSIONS_PER_TOKEN_MAX, Sessions};

/// The column `kind`.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Link = 1,
    Session = 2,
}

/// A row to be written.
#[derive(Debug, Clone, Copy)]
struct NewRow {
    hash: [u8; 32],
    kind: Kind,
    created_at: Time,
    expires_at: Time,
}

/// Writes the row; what has ended goes, and the oldest of the token beyond the most that it may have.
async fn insert(session: &Session, token: TokenId, row: NewRow) -> StoreResult<()> {
    let kind = row.kind as i16;
    session.execute("DELETE FROM sessions WHERE expires_at <= $1", &[&micros(row.created_at)]).await?;
    let sql = "DELETE FROM sessions WHERE hash IN (
         SELECT hash FROM sessions WHERE token = $1 AND kind = $2 ORDER BY created_at DESC OFFSET $3)";
    let kept = i64::from(SESSIONS_PER_TOKEN_MAX - 1);
    session.execute(sql, &[&Id::from(token), &kind, &kept]).await?;
    let sql = "INSERT INTO sessions (hash, kind, token, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)";
    let values: &Values<'_> =
        &[&row.hash.as_slice(), &kind, &Id::from(token), &micros(row.created_at), &micros(row.expires_at)];
    session.execute(sql, values).await.map(|_| ())
}

/// Takes a link away and tells whose it was, if it and its token live.
async fn use_up(session: &Session, hash: [u8; 32], now: Time) -> StoreResult<Option<TokenId>> {
    let sql = "DELETE FROM sessions WHERE hash = $1 AND kind = $2 RETURNING token, expires_at";
    let Some(found) = session.first(sql, &[&hash.as_slice(), &(Kind::Link as i16)]).await? else {
        return Ok(None);
    };
    if row::time(&found, 1)? <= now {
        return Ok(None);
    }
    let id = row::id(&found, 0, TokenId::from_bytes)?;
    let sql = format!("SELECT {} FROM tokens WHERE id = $1", tokens::COLUMNS);
    let token = session.first(&sql, &[&Id::from(id)]).await?.map(|row| tokens::token(&row)).transpose()?;
    Ok(token.filter(|token| token.is_live(now)).map(|token| token.id))
}

impl PostgresStore {
    fn session_hash(&self, secret: &str) -> [u8; 32] {
        self.sealer.hash_of("session", &[secret.as_bytes()])
    }

    fn session_row(&self, kind: Kind, new: NewSession<'_>) -> NewRow {
        let hash = self.session_hash(new.secret);
        NewRow { hash, kind, created_at: new.created_at, expires_at: new.expires_at }
    }
}

#[async_trait]
impl Sessions for PostgresStore {
    async fn create_link(&self, token: TokenId, link: NewSession<'_>) -> StoreResult<()> {
        let row = self.session_row(Kind::Link, link);
        self.write(move |session| Box::pin(insert(session, token, row))).await
    }

    async fn open_session(&self, token: TokenId, session: NewSession<'_>) -> StoreResult<()> {
        let row = self.session_row(Kind::Session, session);
        self.write(move |session| Box::pin(insert(session, token, row))).await
    }

    async fn redeem_link(&self, link: &str, session: NewSession<'_>) -> StoreResult<bool> {
        let (link, row) = (self.session_hash(link), self.session_row(Kind::Session, session));
        self.write(move |session| {
            Box::pin(async move {
                let Some(token) = use_up(session, link, row.created_at).await? else { return Ok(false) };
                insert(session, token, row).await?;
                Ok(true)
            })
        })
        .await
    }

    async fn session_token(&self, secret: &str, now: Time) -> StoreResult<Option<Token>> {
        let hash = self.session_hash(secret);
        let sql = format!(
            "SELECT {} FROM tokens WHERE id =
                 (SELECT token FROM sessions WHERE hash = $1 AND kind = $2 AND expires_at > $3)",
            tokens::COLUMNS
        );
        self.read(move |session| {
            Box::pin(async move {
                let values: &Values<'_> = &[&hash.as_slice(), &(Kind::Session as i16), &micros(now)];
                session.first(&sql, values).await?.map(|row| tokens::token(&row)).transpose()
            })
        })
        .await
    }

    async fn end_session(&self, secret: &str) -> StoreResult<bool> {
        let hash = self.session_hash(secret);
        self.write(move |session| {
            Box::pin(async move {
                let sql = "DELETE FROM sessions WHERE hash = $1 AND kind = $2";
                let values: &Values<'_> = &[&hash.as_slice(), &(Kind::Session as i16)];
                Ok(session.execute(sql, values).await? == 1)
            })
        })
        .await
    }
}
