//! Conversations and their messages (seed 002): a subject with a callback URL, and what is said in it.

mod message;
mod words;

pub use message::{Message, MessageChange, MessageDraft, MessageRefusal};
pub use words::{Channel, ContentType, MessageStatus, MessageType};

use crate::destination_url::DestinationUrl;
use crate::id::{ConversationId, ConversationKey, TenantId, WebhookId};
use crate::time::Time;

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its id, made here or by the caller.
    pub id: ConversationId,
    /// Its place in lists.
    pub key: ConversationKey,
    /// Whose it is.
    pub tenant: TenantId,
    /// Where it takes place.
    pub channel: Channel,
    /// What it is for, in the caller's words.
    pub usecase: String,
    /// The workflow that it runs, in the caller's words.
    pub workflow_id: Option<String>,
    /// Where its messages are delivered.
    pub callback_url: DestinationUrl,
    /// Whether its deliveries are signed.
    pub signed: bool,
    /// The webhook that delivers them, shared by all conversations with the same URL and secret.
    pub webhook: WebhookId,
    /// How often it was changed.
    pub revision: u32,
    /// When it was created.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}
