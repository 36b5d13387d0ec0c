//! Conversations and their messages. What a message fires is written by the journal (`journal/message.rs`).

pub(super) mod messages;

use std::sync::Arc;

use async_trait::async_trait;
use stentor_core::conversation::{Channel, Conversation, Message};
use stentor_core::destination_url::DestinationUrl;
use stentor_core::id::{ConversationId, ConversationKey, EventId, MessageId, TenantId, WebhookId};
use stentor_core::time::Time;
use stentor_core::webhook::Webhook;
use tokio_postgres::Row;

use super::connection::{Session, Values};
use super::row::{self, Id, micros, page_of};
use super::webhooks::{self, create};
use super::{PostgresStore, tenants};
use crate::Page;
use crate::conversations::{Changed, ConversationCreated, Conversations};
use crate::error::{StoreResult, unreadable};
use crate::journal::IdempotencyKey;
use crate::seal::Sealer;
use crate::webhooks::Saved;

const COLUMNS: &str = "c.id, c.key, c.tenant, c.channel, c.usecase, c.workflow_id, c.callback_url, c.signed, c.webhook, \
     c.revision, c.created_at, c.updated_at";

fn conversation(row: &Row) -> StoreResult<Conversation> {
    Ok(Conversation {
        id: row::id(row, 0, ConversationId::from_bytes)?,
        key: row::id(row, 1, ConversationKey::from_bytes)?,
        tenant: row::id(row, 2, TenantId::from_bytes)?,
        channel: row::word(row, 3, "a channel", Channel::from_word)?,
        usecase: row::text(row, 4)?,
        workflow_id: row::optional_text(row, 5)?,
        callback_url: DestinationUrl::from_stored(row.try_get(6)?)
            .map_err(|_| unreadable("a callback URL"))?,
        signed: row.try_get(7)?,
        webhook: row::id(row, 8, WebhookId::from_bytes)?,
        revision: row::count32(row, 9)?,
        created_at: row::time(row, 10)?,
        updated_at: row::time(row, 11)?,
    })
}

async fn by_id(session: &Session, tenant: TenantId, id: ConversationId) -> StoreResult<Option<Conversation>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM conversations c WHERE c.id = $1 AND c.tenant = $2 AND c.deleted_at IS NULL"
    );
    let found = session.first(&sql, &[&Id::from(id), &Id::from(tenant)]).await?;
    found.map(|row| conversation(&row)).transpose()
}

/// The webhook shared by all conversations with this one's URL and secret; this one when there is none. None when there
/// is no such tenant.
async fn shared(session: &Session, webhook: &Webhook, sealer: &Sealer) -> StoreResult<Option<WebhookId>> {
    let secrets = webhook.secrets.signing.iter().map(|secret| secret.value.reveal().as_bytes());
    let mut parts = vec![&webhook.tenant.as_bytes()[..], webhook.config.url.as_str().as_bytes()];
    parts.extend(secrets);
    let key_hash = sealer.hash_of("conversation webhook", &parts);
    let sql = "SELECT webhook FROM conversation_webhooks WHERE key_hash = $1";
    if let Some(found) = session.first(sql, &[&key_hash.as_slice()]).await? {
        return row::id(&found, 0, WebhookId::from_bytes).map(Some);
    }
    if !matches!(create(session, webhook, sealer).await?, Saved::At(_)) {
        return Ok(None);
    }
    let sql = "INSERT INTO conversation_webhooks (key_hash, tenant, webhook) VALUES ($1, $2, $3)";
    let values: &Values<'_> = &[&key_hash.as_slice(), &Id::from(webhook.tenant), &Id::from(webhook.id)];
    session.execute(sql, values).await?;
    Ok(Some(webhook.id))
}

/// What the key was used for before.
async fn earlier(
    session: &Session,
    conversation: &Conversation,
    key: &IdempotencyKey,
) -> StoreResult<Option<ConversationCreated>> {
    let found = webhooks::earlier_use(session, conversation.tenant, key, conversation.created_at).await?;
    Ok(found.map(|(body_hash, id)| {
        let id = ConversationId::from_bytes(id.0);
        if body_hash == key.body_hash {
            ConversationCreated::Before(id)
        } else {
            ConversationCreated::KeyConflict(id)
        }
    }))
}

