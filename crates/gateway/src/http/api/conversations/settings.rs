//! What a caller sets of a conversation or a message, as seed 002 prints it.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use stentor_core::conversation::{
    Channel, ContentType, MessageChange, MessageDraft, MessageStatus, MessageType,
};
use stentor_core::id::{ConversationId, MessageId};
use stentor_core::limits::{MESSAGE_TEXT_BYTES_MAX, SECRET_BYTES};
use stentor_core::webhook::SecretText;
use stentor_engine::conversations::{ConversationChange, ConversationDraft};
use utoipa::ToSchema;

use crate::http::extract::{object, optional_object};
use crate::http::problem::{FieldError, Problem};

/// A member that is there: the inner `None` is null.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// A conversation to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewConversation, example = json!({
    "channel": "API",
    "usecase": "WORKFLOW_EXECUTION",
    "config": {"workflow_id": "123", "callback_url": "https://example.com/webhook"},
}))]
pub(super) struct ConversationSettings {
    /// A UUID of yours; one is made when none is given.
    #[schema(value_type = Option<String>)]
    id: Option<ConversationId>,
    /// `API`, `WHATSAPP` or `SMS`.
    #[schema(value_type = String, example = "API")]
    channel: Channel,
    /// What it is for, in your words; 1 to 256 bytes.
    usecase: String,
    #[serde(deserialize_with = "object")]
    config: ConversationConfig,
}

/// Where the messages of a conversation are delivered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ConversationConfig {
    /// The workflow that it runs, in your words; 1 to 256 bytes.
    workflow_id: Option<String>,
    /// https, at a public address, unless the operator allows more.
    callback_url: String,
    /// Signs deliveries as Standard Webhooks does, 8 to 512 bytes; without one they are not signed.
    #[schema(value_type = Option<String>)]
    secret: Option<SecretText>,
}

/// What is given of a conversation changes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConversationPatch {
    /// `API`, `WHATSAPP` or `SMS`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    channel: Option<Option<Channel>>,
    /// What it is for; 1 to 256 bytes.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    usecase: Option<Option<String>>,
    #[serde(default, deserialize_with = "optional_object")]
    config: Option<ConversationConfigPatch>,
}

/// What is given of the configuration changes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ConversationConfigPatch {
    /// Null removes it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    workflow_id: Option<Option<String>>,
    /// Where new messages go.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    callback_url: Option<Option<String>>,
    /// Signs new deliveries; null ends signing.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    secret: Option<Option<SecretText>>,
}

fn check_text(pointer: &str, text: Option<&String>, broken: &mut Vec<FieldError>) {
    if text.is_some_and(|text| !(1..=MESSAGE_TEXT_BYTES_MAX).contains(&text.len())) {
        broken.push(FieldError::new(pointer, format!("must have 1 to {MESSAGE_TEXT_BYTES_MAX} bytes")));
    }
}

fn check_secret(secret: Option<&SecretText>, broken: &mut Vec<FieldError>) {
    if secret.is_some_and(|secret| !SECRET_BYTES.contains(&secret.reveal().len())) {
        let (shortest, longest) = SECRET_BYTES.into_inner();
        broken.push(FieldError::new("/config/secret", format!("must be {shortest} to {longest} bytes")));
    }
}

fn refused<T>(broken: Vec<FieldError>, value: T) -> Result<T, Problem> {
    if broken.is_empty() { Ok(value) } else { Err(Problem::invalid_body(broken)) }
}

/// A member that may be left out and not be null.
fn required<T>(pointer: &str, value: Option<Option<T>>, broken: &mut Vec<FieldError>) -> Option<T> {
    if matches!(value, Some(None)) {
        broken.push(FieldError::new(pointer, "cannot be removed; leave it out to keep it"));
    }
    value.flatten()
}

impl ConversationSettings {
    /// # Errors
    /// `invalid_body` with one entry per broken rule.
    pub(super) fn check(self) -> Result<ConversationDraft, Problem> {
        let mut broken = Vec::new();
        check_text("/usecase", Some(&self.usecase), &mut broken);
        check_text("/config/workflow_id", self.config.workflow_id.as_ref(), &mut broken);
        check_secret(self.config.secret.as_ref(), &mut broken);
        let draft = ConversationDraft {
            id: self.id,
            channel: self.channel,
            usecase: self.usecase,
            workflow_id: self.config.workflow_id,
            callback_url: self.config.callback_url,
            secret: self.config.secret,
        };
        refused(broken, draft)
    }
}

