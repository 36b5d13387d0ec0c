//! A webhook as the API shows it: what is in force, and nothing secret.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use stentor_core::event::EventPattern;
use stentor_core::format::Format;
use stentor_core::id::WebhookId;
use stentor_core::policy::Schedule;
use stentor_core::profile::Profile;
use stentor_core::signature::{Signature, SignatureScheme};
use stentor_core::time::Time;
use stentor_core::webhook::{DisableReason, SigningSecret, Webhook, WebhookStatus};
use utoipa::ToSchema;

use super::batch::BatchView;
use super::parts::{DisableView, LimitsView};
use super::retry_policy::RetryPolicy;
use super::settings::Metadata;
use super::shaping::{CloudeventsView, TransformView};
use super::signature::SignatureView;
use crate::http::api::filter::{contradictions, filter_parts};
use crate::http::api::statistics::BriefHealth;
use crate::http::extract::Seconds;

/// Stands for the value of a custom header.
pub(super) const MASK: &str = "…";

/// A webhook with everything that is in force: its own settings, and its profile's for the rest.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(in crate::http::api) struct WebhookView {
    #[schema(value_type = String, example = "wh_01h455vb4pex5vsknk084sn02q")]
    id: WebhookId,
    name: Option<String>,
    #[schema(example = "https://example.com/webhooks")]
    url: String,
    #[schema(value_type = Vec<String>)]
    events: Vec<EventPattern>,
    /// As it was written.
    #[schema(value_type = Option<Object>)]
    filters: Option<Box<RawValue>>,
    /// As it was written.
    #[schema(value_type = Option<Object>)]
    conditions: Option<Box<RawValue>>,
    /// Whether it delivers: true only while `status` is `active`.
    active: bool,
    /// `active`, `paused` (by a person) or `disabled` (by Stentor).
    #[schema(example = "active")]
    status: &'static str,
    /// `gone`, `failed_attempts` or `failing_too_long`, while it is disabled.
    #[schema(value_type = Option<String>)]
    disabled_reason: Option<DisableReason>,
    #[schema(value_type = String, example = "standard")]
    profile: Profile,
    /// The shape of the body.
    #[schema(value_type = String, example = "standard")]
    format: Format,
    /// The newest signing secret: whole in the answers that create it, masked in all others. Null when there is none, which
    /// `conversation` and the signature `none` allow.
    #[schema(example = "whsec_MfKQ…")]
    secret: Option<String>,
    /// All signing secrets, masked, newest first: several overlap during a rotation.
    secrets: Vec<SecretView>,
    /// Custom headers, values masked.
    headers: BTreeMap<String, &'static str>,
    timeout: Seconds,
    retry_policy: RetryPolicy,
    disable: DisableView,
    limits: LimitsView,
    ordered: bool,
    batch: Option<BatchView>,
    /// The webhook that gets each delivery that is given up here.
    #[schema(value_type = Option<String>)]
    on_dead: Option<WebhookId>,
    /// Whether it delivers the messages of conversations: it is made, changed and deleted with them.
    conversations: bool,
    signature: SignatureView,
    transform: Option<TransformView>,
    cloudevents: Option<CloudeventsView>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Metadata>,
    /// Which of these are the webhook's own and not its profile's.
    #[schema(example = json!(["retry_policy"]))]
    overrides: Vec<&'static str>,
    preview: Preview,
    /// What is allowed but likely not meant.
    warnings: Vec<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
}

/// A webhook and how it does.
#[derive(Serialize, ToSchema)]
pub(super) struct WebhookDetail {
    #[serde(flatten)]
    pub(super) webhook: WebhookView,
    /// Over the last 24 hours; `GET /v1/webhooks/{id}/health` has all of it.
    pub(super) health: BriefHealth,
}

/// A signing secret, masked.
#[derive(Serialize, ToSchema)]
struct SecretView {
    secret: String,
    /// From when it signs; null for the first one, which always has.
    #[schema(value_type = Option<String>, format = DateTime)]
    active_from: Option<Time>,
    /// Until when it signs; null for the newest.
    #[schema(value_type = Option<String>, format = DateTime)]
    active_until: Option<Time>,
}

/// What would happen to a delivery whose every attempt fails at once.
#[derive(Serialize, ToSchema)]
struct Preview {
    /// When each attempt starts, in seconds after acceptance, before jitter.
    #[schema(value_type = Vec<f64>, example = json!([0, 5, 305]))]
    attempt_offsets: Vec<Seconds>,
}

