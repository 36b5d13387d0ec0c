//! Credentials of sources, known by the keyed hash of their pair.

use std::collections::BTreeMap;

use async_trait::async_trait;
use stentor_core::credential::Credential;
use stentor_core::id::{CredentialId, SourceId, TenantId};
use stentor_core::limits::CREDENTIALS_MAX;
use stentor_core::time::Time;
use stentor_core::webhook::SecretText;
use tokio_postgres::Row;

use super::connection::{Session, Values};
use super::row::{self, Id, micros, page_of};
use super::{PostgresStore, tenants};
use crate::Page;
use crate::credentials::{CredentialCreated, Credentials, PairHash};
use crate::error::StoreResult;

const COLUMNS: &str =
    "id, tenant, source, name, environment, username, created_at, last_used_at, expires_at, revoked_at, hash";

fn credential(row: &Row) -> StoreResult<Credential> {
    Ok(Credential {
        id: row::id(row, 0, CredentialId::from_bytes)?,
        tenant: row::id(row, 1, TenantId::from_bytes)?,
        source: row::id(row, 2, SourceId::from_bytes)?,
        name: row::text(row, 3)?,
        environment: row::optional_text(row, 4)?,
        username: row::text(row, 5)?,
        created_at: row::time(row, 6)?,
        last_used_at: row::optional_time(row, 7)?,
        expires_at: row::optional_time(row, 8)?,
        revoked_at: row::optional_time(row, 9)?,
    })
}

fn with_hash(row: &Row) -> StoreResult<(PairHash, Credential)> {
    Ok((row::hash(row, 10)?, credential(row)?))
}

async fn rows_of(session: &Session, condition: &str, values: &Values<'_>) -> StoreResult<Vec<Row>> {
    session.query(&format!("SELECT {COLUMNS} FROM credentials WHERE {condition}"), values).await
}

async fn create(
    session: &Session,
    credential: &Credential,
    hash: PairHash,
    now: Time,
) -> StoreResult<CredentialCreated> {
    let (source, tenant) = (Id::from(credential.source), Id::from(credential.tenant));
    let sql = "SELECT 1 FROM sources WHERE id = $1 AND tenant = $2 FOR UPDATE";
    let exists = session.first(sql, &[&source, &tenant]).await?.is_some();
    if !exists || tenants::version(session, credential.tenant).await?.is_none() {
        return Ok(CredentialCreated::NoSource);
    }
    let sql = "SELECT count(*) FROM credentials WHERE source = $1 AND revoked_at IS NULL
         AND (expires_at IS NULL OR expires_at > $2)";
    let live = session.one(sql, &[&source, &micros(now)]).await?;
    if row::count_of(&live, 0)? >= CREDENTIALS_MAX as u64 {
        return Ok(CredentialCreated::TooMany);
    }
    let sql =
        format!("INSERT INTO credentials ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
    let values: &Values<'_> = &[
        &Id::from(credential.id),
        &tenant,
        &source,
        &credential.name.as_bytes(),
        &credential.environment.as_deref().map(str::as_bytes),
        &credential.username.as_bytes(),
        &micros(credential.created_at),
        &credential.last_used_at.map(micros),
        &credential.expires_at.map(micros),
        &credential.revoked_at.map(micros),
        &hash.as_slice(),
    ];
    session.execute(&sql, values).await?;
    tenants::next_version(session, credential.tenant).await?;
    Ok(CredentialCreated::Done)
}

/// Changes one row, and the tenant's version with it. False when there is no such row.
async fn change(session: &Session, tenant: TenantId, sql: &str, values: &Values<'_>) -> StoreResult<bool> {
    let changed = session.execute(sql, values).await? == 1;
    if changed {
        tenants::next_version(session, tenant).await?;
    }
    Ok(changed)
}

#[async_trait]
impl Credentials for PostgresStore {
    fn pair_hash(&self, user_pass: &str) -> PairHash {
        self.sealer.hash_of("credential", &[user_pass.as_bytes()])
    }

    async fn create_credential(
        &self,
        credential: &Credential,
        user_pass: &SecretText,
        now: Time,
    ) -> StoreResult<CredentialCreated> {
        let (credential, hash) = (credential.clone(), self.pair_hash(user_pass.reveal()));
        self.write(move |session| Box::pin(async move { create(session, &credential, hash, now).await }))
            .await
    }

