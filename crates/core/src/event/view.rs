//! How filters see data that is not JSON: forms as objects (docs/filters.md).
//!
//! The bytes are kept and sent as they came; only filters look at this view. A text of a form is text, also when it looks like a
//! number. A name that comes more than once is a list. A file is an object of its name, type and size, without its bytes.

mod multipart;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use url::form_urlencoded;

use super::EventContent;
use crate::inbound::media_type::MediaType;
use crate::json;

/// Most fields of a form that has a view.
const FIELDS_MAX: usize = 1_000;

impl EventContent {
    /// The data as JSON text: as it is when it is JSON; a view of it when it is a form, or text that is JSON by the one rule
    /// (Amazon SNS sends JSON as `text/plain`). None for everything else.
    pub fn view(&self) -> Option<Cow<'_, str>> {
        // Nearly every event: spared the parsing of its media type.
        if &*self.content_type == "application/json" {
            return std::str::from_utf8(&self.data).ok().map(Cow::Borrowed);
        }
        let media = MediaType::parse(&self.content_type);
        if media.is_json() {
            return std::str::from_utf8(&self.data).ok().map(Cow::Borrowed);
        }
        let fields = match &*media.essence {
            "text/plain" => return json::check(&self.data).ok().map(Cow::Borrowed),
            "application/x-www-form-urlencoded" => form(&self.data)?,
            "multipart/form-data" => multipart::fields(&self.data, &media.parameter("boundary")?)?,
            _ => return None,
        };
        Some(Cow::Owned(object(fields).to_string()))
    }
}

fn form(data: &[u8]) -> Option<Vec<(String, Value)>> {
    let mut fields = Vec::new();
    for (name, value) in form_urlencoded::parse(data) {
        if fields.len() == FIELDS_MAX {
            return None;
        }
        fields.push((name.into_owned(), Value::from(value)));
    }
    Some(fields)
}

fn object(fields: Vec<(String, Value)>) -> Value {
    let mut names: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (name, value) in fields {
        names.entry(name).or_default().push(value);
    }
    let one_or_list =
        |mut values: Vec<Value>| if values.len() == 1 { values.remove(0) } else { json!(values) };
    names.into_iter().map(|(name, values)| (name, one_or_list(values))).collect()
}
