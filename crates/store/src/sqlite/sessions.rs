//! Sessions of the dashboard and links to them, known by the keyed hash of their secret.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use stentor_core::id::TokenId;
use stentor_core::time::Time;
use stentor_core::token::Token;

use super::row::{self, micros};
use super::{SqliteStore, tokens};
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
struct Row {
    hash: [u8; 32],
    kind: Kind,
    created_at: Time,
    expires_at: Time,
}

/// Writes the row; what has ended goes, and the oldest of the token beyond the most that it may have.
fn insert(connection: &Connection, token: TokenId, row: Row) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM sessions WHERE expires_at <= ?1", [micros(row.created_at)])?;
    connection.execute(
        "DELETE FROM sessions WHERE hash IN (
             SELECT hash FROM sessions WHERE token = ?1 AND kind = ?2 ORDER BY created_at DESC LIMIT -1 OFFSET ?3)",
        params![token.as_bytes(), row.kind as u8, SESSIONS_PER_TOKEN_MAX - 1],
    )?;
    connection
        .execute(
            "INSERT INTO sessions (hash, kind, token, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                row.hash,
                row.kind as u8,
                token.as_bytes(),
                micros(row.created_at),
                micros(row.expires_at)
            ],
        )
        .map(|_| ())
}

/// Takes a link away and tells whose it was, if it and its token live.
fn use_up(connection: &Connection, hash: [u8; 32], now: Time) -> rusqlite::Result<Option<TokenId>> {
    let found = connection
        .query_row(
            "DELETE FROM sessions WHERE hash = ?1 AND kind = ?2 RETURNING token, expires_at",
            params![hash, Kind::Link as u8],
            |row| Ok((row::id(row, 0, TokenId::from_bytes)?, row::time(row, 1)?)),
        )
        .optional()?;
    let Some((id, _)) = found.filter(|(_, end)| now < *end) else { return Ok(None) };
    let sql = format!("SELECT {} FROM tokens WHERE id = ?1", tokens::COLUMNS);
    let token = connection.query_row(&sql, [id.as_bytes()], tokens::token).optional()?;
    Ok(token.filter(|token| token.is_live(now)).map(|token| token.id))
}

impl SqliteStore {
    fn session_hash(&self, secret: &str) -> [u8; 32] {
        self.sealer.hash_of("session", &[secret.as_bytes()])
    }

    fn session_row(&self, kind: Kind, new: NewSession<'_>) -> Row {
        let hash = self.session_hash(new.secret);
        Row { hash, kind, created_at: new.created_at, expires_at: new.expires_at }
    }
}

#[async_trait]
impl Sessions for SqliteStore {
    async fn create_link(&self, token: TokenId, link: NewSession<'_>) -> StoreResult<()> {
        let row = self.session_row(Kind::Link, link);
        self.write(move |connection| Ok(insert(connection, token, row)?)).await
    }

    async fn open_session(&self, token: TokenId, session: NewSession<'_>) -> StoreResult<()> {
        let row = self.session_row(Kind::Session, session);
        self.write(move |connection| Ok(insert(connection, token, row)?)).await
    }

    async fn redeem_link(&self, link: &str, session: NewSession<'_>) -> StoreResult<bool> {
        let (link, row) = (self.session_hash(link), self.session_row(Kind::Session, session));
        self.write(move |connection| {
            let Some(token) = use_up(connection, link, row.created_at)? else { return Ok(false) };
            insert(connection, token, row)?;
            Ok(true)
        })
        .await
    }

    async fn session_token(&self, secret: &str, now: Time) -> StoreResult<Option<Token>> {
        let hash = self.session_hash(secret);
        self.read(move |connection| {
            let sql = format!(
                "SELECT {} FROM tokens WHERE id =
                     (SELECT token FROM sessions WHERE hash = ?1 AND kind = ?2 AND expires_at > ?3)",
                tokens::COLUMNS
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let found = statement.query_row(params![hash, Kind::Session as u8, micros(now)], tokens::token);
            Ok(found.optional()?)
        })
        .await
    }

    async fn end_session(&self, secret: &str) -> StoreResult<bool> {
        let hash = self.session_hash(secret);
        self.write(move |connection| {
            let sql = "DELETE FROM sessions WHERE hash = ?1 AND kind = ?2";
            Ok(connection.execute(sql, params![hash, Kind::Session as u8])? == 1)
        })
        .await
    }
}
