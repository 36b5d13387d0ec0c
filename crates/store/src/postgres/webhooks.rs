//! Webhooks and their revisions.

use std::sync::Arc;

use async_trait::async_trait;
use stentor_core::id::{TenantId, WebhookId};
use stentor_core::operational;
use stentor_core::time::Time;
use stentor_core::webhook::{DisableReason, Webhook, WebhookStatus};
use tokio_postgres::Row;

use super::connection::{Session, Values};
use super::row::{self, Id, WEBHOOK, integer, micros, number16, page_of, shard_number, status_columns};
use super::{PostgresStore, routes, tenants};
use crate::Page;
use crate::error::{StoreError, StoreResult};
use crate::journal::IdempotencyKey;
use crate::seal::Sealer;
use crate::secrets;
use crate::webhooks::{CreatedOnce, Routing, Saved, Webhooks};

/// The number of every disabled status, whatever the reason.
const DISABLED: i64 = status_columns(WebhookStatus::Disabled(DisableReason::Gone)).0;

/// Copies the webhook as it is now to its revisions.
pub(super) async fn keep_revision(session: &Session, id: WebhookId) -> StoreResult<()> {
    let sql = format!(
        "INSERT INTO revisions (webhook, {WEBHOOK}) SELECT id, {WEBHOOK} FROM webhooks WHERE id = $1"
    );
    session.execute(&sql, &[&Id::from(id)]).await.map(|_| ())
}

/// Forgets since when the webhook has had only failures.
pub(super) async fn clear_health(session: &Session, id: WebhookId) -> StoreResult<()> {
    session.execute("DELETE FROM webhook_health WHERE webhook = $1", &[&Id::from(id)]).await.map(|_| ())
}

/// Makes a webhook of a tenant a tombstone at a configuration version.
pub(super) async fn delete(
    session: &Session,
    tenant: TenantId,
    id: WebhookId,
    version: u64,
    now: Time,
) -> StoreResult<()> {
    let sql =
        "UPDATE webhooks SET status = 4, disable_reason = NULL, deleted_at = $4, updated_at = $4, version = $3
         WHERE id = $1 AND tenant = $2 AND deleted_at IS NULL";
    let values: &Values<'_> = &[&Id::from(id), &Id::from(tenant), &integer(version), &micros(now)];
    session.execute(sql, values).await?;
    keep_revision(session, id).await?;
    clear_health(session, id).await
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

pub(super) async fn create(session: &Session, webhook: &Webhook, sealer: &Sealer) -> StoreResult<Saved> {
    let Some(version) = tenants::next_version(session, webhook.tenant).await? else {
        return Ok(Saved::NotFound);
    };
    let (config, sealed) = sealed_parts(webhook, sealer)?;
    let (status, reason) = status_columns(webhook.status);
    let deleted_at = (webhook.status == WebhookStatus::Deleted).then(|| micros(webhook.updated_at));
    let sql = "INSERT INTO webhooks (id, tenant, shard, status, disable_reason, config, sealed, version, created_at,
         updated_at, deleted_at, told_of_dead) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let values: &Values<'_> = &[
        &Id::from(webhook.id),
        &Id::from(webhook.tenant),
        &shard_number(webhook.shard),
        &number16(status),
        &reason,
        &config,
        &sealed,
        &integer(version),
        &micros(webhook.created_at),
        &micros(webhook.updated_at),
        &deleted_at,
        &told_of_dead(webhook),
    ];
    session.execute(sql, values).await?;
    keep_revision(session, webhook.id).await?;
    Ok(Saved::At(version))
}

/// The stored version and status number of a webhook that is not deleted.
async fn stored(session: &Session, tenant: TenantId, id: WebhookId) -> StoreResult<Option<(u64, i64)>> {
    let sql = "SELECT version, status FROM webhooks WHERE id = $1 AND tenant = $2 AND deleted_at IS NULL FOR UPDATE";
    let found = session.first(sql, &[&Id::from(id), &Id::from(tenant)]).await?;
    found.map(|row| Ok((row::count_of(&row, 0)?, row.try_get::<_, i16>(1)?.into()))).transpose()
}

