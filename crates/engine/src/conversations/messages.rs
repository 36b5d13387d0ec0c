//! Messages: each comes into being, and changes its status, with the event that tells of it.

use sha2::{Digest, Sha256};
use stentor_core::conversation::{Conversation, Message, MessageChange, MessageDraft};
use stentor_core::event::{EventType, Origin};
use stentor_core::id::{ConversationId, MessageId, TenantId, TokenId};
use stentor_store::conversations::Changed;
use stentor_store::journal::{MessageUnwritten, MessageWrite};

use super::{CHANGE_TRIES_MAX, ConversationError, message_id};
use crate::accept::{Publish, PublishError, Published, Telling};
use crate::engine::Engine;

impl Engine {
    /// Creates a message and tells the conversation's callback URL and every webhook that matches. Returns after the commit
    /// of both (promise P1).
    ///
    /// # Errors
    /// When there is no such conversation, the message breaks a rule, its id is taken, or it was not stored.
    pub async fn create_message(
        &self,
        tenant: TenantId,
        token: Option<TokenId>,
        conversation: ConversationId,
        draft: &MessageDraft,
        idempotency_key: Option<&str>,
    ) -> Result<(Message, Published), ConversationError> {
        let asked: [u8; 32] = Sha256::digest(format!("{conversation}\0{draft:?}")).into();
        let key = idempotency_key.map(|key| format!("message\0{conversation}\0{key}"));
        for _ in 0..CHANGE_TRIES_MAX {
            let found = self.found(tenant, conversation).await?;
            let now = self.clock().now();
            let id = draft.id.unwrap_or_else(|| message_id(now));
            let message = Message::new(draft.clone(), id, (found.key, found.channel), now)
                .map_err(ConversationError::Message)?;
            let mut publish = telling(&found, &message, Message::created_type(), asked);
            (publish.token, publish.idempotency_key) = (token, key.as_deref().map(Into::into));
            match self.told(tenant, publish).await? {
                Some(published) if published.duplicate => {
                    let first = self.store().message_created_with(tenant, published.id).await?;
                    return Ok((first.ok_or(ConversationError::NotFound)?, published));
                }
                Some(published) => return Ok((message, published)),
                None => {}
            }
        }
        Err(ConversationError::Busy)
    }

    /// Changes a message. A change of its status tells as creating it does; any other change tells nobody.
    ///
    /// # Errors
    /// When there is no such message, the change breaks a rule, or it was not stored.
    pub async fn change_message(
        &self,
        tenant: TenantId,
        token: Option<TokenId>,
        (conversation, id): (ConversationId, MessageId),
        change: &MessageChange,
    ) -> Result<(Message, Option<Published>), ConversationError> {
        for _ in 0..CHANGE_TRIES_MAX {
            let found = self.found(tenant, conversation).await?;
            let stored = self.store().message(tenant, conversation, id).await?;
            let stored = stored.ok_or(ConversationError::NotFound)?;
            let (message, fired) =
                stored.changed(change, self.clock().now()).map_err(ConversationError::Message)?;
            let Some(event_type) = fired else {
                match self.store().update_message(tenant, conversation, &message).await? {
                    Changed::Done(message) => return Ok((*message, None)),
                    Changed::NotFound => return Err(ConversationError::NotFound),
                    Changed::Meanwhile => continue,
                }
            };
            let publish = Publish { token, ..telling(&found, &message, event_type, [0; 32]) };
            if let Some(published) = self.told(tenant, publish).await? {
                let revision = message.revision.saturating_add(1);
                return Ok((Message { revision, ..message }, Some(published)));
            }
        }
        Err(ConversationError::Busy)
    }

    async fn found(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
    ) -> Result<Conversation, ConversationError> {
        self.store().conversation(tenant, conversation).await?.ok_or(ConversationError::NotFound)
    }

    /// What came of it; none when something changed meanwhile, so that it is to be made anew.
    async fn told(&self, tenant: TenantId, publish: Publish) -> Result<Option<Published>, ConversationError> {
        match self.publish(tenant, publish).await {
            Ok(published) => Ok(Some(published)),
            Err(PublishError::MessageUnwritten(why)) => match why {
                MessageUnwritten::NoConversation => Err(ConversationError::NotFound),
                MessageUnwritten::Exists => Err(ConversationError::MessageExists),
                MessageUnwritten::Changed => {
                    // The table may be older than the conversation's webhook.
                    self.directory().forget(tenant);
                    Ok(None)
                }
            },
            Err(PublishError::KeyConflict { .. }) => Err(ConversationError::KeyConflict),
            Err(error) => Err(ConversationError::Publish(error)),
        }
    }
}

/// The event that tells of a message, about its conversation.
fn telling(conversation: &Conversation, message: &Message, event_type: &str, asked: [u8; 32]) -> Publish {
    let write = MessageWrite {
        conversation: conversation.id,
        webhook: conversation.webhook,
        message: message.clone(),
        is_new: event_type == Message::created_type(),
    };
    Publish {
        event_type: EventType::parse(event_type).expect("the types of messages are constants"),
        data: message.data(),
        content_type: "application/json".into(),
        previous_data: None,
        time: None,
        subject: Some(conversation.id.to_string().into()),
        metadata: None,
        idempotency_key: None,
        origin: Origin::Api,
        token: None,
        telling: Some(Telling { write: Box::new(write), asked }),
        arriving: None,
    }
}
