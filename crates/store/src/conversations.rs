//! Conversations and messages. A message comes into being and changes its status with the event that tells of it, in one
//! transaction: [`NewEvent::message`](crate::journal::NewEvent::message).

use async_trait::async_trait;
use stentor_core::conversation::{Conversation, Message};
use stentor_core::id::{ConversationId, ConversationKey, EventId, MessageId, TenantId, WebhookId};
use stentor_core::time::Time;
use stentor_core::webhook::Webhook;

use crate::Page;
use crate::error::StoreResult;
use crate::journal::IdempotencyKey;

/// What became of a conversation that was to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConversationCreated {
    /// It is stored, with the webhook that delivers its messages.
    Done(Box<Conversation>),
    /// The same key came with the same body before: this one stands.
    Before(ConversationId),
    /// The same key came with another body before.
    KeyConflict(ConversationId),
    /// Another conversation has its id.
    Exists,
    /// There is no such tenant.
    NotFound,
}

/// What became of a changed conversation or message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed<T> {
    /// It is stored, and is this now.
    Done(Box<T>),
    /// It changed since the caller read it.
    Meanwhile,
    /// There is no such thing.
    NotFound,
}

/// Reads and changes of conversations and messages.
///
/// All conversations of a tenant with the same callback URL and secret share one webhook. It comes into being with the
/// first of them, and its tenant's configuration version moves then and only then.
#[async_trait]
pub trait Conversations: Send + Sync {
    /// Stores a new conversation. `webhook` becomes the shared one unless there is one; its `version` is ignored.
    async fn create_conversation(
        &self,
        conversation: &Conversation,
        webhook: &Webhook,
        key: Option<&IdempotencyKey>,
    ) -> StoreResult<ConversationCreated>;

    /// Stores a change, if the stored revision is still that of the argument. With a webhook its messages are delivered by
    /// the one shared for that URL and secret, made if need be; without one by the same as before.
    async fn update_conversation(
        &self,
        conversation: &Conversation,
        webhook: Option<&Webhook>,
    ) -> StoreResult<Changed<Conversation>>;

    /// Whether there was such a conversation; it and its messages are not found any more. What is pending is delivered.
    async fn delete_conversation(&self, tenant: TenantId, id: ConversationId, now: Time)
    -> StoreResult<bool>;

    /// Makes tombstones of at most `rows` shared webhooks that no conversation uses and that have nothing pending.
    async fn retire_conversation_webhooks(
        &self,
        now: Time,
        rows: u32,
    ) -> StoreResult<Vec<(TenantId, WebhookId)>>;

    /// One conversation.
    async fn conversation(&self, tenant: TenantId, id: ConversationId) -> StoreResult<Option<Conversation>>;

    /// Conversations, newest first, with keys below `before`.
    async fn conversations(
        &self,
        tenant: TenantId,
        before: Option<ConversationKey>,
        rows: u32,
    ) -> StoreResult<Page<Conversation>>;

    /// One message.
    async fn message(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        id: MessageId,
    ) -> StoreResult<Option<Message>>;

    /// The message that came into being with this event.
    async fn message_created_with(&self, tenant: TenantId, event: EventId) -> StoreResult<Option<Message>>;

    /// Messages of a conversation, newest first, each with the event that its creation fired; ids of these below `before`.
    async fn messages(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        before: Option<EventId>,
        rows: u32,
    ) -> StoreResult<Page<(EventId, Message)>>;

    /// Stores a change that tells nobody, if the stored revision is still that of the argument.
    async fn update_message(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        message: &Message,
    ) -> StoreResult<Changed<Message>>;

    /// Which message an event is about, for as long as a delivery of it is kept.
    async fn message_of_event(
        &self,
        tenant: TenantId,
        event: EventId,
    ) -> StoreResult<Option<(ConversationId, MessageId)>>;
}
