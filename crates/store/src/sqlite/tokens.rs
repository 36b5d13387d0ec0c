//! Tokens, known by the keyed hash of their secret.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use stentor_core::id::{TenantId, TokenId};
use stentor_core::time::Time;
use stentor_core::token::{Scopes, Token, TokenOwner};

use super::row::{self, micros};
use super::{SqliteStore, tenants};
use crate::error::StoreResult;
use crate::tokens::Tokens;

/// What [`token`] reads.
pub(super) const COLUMNS: &str = "id, tenant, name, scopes, created_at, expires_at, revoked_at";

pub(super) fn token(row: &Row<'_>) -> rusqlite::Result<Token> {
    let tenant: Option<[u8; 16]> = row.get(1)?;
    Ok(Token {
        id: row::id(row, 0, TokenId::from_bytes)?,
        owner: tenant.map_or(TokenOwner::Operator, |tenant| TokenOwner::Tenant(TenantId::from_bytes(tenant))),
        name: row.get(2)?,
        scopes: Scopes::from_bits(row.get(3)?),
        created_at: row::time(row, 4)?,
        expires_at: row::optional_time(row, 5)?,
        revoked_at: row::optional_time(row, 6)?,
    })
}

fn insert(connection: &Connection, token: &Token, hash: [u8; 32]) -> rusqlite::Result<()> {
    let tenant = match token.owner {
        TokenOwner::Operator => None,
        TokenOwner::Tenant(tenant) => Some(*tenant.as_bytes()),
    };
    connection
        .execute(
            "INSERT INTO tokens (id, tenant, hash, name, scopes, created_at, expires_at, revoked_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                token.id.as_bytes(),
                tenant,
                hash,
                token.name,
                token.scopes.bits(),
                micros(token.created_at),
                token.expires_at.map(micros),
                token.revoked_at.map(micros),
            ],
        )
        .map(|_| ())
}

#[async_trait]
impl Tokens for SqliteStore {
    async fn create_token(&self, token: &Token, secret: &str) -> StoreResult<bool> {
        let (token, hash) = (token.clone(), self.sealer.token_hash(secret));
        self.write(move |connection| {
            if let TokenOwner::Tenant(tenant) = token.owner
                && tenants::next_version(connection, tenant)?.is_none()
            {
                return Ok(false);
            }
            insert(connection, &token, hash)?;
            Ok(true)
        })
        .await
    }

    async fn set_operator_token(&self, token: &Token, secret: &str) -> StoreResult<()> {
        let (token, hash) =
            (Token { owner: TokenOwner::Operator, ..token.clone() }, self.sealer.token_hash(secret));
        self.write(move |connection| {
            connection.execute("DELETE FROM tokens WHERE tenant IS NULL", [])?;
            Ok(insert(connection, &token, hash)?)
        })
        .await
    }

    async fn token_by_secret(&self, secret: &str) -> StoreResult<Option<Token>> {
        let hash = self.sealer.token_hash(secret);
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM tokens WHERE hash = ?1");
            Ok(connection.prepare_cached(&sql)?.query_row([hash], token).optional()?)
        })
        .await
    }

    async fn tokens(&self, tenant: TenantId) -> StoreResult<Vec<Token>> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM tokens WHERE tenant = ?1 AND revoked_at IS NULL ORDER BY id DESC"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let found = statement.query_map([tenant.as_bytes()], token)?;
            Ok(found.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn revoke_token(&self, tenant: TenantId, id: TokenId, now: Time) -> StoreResult<bool> {
        self.write(move |connection| {
            let revoked = connection.execute(
                "UPDATE tokens SET revoked_at = ?3 WHERE id = ?1 AND tenant = ?2 AND revoked_at IS NULL",
                params![id.as_bytes(), tenant.as_bytes(), micros(now)],
            )?;
            if revoked == 1 {
                tenants::next_version(connection, tenant)?;
            }
            Ok(revoked == 1)
        })
        .await
    }
}
