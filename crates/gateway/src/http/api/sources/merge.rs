//! `PATCH` of a source: JSON Merge Patch (RFC 7396) over what was set of it.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use stentor_core::source::{Source, SourceKey};
use stentor_core::time::Time;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::response::ResponseView;
use super::settings::SourceSettings;
use crate::http::extract::{optional_object, parse_value};
use crate::http::problem::Problem;

/// Any members of a source's settings; null returns to the default.
#[derive(Debug, Default)]
pub(super) struct Patch {
    members: Map<String, Value>,
    /// As it is written: a [`Value`] would not keep every digit of its filters. It is replaced as a whole.
    response: Option<Box<RawValue>>,
}

impl<'de> Deserialize<'de> for Patch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PatchVisitor)
    }
}

struct PatchVisitor;

impl<'de> Visitor<'de> for PatchVisitor {
    type Value = Patch;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Patch, A::Error> {
        let mut patch = Patch::default();
        while let Some(name) = access.next_key::<String>()? {
            if name == "response" {
                patch.response = Some(access.next_value()?);
            } else {
                patch.members.insert(name, access.next_value()?);
            }
        }
        Ok(patch)
    }
}

#[derive(Deserialize)]
struct GivenResponse {
    #[serde(deserialize_with = "optional_object")]
    response: Option<ResponseView>,
}

impl Patch {
    /// Makes of the source what the patch says.
    ///
    /// # Errors
    /// `invalid_body` with the parts that cannot be read.
    pub(super) fn apply(&self, source: &mut Source, now: Time) -> Result<(), Problem> {
        let settings = SourceSettings { response: None, ..SourceSettings::of(source) };
        let mut merged = serde_json::to_value(settings).map_err(|error| Problem::internal(&error))?;
        merge(&mut merged, &Value::Object(self.members.clone()));
        let mut settings: SourceSettings = parse_value(merged)?;
        if let Some(response) = &self.response {
            // Read as the member that it is, so that a refusal names its place.
            let text = format!("{{\"response\":{}}}", response.get());
            settings.response = crate::http::extract::parse_json::<GivenResponse>(text.as_bytes())?.response;
        }
        let ends = settings.expires_at;
        if ends.is_some_and(|end| end <= now) && self.members.contains_key("expires_at") {
            return Err(Problem::invalid_field("/expires_at", "must lie in the future"));
        }
        let (active, given) = (settings.active.unwrap_or(true), settings.verification.clone());
        let kept_response = source.config.response.clone();
        let mut config = settings.config()?;
        if self.response.is_none() {
            config.response = kept_response;
        }
        let kept = config.verification.has_keys()
            && config.verification.as_str() == source.config.verification.as_str();
        if !kept {
            source.secrets = stentor_core::source::SourceSecrets::default();
        }
        if let Some(given) = given {
            source.secrets.options.extend(given.secret_options());
            source.secrets.keys = match given.secret {
                Some(value) => vec![SourceKey { value, until: None }],
                None => std::mem::take(&mut source.secrets.keys),
            };
        }
        if self.unsets_verify_token() {
            source.secrets.options.clear();
        }
        // The API's text form of a time drops microseconds.
        if self.members.contains_key("expires_at") {
            source.expires_at = ends;
        }
        source.active = active;
        source.config = config;
        Ok(())
    }

    fn unsets_verify_token(&self) -> bool {
        self.members
            .get("verification")
            .and_then(|given| given.get("verify_token"))
            .is_some_and(Value::is_null)
    }
}

/// RFC 7396 section 2.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    // A place is one of three shapes and no record: another shape replaces it.
    let replaces = ["provider", "header", "body", "off"];
    if !target.is_object() || patch.keys().any(|name| replaces.contains(&name.as_str())) {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// The documentation of [`Patch`]: the settings, none of them needed.
pub(super) struct SourcePatch;

impl PartialSchema for SourcePatch {
    fn schema() -> RefOr<Schema> {
        let mut schema = SourceSettings::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.required.clear();
            object.description = Some("Any members of a source; null returns to the default.".into());
            object.example = Some(serde_json::json!({"active": false, "description": null}));
        }
        schema
    }
}

impl ToSchema for SourcePatch {
    fn name() -> std::borrow::Cow<'static, str> {
        "SourcePatch".into()
    }
}
