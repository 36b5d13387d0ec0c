//! `PATCH` of a webhook: JSON Merge Patch (RFC 7396) over what the webhook sets itself.

use std::borrow::Cow;

use serde_json::{Map, Value};
use stentor_core::profile::Profile;
use stentor_core::webhook::Webhook;
use stentor_engine::webhooks::{WebhookChange, WebhookDraft};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::batch::BatchView;
use super::parts::{DisableView, LimitsView};
use super::retry_policy::{RetryPolicy, STEPPED_MEMBERS};
use super::settings::WebhookSettings;
use super::shaping::{CloudeventsView, TransformView};
use super::signature::SignatureView;
use crate::http::api::filter::filter_parts;
use crate::http::extract::{AsWritten, MergePatch, Seconds, merge, parse_value};
use crate::http::problem::Problem;

/// A patch: any members of a webhook's settings; null returns to the profile's.
pub(super) type Patch = MergePatch<Asked>;

/// What a webhook's events must hold.
#[derive(Debug)]
pub(super) enum Asked {}

impl AsWritten for Asked {
    const MEMBERS: &'static [&'static str] = &["filters", "conditions"];
}

/// The documentation of [`Patch`]: the settings, none of them needed and the secret left out.
pub(super) struct WebhookPatch;

impl PartialSchema for WebhookPatch {
    fn schema() -> RefOr<Schema> {
        let mut schema = WebhookSettings::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.required.clear();
            object.properties.remove("secret");
            object.description =
                Some("Any members of a webhook; null returns a part to the profile's.".to_owned());
            object.example =
                Some(serde_json::json!({"events": ["order.*"], "timeout": null, "active": true}));
        }
        schema
    }
}

impl ToSchema for WebhookPatch {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("WebhookPatch")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        WebhookSettings::schemas(schemas);
    }
}

/// What the patch makes of the webhook. Members that it does not name stay as they are, whatever they are. A profile of
/// null returns to `default`.
///
/// # Errors
/// `invalid_body` when the result breaks a rule.
pub(super) fn change(webhook: &Webhook, patch: &Patch, default: Profile) -> Result<WebhookChange, Problem> {
    let (patch, asked) = (&patch.members, &patch.as_written);
    refuse_unpatchable(patch)?;
    let mut settings = own_settings(webhook);
    make_room(&mut settings, patch);
    merge(&mut settings, patch);
    // What the patch does not name is not judged again, but for what the other members' meaning depends on.
    let names = ["url", "events", "profile"];
    settings.retain(|name, _| patch.contains_key(name) || names.contains(&name.as_str()));
    let mut settings: WebhookSettings = parse_value(Value::Object(settings))?;
    let (filters, conditions) = filter_parts(webhook.config.filter.as_ref());
    let named = |name: &str, own| asked.get(name).cloned().or(own);
    if !asked.is_empty() {
        settings.filters = named("filters", filters);
        settings.conditions = named("conditions", conditions);
    }
    let draft = settings.check(default)?;
    let filter = (!asked.is_empty()).then(|| draft.filter.clone());
    Ok(WebhookChange { filter, ..named_parts(webhook, patch, draft) })
}

fn refuse_unpatchable(patch: &Map<String, Value>) -> Result<(), Problem> {
    if patch.contains_key("secret") {
        return Err(Problem::invalid_field("/secret", "is replaced by POST /v1/webhooks/{id}/rotate-secret"));
    }
    if patch.get("active").is_some_and(Value::is_null) {
        return Err(Problem::invalid_field("/active", "must be true or false"));
    }
    Ok(())
}

