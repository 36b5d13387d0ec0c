//! What a caller sets of a webhook, in Stentor's spellings and in those of the seeds, and what it becomes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use stentor_core::event::EventPattern;
use stentor_core::format::Format;
use stentor_core::header::{CustomHeaders, HeaderRefusal};
use stentor_core::id::WebhookId;
use stentor_core::limits::{METADATA_BYTES_MAX, PATTERNS_MAX, SECRET_BYTES, TIMEOUT_SECONDS};
use stentor_core::policy::PolicyOverrides;
use stentor_core::profile::{Profile, WebhookLimits};
use stentor_core::signature::Signature;
use stentor_core::webhook::SecretText;
use stentor_engine::webhooks::WebhookDraft;
use utoipa::ToSchema;

use super::batch::BatchView;
use super::parts::{DisableView, LimitsView};
use super::retry_policy::RetryPolicy;
use super::shaping::{CloudeventsView, TransformView};
use super::signature::SignatureView;
use crate::http::api::filter::checked_filter;
use crate::http::api::tenants::text_refusal;
use crate::http::extract::{Seconds, optional_object, pointer};
use crate::http::problem::{FieldError, Problem};

/// A webhook's own JSON object.
pub(super) type Metadata = serde_json::Map<String, serde_json::Value>;

/// A webhook to be created. Whatever is not given comes from the profile.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWebhook, example = json!({
    "url": "https://example.com/webhooks",
    "events": ["order.created", "invoice.*"],
    "name": "billing",
    "retry_policy": {"schedule": [0, 5, 300, 1800]},
    "headers": {"Authorization": "Bearer 6d2f"},
}))]
pub(super) struct WebhookSettings {
    /// Where requests go: https, at a public address, unless the operator allows more.
    #[schema(example = "https://example.com/webhooks")]
    pub(super) url: String,
    /// Event types, prefixes such as `invoice.*`, or `*`; at most 100. An empty list receives only what routes send.
    #[schema(value_type = Vec<String>)]
    pub(super) events: Vec<EventPattern>,
    /// Which of those events, by what their data hold: path → what is asked. See docs/filters.md.
    #[schema(value_type = Option<Object>, example = json!({"workflow_id": ["sales_assistant"], "user_id": {"starts_with": "premium_"}}))]
    pub(super) filters: Option<Box<RawValue>>,
    /// More of the same; both must hold.
    #[schema(value_type = Option<Object>, example = json!({"cost": {"greater_than": 0.1}}))]
    pub(super) conditions: Option<Box<RawValue>>,
    /// Shown to people; 1 to 1 024 bytes.
    pub(super) name: Option<String>,
    /// False creates it paused.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub(super) active: bool,
    /// `standard`, `broxi`, `conversation`, `resource`, `raw` or `cloudevents`: format, signature, policy and limits where
    /// nothing else is set. The tenant's default profile when not given.
    #[schema(value_type = Option<String>, example = "standard")]
    pub(super) profile: Option<Profile>,
    /// The shape of the body, when it is not the profile's: the name of a profile, or `cloudevents_binary`.
    #[schema(value_type = Option<String>, example = "cloudevents_binary")]
    pub(super) format: Option<Format>,
    /// Signing secret, 8 to 512 bytes; one is made when none is given, unless the signature can do without.
    #[schema(value_type = Option<String>, example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub(super) secret: Option<SecretText>,
    /// Headers added to every request; kept encrypted and shown masked.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// Total time of one attempt: 1 to 120 seconds.
    pub(super) timeout: Option<Seconds>,
    #[serde(default, deserialize_with = "optional_object")]
    pub(super) retry_policy: Option<RetryPolicy>,
    #[serde(default, deserialize_with = "optional_object")]
    pub(super) disable: Option<DisableView>,
    #[serde(default, deserialize_with = "optional_object")]
    pub(super) limits: Option<LimitsView>,
    /// Whether an event waits until the one before it is delivered or given up.
    #[serde(default)]
    pub(super) ordered: bool,
    /// A webhook that gets each delivery that is given up here.
    #[schema(value_type = Option<String>, example = "wh_01h455vb4pex5vsknk084sn02q")]
    pub(super) on_dead: Option<WebhookId>,
    #[serde(default, deserialize_with = "optional_object")]
    pub(super) batch: Option<BatchView>,
    #[serde(default, deserialize_with = "optional_object")]
    pub(super) signature: Option<SignatureView>,
    #[serde(default, deserialize_with = "optional_object")]
    pub(super) transform: Option<TransformView>,
    #[serde(default, deserialize_with = "optional_object")]
    pub(super) cloudevents: Option<CloudeventsView>,
    /// The owner's own JSON object, at most 8 192 bytes.
    #[schema(value_type = Option<Object>)]
    pub(super) metadata: Option<Metadata>,
}