async fn create_conversation(
    session: &Session,
    conversation: &Conversation,
    webhook: &Webhook,
    key: Option<&IdempotencyKey>,
    sealer: &Sealer,
) -> StoreResult<ConversationCreated> {
    let tenant = conversation.tenant;
    if tenants::version(session, tenant).await?.is_none() {
        return Ok(ConversationCreated::NotFound);
    }
    if let Some(key) = key
        && let Some(earlier) = earlier(session, conversation, key).await?
    {
        return Ok(earlier);
    }
    if by_id(session, tenant, conversation.id).await?.is_some() {
        return Ok(ConversationCreated::Exists);
    }
    let Some(shared) = shared(session, webhook, sealer).await? else {
        return Ok(ConversationCreated::NotFound);
    };
    let conversation = Conversation { webhook: shared, ..conversation.clone() };
    insert(session, &conversation).await?;
    if let Some(key) = key {
        webhooks::keep_key(session, tenant, key, conversation.id.into()).await?;
    }
    Ok(ConversationCreated::Done(Box::new(conversation)))
}

async fn insert(session: &Session, conversation: &Conversation) -> StoreResult<()> {
    let sql = "INSERT INTO conversations (id, key, tenant, channel, usecase, workflow_id, callback_url, signed, webhook,
         revision, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let values: &Values<'_> = &[
        &Id::from(conversation.id),
        &Id::from(conversation.key),
        &Id::from(conversation.tenant),
        &conversation.channel.as_str(),
        &conversation.usecase.as_bytes(),
        &conversation.workflow_id.as_deref().map(str::as_bytes),
        &conversation.callback_url.as_str(),
        &conversation.signed,
        &Id::from(conversation.webhook),
        &i64::from(conversation.revision),
        &micros(conversation.created_at),
        &micros(conversation.updated_at),
    ];
    session.execute(sql, values).await.map(|_| ())
}

async fn update(
    session: &Session,
    conversation: &Conversation,
    webhook: Option<&Webhook>,
    sealer: &Sealer,
) -> StoreResult<Changed<Conversation>> {
    let Some(stored) = by_id(session, conversation.tenant, conversation.id).await? else {
        return Ok(Changed::NotFound);
    };
    if stored.revision != conversation.revision || stored.key != conversation.key {
        return Ok(Changed::Meanwhile);
    }
    let shared = match webhook {
        None => Some(stored.webhook),
        Some(webhook) => shared(session, webhook, sealer).await?,
    };
    let Some(shared) = shared else { return Ok(Changed::NotFound) };
    let revision = stored.revision.saturating_add(1);
    let changed = Conversation { webhook: shared, revision, ..conversation.clone() };
    let sql = "UPDATE conversations SET channel = $2, usecase = $3, workflow_id = $4, callback_url = $5, signed = $6,
         webhook = $7, revision = $8, updated_at = $9 WHERE key = $1";
    let values: &Values<'_> = &[
        &Id::from(changed.key),
        &changed.channel.as_str(),
        &changed.usecase.as_bytes(),
        &changed.workflow_id.as_deref().map(str::as_bytes),
        &changed.callback_url.as_str(),
        &changed.signed,
        &Id::from(changed.webhook),
        &i64::from(changed.revision),
        &micros(changed.updated_at),
    ];
    session.execute(sql, values).await?;
    Ok(Changed::Done(Box::new(changed)))
}

async fn retire(session: &Session, now: Time, rows: u32) -> StoreResult<Vec<(TenantId, WebhookId)>> {
    let sql = "SELECT s.tenant, s.webhook FROM conversation_webhooks s JOIN webhooks w ON w.id = s.webhook
         WHERE NOT EXISTS (SELECT 1 FROM conversations c WHERE c.webhook = s.webhook AND c.deleted_at IS NULL)
         AND NOT EXISTS (SELECT 1 FROM pending p WHERE p.shard = w.shard AND p.webhook = w.id AND p.due_at IS NULL)
         AND NOT EXISTS (SELECT 1 FROM pending p WHERE p.shard = w.shard AND p.webhook = w.id
             AND p.due_at IS NOT NULL) LIMIT $1";
    let found = session.query(sql, &[&i64::from(rows)]).await?;
    let mut unused = Vec::with_capacity(found.len());
    for row in &found {
        let tenant = row::id(row, 0, TenantId::from_bytes)?;
        let webhook = row::id(row, 1, WebhookId::from_bytes)?;
        session
            .execute("DELETE FROM conversation_webhooks WHERE webhook = $1", &[&Id::from(webhook)])
            .await?;
        if let Some(version) = tenants::next_version(session, tenant).await? {
            webhooks::delete(session, tenant, webhook, version, now).await?;
        }
        unused.push((tenant, webhook));
    }
    Ok(unused)
}

