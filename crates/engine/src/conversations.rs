//! Conversations: creating and changing them, and the webhook that each of them shares (seed 002).

mod messages;

use sha2::{Digest, Sha256};
use stentor_core::conversation::{Channel, Conversation, MessageRefusal};
use stentor_core::destination_url::{DestinationUrl, UrlRefusal};
use stentor_core::header::CustomHeaders;
use stentor_core::id::{ConversationId, ConversationKey, EventId, MessageId, TenantId, WebhookId};
use stentor_core::profile::Profile;
use stentor_core::shard::Shard;
use stentor_core::signature::SigningError;
use stentor_core::time::Time;
use stentor_core::webhook::{
    SecretText, SigningSecret, Webhook, WebhookConfig, WebhookSecrets, WebhookStatus,
};
use stentor_store::StoreError;
use stentor_store::conversations::{Changed, ConversationCreated};
use stentor_store::journal::IdempotencyKey;

use crate::accept::{IDEMPOTENCY_WINDOW, PublishError};
use crate::destination::{Prepared, Unprepared};
use crate::engine::Engine;
use crate::entropy;

/// How often a change is tried anew when another change came between.
const CHANGE_TRIES_MAX: u32 = 8;
/// Webhooks deleted at a time when no conversation uses them any more.
const RETIRED_ROWS: u32 = 100;

/// A conversation to be created.
#[derive(Debug, Clone)]
pub struct ConversationDraft {
    /// The caller's id.
    pub id: Option<ConversationId>,
    /// Where it takes place.
    pub channel: Channel,
    /// What it is for.
    pub usecase: String,
    /// The workflow that it runs.
    pub workflow_id: Option<String>,
    /// Where its messages are delivered.
    pub callback_url: String,
    /// What its deliveries are signed with; none for unsigned ones.
    pub secret: Option<SecretText>,
}

/// A change of a conversation: what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ConversationChange {
    /// Where it takes place now.
    pub channel: Option<Channel>,
    /// What it is for now.
    pub usecase: Option<String>,
    /// The workflow that it runs now; the inner `None` removes it.
    pub workflow_id: Option<Option<String>>,
    /// Where its messages are delivered from now on.
    pub callback_url: Option<String>,
    /// What its deliveries are signed with from now on; the inner `None` ends signing.
    pub secret: Option<Option<SecretText>>,
}