impl WebhookView {
    /// As any reader sees it.
    pub(super) fn masked(webhook: Webhook) -> Self {
        let policy = webhook.config.effective_policy();
        let limits = webhook.config.effective_limits();
        let signature = webhook.config.effective_signature();
        let (filters, conditions) = filter_parts(webhook.config.filter.as_ref());
        Self {
            id: webhook.id,
            active: webhook.status.delivers(),
            status: webhook.status.as_str(),
            disabled_reason: match webhook.status {
                WebhookStatus::Disabled(reason) => Some(reason),
                _ => None,
            },
            filters,
            conditions,
            profile: webhook.config.profile,
            format: webhook.config.effective_format(),
            secret: newest(&webhook).map(|secret| secret.value.masked()),
            secrets: webhook.secrets.signing.iter().map(SecretView::masked).collect(),
            headers: webhook.secrets.headers.names().map(|name| (name.to_owned(), MASK)).collect(),
            timeout: Seconds(policy.timeout),
            retry_policy: RetryPolicy::showing(
                Some(&policy.schedule),
                Some(policy.jitter_percent),
                Some(&policy.retry_on),
            ),
            disable: DisableView::showing(policy.disable),
            limits: LimitsView::showing(limits),
            ordered: webhook.config.ordered,
            batch: webhook.config.batch.as_ref().map(BatchView::showing),
            on_dead: webhook.config.on_dead,
            conversations: webhook.config.of_conversations,
            signature: SignatureView::showing(&signature),
            transform: webhook.config.transform.as_ref().map(TransformView::showing),
            cloudevents: webhook.config.cloudevents.as_ref().map(CloudeventsView::showing),
            overrides: overrides(&webhook),
            preview: Preview { attempt_offsets: offsets(&policy.schedule) },
            warnings: warnings(&webhook, &signature),
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
            name: webhook.config.name,
            url: webhook.config.url.into(),
            events: webhook.config.events,
            metadata: webhook.config.metadata,
        }
    }

    /// As it is handed to somebody who helps: also without what the URL's query and the owner's object may hold.
    pub(in crate::http::api) fn handed_out(webhook: Webhook) -> Self {
        let url = webhook.config.url.redacted();
        Self { url, metadata: None, ..Self::masked(webhook) }
    }

    /// As the one who made its newest secret sees it, once.
    pub(super) fn revealed(webhook: Webhook) -> Self {
        let secret = newest(&webhook).map(|secret| secret.value.reveal().to_owned());
        Self { secret, ..Self::masked(webhook) }
    }
}

impl SecretView {
    fn masked(secret: &SigningSecret) -> Self {
        Self {
            secret: secret.value.masked(),
            active_from: Some(secret.active_from).filter(|at| *at > Time::ZERO),
            active_until: secret.active_until,
        }
    }
}

fn newest(webhook: &Webhook) -> Option<&SigningSecret> {
    webhook.secrets.signing.first()
}

fn overrides(webhook: &Webhook) -> Vec<&'static str> {
    let config = &webhook.config;
    let policy = &config.policy;
    let retry = policy.schedule.is_some() || policy.jitter_percent.is_some() || policy.retry_on.is_some();
    let limits = config.limits.concurrency.is_some() || config.limits.rate.is_some();
    [
        (policy.timeout.is_some(), "timeout"),
        (retry, "retry_policy"),
        (policy.disable.is_some(), "disable"),
        (limits, "limits"),
        (config.signature.is_some(), "signature"),
        (config.format.is_some(), "format"),
        (config.transform.is_some(), "transform"),
    ]
    .into_iter()
    .filter_map(|(set, name)| set.then_some(name))
    .collect()
}

fn offsets(schedule: &Schedule) -> Vec<Seconds> {
    let running = |total: &mut std::time::Duration, wait| {
        *total += wait;
        Some(Seconds(*total))
    };
    schedule.waits().scan(std::time::Duration::ZERO, running).collect()
}

fn warnings(webhook: &Webhook, signature: &Signature) -> Vec<String> {
    let mut warnings = Vec::new();
    let foreign = webhook.secrets.signing.iter().any(|secret| !secret.value.reveal().starts_with("whsec_"));
    let decoding = matches!(signature.main, SignatureScheme::Standard | SignatureScheme::Svix);
    if foreign && decoding {
        warnings.push(
            "A signing secret does not start with whsec_. It signs as its own bytes, but many Standard Webhooks \
             libraries decode every secret as base64 and will not verify it."
                .to_owned(),
        );
    }
    if webhook.config.events.is_empty() && !webhook.config.of_conversations {
        warnings.push("events is empty: the webhook receives only what routes send.".to_owned());
    }
    warnings.extend(webhook.config.filter.iter().flat_map(contradictions));
    warnings
}
