//! Webhooks and their revisions.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use stentor_core::id::{TenantId, WebhookId};
use stentor_core::operational;
use stentor_core::time::Time;
use stentor_core::webhook::{DisableReason, Webhook, WebhookStatus};

use std::sync::Arc;

use super::row::{self, WEBHOOK, count, integer, micros, status_columns};
use super::{SqliteStore, page_of, routes, tenants};
use crate::Page;
use crate::error::{StoreError, StoreResult};
use crate::journal::IdempotencyKey;
use crate::seal::Sealer;
use crate::secrets;
use crate::webhooks::{CreatedOnce, Routing, Saved, Webhooks};

/// The number of every disabled status, whatever the reason.
const DISABLED: i64 = status_columns(WebhookStatus::Disabled(DisableReason::Gone)).0;

/// Copies the webhook as it is now to its revisions.
pub(super) fn keep_revision(connection: &Connection, id: WebhookId) -> rusqlite::Result<()> {
    let sql = format!(
        "INSERT INTO revisions (webhook, {WEBHOOK}) SELECT id, {WEBHOOK} FROM webhooks WHERE id = ?1"
    );
    connection.prepare_cached(&sql)?.execute([id.as_bytes()]).map(|_| ())
}

/// Forgets since when the webhook has had only failures.
pub(super) fn clear_health(connection: &Connection, id: WebhookId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM webhook_health WHERE webhook = ?1")?
        .execute([id.as_bytes()])
        .map(|_| ())
}

/// Makes webhooks of a tenant tombstones at a configuration version: one, or all.
pub(super) fn delete(
    connection: &Connection,
    tenant: TenantId,
    id: WebhookId,
    version: u64,
    now: Time,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE webhooks SET status = 4, disable_reason = NULL, deleted_at = ?4, updated_at = ?4, version = ?3
             WHERE id = ?1 AND tenant = ?2 AND deleted_at IS NULL",
        )?
        .execute(params![id.as_bytes(), tenant.as_bytes(), integer(version), micros(now)])?;
    keep_revision(connection, id)?;
    clear_health(connection, id)
}

fn told_of_dead(webhook: &Webhook) -> bool {
    operational::asks_for(&webhook.config.events, operational::DELIVERY_DEAD)
}

/// The configuration as JSON and the secrets sealed.
fn sealed_parts(webhook: &Webhook, sealer: &Sealer) -> StoreResult<(String, Vec<u8>)> {
    let failed = |_| StoreError::Unexpected("a webhook's configuration cannot be written as JSON".into());
    let config = serde_json::to_string(&webhook.config).map_err(failed)?;
    Ok((config, secrets::seal(webhook.id, &webhook.secrets, sealer)?))
}

pub(super) fn create(connection: &Connection, webhook: &Webhook, sealer: &Sealer) -> StoreResult<Saved> {
    let Some(version) = tenants::next_version(connection, webhook.tenant)? else {
        return Ok(Saved::NotFound);
    };
    let (config, sealed) = sealed_parts(webhook, sealer)?;
    let (status, reason) = status_columns(webhook.status);
    let deleted_at = (webhook.status == WebhookStatus::Deleted).then(|| micros(webhook.updated_at));
    connection.execute(
        "INSERT INTO webhooks (id, tenant, shard, status, disable_reason, config, sealed, version, created_at,
         updated_at, deleted_at, told_of_dead) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            webhook.id.as_bytes(),
            webhook.tenant.as_bytes(),
            webhook.shard.0,
            status,
            reason,
            config,
            sealed,
            integer(version),
            micros(webhook.created_at),
            micros(webhook.updated_at),
            deleted_at,
            told_of_dead(webhook),
        ],
    )?;
    keep_revision(connection, webhook.id)?;
    Ok(Saved::At(version))
}

/// The stored version and status number of a webhook that is not deleted.
fn stored(connection: &Connection, tenant: TenantId, id: WebhookId) -> rusqlite::Result<Option<(u64, i64)>> {
    connection
        .prepare_cached(
            "SELECT version, status FROM webhooks WHERE id = ?1 AND tenant = ?2 AND deleted_at IS NULL",
        )?
        .query_row([id.as_bytes(), tenant.as_bytes()], |row| Ok((count(row.get(0)?), row.get(1)?)))
        .optional()
}

