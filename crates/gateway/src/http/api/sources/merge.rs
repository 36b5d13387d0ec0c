//! `PATCH` of a source: JSON Merge Patch (RFC 7396) over what was set of it.

use serde::Deserialize;
use serde_json::Value;
use stentor_core::source::{Source, SourceConfig, SourceKey, SourceSecrets};
use stentor_core::time::Time;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::response::SimulationView;
use super::settings::SourceSettings;
use super::verification::VerificationSettings;
use crate::http::extract::{AsWritten, MergePatch, merge, optional_object, parse_json, parse_value};
use crate::http::problem::Problem;

/// A patch: any members of a source's settings; null returns to the default.
pub(super) type Patch = MergePatch<Answers>;

/// What a source answers, by filters.
#[derive(Debug)]
pub(super) enum Answers {}

impl AsWritten for Answers {
    const MEMBERS: &'static [&'static str] = &["response"];
}

#[derive(Deserialize)]
struct GivenResponse {
    #[serde(deserialize_with = "optional_object")]
    response: Option<SimulationView>,
}

/// Makes of the source what the patch says.
///
/// # Errors
/// `invalid_body` with the parts that cannot be read.
pub(super) fn apply(patch: &Patch, source: &mut Source, now: Time) -> Result<(), Problem> {
    let named = |name: &str| patch.members.contains_key(name);
    let response = patch.as_written.get("response");
    let mut settings = merged(patch, source)?;
    if let Some(response) = response {
        // Read as the member that it is, so that a refusal names its place.
        let text = format!("{{\"response\":{}}}", response.get());
        settings.response = parse_json::<GivenResponse>(text.as_bytes())?.response;
    }
    let ends = settings.expires_at;
    if ends.is_some_and(|end| end <= now) && named("expires_at") {
        return Err(Problem::invalid_field("/expires_at", "must lie in the future"));
    }
    let (active, given) = (settings.active.unwrap_or(true), settings.verification.clone());
    let kept_response = source.config.response.clone();
    let mut config = settings.config()?;
    if response.is_none() {
        config.response = kept_response;
    }
    take_secrets(patch, source, &config, given);
    // The API's text form of a time drops microseconds.
    if named("expires_at") {
        source.expires_at = ends;
    }
    source.active = active;
    source.config = config;
    Ok(())
}

/// The source's settings with what the patch names.
fn merged(patch: &Patch, source: &Source) -> Result<SourceSettings, Problem> {
    let own = SourceSettings { response: None, ..SourceSettings::of(source) };
    let own = serde_json::to_value(own).map_err(|error| Problem::internal(&error))?;
    let Value::Object(mut own) = own else { return Err(Problem::internal(&"settings are an object")) };
    // It is one of several shapes and no record: another one replaces it.
    if patch.members.get("dedupe").is_some_and(|dedupe| dedupe.get("by").is_some())
        && let Some(Value::Object(dedupe)) = own.get_mut("dedupe")
    {
        dedupe.remove("by");
    }
    merge(&mut own, &patch.members);
    parse_value(Value::Object(own))
}

/// Secrets stay with the verification that they are for.
fn take_secrets(
    patch: &Patch,
    source: &mut Source,
    config: &SourceConfig,
    given: Option<VerificationSettings>,
) {
    let kept =
        config.verification.has_keys() && config.verification.as_str() == source.config.verification.as_str();
    if !kept {
        source.secrets = SourceSecrets::default();
    }
    if let Some(given) = given {
        source.secrets.options.extend(given.secret_options());
        source.secrets.keys = match given.secret {
            Some(value) => vec![SourceKey { value, until: None }],
            None => std::mem::take(&mut source.secrets.keys),
        };
    }
    let verify_token = patch.members.get("verification").and_then(|given| given.get("verify_token"));
    if verify_token.is_some_and(Value::is_null) {
        source.secrets.options.clear();
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
