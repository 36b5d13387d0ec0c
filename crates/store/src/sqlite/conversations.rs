//! Conversations and their messages. What a message fires is written by the journal (`journal/message.rs`).

pub(super) mod messages;

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use stentor_core::conversation::{Channel, Conversation, Message};
use stentor_core::destination_url::DestinationUrl;
use stentor_core::id::{ConversationId, ConversationKey, EventId, MessageId, TenantId, WebhookId};
use stentor_core::time::Time;
use stentor_core::webhook::Webhook;

use super::row::{self, micros};
use super::webhooks::{self, create};
use super::{SqliteStore, page_of, tenants};
use crate::Page;
use crate::conversations::{Changed, ConversationCreated, Conversations};
use crate::error::StoreResult;
use crate::error::unreadable;
use crate::journal::IdempotencyKey;
use crate::seal::Sealer;
use crate::webhooks::Saved;

const COLUMNS: &str = "c.id, c.key, c.tenant, c.channel, c.usecase, c.workflow_id, c.callback_url, c.signed, c.webhook, \
     c.revision, c.created_at, c.updated_at";

fn conversation(row: &Row<'_>) -> StoreResult<Conversation> {
    let url: String = row.get(6)?;
    Ok(Conversation {
        id: row::id(row, 0, ConversationId::from_bytes)?,
        key: row::id(row, 1, ConversationKey::from_bytes)?,
        tenant: row::id(row, 2, TenantId::from_bytes)?,
        channel: row::word(row, 3, "a channel", Channel::from_word)?,
        usecase: row.get(4)?,
        workflow_id: row.get(5)?,
        callback_url: DestinationUrl::from_stored(&url).map_err(|_| unreadable("a callback URL"))?,
        signed: row.get(7)?,
        webhook: row::id(row, 8, WebhookId::from_bytes)?,
        revision: row.get(9)?,
        created_at: row::time(row, 10)?,
        updated_at: row::time(row, 11)?,
    })
}

fn by_id(connection: &Connection, tenant: TenantId, id: ConversationId) -> StoreResult<Option<Conversation>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM conversations c WHERE c.id = ?1 AND c.tenant = ?2 AND c.deleted_at IS NULL"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([id.as_bytes(), tenant.as_bytes()])?;
    rows.next()?.map(conversation).transpose()
}

/// The webhook shared by all conversations with this one's URL and secret; this one when there is none. None when there
/// is no such tenant.
fn shared(connection: &Connection, webhook: &Webhook, sealer: &Sealer) -> StoreResult<Option<WebhookId>> {
    let secrets = webhook.secrets.signing.iter().map(|secret| secret.value.reveal().as_bytes());
    let mut parts = vec![&webhook.tenant.as_bytes()[..], webhook.config.url.as_str().as_bytes()];
    parts.extend(secrets);
    let key_hash = sealer.hash_of("conversation webhook", &parts);
    let found = connection
        .prepare_cached("SELECT webhook FROM conversation_webhooks WHERE key_hash = ?1")?
        .query_row([key_hash], |row| row::id(row, 0, WebhookId::from_bytes))
        .optional()?;
    if let Some(found) = found {
        return Ok(Some(found));
    }
    if !matches!(create(connection, webhook, sealer)?, Saved::At(_)) {
        return Ok(None);
    }
    connection
        .prepare_cached("INSERT INTO conversation_webhooks (key_hash, tenant, webhook) VALUES (?1, ?2, ?3)")?
        .execute(params![key_hash, webhook.tenant.as_bytes(), webhook.id.as_bytes()])?;
    Ok(Some(webhook.id))
}

/// What the key was used for before.
fn earlier(
    connection: &Connection,
    conversation: &Conversation,
    key: &IdempotencyKey,
) -> StoreResult<Option<ConversationCreated>> {
    let found: Option<([u8; 32], ConversationId)> = connection
        .prepare_cached(
            "SELECT body_hash, event FROM idempotency WHERE tenant = ?1 AND key_hash = ?2 AND expires_at > ?3",
        )?
        .query_row(
            params![conversation.tenant.as_bytes(), key.key_hash, micros(conversation.created_at)],
            |row| Ok((row.get(0)?, row::id(row, 1, ConversationId::from_bytes)?)),
        )
        .optional()?;
    Ok(found.map(|(body_hash, id)| {
        if body_hash == key.body_hash {
            ConversationCreated::Before(id)
        } else {
            ConversationCreated::KeyConflict(id)
        }
    }))
}