async fn update(session: &Session, webhook: &Webhook, sealer: &Sealer) -> StoreResult<Saved> {
    let Some((stored_version, stored_status)) = stored(session, webhook.tenant, webhook.id).await? else {
        return Ok(Saved::NotFound);
    };
    if stored_version != webhook.version {
        return Ok(Saved::Changed);
    }
    let Some(version) = tenants::next_version(session, webhook.tenant).await? else {
        return Ok(Saved::NotFound);
    };
    let (config, sealed) = sealed_parts(webhook, sealer)?;
    let (status, reason) = status_columns(webhook.status);
    let deleted_at = (webhook.status == WebhookStatus::Deleted).then(|| micros(webhook.updated_at));
    let sql = "UPDATE webhooks SET status = $2, disable_reason = $3, config = $4, sealed = $5, version = $6,
         updated_at = $7, deleted_at = $8, told_of_dead = $9 WHERE id = $1";
    let values: &Values<'_> = &[
        &Id::from(webhook.id),
        &number16(status),
        &reason,
        &config,
        &sealed,
        &integer(version),
        &micros(webhook.updated_at),
        &deleted_at,
        &told_of_dead(webhook),
    ];
    session.execute(sql, values).await?;
    keep_revision(session, webhook.id).await?;
    if stored_status == DISABLED && status != stored_status {
        clear_health(session, webhook.id).await?;
    }
    Ok(Saved::At(version))
}

async fn remove(session: &Session, tenant: TenantId, id: WebhookId, now: Time) -> StoreResult<Saved> {
    if stored(session, tenant, id).await?.is_none() {
        return Ok(Saved::NotFound);
    }
    let Some(version) = tenants::next_version(session, tenant).await? else { return Ok(Saved::NotFound) };
    delete(session, tenant, id, version, now).await?;
    Ok(Saved::At(version))
}

/// What a key that has not expired was used for: the hash of the body, and the id of what was made.
pub(super) async fn earlier_use(
    session: &Session,
    tenant: TenantId,
    key: &IdempotencyKey,
    now: Time,
) -> StoreResult<Option<([u8; 32], Id)>> {
    let sql =
        "SELECT body_hash, event FROM idempotency WHERE tenant = $1 AND key_hash = $2 AND expires_at > $3";
    let found = session.first(sql, &[&Id::from(tenant), &key.key_hash.as_slice(), &micros(now)]).await?;
    found.map(|row| Ok((row::hash(&row, 0)?, row.try_get(1)?))).transpose()
}

/// Keeps a key beside those of events: whose hash it is tells them apart.
pub(super) async fn keep_key(
    session: &Session,
    tenant: TenantId,
    key: &IdempotencyKey,
    made: Id,
) -> StoreResult<()> {
    let sql = "INSERT INTO idempotency (tenant, key_hash, body_hash, event, matched, expires_at)
         VALUES ($1, $2, $3, $4, 0, $5) ON CONFLICT (tenant, key_hash) DO UPDATE SET body_hash = excluded.body_hash,
         event = excluded.event, matched = 0, expires_at = excluded.expires_at";
    let values: &Values<'_> = &[
        &Id::from(tenant),
        &key.key_hash.as_slice(),
        &key.body_hash.as_slice(),
        &made,
        &micros(key.expires_at),
    ];
    session.execute(sql, values).await.map(|_| ())
}

async fn create_once(
    session: &Session,
    webhook: &Webhook,
    key: &IdempotencyKey,
    sealer: &Sealer,
) -> StoreResult<CreatedOnce> {
    match earlier_use(session, webhook.tenant, key, webhook.created_at).await? {
        Some((body_hash, id)) if body_hash == key.body_hash => {
            return Ok(CreatedOnce::Before(WebhookId::from_bytes(id.0)));
        }
        Some((_, id)) => return Ok(CreatedOnce::KeyConflict(WebhookId::from_bytes(id.0))),
        None => {}
    }
    let Saved::At(version) = create(session, webhook, sealer).await? else {
        return Ok(CreatedOnce::NotFound);
    };
    keep_key(session, webhook.tenant, key, webhook.id.into()).await?;
    Ok(CreatedOnce::At(version))
}

fn read_all(rows: &[Row], sealer: &Sealer) -> StoreResult<Vec<Webhook>> {
    rows.iter().map(|row| row::webhook(row, row::id(row, 9, WebhookId::from_bytes)?, sealer)).collect()
}

async fn all_of(
    session: &Session,
    sealer: &Sealer,
    condition: &str,
    values: &Values<'_>,
) -> StoreResult<Vec<Webhook>> {
    let sql = format!("SELECT {WEBHOOK}, id FROM webhooks WHERE {condition}");
    read_all(&session.query(&sql, values).await?, sealer)
}