/// The settings that the webhook has itself, header values in the clear: the base of the merge. Never shown.
fn own_settings(webhook: &Webhook) -> Map<String, Value> {
    let config = &webhook.config;
    let policy = &config.policy;
    let retry =
        RetryPolicy::showing(policy.schedule.as_ref(), policy.jitter_percent, policy.retry_on.as_ref());
    let headers: Map<_, _> =
        webhook.secrets.headers.iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    let members = [
        ("url", Value::from(config.url.as_str())),
        ("events", value(&config.events)),
        ("name", value(&config.name)),
        ("active", Value::from(webhook.status.delivers())),
        ("profile", value(&config.profile)),
        ("format", value(&config.format)),
        ("headers", Value::Object(headers)),
        ("timeout", value(&policy.timeout.map(Seconds))),
        ("retry_policy", value(&retry)),
        // The rule is replaced as a whole, so the one in force is what a patch of it changes.
        ("disable", value(&DisableView::showing(config.effective_policy().disable))),
        ("limits", value(&LimitsView::showing(config.limits))),
        ("ordered", Value::from(config.ordered)),
        ("batch", value(&config.batch.as_ref().map(BatchView::showing))),
        ("on_dead", value(&config.on_dead)),
        ("signature", value(&config.signature.as_ref().map(SignatureView::showing))),
        ("transform", value(&config.transform.as_ref().map(TransformView::showing))),
        ("cloudevents", value(&config.cloudevents.as_ref().map(CloudeventsView::settable))),
        ("metadata", value(&config.metadata)),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn value<T: serde::Serialize>(part: &T) -> Value {
    serde_json::to_value(part).expect("settings are plain JSON")
}

/// A list of waits and a doubling schedule exclude each other: the one that the patch sets drives out the other.
fn make_room(settings: &mut Map<String, Value>, patch: &Map<String, Value>) {
    let (Some(Value::Object(own)), Some(Value::Object(new))) =
        (settings.get_mut("retry_policy"), patch.get("retry_policy"))
    else {
        return;
    };
    let sets = |name: &str| new.get(name).is_some_and(|value| !value.is_null());
    if sets("schedule") {
        own.retain(|name, _| !STEPPED_MEMBERS.contains(&name.as_str()));
    } else if STEPPED_MEMBERS.iter().any(|name| sets(name)) {
        own.remove("schedule");
    }
    if sets("initial_delay") {
        own.remove("retry_delay");
    }
    if matches!(own.get("retry_conditions"), Some(Value::Object(_)))
        && matches!(new.get("retry_conditions"), Some(Value::Array(_)))
    {
        own.remove("retry_conditions");
    }
}

/// The parts of the draft that the patch names.
fn named_parts(webhook: &Webhook, patch: &Map<String, Value>, draft: WebhookDraft) -> WebhookChange {
    let names = |name: &str| patch.contains_key(name);
    let mut policy = webhook.config.policy.clone();
    if names("timeout") {
        policy.timeout = draft.policy.timeout;
    }
    if names("retry_policy") {
        policy.schedule = draft.policy.schedule;
        policy.jitter_percent = draft.policy.jitter_percent;
        policy.retry_on = draft.policy.retry_on;
    }
    if names("disable") {
        policy.disable = draft.policy.disable;
    }
    let policy_named = names("timeout") || names("retry_policy") || names("disable");
    WebhookChange {
        name: names("name").then_some(draft.name),
        url: names("url").then_some(draft.url),
        events: names("events").then_some(draft.events),
        filter: None,
        profile: names("profile").then_some(draft.profile),
        format: names("format").then_some(draft.format),
        policy: policy_named.then_some(policy),
        signature: names("signature").then_some(draft.signature),
        transform: names("transform").then_some(draft.transform),
        cloudevents: names("cloudevents").then_some(draft.cloudevents),
        limits: names("limits").then_some(draft.limits),
        ordered: names("ordered").then_some(draft.ordered),
        batch: names("batch").then_some(draft.batch),
        on_dead: names("on_dead").then_some(draft.on_dead),
        headers: names("headers").then_some(draft.headers),
        metadata: names("metadata").then_some(draft.metadata),
        active: names("active").then_some(draft.active),
    }
}
