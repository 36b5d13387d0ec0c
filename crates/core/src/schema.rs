//! JSON Schemas of event types: compiled once, checked in bounded time.
//!
//! A schema comes from a tenant, so it is as hostile as a payload. What it may cost is decided before it is compiled
//! (`bounds`); its patterns run on the linear engine; nothing outside it can be referred to.

mod bounds;
mod recursion;
#[cfg(test)]
mod tests;

use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use crate::event_type::Mismatch;
use crate::limits::{MISMATCHES_MAX, SCHEMA_BYTES_MAX, SCHEMA_SMALL_BYTES};

/// Largest compiled form of one pattern, and of the states that it visits while matching, in bytes.
const PATTERN_BYTES_MAX: usize = 128 * 1024;
/// Longest text about one place, in bytes: some list what would have been allowed.
const DETAIL_BYTES_MAX: usize = 300;

/// Why a schema is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct SchemaRefusal {
    /// JSON Pointer into the schema.
    pub pointer: String,
    /// What is wrong and what is expected.
    pub detail: String,
}

impl SchemaRefusal {
    fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

/// A compiled schema.
#[derive(Debug)]
pub struct Schema {
    validator: Validator,
    /// How deep data may nest, when the schema refers to itself.
    depth_max: Option<usize>,
}

impl Schema {
    /// Compiles a schema. `format` is an annotation and not checked, as JSON Schema 2020-12 has it by default.
    ///
    /// # Errors
    /// Where and why it is refused: not a schema, too large, referring outside, or to itself in a way that never ends, a
    /// pattern that needs more than linear time.
    pub fn compile(text: &str) -> Result<Self, SchemaRefusal> {
        if text.len() > SCHEMA_BYTES_MAX {
            return Err(SchemaRefusal::new("", format!("must be at most {SCHEMA_BYTES_MAX} bytes of JSON")));
        }
        let schema: Value = serde_json::from_str(text)
            .map_err(|_| SchemaRefusal::new("", "holds a number or a text that cannot be worked with"))?;
        if !matches!(schema, Value::Object(_) | Value::Bool(_)) {
            return Err(SchemaRefusal::new("", "must be an object, or true or false"));
        }
        let depth_max = bounds::check(&schema)?;
        let patterns =
            PatternOptions::regex().size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX);
        let options =
            jsonschema::options().offline().with_pattern_options(patterns).should_validate_formats(false);
        options.build(&schema).map(|validator| Self { validator, depth_max }).map_err(|error| {
            let Mismatch { pointer, detail } = mismatch(&error);
            SchemaRefusal { pointer, detail }
        })
    }

    /// Where the data does not fit, in at most [`MISMATCHES_MAX`] places; of large data only the first.
    pub fn mismatches(&self, data: &[u8]) -> Vec<Mismatch> {
        let Ok(value) = serde_json::from_slice::<Value>(data) else {
            // JSON that passed the gate and that no number or text type can hold, such as 1e400 or a lone surrogate.
            let detail =
                "holds a number or a text that a schema cannot judge, such as 1e400 or a lone surrogate";
            return vec![Mismatch { pointer: String::new(), detail: detail.to_owned() }];
        };
        if let Some(max) = self.depth_max
            && is_deeper_than(&value, max)
        {
            let detail = format!(
                "nests deeper than the {max} levels that this schema, which refers to itself, can be followed"
            );
            return vec![Mismatch { pointer: String::new(), detail }];
        }
        if self.validator.is_valid(&value) {
            return Vec::new();
        }
        if data.len() > SCHEMA_SMALL_BYTES {
            return self.validator.validate(&value).err().iter().map(mismatch).collect();
        }
        self.validator.iter_errors(&value).take(MISMATCHES_MAX).map(|error| mismatch(&error)).collect()
    }
}

/// A value that holds nothing has depth 0.
fn is_deeper_than(value: &Value, levels: usize) -> bool {
    let inner = |value| levels == 0 || is_deeper_than(value, levels - 1);
    match value {
        Value::Array(items) => items.iter().any(inner),
        Value::Object(members) => members.values().any(inner),
        _ => false,
    }
}

/// Without the data itself, which may be secret and is as long as its sender likes.
fn mismatch(error: &ValidationError<'_>) -> Mismatch {
    let mut detail = error.masked_with("the value").to_string();
    if detail.len() > DETAIL_BYTES_MAX {
        let end = (0..=DETAIL_BYTES_MAX).rev().find(|end| detail.is_char_boundary(*end)).unwrap_or(0);
        detail.truncate(end);
        detail.push('…');
    }
    Mismatch { pointer: error.instance_path().to_string(), detail }
}
