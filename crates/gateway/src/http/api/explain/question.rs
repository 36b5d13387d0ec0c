//! What can be asked.

use std::sync::Arc;

use bytes::Bytes;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use stentor_core::event::{Event, EventContent, EventType, Origin};
use stentor_core::filter::Filter;
use stentor_core::id::{EventId, TenantId};
use stentor_core::limits::{METADATA_BYTES_MAX, SUBJECT_BYTES_MAX};
use stentor_core::time::Time;
use stentor_engine::entropy;
use stentor_engine::explain::{Asked, BacktestRange};
use utoipa::ToSchema;

use crate::http::api::filter::checked_filter;
use crate::http::extract::{Cursor, Limit, optional_object};
use crate::http::problem::{FieldError, Problem};

/// Exactly one of `event_id`, `event` and `since` says what is asked about.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ExplainQuestion, example = json!({"event_id": "evt_01h455vb4pex5vsknk084sn02q"}))]
pub(super) struct Question {
    /// A stored event.
    #[schema(value_type = Option<String>, example = "evt_01h455vb4pex5vsknk084sn02q")]
    event_id: Option<EventId>,
    /// An event that is only thought of.
    #[serde(default, deserialize_with = "optional_object")]
    event: Option<ThoughtEvent>,
    /// All events accepted at or after this time.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Time>,
    /// Only those accepted before this time; with `since`.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
    /// `next_cursor` of the previous answer; with `since`.
    #[schema(value_type = Option<String>)]
    cursor: Option<Cursor<EventId>>,
    /// Matches that are listed at most; with `since`.
    #[serde(default)]
    #[schema(required = false)]
    limit: Limit,
    /// A draft, instead of the saved filter.
    #[schema(value_type = Option<Object>)]
    filters: Option<Box<RawValue>>,
    /// A draft, instead of the saved filter.
    #[schema(value_type = Option<Object>)]
    conditions: Option<Box<RawValue>>,
}

/// Exactly one of `event_id` and `event` says what is asked about.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"event": {"type": "workflow.failed", "data": {"error": {"code": "CRITICAL_ERROR"}}}}))]
pub(super) struct EventQuestion {
    /// A stored event.
    #[schema(value_type = Option<String>, example = "evt_01h455vb4pex5vsknk084sn02q")]
    event_id: Option<EventId>,
    /// An event that is only thought of.
    #[serde(default, deserialize_with = "optional_object")]
    event: Option<ThoughtEvent>,
}

/// An event that is only thought of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ThoughtEvent {
    /// 1 to 128 of `[A-Za-z0-9_.:/-]`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "order.created")]
    event_type: EventType,
    /// Any JSON value.
    #[schema(value_type = serde_json::Value)]
    data: Box<RawValue>,
    /// The earlier state.
    #[schema(value_type = Option<serde_json::Value>)]
    previous_data: Option<Box<RawValue>>,
    /// What the event is about; at most 256 bytes.
    subject: Option<String>,
    /// When it happened; now when left out.
    #[schema(value_type = Option<String>, format = DateTime)]
    timestamp: Option<Time>,
    /// The publisher's own object, at most 8 KiB.
    #[serde(default, deserialize_with = "raw_object")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Box<RawValue>>,
}

/// An object as it is written, or nothing from null.
fn raw_object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    let raw = Option::<Box<RawValue>>::deserialize(deserializer)?;
    match raw.as_deref().map(RawValue::get) {
        Some(text) if !text.starts_with('{') => Err(D::Error::custom("must be an object")),
        _ => Ok(raw),
    }
}

/// What is asked about.
pub(super) enum Wanted {
    Event(Asked),
    Past(BacktestRange),
}