    async fn update_credential(&self, credential: &Credential) -> StoreResult<bool> {
        let credential = credential.clone();
        self.write(move |session| {
            Box::pin(async move {
                let sql = "UPDATE credentials SET name = $4, environment = $5, expires_at = $6
                     WHERE id = $1 AND source = $2 AND tenant = $3 AND revoked_at IS NULL";
                let values: &Values<'_> = &[
                    &Id::from(credential.id),
                    &Id::from(credential.source),
                    &Id::from(credential.tenant),
                    &credential.name.as_bytes(),
                    &credential.environment.as_deref().map(str::as_bytes),
                    &credential.expires_at.map(micros),
                ];
                change(session, credential.tenant, sql, values).await
            })
        })
        .await
    }

    async fn revoke_credential(
        &self,
        tenant: TenantId,
        source: SourceId,
        id: CredentialId,
        now: Time,
    ) -> StoreResult<bool> {
        self.write(move |session| {
            Box::pin(async move {
                let sql = "UPDATE credentials SET revoked_at = $4
                     WHERE id = $1 AND source = $2 AND tenant = $3 AND revoked_at IS NULL";
                let values: &Values<'_> =
                    &[&Id::from(id), &Id::from(source), &Id::from(tenant), &micros(now)];
                change(session, tenant, sql, values).await
            })
        })
        .await
    }

    async fn credential(
        &self,
        tenant: TenantId,
        source: SourceId,
        id: CredentialId,
    ) -> StoreResult<Option<Credential>> {
        self.read(move |session| {
            Box::pin(async move {
                let values: &Values<'_> = &[&Id::from(id), &Id::from(source), &Id::from(tenant)];
                let found = rows_of(session, "id = $1 AND source = $2 AND tenant = $3", values).await?;
                found.first().map(credential).transpose()
            })
        })
        .await
    }

    async fn credentials(
        &self,
        tenant: TenantId,
        source: SourceId,
        before: Option<CredentialId>,
        rows: u32,
    ) -> StoreResult<Page<Credential>> {
        self.read(move |session| {
            Box::pin(async move {
                let condition = "source = $1 AND id < $2 AND tenant = $3 AND revoked_at IS NULL
                     ORDER BY id DESC LIMIT $4";
                let before = before.map_or(Id::HIGHEST, Id::from);
                let values: &Values<'_> =
                    &[&Id::from(source), &before, &Id::from(tenant), &(i64::from(rows) + 1)];
                let found = rows_of(session, condition, values).await?;
                Ok(page_of(found.iter().map(credential).collect::<Result<_, _>>()?, rows))
            })
        })
        .await
    }

    async fn all_credentials(
        &self,
        after: Option<CredentialId>,
        rows: u32,
    ) -> StoreResult<Vec<(PairHash, Credential)>> {
        self.read(move |session| {
            Box::pin(async move {
                let condition = "id > $1 AND revoked_at IS NULL ORDER BY id LIMIT $2";
                let after = after.map_or(Id::LOWEST, Id::from);
                let found = rows_of(session, condition, &[&after, &i64::from(rows)]).await?;
                found.iter().map(with_hash).collect()
            })
        })
        .await
    }

    async fn credential_pairs(&self, source: SourceId) -> StoreResult<Vec<(PairHash, Credential)>> {
        self.read(move |session| {
            Box::pin(async move {
                let condition = "source = $1 AND revoked_at IS NULL ORDER BY id";
                let found = rows_of(session, condition, &[&Id::from(source)]).await?;
                found.iter().map(with_hash).collect()
            })
        })
        .await
    }

    async fn credential_by_hash(&self, hash: PairHash) -> StoreResult<Option<Credential>> {
        self.read(move |session| {
            Box::pin(async move {
                let found = rows_of(session, "hash = $1", &[&hash.as_slice()]).await?;
                found.first().map(credential).transpose()
            })
        })
        .await
    }

    async fn touch_credentials(&self, used: &[(CredentialId, Time)]) -> StoreResult<()> {
        // A row is changed once in a statement: by its last use.
        let mut last: BTreeMap<CredentialId, i64> = BTreeMap::new();
        for (id, at) in used {
            let last = last.entry(*id).or_insert(i64::MIN);
            *last = micros(*at).max(*last);
        }
        let (ids, times): (Vec<Id>, Vec<i64>) = last.into_iter().map(|(id, at)| (Id::from(id), at)).unzip();
        self.write(move |session| {
            Box::pin(async move {
                let sql = "UPDATE credentials c SET last_used_at = k.at
                     FROM unnest($1::uuid[], $2::int8[]) AS k (id, at)
                     WHERE c.id = k.id AND (c.last_used_at IS NULL OR c.last_used_at < k.at)";
                session.execute(sql, &[&ids, &times]).await.map(|_| ())
            })
        })
        .await
    }
}