/// Why a conversation or a message was not created or changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConversationError {
    /// There is no such conversation or message.
    #[error("there is no such conversation or message")]
    NotFound,
    /// Another conversation has its id.
    #[error("another conversation has this id")]
    ConversationExists,
    /// Another message of the tenant has its id.
    #[error("another message has this id")]
    MessageExists,
    /// The callback URL is refused.
    #[error("{0}")]
    Url(UrlRefusal),
    /// The secret cannot sign.
    #[error("{0}")]
    Signing(SigningError),
    /// The message breaks rules.
    #[error("the message breaks {} rules", .0.len())]
    Message(Vec<MessageRefusal>),
    /// The idempotency key was used before with another body.
    #[error("the idempotency key was used before with a different body")]
    KeyConflict,
    /// It keeps being changed by others.
    #[error("it is being changed by others; try again")]
    Busy,
    /// The event that tells of the message was not stored.
    #[error(transparent)]
    Publish(PublishError),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Creates a conversation. The webhook that delivers its messages is shared with all others of the same callback URL and
    /// secret, and made with the first.
    ///
    /// # Errors
    /// When the URL or the secret is refused, the id is taken, the key was used with another body, or the database does not
    /// answer.
    pub async fn create_conversation(
        &self,
        tenant: TenantId,
        draft: ConversationDraft,
        idempotency_key: Option<&str>,
    ) -> Result<Conversation, ConversationError> {
        let now = self.clock().now();
        let key = idempotency_key.map(|key| conversation_key(&draft, key, now));
        let webhook = self.conversation_webhook(tenant, &draft.callback_url, draft.secret, now)?;
        let bits = entropy::bits();
        let conversation = Conversation {
            id: draft.id.unwrap_or_else(|| ConversationId::new(now, bits)),
            key: ConversationKey::new(now, bits),
            tenant,
            channel: draft.channel,
            usecase: draft.usecase,
            workflow_id: draft.workflow_id,
            callback_url: webhook.config.url.clone(),
            signed: !webhook.secrets.signing.is_empty(),
            webhook: webhook.id,
            revision: 0,
            created_at: now,
            updated_at: now,
        };
        match self.store().create_conversation(&conversation, &webhook, key.as_ref()).await? {
            ConversationCreated::Done(created) => {
                self.made_for(tenant, &webhook, created.webhook);
                Ok(*created)
            }
            ConversationCreated::Before(id) => {
                self.store().conversation(tenant, id).await?.ok_or(ConversationError::NotFound)
            }
            ConversationCreated::KeyConflict(_) => Err(ConversationError::KeyConflict),
            ConversationCreated::Exists => Err(ConversationError::ConversationExists),
            ConversationCreated::NotFound => Err(ConversationError::NotFound),
        }
    }

    /// Changes a conversation. With another callback URL or secret, messages go there from now on; what is pending still
    /// goes where it was to go.
    ///
    /// # Errors
    /// As for creating, and when there is no such conversation.
    pub async fn change_conversation(
        &self,
        tenant: TenantId,
        id: ConversationId,
        change: &ConversationChange,
    ) -> Result<Conversation, ConversationError> {
        for _ in 0..CHANGE_TRIES_MAX {
            let now = self.clock().now();
            let stored = self.store().conversation(tenant, id).await?.ok_or(ConversationError::NotFound)?;
            let webhook = self.other_webhook(&stored, change, now).await?;
            let mut conversation = changed(&stored, change, now);
            if let Some(webhook) = &webhook {
                conversation.callback_url = webhook.config.url.clone();
                conversation.signed = !webhook.secrets.signing.is_empty();
            }
            match self.store().update_conversation(&conversation, webhook.as_ref()).await? {
                Changed::Done(done) => {
                    if let Some(webhook) = &webhook {
                        self.made_for(tenant, webhook, done.webhook);
                        self.retire_unused_webhooks().await?;
                    }
                    return Ok(*done);
                }
                Changed::NotFound => return Err(ConversationError::NotFound),
                Changed::Meanwhile => {}
            }
        }
        Err(ConversationError::Busy)
    }

    /// Deletes a conversation with its messages; whether there was one. What is pending is still delivered: it was accepted.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delete_conversation(
        &self,
        tenant: TenantId,
        id: ConversationId,
    ) -> Result<bool, StoreError> {
        let deleted = self.store().delete_conversation(tenant, id, self.clock().now()).await?;
        if deleted {
            self.retire_unused_webhooks().await?;
        }
        Ok(deleted)
    }

    /// Deletes the webhooks that no conversation uses any more and that have nothing pending.
    pub(crate) async fn retire_unused_webhooks(&self) -> Result<(), StoreError> {
        loop {
            let retired = self.store().retire_conversation_webhooks(self.clock().now(), RETIRED_ROWS).await?;
            let is_last = retired.len() < RETIRED_ROWS as usize;
            for (tenant, webhook) in retired {
                self.webhook_changed(tenant, webhook).await?;
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// The webhook that delivers the messages of the conversation which an event tells of, if it tells of one.
    pub(crate) async fn webhook_of_message(
        &self,
        tenant: TenantId,
        event: EventId,
    ) -> Result<Option<WebhookId>, StoreError> {
        let Some((conversation, _)) = self.store().message_of_event(tenant, event).await? else {
            return Ok(None);
        };
        let conversation = self.store().conversation(tenant, conversation).await?;
        Ok(conversation.map(|conversation| conversation.webhook))
    }

    /// A webhook that came into being is to be routed to.
    fn made_for(&self, tenant: TenantId, offered: &Webhook, used: WebhookId) {
        if offered.id == used {
            self.directory().forget(tenant);
        }
    }

    /// The webhook to deliver by from now on, when the change asks for another URL or secret.
    async fn other_webhook(
        &self,
        stored: &Conversation,
        change: &ConversationChange,
        now: Time,
    ) -> Result<Option<Webhook>, ConversationError> {
        if change.callback_url.is_none() && change.secret.is_none() {
            return Ok(None);
        }
        let url = change.callback_url.as_deref().unwrap_or(stored.callback_url.as_str());
        let secret = match &change.secret {
            Some(secret) => secret.clone(),
            None => {
                let webhook = self.store().webhook(stored.tenant, stored.webhook).await?;
                let webhook = webhook.ok_or(ConversationError::NotFound)?;
                webhook.secrets.signing.first().map(|secret| secret.value.clone())
            }
        };
        self.conversation_webhook(stored.tenant, url, secret, now).map(Some)
    }

    /// A webhook for messages: it receives nothing but what it is sent by name.
    fn conversation_webhook(
        &self,
        tenant: TenantId,
        url: &str,
        secret: Option<SecretText>,
        now: Time,
    ) -> Result<Webhook, ConversationError> {
        let id = WebhookId::new(now, entropy::bits());
        let url = DestinationUrl::parse(url, self.address_policy()).map_err(ConversationError::Url)?;
        let config = WebhookConfig {
            profile: Profile::Conversation,
            of_conversations: true,
            ..WebhookConfig::new(url, Vec::new())
        };
        let signing: Vec<SigningSecret> = secret
            .map(|value| SigningSecret { value, active_from: Time::ZERO, active_until: None })
            .into_iter()
            .collect();
        let webhook = Webhook {
            id,
            tenant,
            shard: Shard::of(id),
            config,
            secrets: WebhookSecrets { signing, headers: CustomHeaders::default() },
            status: WebhookStatus::Active,
            version: 0,
            created_at: now,
            updated_at: now,
        };
        match Prepared::new(&webhook, now) {
            Ok(_) => Ok(webhook),
            Err(Unprepared::Signing(error)) => Err(ConversationError::Signing(error)),
            Err(Unprepared::Transform(_) | Unprepared::Batch(_)) => {
                unreachable!("a webhook for messages has neither a template nor batches")
            }
        }
    }
}

fn changed(stored: &Conversation, change: &ConversationChange, now: Time) -> Conversation {
    Conversation {
        channel: change.channel.unwrap_or(stored.channel),
        usecase: change.usecase.clone().unwrap_or_else(|| stored.usecase.clone()),
        workflow_id: change.workflow_id.clone().unwrap_or_else(|| stored.workflow_id.clone()),
        updated_at: now,
        ..stored.clone()
    }
}

/// What a key stands for: everything that was asked for. The key goes into the hash over the secret, so that it cannot be
/// guessed at.
fn conversation_key(draft: &ConversationDraft, key: &str, now: Time) -> IdempotencyKey {
    let mut body = Sha256::new();
    let secret = draft.secret.as_ref().map(SecretText::reveal);
    for part in [key, &format!("{draft:?}"), secret.unwrap_or_default()] {
        body.update((part.len() as u64).to_be_bytes());
        body.update(part);
    }
    IdempotencyKey {
        key_hash: Sha256::digest(format!("conversation\0{key}")).into(),
        body_hash: body.finalize().into(),
        expires_at: now.plus(IDEMPOTENCY_WINDOW),
    }
}

/// An id for a message that its caller gave none.
fn message_id(now: Time) -> MessageId {
    MessageId::new(now, entropy::bits())
}
