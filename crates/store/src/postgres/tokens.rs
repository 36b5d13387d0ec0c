//! Tokens.

use async_trait::async_trait;
use stentor_core::id::{TenantId, TokenId};
use stentor_core::time::Time;
use stentor_core::token::{Scopes, Token, TokenOwner};
use tokio_postgres::Row;

use super::connection::{Session, Values};
use super::row::{self, Id, micros};
use super::{PostgresStore, tenants};
use crate::error::{StoreResult, unreadable};
use crate::tokens::Tokens;

/// What [`token`] reads.
pub(super) const COLUMNS: &str = "id, tenant, name, scopes, created_at, expires_at, revoked_at";

pub(super) fn token(row: &Row) -> StoreResult<Token> {
    let tenant = row::optional_id(row, 1, TenantId::from_bytes)?;
    let scopes: i16 = row.try_get(3)?;
    Ok(Token {
        id: row::id(row, 0, TokenId::from_bytes)?,
        owner: tenant.map_or(TokenOwner::Operator, TokenOwner::Tenant),
        name: row::text(row, 2)?,
        scopes: Scopes::from_bits(u8::try_from(scopes).map_err(|_| unreadable("a token's scopes"))?),
        created_at: row::time(row, 4)?,
        expires_at: row::optional_time(row, 5)?,
        revoked_at: row::optional_time(row, 6)?,
    })
}

async fn insert(session: &Session, token: &Token, hash: [u8; 32]) -> StoreResult<()> {
    let tenant = match token.owner {
        TokenOwner::Operator => None,
        TokenOwner::Tenant(tenant) => Some(Id::from(tenant)),
    };
    let sql = "INSERT INTO tokens (id, tenant, hash, name, scopes, created_at, expires_at, revoked_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values: &Values<'_> = &[
        &Id::from(token.id),
        &tenant,
        &hash.as_slice(),
        &token.name.as_bytes(),
        &i16::from(token.scopes.bits()),
        &micros(token.created_at),
        &token.expires_at.map(micros),
        &token.revoked_at.map(micros),
    ];
    session.execute(sql, values).await.map(|_| ())
}

#[async_trait]
impl Tokens for PostgresStore {
    async fn create_token(&self, token: &Token, secret: &str) -> StoreResult<bool> {
        let (token, hash) = (token.clone(), self.sealer.token_hash(secret));
        self.write(move |session| {
            Box::pin(async move {
                if let TokenOwner::Tenant(tenant) = token.owner
                    && tenants::next_version(session, tenant).await?.is_none()
                {
                    return Ok(false);
                }
                insert(session, &token, hash).await?;
                Ok(true)
            })
        })
        .await
    }

    async fn set_operator_token(&self, token: &Token, secret: &str) -> StoreResult<()> {
        let (token, hash) =
            (Token { owner: TokenOwner::Operator, ..token.clone() }, self.sealer.token_hash(secret));
        self.write(move |session| {
            Box::pin(async move {
                session.execute("DELETE FROM tokens WHERE tenant IS NULL", &[]).await?;
                insert(session, &token, hash).await
            })
        })
        .await
    }

    async fn token_by_secret(&self, secret: &str) -> StoreResult<Option<Token>> {
        let hash = self.sealer.token_hash(secret);
        let sql = format!("SELECT {COLUMNS} FROM tokens WHERE hash = $1");
        self.read(move |session| {
            Box::pin(async move {
                session.first(&sql, &[&hash.as_slice()]).await?.map(|row| token(&row)).transpose()
            })
        })
        .await
    }

    async fn tokens(&self, tenant: TenantId) -> StoreResult<Vec<Token>> {
        let sql =
            format!("SELECT {COLUMNS} FROM tokens WHERE tenant = $1 AND revoked_at IS NULL ORDER BY id DESC");
        self.read(move |session| {
            Box::pin(
                async move { session.query(&sql, &[&Id::from(tenant)]).await?.iter().map(token).collect() },
            )
        })
        .await
    }

    async fn revoke_token(&self, tenant: TenantId, id: TokenId, now: Time) -> StoreResult<bool> {
        self.write(move |session| {
            Box::pin(async move {
                let sql =
                    "UPDATE tokens SET revoked_at = $3 WHERE id = $1 AND tenant = $2 AND revoked_at IS NULL";
                let values: &Values<'_> = &[&Id::from(id), &Id::from(tenant), &micros(now)];
                let revoked = session.execute(sql, values).await?;
                if revoked == 1 {
                    tenants::next_version(session, tenant).await?;
                }
                Ok(revoked == 1)
            })
        })
        .await
    }
}
