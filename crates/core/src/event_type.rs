//! Declared event types: what a tenant says its events are, and what publishing demands of them.

use serde::{Deserialize, Serialize};

use crate::event::EventType;
use crate::time::Time;

/// An event type that a tenant declared. JSON texts are kept as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredType {
    /// The type of its events.
    pub name: EventType,
    /// What it means, for people.
    pub description: Option<String>,
    /// The JSON Schema of its data.
    pub schema: Option<Box<str>>,
    /// Data of a typical event.
    pub sample: Option<Box<str>>,
    /// The earlier state that goes with the sample.
    pub sample_previous_data: Option<Box<str>>,
    /// Whether it is retired: left out of lists, and as good as undeclared where only declared types are taken.
    pub archived: bool,
    /// When it was declared.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// What happens to an event whose data does not fit the schema of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validation {
    /// Nobody looks.
    #[default]
    Off,
    /// It is accepted and the answer says where it does not fit.
    Warn,
    /// It is refused.
    Reject,
}

/// What publishing demands of event types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TypeRules {
    /// What happens where data does not fit.
    #[serde(default)]
    pub validation: Validation,
    /// Whether events of undeclared and archived types are refused (readings 000, 001).
    #[serde(default)]
    pub strict: bool,
}

/// A place where data does not fit the schema of its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// JSON Pointer into the data.
    pub pointer: String,
    /// What is expected there. It never repeats the data.
    pub detail: String,
}