async fn list(
    session: &Session,
    tenant: TenantId,
    before: Option<ConversationKey>,
    rows: u32,
) -> StoreResult<Page<Conversation>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM conversations c WHERE c.tenant = $1 AND c.key < $2 AND c.deleted_at IS NULL
         ORDER BY c.key DESC LIMIT $3"
    );
    let before = before.map_or(Id::HIGHEST, Id::from);
    let found = session.query(&sql, &[&Id::from(tenant), &before, &(i64::from(rows) + 1)]).await?;
    Ok(page_of(found.iter().map(conversation).collect::<Result<_, _>>()?, rows))
}

async fn update_message(
    session: &Session,
    tenant: TenantId,
    conversation: ConversationId,
    message: Message,
) -> StoreResult<Changed<Message>> {
    if by_id(session, tenant, conversation).await?.is_none_or(|found| found.key != message.conversation) {
        return Ok(Changed::NotFound);
    }
    if messages::update(session, tenant, &message).await? {
        let revision = message.revision.saturating_add(1);
        return Ok(Changed::Done(Box::new(Message { revision, ..message })));
    }
    let stands = messages::by_id(session, tenant, conversation, message.id).await?.is_some();
    Ok(if stands { Changed::Meanwhile } else { Changed::NotFound })
}

#[async_trait]
impl Conversations for PostgresStore {
    async fn create_conversation(
        &self,
        conversation: &Conversation,
        webhook: &Webhook,
        key: Option<&IdempotencyKey>,
    ) -> StoreResult<ConversationCreated> {
        let (conversation, webhook, key) = (conversation.clone(), webhook.clone(), key.cloned());
        let sealer = Arc::clone(&self.sealer);
        self.write(move |session| {
            Box::pin(async move {
                create_conversation(session, &conversation, &webhook, key.as_ref(), &sealer).await
            })
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
        self.write(move |session| {
            Box::pin(async move { update(session, &conversation, webhook.as_ref(), &sealer).await })
        })
        .await
    }

    async fn delete_conversation(
        &self,
        tenant: TenantId,
        id: ConversationId,
        now: Time,
    ) -> StoreResult<bool> {
        self.write(move |session| {
            Box::pin(async move {
                let sql = "UPDATE conversations SET deleted_at = $3 WHERE id = $1 AND tenant = $2
                     AND deleted_at IS NULL";
                let values: &Values<'_> = &[&Id::from(id), &Id::from(tenant), &micros(now)];
                Ok(session.execute(sql, values).await? > 0)
            })
        })
        .await
    }

    async fn retire_conversation_webhooks(
        &self,
        now: Time,
        rows: u32,
    ) -> StoreResult<Vec<(TenantId, WebhookId)>> {
        self.write(move |session| Box::pin(retire(session, now, rows))).await
    }

    async fn conversation(&self, tenant: TenantId, id: ConversationId) -> StoreResult<Option<Conversation>> {
        self.read(move |session| Box::pin(by_id(session, tenant, id))).await
    }

    async fn conversations(
        &self,
        tenant: TenantId,
        before: Option<ConversationKey>,
        rows: u32,
    ) -> StoreResult<Page<Conversation>> {
        self.read(move |session| Box::pin(list(session, tenant, before, rows))).await
    }

    async fn message(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        id: MessageId,
    ) -> StoreResult<Option<Message>> {
        self.read(move |session| Box::pin(messages::by_id(session, tenant, conversation, id))).await
    }

    async fn message_created_with(&self, tenant: TenantId, event: EventId) -> StoreResult<Option<Message>> {
        self.read(move |session| Box::pin(messages::created_with(session, tenant, event))).await
    }

    async fn messages(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        before: Option<EventId>,
        rows: u32,
    ) -> StoreResult<Page<(EventId, Message)>> {
        self.read(move |session| Box::pin(messages::list(session, tenant, conversation, before, rows))).await
    }

    async fn update_message(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        message: &Message,
    ) -> StoreResult<Changed<Message>> {
        let message = message.clone();
        self.write(move |session| Box::pin(update_message(session, tenant, conversation, message))).await
    }

    async fn message_of_event(
        &self,
        tenant: TenantId,
        event: EventId,
    ) -> StoreResult<Option<(ConversationId, MessageId)>> {
        self.read(move |session| Box::pin(messages::of_event(session, tenant, event))).await
    }
}
