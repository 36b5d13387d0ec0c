//! A stored event as the API shows it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use stentor_core::event::{Event, EventType};
use stentor_core::id::EventId;
use stentor_core::time::Time;
use stentor_store::events::ListedEvent;
use utoipa::ToSchema;

/// Data larger than this is left out of lists, in bytes: a page of large events would not fit a client.
pub(super) const LISTED_DATA_BYTES_MAX: u64 = 64 * 1024;

/// An event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventView {
    /// Its id; the same on every attempt of every delivery.
    #[schema(value_type = String, example = "evt_01h455vb4pex5vsknk084sn02q")]
    id: EventId,
    /// Its type.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "order.created")]
    event_type: EventType,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Time,
    /// When Stentor accepted it.
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Time,
    /// What it is about.
    subject: Option<String>,
    /// How it came in: `api` or `operational`.
    #[schema(example = "api")]
    origin: &'static str,
    /// Webhooks that it matched when it was accepted.
    deliveries: u32,
    /// Media type of the data.
    #[schema(example = "application/json")]
    content_type: String,
    /// The data, exactly as published, when it is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    data: Option<Box<RawValue>>,
    /// The data in base64, when it is not JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    data_base64: Option<String>,
    /// Present and true in a list when the data is larger than 64 KiB; get the event to see it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    data_omitted: bool,
    /// The earlier state.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    previous_data: Option<Box<RawValue>>,
    /// The publisher's own object.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Box<RawValue>>,
}

impl EventView {
    /// With all its data.
    pub(super) fn whole(event: &Event) -> Self {
        Self::new(event, true)
    }

    /// As a row of a list.
    pub(super) fn listed(listed: &ListedEvent) -> Self {
        Self::new(&listed.event, !listed.data_omitted)
    }

    fn new(event: &Event, shown: bool) -> Self {
        let content = &event.content;
        let data = Some(&content.data)
            .filter(|_| shown && &*content.content_type == "application/json")
            .and_then(raw);
        let opaque = shown && data.is_none();
        Self {
            id: content.id,
            event_type: content.event_type.clone(),
            timestamp: content.time,
            accepted_at: event.accepted_at,
            subject: content.subject.as_deref().map(str::to_owned),
            origin: event.origin.as_str(),
            deliveries: event.matched,
            content_type: content.content_type.to_string(),
            data,
            data_base64: opaque.then(|| STANDARD.encode(&content.data)),
            data_omitted: !shown,
            previous_data: content.previous_data.as_ref().filter(|_| shown).and_then(raw),
            metadata: event.metadata.as_ref().and_then(raw),
        }
    }
}

/// The bytes as JSON, unchanged; none when they are not.
fn raw(bytes: &Bytes) -> Option<Box<RawValue>> {
    serde_json::from_slice(bytes).ok()
}
