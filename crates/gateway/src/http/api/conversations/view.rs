//! Conversations and messages as the API shows them.

use serde::Serialize;
use serde_json::value::RawValue;
use stentor_core::conversation::{Channel, ContentType, Conversation, Message, MessageStatus, MessageType};
use stentor_core::event::EventType;
use stentor_core::id::{ConversationId, EventId, MessageId, WebhookId};
use stentor_core::time::Time;
use stentor_engine::accept::Published;
use utoipa::ToSchema;

use crate::http::api::deliveries::DeliverySummary;

/// Stands for the secret.
const MASK: &str = "…";

/// A conversation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Conversation)]
pub(super) struct ConversationView {
    #[schema(value_type = String, example = "018f2a5e-3c1b-7d4e-9a6f-2b8c4d6e8f01")]
    id: ConversationId,
    #[schema(value_type = String, example = "API")]
    channel: Channel,
    #[schema(example = "WORKFLOW_EXECUTION")]
    usecase: String,
    config: ConversationConfigView,
    /// The webhook that delivers its messages, shared with others of the same callback URL and secret.
    #[schema(value_type = String)]
    webhook_id: WebhookId,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
}

/// Where its messages are delivered.
#[derive(Debug, Serialize, ToSchema)]
struct ConversationConfigView {
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow_id: Option<String>,
    callback_url: String,
    /// Present when deliveries are signed, never shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "…")]
    secret: Option<&'static str>,
}

impl From<Conversation> for ConversationView {
    fn from(conversation: Conversation) -> Self {
        Self {
            id: conversation.id,
            channel: conversation.channel,
            usecase: conversation.usecase,
            config: ConversationConfigView {
                workflow_id: conversation.workflow_id,
                callback_url: conversation.callback_url.into(),
                secret: conversation.signed.then_some(MASK),
            },
            webhook_id: conversation.webhook,
            created_at: conversation.created_at,
            updated_at: conversation.updated_at,
        }
    }
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Message)]
pub(super) struct MessageView {
    #[schema(value_type = String)]
    conversation_id: ConversationId,
    #[schema(value_type = String)]
    id: MessageId,
    content: String,
    #[schema(value_type = String, example = "TEXT")]
    content_type: ContentType,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<String>,
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "USER_INPUT")]
    kind: MessageType,
    #[schema(value_type = String, example = "API")]
    channel: Channel,
    #[schema(value_type = String, example = "RECEIVED")]
    status: MessageStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Box<RawValue>>,
    created_by: String,
    updated_by: String,
    /// Whole seconds.
    #[schema(format = DateTime, example = "2024-03-21T10:00:00Z")]
    created_at: String,
    /// Whole seconds.
    #[schema(format = DateTime, example = "2024-03-21T10:00:00Z")]
    updated_at: String,
}

impl MessageView {
    pub(super) fn new(conversation_id: ConversationId, message: Message) -> Self {
        let metadata = message.metadata.and_then(|text| RawValue::from_string(text.into()).ok());
        Self {
            conversation_id,
            id: message.id,
            content: message.content,
            content_type: message.content_type,
            filename: message.filename,
            kind: message.kind,
            channel: message.channel,
            status: message.status,
            metadata,
            created_by: message.created_by,
            updated_by: message.updated_by,
            created_at: message.created_at.in_seconds().to_string(),
            updated_at: message.updated_at.in_seconds().to_string(),
        }
    }
}

/// A message, and the event that told of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MessageTold {
    #[serde(flatten)]
    message: MessageView,
    /// None when the change tells nobody.
    event: Option<ToldEvent>,
}

/// The event that told of a message.
#[derive(Debug, Serialize, ToSchema)]
struct ToldEvent {
    #[schema(value_type = String)]
    id: EventId,
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "message.created")]
    event_type: EventType,
    /// Deliveries that it has: one to the callback URL, and one to each webhook that matches.
    deliveries: u32,
}

impl MessageTold {
    pub(super) fn new(conversation: ConversationId, message: Message, told: Option<Published>) -> Self {
        Self {
            message: MessageView::new(conversation, message),
            event: told.map(|Published { id, event_type, deliveries, .. }| ToldEvent {
                id,
                event_type,
                deliveries,
            }),
        }
    }
}

/// A message and what became of telling of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MessageDetails {
    #[serde(flatten)]
    pub(super) message: MessageView,
    /// Its newest deliveries, at most 50; `GET /v1/deliveries?message_id=` lists all.
    pub(super) deliveries: Vec<DeliverySummary>,
}
