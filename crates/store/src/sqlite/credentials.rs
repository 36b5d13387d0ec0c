//! Credentials of sources, known by the keyed hash of their pair.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Row, params};
use stentor_core::credential::Credential;
use stentor_core::id::{CredentialId, SourceId, TenantId};
use stentor_core::limits::CREDENTIALS_MAX;
use stentor_core::time::Time;
use stentor_core::webhook::SecretText;

use super::row::{self, count, micros};
use super::{SqliteStore, page_of, tenants};
use crate::Page;
use crate::credentials::{CredentialCreated, Credentials, PairHash};
use crate::error::StoreResult;

const COLUMNS: &str =
    "id, tenant, source, name, environment, username, created_at, last_used_at, expires_at, revoked_at";

fn credential(row: &Row<'_>) -> rusqlite::Result<Credential> {
    Ok(Credential {
        id: row::id(row, 0, CredentialId::from_bytes)?,
        tenant: row::id(row, 1, TenantId::from_bytes)?,
        source: row::id(row, 2, SourceId::from_bytes)?,
        name: row.get(3)?,
        environment: row.get(4)?,
        username: row.get(5)?,
        created_at: row::time(row, 6)?,
        last_used_at: row::optional_time(row, 7)?,
        expires_at: row::optional_time(row, 8)?,
        revoked_at: row::optional_time(row, 9)?,
    })
}

#[async_trait]
impl Credentials for SqliteStore {
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
        self.write(move |connection| {
            let (source, tenant) = (credential.source, credential.tenant);
            let exists = connection
                .prepare_cached("SELECT 1 FROM sources WHERE id = ?1 AND tenant = ?2")?
                .exists([source.as_bytes(), tenant.as_bytes()])?;
            if !exists || tenants::version(connection, tenant)?.is_none() {
                return Ok(CredentialCreated::NoSource);
            }
            let live: i64 = connection
                .prepare_cached(
                    "SELECT count(*) FROM credentials WHERE source = ?1 AND revoked_at IS NULL
                     AND (expires_at IS NULL OR expires_at > ?2)",
                )?
                .query_row(params![source.as_bytes(), micros(now)], |row| row.get(0))?;
            if count(live) >= CREDENTIALS_MAX as u64 {
                return Ok(CredentialCreated::TooMany);
            }
            connection
                .prepare_cached(&format!(
                    "INSERT INTO credentials ({COLUMNS}, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
                ))?
                .execute(params![
                    credential.id.as_bytes(),
                    tenant.as_bytes(),
                    source.as_bytes(),
                    credential.name,
                    credential.environment,
                    credential.username,
                    micros(credential.created_at),
                    credential.last_used_at.map(micros),
                    credential.expires_at.map(micros),
                    credential.revoked_at.map(micros),
                    hash,
                ])?;
            tenants::next_version(connection, tenant)?;
            Ok(CredentialCreated::Done)
        })
        .await
    }

    async fn update_credential(&self, credential: &Credential) -> StoreResult<bool> {
        let credential = credential.clone();
        self.write(move |connection| {
            let changed = connection
                .prepare_cached(
                    "UPDATE credentials SET name = ?4, environment = ?5, expires_at = ?6
                     WHERE id = ?1 AND source = ?2 AND tenant = ?3 AND revoked_at IS NULL",
                )?
                .execute(params![
                    credential.id.as_bytes(),
                    credential.source.as_bytes(),
                    credential.tenant.as_bytes(),
                    credential.name,
                    credential.environment,
                    credential.expires_at.map(micros),
                ])?;
            if changed == 1 {
                tenants::next_version(connection, credential.tenant)?;
            }
            Ok(changed == 1)
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
        self.write(move |connection| {
            let revoked = connection
                .prepare_cached(
                    "UPDATE credentials SET revoked_at = ?4
                     WHERE id = ?1 AND source = ?2 AND tenant = ?3 AND revoked_at IS NULL",
                )?
                .execute(params![id.as_bytes(), source.as_bytes(), tenant.as_bytes(), micros(now)])?;
            if revoked == 1 {
                tenants::next_version(connection, tenant)?;
            }
            Ok(revoked == 1)
        })
        .await
    }

    async fn credential(
        &self,
        tenant: TenantId,
        source: SourceId,
        id: CredentialId,
    ) -> StoreResult<Option<Credential>> {
        self.read(move |connection| {
            let sql =
                format!("SELECT {COLUMNS} FROM credentials WHERE id = ?1 AND source = ?2 AND tenant = ?3");
            let values = [id.as_bytes(), source.as_bytes(), tenant.as_bytes()];
            Ok(connection.prepare_cached(&sql)?.query_row(values, credential).optional()?)
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
        self.read(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM credentials WHERE source = ?1 AND id < ?2 AND tenant = ?3 AND revoked_at IS NULL
                 ORDER BY id DESC LIMIT ?4"
            );
            let before = before.map_or([0xff; 16], |before| *before.as_bytes());
            let values = params![source.as_bytes(), before, tenant.as_bytes(), rows.saturating_add(1)];
            let mut statement = connection.prepare_cached(&sql)?;
            let found = statement.query_map(values, credential)?.collect::<Result<_, _>>()?;
            Ok(page_of(found, rows))
        })
        .await
    }

    async fn all_credentials(
        &self,
        after: Option<CredentialId>,
        rows: u32,
    ) -> StoreResult<Vec<(PairHash, Credential)>> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS}, hash FROM credentials WHERE id > ?1 AND revoked_at IS NULL ORDER BY id LIMIT ?2"
            );
            let after = after.map_or([0; 16], |after| *after.as_bytes());
            let mut statement = connection.prepare_cached(&sql)?;
            let found =
                statement.query_map(params![after, rows], |row| Ok((row.get(10)?, credential(row)?)))?;
            Ok(found.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn credential_pairs(&self, source: SourceId) -> StoreResult<Vec<(PairHash, Credential)>> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS}, hash FROM credentials WHERE source = ?1 AND revoked_at IS NULL ORDER BY id"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let found =
                statement.query_map([source.as_bytes()], |row| Ok((row.get(10)?, credential(row)?)))?;
            Ok(found.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn credential_by_hash(&self, hash: PairHash) -> StoreResult<Option<Credential>> {
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM credentials WHERE hash = ?1");
            Ok(connection.prepare_cached(&sql)?.query_row([hash], credential).optional()?)
        })
        .await
    }

    async fn touch_credentials(&self, used: &[(CredentialId, Time)]) -> StoreResult<()> {
        let used = used.to_vec();
        self.write(move |connection| {
            let mut touch = connection.prepare_cached(
                "UPDATE credentials SET last_used_at = ?2 WHERE id = ?1 AND coalesce(last_used_at, ?3) < ?2",
            )?;
            for (id, at) in used {
                touch.execute(params![id.as_bytes(), micros(at), i64::MIN])?;
            }
            Ok(())
        })
        .await
    }
}
