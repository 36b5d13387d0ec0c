//! Event types and conversations, passed on unharmed.

use async_trait::async_trait;
use stentor_core::conversation::{Conversation, Message};
use stentor_core::event::EventType;
use stentor_core::event_type::DeclaredType;
use stentor_core::id::{ConversationId, ConversationKey, EventId, MessageId, TenantId, WebhookId};
use stentor_core::time::Time;
use stentor_core::webhook::Webhook;
use stentor_store::conversations::{Changed, ConversationCreated};
use stentor_store::error::StoreResult;
use stentor_store::event_types::{ListedType, TypesDeclared, TypesInForce};
use stentor_store::journal::IdempotencyKey;
use stentor_store::{Conversations, EventTypes, Page};

use super::FaultyStore;

#[async_trait]
impl EventTypes for FaultyStore {
    async fn declare_types(
        &self,
        tenant: TenantId,
        types: &[DeclaredType],
        replace: bool,
    ) -> StoreResult<TypesDeclared> {
        self.inner.declare_types(tenant, types, replace).await
    }

    async fn declared_type(&self, tenant: TenantId, name: &EventType) -> StoreResult<Option<DeclaredType>> {
        self.inner.declared_type(tenant, name).await
    }

    async fn declared_types(&self, tenant: TenantId) -> StoreResult<Vec<ListedType>> {
        self.inner.declared_types(tenant).await
    }

    async fn delete_type(&self, tenant: TenantId, name: &EventType) -> StoreResult<bool> {
        self.inner.delete_type(tenant, name).await
    }

    async fn types_in_force(
        &self,
        tenant: TenantId,
        known: Option<u64>,
    ) -> StoreResult<Option<TypesInForce>> {
        self.inner.types_in_force(tenant, known).await
    }
}

#[async_trait]
impl Conversations for FaultyStore {
    async fn create_conversation(
        &self,
        conversation: &Conversation,
        webhook: &Webhook,
        key: Option<&IdempotencyKey>,
    ) -> StoreResult<ConversationCreated> {
        self.inner.create_conversation(conversation, webhook, key).await
    }

    async fn update_conversation(
        &self,
        conversation: &Conversation,
        webhook: Option<&Webhook>,
    ) -> StoreResult<Changed<Conversation>> {
        self.inner.update_conversation(conversation, webhook).await
    }

    async fn delete_conversation(
        &self,
        tenant: TenantId,
        id: ConversationId,
        now: Time,
    ) -> StoreResult<bool> {
        self.inner.delete_conversation(tenant, id, now).await
    }

    async fn retire_conversation_webhooks(
        &self,
        now: Time,
        rows: u32,
    ) -> StoreResult<Vec<(TenantId, WebhookId)>> {
        self.inner.retire_conversation_webhooks(now, rows).await
    }

    async fn conversation(&self, tenant: TenantId, id: ConversationId) -> StoreResult<Option<Conversation>> {
        self.inner.conversation(tenant, id).await
    }

    async fn conversations(
        &self,
        tenant: TenantId,
        before: Option<ConversationKey>,
        rows: u32,
    ) -> StoreResult<Page<Conversation>> {
        self.inner.conversations(tenant, before, rows).await
    }

    async fn message(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        id: MessageId,
    ) -> StoreResult<Option<Message>> {
        self.inner.message(tenant, conversation, id).await
    }

    async fn message_created_with(&self, tenant: TenantId, event: EventId) -> StoreResult<Option<Message>> {
        self.inner.message_created_with(tenant, event).await
    }

    async fn messages(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        before: Option<EventId>,
        rows: u32,
    ) -> StoreResult<Page<(EventId, Message)>> {
        self.inner.messages(tenant, conversation, before, rows).await
    }

    async fn update_message(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        message: &Message,
    ) -> StoreResult<Changed<Message>> {
        self.inner.update_message(tenant, conversation, message).await
    }

    async fn message_of_event(
        &self,
        tenant: TenantId,
        event: EventId,
    ) -> StoreResult<Option<(ConversationId, MessageId)>> {
        self.inner.message_of_event(tenant, event).await
    }
}