fn update(connection: &Connection, webhook: &Webhook, sealer: &Sealer) -> StoreResult<Saved> {
    let Some((stored_version, stored_status)) = stored(connection, webhook.tenant, webhook.id)? else {
        return Ok(Saved::NotFound);
    };
    if stored_version != webhook.version {
        return Ok(Saved::Changed);
    }
    let Some(version) = tenants::next_version(connection, webhook.tenant)? else {
        return Ok(Saved::NotFound);
    };
    let (config, sealed) = sealed_parts(webhook, sealer)?;
    let (status, reason) = status_columns(webhook.status);
    let deleted_at = (webhook.status == WebhookStatus::Deleted).then(|| micros(webhook.updated_at));
    connection
        .prepare_cached(
            "UPDATE webhooks SET status = ?2, disable_reason = ?3, config = ?4, sealed = ?5, version = ?6,
             updated_at = ?7, deleted_at = ?8, told_of_dead = ?9 WHERE id = ?1",
        )?
        .execute(params![
            webhook.id.as_bytes(),
            status,
            reason,
            config,
            sealed,
            integer(version),
            micros(webhook.updated_at),
            deleted_at,
            told_of_dead(webhook),
        ])?;
    keep_revision(connection, webhook.id)?;
    if stored_status == DISABLED && status != stored_status {
        clear_health(connection, webhook.id)?;
    }
    Ok(Saved::At(version))
}

fn all_of(
    connection: &Connection,
    sealer: &Sealer,
    condition: &str,
    values: impl rusqlite::Params,
) -> StoreResult<Vec<Webhook>> {
    let sql = format!("SELECT {WEBHOOK}, id FROM webhooks WHERE {condition}");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(values)?;
    let mut webhooks = Vec::new();
    while let Some(row) = rows.next()? {
        webhooks.push(row::webhook(row, row::id(row, 9, WebhookId::from_bytes)?, sealer)?);
    }
    Ok(webhooks)
}

impl SqliteStore {
    async fn one_webhook(
        &self,
        tenant: TenantId,
        id: WebhookId,
        deleted_too: bool,
    ) -> StoreResult<Option<Webhook>> {
        let sealer = Arc::clone(&self.sealer);
        self.read(move |connection| {
            let condition = "id = ?1 AND tenant = ?2 AND (?3 OR deleted_at IS NULL)";
            Ok(all_of(
                connection,
                &sealer,
                condition,
                params![id.as_bytes(), tenant.as_bytes(), deleted_too],
            )?
            .pop())
        })
        .await
    }
}

/// The key is kept beside those of events: whose hash it is tells them apart.
fn create_once(
    connection: &Connection,
    webhook: &Webhook,
    key: &IdempotencyKey,
    sealer: &Sealer,
) -> StoreResult<CreatedOnce> {
    let earlier: Option<([u8; 32], WebhookId)> = connection
        .prepare_cached(
            "SELECT body_hash, event FROM idempotency WHERE tenant = ?1 AND key_hash = ?2 AND expires_at > ?3",
        )?
        .query_row(params![webhook.tenant.as_bytes(), key.key_hash, micros(webhook.created_at)], |row| {
            Ok((row.get(0)?, row::id(row, 1, WebhookId::from_bytes)?))
        })
        .optional()?;
    match earlier {
        Some((body_hash, id)) if body_hash == key.body_hash => return Ok(CreatedOnce::Before(id)),
        Some((_, id)) => return Ok(CreatedOnce::KeyConflict(id)),
        None => {}
    }
    let Saved::At(version) = create(connection, webhook, sealer)? else { return Ok(CreatedOnce::NotFound) };
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO idempotency (tenant, key_hash, body_hash, event, matched, expires_at)
             VALUES (?1, ?2, ?3, ?4, 0, ?5)",
        )?
        .execute(params![
            webhook.tenant.as_bytes(),
            key.key_hash,
            key.body_hash,
            webhook.id.as_bytes(),
            micros(key.expires_at)
        ])?;
    Ok(CreatedOnce::At(version))
}