impl Question {
    /// What is asked about, and the draft if there is one.
    pub(super) fn check(
        self,
        tenant: TenantId,
        now: Time,
    ) -> Result<(Wanted, Option<Option<Filter>>), Problem> {
        let mut errors = Vec::new();
        let has_draft = self.filters.is_some() || self.conditions.is_some();
        let filter = checked_filter(self.filters.as_deref(), self.conditions.as_deref(), &mut errors);
        let draft = has_draft.then_some(filter);
        let alone = |name: &'static str, given: bool| {
            (given && self.since.is_none()).then(|| FieldError::new(name, "needs since"))
        };
        errors.extend(alone("/until", self.until.is_some()));
        errors.extend(alone("/cursor", self.cursor.is_some()));
        let until = self.until.unwrap_or(now);
        if self.since.is_some_and(|since| until <= since) {
            errors.push(FieldError::new("/until", "must be after since"));
        }
        let named = [
            ("/event_id", self.event_id.is_some()),
            ("/event", self.event.is_some()),
            ("/since", self.since.is_some()),
        ];
        check_one(&named, "say what is asked about with one of event_id, event and since", &mut errors);
        let event = self.event.and_then(|event| event.check(tenant, now, &mut errors));
        if !errors.is_empty() {
            return Err(Problem::invalid_body(errors));
        }
        let wanted = match (self.since, asked(self.event_id, event)) {
            (Some(since), _) => Wanted::Past(BacktestRange {
                since,
                until,
                before: self.cursor.as_ref().map(Cursor::id),
                matches_max: self.limit.rows() as usize,
            }),
            (None, Some(asked)) => Wanted::Event(asked),
            (None, None) => return Err(Problem::not_found()),
        };
        Ok((wanted, draft))
    }
}

impl EventQuestion {
    /// The event that is asked about.
    pub(super) fn check(self, tenant: TenantId, now: Time) -> Result<Asked, Problem> {
        let mut errors = Vec::new();
        let named = [("/event_id", self.event_id.is_some()), ("/event", self.event.is_some())];
        check_one(&named, "say what is asked about with one of event_id and event", &mut errors);
        let event = self.event.and_then(|event| event.check(tenant, now, &mut errors));
        if !errors.is_empty() {
            return Err(Problem::invalid_body(errors));
        }
        asked(self.event_id, event).ok_or_else(Problem::not_found)
    }
}

fn asked(id: Option<EventId>, event: Option<Event>) -> Option<Asked> {
    id.map(Asked::Stored).or(event.map(|event| Asked::Thought(Box::new(event))))
}

/// Exactly one must be given.
fn check_one(named: &[(&'static str, bool)], detail: &str, errors: &mut Vec<FieldError>) {
    let given: Vec<_> = named.iter().filter(|(_, given)| *given).collect();
    match given.as_slice() {
        [_] => {}
        [] => errors.push(FieldError::new("", detail)),
        [_, others @ ..] => errors.extend(others.iter().map(|(name, _)| FieldError::new(*name, detail))),
    }
}

impl ThoughtEvent {
    fn check(self, tenant: TenantId, now: Time, errors: &mut Vec<FieldError>) -> Option<Event> {
        let before = errors.len();
        if self.subject.as_ref().is_some_and(|text| !(1..=SUBJECT_BYTES_MAX).contains(&text.len())) {
            errors.push(FieldError::new("/event/subject", "must have 1 to 256 bytes"));
        }
        if self.metadata.as_deref().is_some_and(|metadata| metadata.get().len() > METADATA_BYTES_MAX) {
            errors.push(FieldError::new("/event/metadata", "must have at most 8192 bytes"));
        }
        let bytes = |raw: Box<RawValue>| Bytes::from(Box::<str>::from(raw).into_boxed_bytes());
        let content = EventContent {
            id: entropy::event_id(now),
            event_type: self.event_type,
            time: self.timestamp.unwrap_or(now),
            subject: self.subject.map(Into::into),
            content_type: "application/json".into(),
            data: bytes(self.data),
            previous_data: self.previous_data.map(bytes),
            arrival: None,
        };
        (errors.len() == before).then(|| Event {
            tenant,
            content: Arc::new(content),
            accepted_at: now,
            metadata: self.metadata.map(bytes),
            origin: Origin::Api,
            config_version: 0,
            matched: 0,
        })
    }
}
