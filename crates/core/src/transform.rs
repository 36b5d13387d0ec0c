//! Transformation: templates of a webhook that make body and headers instead of its format.
//!
//! The language is that of minijinja, cut down to what cannot grow without bound (`grammar`), and limited in steps, input
//! and output. It knows no time and no chance, so the same event makes the same bytes on every attempt. A template that
//! fails sends nothing: its message becomes the outcome.

mod filters;
mod grammar;
mod limited;
mod render;
#[cfg(test)]
mod tests;
mod tree;
mod weight;

use http::HeaderValue;
use serde::{Deserialize, Serialize};

use crate::envelope::CONTENT_TYPE_JSON;
use crate::header::{CustomHeaders, HEADERS_MAX, HeaderRefusal};
pub use render::{CompiledTransform, Transformed};

/// Longest source of all templates of a webhook together, in bytes.
pub const SOURCE_BYTES_MAX: usize = 16 * 1_024;
/// Largest event data that a template is given, in bytes; of `data` and `previous_data` together.
pub const INPUT_BYTES_MAX: usize = 256 * 1_024;
/// Largest body that a template makes, in bytes.
pub const OUTPUT_BYTES_MAX: usize = 1_024 * 1_024;

/// The templates of a webhook, as written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Transform {
    /// Makes the body; without it the format does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Headers in order, each with the template of its value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// Media type of the body that the template makes; JSON without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
}

/// Which part of a transform something is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// The body's template.
    Body,
    /// The template of this header.
    Header(String),
    /// The media type.
    ContentType,
}

/// Why a transform cannot be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransformRefusal {
    /// Where.
    pub part: Part,
    /// The line of the template, from 1.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

/// A template failed on an event. The text is for the owner of the webhook and holds nothing of the event's data but what
/// the template itself names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateFault(pub String);

impl TransformRefusal {
    fn new(part: Part, line: Option<usize>, message: impl Into<String>) -> Self {
        Self { part, line, message: message.into() }
    }
}

impl std::fmt::Display for TransformRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl Transform {
    /// Whether it makes nothing.
    pub fn is_empty(&self) -> bool {
        self.body.is_none() && self.headers.is_empty()
    }

    /// Checks what holds of every transform before its templates are compiled.
    fn check(&self) -> Result<HeaderValue, TransformRefusal> {
        let bytes = self.body.iter().map(String::len).chain(self.headers.iter().map(|(_, text)| text.len()));
        if bytes.sum::<usize>() > SOURCE_BYTES_MAX {
            let message = format!("the templates are larger than {SOURCE_BYTES_MAX} bytes together");
            return Err(TransformRefusal::new(Part::Whole, None, message));
        }
        if self.headers.len() > HEADERS_MAX {
            let refusal = HeaderRefusal::TooMany;
            return Err(TransformRefusal::new(Part::Whole, None, refusal.to_string()));
        }
        for (name, _) in &self.headers {
            // Names are checked by the rules of custom headers; a value is known only when it is rendered.
            CustomHeaders::parse([(name.as_str(), "")]).map_err(|refusal| {
                TransformRefusal::new(Part::Header(name.clone()), None, refusal.to_string())
            })?;
        }
        let refuse = |message: &str| TransformRefusal::new(Part::ContentType, None, message);
        match &self.content_type {
            None => Ok(HeaderValue::from_static(CONTENT_TYPE_JSON)),
            Some(_) if self.body.is_none() => Err(refuse("needs a body")),
            Some(text) if !text.contains('/') => Err(refuse("must be a media type such as text/plain")),
            Some(text) => match HeaderValue::from_str(text) {
                Ok(value) if text.is_ascii() => Ok(value),
                _ => Err(refuse("must be visible ASCII")),
            },
        }
    }
}