#[async_trait]
impl Webhooks for SqliteStore {
    async fn create_webhook(&self, webhook: &Webhook) -> StoreResult<Saved> {
        let (webhook, sealer) = (webhook.clone(), Arc::clone(&self.sealer));
        self.write(move |connection| create(connection, &webhook, &sealer)).await
    }

    async fn create_webhook_once(&self, webhook: &Webhook, key: &IdempotencyKey) -> StoreResult<CreatedOnce> {
        let (webhook, key, sealer) = (webhook.clone(), key.clone(), Arc::clone(&self.sealer));
        self.write(move |connection| create_once(connection, &webhook, &key, &sealer)).await
    }

    async fn update_webhook(&self, webhook: &Webhook) -> StoreResult<Saved> {
        let (webhook, sealer) = (webhook.clone(), Arc::clone(&self.sealer));
        self.write(move |connection| update(connection, &webhook, &sealer)).await
    }

    async fn delete_webhook(&self, tenant: TenantId, id: WebhookId, now: Time) -> StoreResult<Saved> {
        self.write(move |connection| {
            if stored(connection, tenant, id)?.is_none() {
                return Ok(Saved::NotFound);
            }
            let Some(version) = tenants::next_version(connection, tenant)? else {
                return Ok(Saved::NotFound);
            };
            delete(connection, tenant, id, version, now)?;
            Ok(Saved::At(version))
        })
        .await
    }

    async fn webhook(&self, tenant: TenantId, id: WebhookId) -> StoreResult<Option<Webhook>> {
        self.one_webhook(tenant, id, false).await
    }

    async fn webhooks(
        &self,
        tenant: TenantId,
        status: Option<WebhookStatus>,
        of_conversations: bool,
        before: Option<WebhookId>,
        rows: u32,
    ) -> StoreResult<Page<Webhook>> {
        let sealer = Arc::clone(&self.sealer);
        self.read(move |connection| {
            let (number, reason) = status.map(status_columns).unzip();
            let before = before.map_or([0xff; 16], |before| *before.as_bytes());
            let condition = "tenant = ?1 AND id < ?2 AND deleted_at IS NULL AND (?3 IS NULL OR status = ?3)
                 AND (?4 IS NULL OR disable_reason = ?4)
                 AND (?6 OR NOT EXISTS (SELECT 1 FROM conversation_webhooks c WHERE c.webhook = webhooks.id))
                 ORDER BY id DESC LIMIT ?5";
            let one_more = rows.saturating_add(1);
            let values =
                params![tenant.as_bytes(), before, number, reason.flatten(), one_more, of_conversations];
            Ok(page_of(all_of(connection, &sealer, condition, values)?, rows))
        })
        .await
    }

    async fn routing(&self, tenant: TenantId) -> StoreResult<Option<Routing>> {
        let sealer = Arc::clone(&self.sealer);
        self.read(move |connection| {
            let Some(version) = tenants::version(connection, tenant)? else { return Ok(None) };
            let condition = "tenant = ?1 AND deleted_at IS NULL ORDER BY id";
            let webhooks = all_of(connection, &sealer, condition, [tenant.as_bytes()])?;
            Ok(Some(Routing { version, webhooks, routes: routes::all(connection, tenant)? }))
        })
        .await
    }

    async fn lane_webhook(&self, tenant: TenantId, id: WebhookId) -> StoreResult<Option<Webhook>> {
        self.one_webhook(tenant, id, true).await
    }

    async fn revision(&self, tenant: TenantId, id: WebhookId, version: u64) -> StoreResult<Option<Webhook>> {
        let sealer = Arc::clone(&self.sealer);
        self.read(move |connection| {
            let sql = format!(
                "SELECT {WEBHOOK} FROM revisions WHERE webhook = ?1 AND tenant = ?2 AND version <= ?3
                 ORDER BY version DESC LIMIT 1"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![id.as_bytes(), tenant.as_bytes(), integer(version)])?;
            let found = rows.next()?.map(|row| row::webhook(row, id, &sealer)).transpose()?;
            Ok(found.filter(|webhook| webhook.status != WebhookStatus::Deleted))
        })
        .await
    }
}
