//! Messages: what they hold, how they change, and what receivers are told of them.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Channel, ContentType, MessageStatus, MessageType};
use crate::id::{ConversationKey, MessageId};
use crate::limits::{MESSAGE_CONTENT_BYTES_MAX, MESSAGE_TEXT_BYTES_MAX, METADATA_BYTES_MAX};
use crate::time::Time;

/// The type of the event that a new message fires.
const CREATED: &str = "message.created";

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id, made here or by the caller; unique in the tenant.
    pub id: MessageId,
    /// The conversation that it belongs to.
    pub conversation: ConversationKey,
    /// What is said.
    pub content: String,
    /// What the content is.
    pub content_type: ContentType,
    /// The file's name, of media only.
    pub filename: Option<String>,
    /// Who speaks.
    pub kind: MessageType,
    /// Where it came in.
    pub channel: Channel,
    /// How far it has come.
    pub status: MessageStatus,
    /// The caller's own JSON object, as it came.
    pub metadata: Option<Box<str>>,
    /// Who made it.
    pub created_by: String,
    /// Who changed it last.
    pub updated_by: String,
    /// When it was made, in whole seconds.
    pub created_at: Time,
    /// When it was last changed, in whole seconds.
    pub updated_at: Time,
    /// How often it was changed.
    pub revision: u32,
}

/// A message to be created.
#[derive(Debug, Clone)]
pub struct MessageDraft {
    /// The caller's id.
    pub id: Option<MessageId>,
    /// What is said.
    pub content: String,
    /// What the content is.
    pub content_type: ContentType,
    /// The file's name.
    pub filename: Option<String>,
    /// Who speaks.
    pub kind: MessageType,
    /// Where it came in; the conversation's channel when not given.
    pub channel: Option<Channel>,
    /// How far it has come.
    pub status: MessageStatus,
    /// The caller's own JSON object.
    pub metadata: Option<Box<str>>,
    /// Who made it.
    pub created_by: String,
    /// Who changed it last; who made it when not given.
    pub updated_by: Option<String>,
}

/// A change of a message: what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct MessageChange {
    /// What is said now.
    pub content: Option<String>,
    /// What the content is now.
    pub content_type: Option<ContentType>,
    /// The file's name; the inner `None` removes it.
    pub filename: Option<Option<String>>,
    /// How far it has come.
    pub status: Option<MessageStatus>,
    /// New metadata; the inner `None` removes it.
    pub metadata: Option<Option<Box<str>>>,
    /// Who changes it; who changed it last when not given.
    pub updated_by: Option<String>,
}

/// A rule that a message breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRefusal {
    /// JSON Pointer into the message as the API shows it.
    pub pointer: &'static str,
    /// What is expected.
    pub detail: String,
}

/// The message as seed 002 prints it, member by member.
#[derive(Serialize)]
struct Data<'a> {
    id: MessageId,
    content: &'a str,
    content_type: ContentType,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    r#type: MessageType,
    channel: Channel,
    status: MessageStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
    created_by: &'a str,
    updated_by: &'a str,
    created_at: String,
    updated_at: String,
}

