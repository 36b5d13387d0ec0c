//! Event types as the API shows them.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use stentor_core::event::EventType;
use stentor_core::event_type::DeclaredType;
use stentor_core::schema::Schema;
use stentor_core::time::Time;
use stentor_engine::event_types::{Sample, SampleOrigin};
use stentor_store::event_types::{Declared, ListedType};
use utoipa::ToSchema;

use crate::http::problem::FieldError;

/// An event type in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventTypeRow {
    #[schema(value_type = String, example = "order.created")]
    name: EventType,
    description: Option<String>,
    /// Whether a schema is declared.
    has_schema: bool,
    /// Whether a sample is declared.
    has_sample: bool,
    archived: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
}

impl From<ListedType> for EventTypeRow {
    fn from(listed: ListedType) -> Self {
        let ListedType { name, description, has_schema, has_sample, archived, created_at, updated_at } =
            listed;
        Self { name, description, has_schema, has_sample, archived, created_at, updated_at }
    }
}

/// A declared event type.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventType)]
pub(super) struct EventTypeView {
    #[schema(value_type = String, example = "order.created")]
    name: EventType,
    description: Option<String>,
    /// The JSON Schema of the data, as it was declared.
    #[schema(value_type = Option<serde_json::Value>)]
    schema: Option<Box<RawValue>>,
    /// Data of a typical event, as it was declared.
    #[schema(value_type = Option<serde_json::Value>)]
    sample: Option<Box<RawValue>>,
    #[schema(value_type = Option<serde_json::Value>)]
    sample_previous_data: Option<Box<RawValue>>,
    archived: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
}

impl From<DeclaredType> for EventTypeView {
    fn from(declared: DeclaredType) -> Self {
        let raw = |text: Option<Box<str>>| text.and_then(|text| RawValue::from_string(text.into()).ok());
        Self {
            name: declared.name,
            description: declared.description,
            schema: raw(declared.schema),
            sample: raw(declared.sample),
            sample_previous_data: raw(declared.sample_previous_data),
            archived: declared.archived,
            created_at: declared.created_at,
            updated_at: declared.updated_at,
        }
    }
}

/// What a test send of an event type would carry.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sample)]
pub(super) struct SampleView {
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "order.created")]
    event_type: EventType,
    /// Where it comes from: `declared`, `schema` (made from it) or `synthetic` (it says nothing of the type).
    #[schema(example = "declared")]
    origin: &'static str,
    #[schema(value_type = serde_json::Value)]
    data: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    previous_data: Option<Box<RawValue>>,
    /// Where a sample made from the schema does not fit it after all: patterns and rules that exclude each other are not
    /// followed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<FieldError>,
}

impl SampleView {
    pub(super) fn new(declared: &DeclaredType, sample: &Sample) -> Self {
        let schema = declared.schema.as_deref().and_then(|text| Schema::compile(text).ok());
        let mismatches = schema.map(|schema| schema.mismatches(&sample.data)).unwrap_or_default();
        let raw = |bytes: &Bytes| serde_json::from_slice(bytes).ok();
        Self {
            event_type: declared.name.clone(),
            origin: match sample.origin {
                SampleOrigin::Declared => "declared",
                SampleOrigin::Schema => "schema",
                SampleOrigin::Catalogue => "catalogue",
                SampleOrigin::Synthetic => "synthetic",
                SampleOrigin::Given => "given",
            },
            data: raw(&sample.data),
            previous_data: sample.previous_data.as_ref().and_then(raw),
            warnings: mismatches.into_iter().map(|one| FieldError::of_mismatch("/data", one)).collect(),
        }
    }
}

/// What became of the types of a catalogue.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct LoadedTypes {
    /// Those that are new.
    #[schema(value_type = Vec<String>)]
    created: Vec<EventType>,
    /// Those that took the place of one declared before.
    #[schema(value_type = Vec<String>)]
    replaced: Vec<EventType>,
    /// Those that stood and were kept as they are.
    #[schema(value_type = Vec<String>)]
    kept: Vec<EventType>,
}

impl LoadedTypes {
    pub(super) fn new(done: Vec<(EventType, Declared)>) -> Self {
        let mut loaded = Self::default();
        for (name, declared) in done {
            match declared {
                Declared::Created => loaded.created.push(name),
                Declared::Replaced => loaded.replaced.push(name),
                Declared::Kept => loaded.kept.push(name),
            }
        }
        loaded
    }
}