fn create_conversation(
    connection: &Connection,
    conversation: &Conversation,
    webhook: &Webhook,
    key: Option<&IdempotencyKey>,
    sealer: &Sealer,
) -> StoreResult<ConversationCreated> {
    let tenant = conversation.tenant;
    if tenants::version(connection, tenant)?.is_none() {
        return Ok(ConversationCreated::NotFound);
    }
    if let Some(key) = key
        && let Some(earlier) = earlier(connection, conversation, key)?
    {
        return Ok(earlier);
    }
    if by_id(connection, tenant, conversation.id)?.is_some() {
        return Ok(ConversationCreated::Exists);
    }
    let Some(shared) = shared(connection, webhook, sealer)? else { return Ok(ConversationCreated::NotFound) };
    let conversation = Conversation { webhook: shared, ..conversation.clone() };
    insert(connection, &conversation)?;
    if let Some(key) = key {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO idempotency (tenant, key_hash, body_hash, event, matched, expires_at)
                 VALUES (?1, ?2, ?3, ?4, 0, ?5)",
            )?
            .execute(params![
                tenant.as_bytes(),
                key.key_hash,
                key.body_hash,
                conversation.id.as_bytes(),
                micros(key.expires_at)
            ])?;
    }
    Ok(ConversationCreated::Done(Box::new(conversation)))
}

fn insert(connection: &Connection, conversation: &Conversation) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "INSERT INTO conversations (id, key, tenant, channel, usecase, workflow_id, callback_url, signed, webhook,
             revision, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            conversation.id.as_bytes(),
            conversation.key.as_bytes(),
            conversation.tenant.as_bytes(),
            conversation.channel.as_str(),
            conversation.usecase,
            conversation.workflow_id,
            conversation.callback_url.as_str(),
            conversation.signed,
            conversation.webhook.as_bytes(),
            conversation.revision,
            micros(conversation.created_at),
            micros(conversation.updated_at),
        ])
}

fn update(
    connection: &Connection,
    conversation: &Conversation,
    webhook: Option<&Webhook>,
    sealer: &Sealer,
) -> StoreResult<Changed<Conversation>> {
    let Some(stored) = by_id(connection, conversation.tenant, conversation.id)? else {
        return Ok(Changed::NotFound);
    };
    if stored.revision != conversation.revision || stored.key != conversation.key {
        return Ok(Changed::Meanwhile);
    }
    let shared = match webhook {
        None => Some(stored.webhook),
        Some(webhook) => shared(connection, webhook, sealer)?,
    };
    let Some(shared) = shared else { return Ok(Changed::NotFound) };
    let revision = stored.revision.saturating_add(1);
    let changed = Conversation { webhook: shared, revision, ..conversation.clone() };
    connection
        .prepare_cached(
            "UPDATE conversations SET channel = ?2, usecase = ?3, workflow_id = ?4, callback_url = ?5, signed = ?6,
             webhook = ?7, revision = ?8, updated_at = ?9 WHERE key = ?1",
        )?
        .execute(params![
            changed.key.as_bytes(),
            changed.channel.as_str(),
            changed.usecase,
            changed.workflow_id,
            changed.callback_url.as_str(),
            changed.signed,
            changed.webhook.as_bytes(),
            changed.revision,
            micros(changed.updated_at),
        ])?;
    Ok(Changed::Done(Box::new(changed)))
}

fn retire(connection: &Connection, now: Time, rows: u32) -> StoreResult<Vec<(TenantId, WebhookId)>> {
    let mut find = connection.prepare_cached(
        "SELECT s.tenant, s.webhook FROM conversation_webhooks s CROSS JOIN webhooks w ON w.id = s.webhook
         WHERE NOT EXISTS (SELECT 1 FROM conversations c WHERE c.webhook = s.webhook AND c.deleted_at IS NULL)
         AND NOT EXISTS (SELECT 1 FROM pending p INDEXED BY pending_fresh
             WHERE p.shard = w.shard AND p.webhook = w.id AND p.due_at IS NULL)
         AND NOT EXISTS (SELECT 1 FROM pending p INDEXED BY pending_due
             WHERE p.shard = w.shard AND p.webhook = w.id AND p.due_at IS NOT NULL) LIMIT ?1",
    )?;
    let unused: Vec<(TenantId, WebhookId)> = find
        .query_map([rows], |row| {
            Ok((row::id(row, 0, TenantId::from_bytes)?, row::id(row, 1, WebhookId::from_bytes)?))
        })?
        .collect::<Result<_, _>>()?;
    for (tenant, webhook) in &unused {
        connection
            .prepare_cached("DELETE FROM conversation_webhooks WHERE webhook = ?1")?
            .execute([webhook.as_bytes()])?;
        if let Some(version) = tenants::next_version(connection, *tenant)? {
            webhooks::delete(connection, *tenant, *webhook, version, now)?;
        }
    }
    Ok(unused)
}