impl ConversationPatch {
    /// # Errors
    /// `invalid_body` with one entry per broken rule.
    pub(super) fn check(self) -> Result<ConversationChange, Problem> {
        let mut broken = Vec::new();
        let (workflow_id, callback_url, secret) = match self.config {
            None => (None, None, None),
            Some(config) => (config.workflow_id, config.callback_url, config.secret),
        };
        let change = ConversationChange {
            channel: required("/channel", self.channel, &mut broken),
            usecase: required("/usecase", self.usecase, &mut broken),
            workflow_id,
            callback_url: required("/config/callback_url", callback_url, &mut broken),
            secret,
        };
        check_text("/usecase", change.usecase.as_ref(), &mut broken);
        check_text("/config/workflow_id", change.workflow_id.as_ref().and_then(Option::as_ref), &mut broken);
        check_secret(change.secret.as_ref().and_then(Option::as_ref), &mut broken);
        refused(broken, change)
    }
}

/// A message to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMessage, example = json!({
    "content": "Message content",
    "content_type": "TEXT",
    "type": "USER_INPUT",
    "created_by": "user123",
}))]
pub(super) struct MessageSettings {
    /// A UUID of yours, unique among your messages; one is made when none is given.
    #[schema(value_type = Option<String>)]
    id: Option<MessageId>,
    /// What is said; at most 65 536 bytes.
    content: String,
    /// `TEXT`, `IMAGE`, `VIDEO`, `DOCUMENT` or `AUDIO`.
    #[schema(value_type = String, example = "TEXT")]
    content_type: ContentType,
    /// The file's name, of anything but `TEXT`; 1 to 256 bytes.
    filename: Option<String>,
    /// `USER_INPUT`, `SYSTEM` or `BOT`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "USER_INPUT")]
    kind: MessageType,
    /// `API`, `WHATSAPP` or `SMS`; the conversation's when not given.
    #[schema(value_type = Option<String>)]
    channel: Option<Channel>,
    /// `RECEIVED`, `PROCESSED` or `FAILED`; `RECEIVED` when not given.
    #[schema(value_type = Option<String>)]
    status: Option<MessageStatus>,
    /// Your own JSON object, at most 8 192 bytes, sent byte for byte.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Box<RawValue>>,
    /// Who made it; 1 to 256 bytes.
    #[schema(example = "user123")]
    created_by: String,
    /// Who changed it last; `created_by` when not given.
    updated_by: Option<String>,
}

/// What is given of a message changes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MessagePatch {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    content: Option<Option<String>>,
    /// `TEXT`, `IMAGE`, `VIDEO`, `DOCUMENT` or `AUDIO`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    content_type: Option<Option<ContentType>>,
    /// Null removes it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    filename: Option<Option<String>>,
    /// `PROCESSED` or `FAILED`: another status than before fires `message.processed` or `message.failed`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "PROCESSED")]
    status: Option<Option<MessageStatus>>,
    /// It is replaced as a whole; null removes it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Option<Box<RawValue>>>,
    /// Who changes it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    updated_by: Option<Option<String>>,
}

impl MessageSettings {
    pub(super) fn draft(self) -> MessageDraft {
        MessageDraft {
            id: self.id,
            content: self.content,
            content_type: self.content_type,
            filename: self.filename,
            kind: self.kind,
            channel: self.channel,
            status: self.status.unwrap_or(MessageStatus::Received),
            metadata: self.metadata.map(Into::into),
            created_by: self.created_by,
            updated_by: self.updated_by,
        }
    }
}

impl MessagePatch {
    /// # Errors
    /// `invalid_body` when something is to be removed that cannot be.
    pub(super) fn check(self) -> Result<MessageChange, Problem> {
        let mut broken = Vec::new();
        let change = MessageChange {
            content: required("/content", self.content, &mut broken),
            content_type: required("/content_type", self.content_type, &mut broken),
            filename: self.filename,
            status: required("/status", self.status, &mut broken),
            metadata: self.metadata.map(|metadata| metadata.map(Into::into)),
            updated_by: required("/updated_by", self.updated_by, &mut broken),
        };
        refused(broken, change)
    }
}