impl Message {
    /// A new message.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn new(
        draft: MessageDraft,
        id: MessageId,
        conversation: (ConversationKey, Channel),
        now: Time,
    ) -> Result<Self, Vec<MessageRefusal>> {
        let now = Time::from_seconds(now.unix_seconds());
        let message = Self {
            id,
            conversation: conversation.0,
            content: draft.content,
            content_type: draft.content_type,
            filename: draft.filename,
            kind: draft.kind,
            channel: draft.channel.unwrap_or(conversation.1),
            status: draft.status,
            metadata: draft.metadata,
            updated_by: draft.updated_by.unwrap_or_else(|| draft.created_by.clone()),
            created_by: draft.created_by,
            created_at: now,
            updated_at: now,
            revision: 0,
        };
        message.checked()
    }

    /// The message after a change, and the type of the event that it fires when its status changed.
    ///
    /// # Errors
    /// Every rule that it breaks then.
    pub fn changed(
        &self,
        change: &MessageChange,
        now: Time,
    ) -> Result<(Self, Option<&'static str>), Vec<MessageRefusal>> {
        let status = change.status.unwrap_or(self.status);
        let event_type = if status == self.status { None } else { status.event_type() };
        if status != self.status && event_type.is_none() {
            let detail = format!("does not go back to {}", status.as_str());
            return Err(vec![MessageRefusal { pointer: "/status", detail }]);
        }
        let change = change.clone();
        let message = Self {
            content: change.content.unwrap_or_else(|| self.content.clone()),
            content_type: change.content_type.unwrap_or(self.content_type),
            filename: change.filename.unwrap_or_else(|| self.filename.clone()),
            status,
            metadata: change.metadata.unwrap_or_else(|| self.metadata.clone()),
            updated_by: change.updated_by.unwrap_or_else(|| self.updated_by.clone()),
            updated_at: Time::from_seconds(now.unix_seconds()).max(self.updated_at),
            ..self.clone()
        };
        Ok((message.checked()?, event_type))
    }

    /// The type of the event that a new message fires.
    pub const fn created_type() -> &'static str {
        CREATED
    }

    /// What receivers get: the members that seed 002 prints, in its order. Times are whole seconds.
    pub fn data(&self) -> Bytes {
        let metadata = self.metadata.as_deref();
        let data = Data {
            id: self.id,
            content: &self.content,
            content_type: self.content_type,
            filename: self.filename.as_deref(),
            r#type: self.kind,
            channel: self.channel,
            status: self.status,
            metadata: metadata.map(|text| serde_json::from_str(text).expect("metadata was read as JSON")),
            created_by: &self.created_by,
            updated_by: &self.updated_by,
            created_at: self.created_at.in_seconds().to_string(),
            updated_at: self.updated_at.in_seconds().to_string(),
        };
        serde_json::to_vec(&data).expect("texts and numbers serialise").into()
    }

    fn checked(self) -> Result<Self, Vec<MessageRefusal>> {
        let mut broken = Vec::new();
        let mut demand = |holds: bool, pointer, detail: String| {
            if !holds {
                broken.push(MessageRefusal { pointer, detail });
            }
        };
        let content = self.content.len();
        let expected = format!("must be at most {MESSAGE_CONTENT_BYTES_MAX} bytes");
        demand(content <= MESSAGE_CONTENT_BYTES_MAX, "/content", expected);
        for (pointer, text) in [
            ("/filename", self.filename.as_ref()),
            ("/created_by", Some(&self.created_by)),
            ("/updated_by", Some(&self.updated_by)),
        ] {
            let fits = text.is_none_or(|text| (1..=MESSAGE_TEXT_BYTES_MAX).contains(&text.len()));
            demand(fits, pointer, format!("must have 1 to {MESSAGE_TEXT_BYTES_MAX} bytes"));
        }
        let named = self.filename.is_none() || self.content_type.is_media();
        demand(named, "/filename", "is for IMAGE, VIDEO, DOCUMENT and AUDIO only".to_owned());
        if let Some(metadata) = &self.metadata {
            demand(metadata.starts_with('{'), "/metadata", "must be an object".to_owned());
            let expected = format!("must be at most {METADATA_BYTES_MAX} bytes of JSON");
            demand(metadata.len() <= METADATA_BYTES_MAX, "/metadata", expected);
        }
        if broken.is_empty() { Ok(self) } else { Err(broken) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> MessageDraft {
        MessageDraft {
            id: None,
            content: "Message content".into(),
            content_type: ContentType::Text,
            filename: None,
            kind: MessageType::UserInput,
            channel: None,
            status: MessageStatus::Received,
            metadata: None,
            created_by: "user123".into(),
            updated_by: None,
        }
    }

    fn message(draft: MessageDraft) -> Result<Message, Vec<MessageRefusal>> {
        let conversation = (ConversationKey::from_bytes([1; 16]), Channel::Api);
        // 2024-03-21T10:00:00.900Z
        let now = Time::from_millis(1_711_015_200_900);
        Message::new(draft, MessageId::from_bytes([7; 16]), conversation, now)
    }

    fn pointers(result: Result<Message, Vec<MessageRefusal>>) -> Vec<&'static str> {
        result.expect_err("refused").into_iter().map(|refusal| refusal.pointer).collect()
    }

    #[test]
    fn the_data_is_what_the_seed_prints() {
        let expected = r#"{"id":"07070707-0707-0707-0707-070707070707","content":"Message content","content_type":"TEXT","type":"USER_INPUT","channel":"API","status":"RECEIVED","created_by":"user123","updated_by":"user123","created_at":"2024-03-21T10:00:00Z","updated_at":"2024-03-21T10:00:00Z"}"#;
        assert_eq!(message(draft()).expect("valid").data(), expected);
        let whole = MessageDraft {
            content_type: ContentType::Document,
            filename: Some("document.pdf".into()),
            metadata: Some(r#"{ "n": 1.0e2 }"#.into()),
            updated_by: Some("other".into()),
            channel: Some(Channel::Sms),
            ..draft()
        };
        let data = message(whole).expect("valid").data();
        let text = std::str::from_utf8(&data).expect("UTF-8");
        let named =
            r#""content_type":"DOCUMENT","filename":"document.pdf","type":"USER_INPUT","channel":"SMS""#;
        assert!(text.contains(named) && text.contains(r#""metadata":{ "n": 1.0e2 },"#), "{text}");
    }

    #[test]
    fn every_broken_rule_is_told() {
        let named = MessageDraft { filename: Some("a.pdf".into()), ..draft() };
        assert_eq!(pointers(message(named)), ["/filename"]);
        let long = "x".repeat(MESSAGE_CONTENT_BYTES_MAX + 1);
        let bad =
            MessageDraft { content: long, created_by: String::new(), metadata: Some("[]".into()), ..draft() };
        assert_eq!(pointers(message(bad)), ["/content", "/created_by", "/updated_by", "/metadata"]);
        let large =
            MessageDraft { metadata: Some(format!("{{\"a\":\"{}\"}}", "x".repeat(9_000)).into()), ..draft() };
        assert_eq!(pointers(message(large)), ["/metadata"]);
    }

    #[test]
    fn a_change_of_the_status_fires_and_others_do_not() {
        let message = message(draft()).expect("valid");
        let later = Time::from_millis(1_711_015_205_100);
        let to = |status| MessageChange { status: Some(status), ..MessageChange::default() };
        let (processed, fired) = message.changed(&to(MessageStatus::Processed), later).expect("valid");
        assert_eq!((fired, processed.status), (Some("message.processed"), MessageStatus::Processed));
        assert_eq!(processed.updated_at, Time::from_seconds(1_711_015_205));
        let (failed, fired) = processed.changed(&to(MessageStatus::Failed), later).expect("valid");
        assert_eq!((fired, failed.status), (Some("message.failed"), MessageStatus::Failed));
        assert_eq!(message.changed(&to(MessageStatus::Received), later).expect("nothing changes").1, None);
        let back = processed.changed(&to(MessageStatus::Received), later).expect_err("refused");
        assert_eq!(back[0].pointer, "/status");
        let content = MessageChange { content: Some("new".into()), ..MessageChange::default() };
        let (changed, fired) = message.changed(&content, later).expect("valid");
        assert_eq!((changed.content.as_str(), fired), ("new", None));
    }
}