impl WebhookSettings {
    /// Checks every rule that does not need the engine; all that are broken are told at once. The profile is this one when
    /// none is given.
    ///
    /// # Errors
    /// `invalid_body` with one entry per broken rule.
    pub(super) fn check(self, default: Profile) -> Result<WebhookDraft, Problem> {
        let profile = self.profile.unwrap_or(default);
        let mut errors = Vec::new();
        self.check_texts(&mut errors);
        let policy = self.policy(profile, &mut errors);
        let signature = self.signature.as_ref().and_then(|view| view.signature(profile, &mut errors));
        let cloudevents = self.cloudevents.as_ref().and_then(|view| view.options(&mut errors));
        let limits =
            self.limits.as_ref().map_or_else(WebhookLimits::default, |limits| limits.limits(&mut errors));
        let batch = self.batch.as_ref().map(|batch| batch.batch(&mut errors));
        let headers = self.custom_headers(signature.as_ref(), &mut errors);
        let filter = checked_filter(self.filters.as_deref(), self.conditions.as_deref(), &mut errors);
        if !errors.is_empty() {
            return Err(Problem::invalid_body(errors));
        }
        Ok(WebhookDraft {
            name: self.name,
            url: self.url,
            events: self.events,
            filter,
            profile,
            format: self.format,
            policy,
            signature,
            transform: self.transform.as_ref().and_then(TransformView::transform),
            cloudevents,
            limits,
            ordered: self.ordered,
            batch,
            on_dead: self.on_dead,
            headers,
            secret: self.secret,
            metadata: self.metadata,
            active: self.active,
        })
    }

    fn check_texts(&self, errors: &mut Vec<FieldError>) {
        if let Some(refusal) = self.name.as_deref().and_then(text_refusal) {
            errors.push(FieldError::new("/name", refusal));
        }
        if self.events.len() > PATTERNS_MAX {
            errors.push(FieldError::new("/events", format!("must hold at most {PATTERNS_MAX} event types")));
        }
        if let Some(secret) = &self.secret {
            errors.extend(secret_refusal(secret));
        }
        let metadata_bytes = self.metadata.as_ref().and_then(|object| serde_json::to_vec(object).ok());
        if metadata_bytes.is_some_and(|bytes| bytes.len() > METADATA_BYTES_MAX) {
            errors.push(FieldError::new(
                "/metadata",
                format!("must be at most {METADATA_BYTES_MAX} bytes of JSON"),
            ));
        }
    }

    fn policy(&self, profile: Profile, errors: &mut Vec<FieldError>) -> PolicyOverrides {
        let (shortest, longest) = TIMEOUT_SECONDS.into_inner();
        let timeout = self.timeout.map(|timeout| timeout.0);
        if timeout.is_some_and(|timeout| {
            timeout.as_secs_f64() < shortest as f64 || timeout.as_secs_f64() > longest as f64
        }) {
            errors.push(FieldError::new(
                "/timeout",
                format!("must be between {shortest} and {longest} seconds"),
            ));
        }
        let retry = self.retry_policy.as_ref();
        PolicyOverrides {
            schedule: retry.and_then(|retry| retry.schedule(profile, errors)),
            jitter_percent: retry.and_then(|retry| retry.jitter(errors)),
            timeout,
            retry_on: retry.and_then(|retry| retry.retry_on(profile, errors)),
            disable: self.disable.as_ref().map(|disable| disable.rule(errors)),
        }
    }

    fn custom_headers(&self, signature: Option<&Signature>, errors: &mut Vec<FieldError>) -> CustomHeaders {
        let headers = CustomHeaders::parse(&self.headers).unwrap_or_else(|refusal| {
            let pointer = self.pointer_to_header(&refusal);
            errors.push(FieldError::new(pointer, refusal.to_string()).with_code(refusal.code()));
            CustomHeaders::default()
        });
        if let Some(name) =
            signature.and_then(|signature| signature.headers().find(|name| headers.contains(name)))
        {
            errors.push(FieldError::new("/headers", format!("the header {name} carries the signature")));
        }
        self.check_template_headers(signature, errors);
        headers
    }

    /// A template may not make the header that carries the signature.
    fn check_template_headers(&self, signature: Option<&Signature>, errors: &mut Vec<FieldError>) {
        let transform = self.transform.as_ref().and_then(TransformView::transform);
        let names = transform.iter().flat_map(|transform| &transform.headers).map(|(name, _)| name);
        for name in names {
            let mut carrying = signature.into_iter().flat_map(Signature::headers);
            if carrying.any(|own| own.eq_ignore_ascii_case(name)) {
                let pointer = format!("/transform/headers/{}", pointer::escaped(name));
                errors.push(FieldError::new(pointer, "this header carries the signature"));
            }
        }
    }
}

impl WebhookSettings {
    /// The header that is refused; all of them when no single one is to blame, or its name is too long to repeat.
    fn pointer_to_header(&self, refusal: &HeaderRefusal) -> String {
        let name = match refusal {
            HeaderRefusal::TooMany | HeaderRefusal::TooLarge | HeaderRefusal::NameTooLong { .. } => None,
            HeaderRefusal::NameInvalid { position } => self.headers.keys().nth(position - 1),
            HeaderRefusal::Reserved { name }
            | HeaderRefusal::Duplicate { name }
            | HeaderRefusal::ValueTooLong { name }
            | HeaderRefusal::ValueInvalid { name }
            | HeaderRefusal::ValuePadded { name } => Some(name),
        };
        name.map_or_else(|| "/headers".to_owned(), |name| format!("/headers/{}", pointer::escaped(name)))
    }
}

/// Why the text cannot be a signing secret.
pub(super) fn secret_refusal(secret: &SecretText) -> Option<FieldError> {
    let (shortest, longest) = SECRET_BYTES.into_inner();
    let fits = SECRET_BYTES.contains(&secret.reveal().len());
    (!fits).then(|| FieldError::new("/secret", format!("must be {shortest} to {longest} bytes")))
}

const fn yes() -> bool {
    true
}