#[async_trait]
impl Conversations for SqliteStore {
    async fn create_conversation(
        &self,
        conversation: &Conversation,
        webhook: &Webhook,
        key: Option<&IdempotencyKey>,
    ) -> StoreResult<ConversationCreated> {
        let (conversation, webhook, key) = (conversation.clone(), webhook.clone(), key.cloned());
        let sealer = Arc::clone(&self.sealer);
        self.write(move |connection| {
            create_conversation(connection, &conversation, &webhook, key.as_ref(), &sealer)
        })
        .await
    }

    async fn update_conversation(
        &self,
        conversation: &Conversation,
        webhook: Option<&Webhook>,
    ) -> StoreResult<Changed<Conversation>> {
        let (conversation, webhook) = (conversation.clone(), webhook.cloned());
        let sealer = Arc::clone(&self.sealer);
        self.write(move |connection| update(connection, &conversation, webhook.as_ref(), &sealer)).await
    }

    async fn delete_conversation(
        &self,
        tenant: TenantId,
        id: ConversationId,
        now: Time,
    ) -> StoreResult<bool> {
        self.write(move |connection| {
            let deleted = connection
                .prepare_cached(
                    "UPDATE conversations SET deleted_at = ?3 WHERE id = ?1 AND tenant = ?2 AND deleted_at IS NULL",
                )?
                .execute(params![id.as_bytes(), tenant.as_bytes(), micros(now)])?;
            Ok(deleted > 0)
        })
        .await
    }

    async fn retire_conversation_webhooks(
        &self,
        now: Time,
        rows: u32,
    ) -> StoreResult<Vec<(TenantId, WebhookId)>> {
        self.write(move |connection| retire(connection, now, rows)).await
    }

    async fn conversation(&self, tenant: TenantId, id: ConversationId) -> StoreResult<Option<Conversation>> {
        self.read(move |connection| by_id(connection, tenant, id)).await
    }

    async fn conversations(
        &self,
        tenant: TenantId,
        before: Option<ConversationKey>,
        rows: u32,
    ) -> StoreResult<Page<Conversation>> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM conversations c WHERE c.tenant = ?1 AND c.key < ?2 AND c.deleted_at IS NULL
                 ORDER BY c.key DESC LIMIT ?3"
            );
            let before = before.map_or([0xff; 16], |before| *before.as_bytes());
            let mut statement = connection.prepare_cached(&sql)?;
            let mut found = statement.query(params![tenant.as_bytes(), before, rows.saturating_add(1)])?;
            let mut page = Vec::new();
            while let Some(row) = found.next()? {
                page.push(conversation(row)?);
            }
            Ok(page_of(page, rows))
        })
        .await
    }

    async fn message(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        id: MessageId,
    ) -> StoreResult<Option<Message>> {
        self.read(move |connection| messages::by_id(connection, tenant, conversation, id)).await
    }

    async fn message_created_with(&self, tenant: TenantId, event: EventId) -> StoreResult<Option<Message>> {
        self.read(move |connection| messages::created_with(connection, tenant, event)).await
    }

    async fn messages(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        before: Option<EventId>,
        rows: u32,
    ) -> StoreResult<Page<(EventId, Message)>> {
        self.read(move |connection| messages::list(connection, tenant, conversation, before, rows)).await
    }

    async fn update_message(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        message: &Message,
    ) -> StoreResult<Changed<Message>> {
        let message = message.clone();
        self.write(move |connection| {
            if by_id(connection, tenant, conversation)?.is_none_or(|found| found.key != message.conversation)
            {
                return Ok(Changed::NotFound);
            }
            if messages::update(connection, tenant, &message)? {
                let revision = message.revision.saturating_add(1);
                return Ok(Changed::Done(Box::new(Message { revision, ..message })));
            }
            let stands = messages::by_id(connection, tenant, conversation, message.id)?.is_some();
            Ok(if stands { Changed::Meanwhile } else { Changed::NotFound })
        })
        .await
    }

    async fn message_of_event(
        &self,
        tenant: TenantId,
        event: EventId,
    ) -> StoreResult<Option<(ConversationId, MessageId)>> {
        self.read(move |connection| Ok(messages::of_event(connection, tenant, event)?)).await
    }
}