impl PostgresStore {
    async fn one_webhook(
        &self,
        tenant: TenantId,
        id: WebhookId,
        deleted_too: bool,
    ) -> StoreResult<Option<Webhook>> {
        let sealer = Arc::clone(&self.sealer);
        self.read(move |session| {
            Box::pin(async move {
                let condition = "id = $1 AND tenant = $2 AND ($3 OR deleted_at IS NULL)";
                let values: &Values<'_> = &[&Id::from(id), &Id::from(tenant), &deleted_too];
                Ok(all_of(session, &sealer, condition, values).await?.pop())
            })
        })
        .await
    }
}

#[async_trait]
impl Webhooks for PostgresStore {
    async fn create_webhook(&self, webhook: &Webhook) -> StoreResult<Saved> {
        let (webhook, sealer) = (webhook.clone(), Arc::clone(&self.sealer));
        self.write(move |session| Box::pin(async move { create(session, &webhook, &sealer).await })).await
    }

    async fn create_webhook_once(&self, webhook: &Webhook, key: &IdempotencyKey) -> StoreResult<CreatedOnce> {
        let (webhook, key, sealer) = (webhook.clone(), key.clone(), Arc::clone(&self.sealer));
        self.write(move |session| {
            Box::pin(async move { create_once(session, &webhook, &key, &sealer).await })
        })
        .await
    }

    async fn update_webhook(&self, webhook: &Webhook) -> StoreResult<Saved> {
        let (webhook, sealer) = (webhook.clone(), Arc::clone(&self.sealer));
        self.write(move |session| Box::pin(async move { update(session, &webhook, &sealer).await })).await
    }

    async fn delete_webhook(&self, tenant: TenantId, id: WebhookId, now: Time) -> StoreResult<Saved> {
        self.write(move |session| Box::pin(remove(session, tenant, id, now))).await
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
        self.read(move |session| {
            Box::pin(async move {
                let (number, reason) = status.map(status_columns).unzip();
                let condition = "tenant = $1 AND id < $2 AND deleted_at IS NULL AND ($3::int2 IS NULL OR status = $3)
                     AND ($4::text IS NULL OR disable_reason = $4)
                     AND ($6 OR NOT EXISTS (SELECT 1 FROM conversation_webhooks c WHERE c.webhook = webhooks.id))
                     ORDER BY id DESC LIMIT $5";
                let values: &Values<'_> = &[
                    &Id::from(tenant),
                    &before.map_or(Id::HIGHEST, Id::from),
                    &number.map(number16),
                    &reason.flatten(),
                    &(i64::from(rows) + 1),
                    &of_conversations,
                ];
                Ok(page_of(all_of(session, &sealer, condition, values).await?, rows))
            })
        })
        .await
    }

    async fn routing(&self, tenant: TenantId) -> StoreResult<Option<Routing>> {
        let sealer = Arc::clone(&self.sealer);
        self.read_moment(move |session| {
            Box::pin(async move {
                let Some(version) = tenants::version(session, tenant).await? else { return Ok(None) };
                let condition = "tenant = $1 AND deleted_at IS NULL ORDER BY id";
                let webhooks = all_of(session, &sealer, condition, &[&Id::from(tenant)]).await?;
                Ok(Some(Routing { version, webhooks, routes: routes::all(session, tenant).await? }))
            })
        })
        .await
    }

    async fn lane_webhook(&self, tenant: TenantId, id: WebhookId) -> StoreResult<Option<Webhook>> {
        self.one_webhook(tenant, id, true).await
    }

    async fn revision(&self, tenant: TenantId, id: WebhookId, version: u64) -> StoreResult<Option<Webhook>> {
        let sealer = Arc::clone(&self.sealer);
        self.read(move |session| {
            Box::pin(async move {
                let sql = format!(
                    "SELECT {WEBHOOK} FROM revisions WHERE webhook = $1 AND tenant = $2 AND version <= $3
                     ORDER BY version DESC LIMIT 1"
                );
                let values: &Values<'_> = &[&Id::from(id), &Id::from(tenant), &integer(version)];
                let found = session.first(&sql, values).await?;
                let found = found.map(|row| row::webhook(&row, id, &sealer)).transpose()?;
                Ok(found.filter(|webhook| webhook.status != WebhookStatus::Deleted))
            })
        })
        .await
    }
}
