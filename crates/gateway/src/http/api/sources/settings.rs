//! What a caller sets of a source.

use serde::{Deserialize, Serialize};
use stentor_core::source::{
    AllowedPeers, Content, Dedupe, EventTypeRule, OnInvalid, PublicUrl, Source, SourceConfig, Split,
    Verification,
};
use stentor_core::time::Time;
use stentor_engine::sources::SourceDraft;
use utoipa::ToSchema;

use super::parts::{DedupeView, SourceRateView, TypeRuleView};
use super::response::SimulationView;
use super::verification::VerificationSettings;
use crate::http::extract::optional_object;
use crate::http::problem::{FieldError, Problem};

/// A source to be created.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSource, example = json!({
    "name": "orders",
    "verification": {"preset": "github", "secret": "the secret that the provider has"},
}))]
pub(super) struct SourceSettings {
    /// Shown to people; 1 to 1 024 bytes.
    pub(super) name: String,
    /// What it is for; 1 to 1 024 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    /// Whether it takes requests; true when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) active: Option<bool>,
    /// How requests prove themselves; by credentials when not given.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "optional_object")]
    pub(super) verification: Option<VerificationSettings>,
    /// `json` or `any`; `json` with credentials and `any` otherwise when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "json")]
    pub(super) content: Option<Content>,
    /// `reject`, or `store_and_200`: a request that does not prove itself is answered 200 and kept among the refused ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "reject")]
    pub(super) on_invalid: Option<OnInvalid>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "optional_object")]
    pub(super) dedupe: Option<DedupeView>,
    /// `none`, or `array`: each element of a JSON array is an event of its own, all in one commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "none")]
    pub(super) split: Option<Split>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "optional_object")]
    pub(super) event_type: Option<TypeRuleView>,
    /// IP addresses and networks that may send, at most 256; all when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["192.0.2.0/24"]))]
    pub(super) allow: Option<Vec<String>>,
    /// Most requests in any window; no limit when not given.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "optional_object")]
    pub(super) rate: Option<SourceRateView>,
    /// What it answers instead of the ordinary answer.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "optional_object")]
    pub(super) response: Option<SimulationView>,
    /// Headers that are kept with each event, besides those of the provider; at most 32. `*` stands for all that may be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) keep_headers: Option<Vec<String>>,
    /// The URL that the sender was told, for providers that sign it, when it is another than the one that arrives here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) public_url: Option<String>,
    /// Largest body in bytes, at most 10 485 760, which it is when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) max_body_bytes: Option<u32>,
    /// When it deletes itself; never when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) expires_at: Option<Time>,
}

impl SourceSettings {
    /// What was set of a source, without its secrets.
    pub(super) fn of(source: &Source) -> Self {
        let config = &source.config;
        let allow: Vec<String> = config.allow.texts().collect();
        Self {
            name: config.name.clone(),
            description: config.description.clone(),
            active: Some(source.active),
            verification: Some(VerificationSettings::of(source)),
            content: config.content,
            on_invalid: Some(config.on_invalid),
            dedupe: Some(DedupeView::showing(&config.dedupe)),
            split: Some(config.split),
            event_type: Some(TypeRuleView::showing(&config.event_type)),
            allow: (!allow.is_empty()).then_some(allow),
            rate: config.rate.map(SourceRateView::showing),
            response: config.response.as_ref().map(SimulationView::showing),
            keep_headers: (!config.keep_headers.is_empty()).then(|| config.keep_headers.clone()),
            public_url: config.public_url.as_ref().map(|url| url.as_str().to_owned()),
            max_body_bytes: config.max_body_bytes,
            expires_at: source.expires_at,
        }
    }

    /// The source to be created.
    ///
    /// # Errors
    /// `invalid_body` with one entry per part that cannot be read; what must hold beyond that is decided by the engine.
    pub(super) fn draft(self) -> Result<SourceDraft, Problem> {
        let secrets = self.verification.clone();
        Ok(SourceDraft {
            active: self.active.unwrap_or(true),
            expires_at: self.expires_at,
            secret: secrets.as_ref().and_then(|given| given.secret.clone()),
            options: secrets.map(|given| given.secret_options()).unwrap_or_default(),
            config: self.config()?,
        })
    }

    /// # Errors
    /// As for [`draft`](Self::draft).
    pub(super) fn config(self) -> Result<SourceConfig, Problem> {
        let mut errors = Vec::new();
        let given = self.verification.as_ref();
        let verification =
            given.map_or(Verification::Basic, |verification| verification.verification(&mut errors));
        let allow = AllowedPeers::parse(self.allow.unwrap_or_default()).unwrap_or_else(|(index, error)| {
            errors.push(FieldError::new(format!("/allow/{index}"), error.to_string()));
            AllowedPeers::default()
        });
        let public_url = self.public_url.and_then(|url| match PublicUrl::parse(&url) {
            Ok(url) => Some(url),
            Err(error) => {
                errors.push(FieldError::new("/public_url", error.to_string()));
                None
            }
        });
        let keep = self.keep_headers.unwrap_or_default();
        let config = SourceConfig {
            name: self.name,
            description: self.description,
            verification,
            content: self.content,
            on_invalid: self.on_invalid.unwrap_or_default(),
            dedupe: self.dedupe.map_or_else(Dedupe::default, |dedupe| dedupe.rule(&mut errors)),
            split: self.split.unwrap_or_default(),
            event_type: self
                .event_type
                .map_or_else(EventTypeRule::default, |event_type| event_type.rule(&mut errors)),
            allow,
            rate: self.rate.map(SourceRateView::rate),
            response: self.response.and_then(|response| response.simulation(&mut errors)),
            keep_headers: keep.into_iter().map(|name| name.to_ascii_lowercase()).collect(),
            public_url,
            max_body_bytes: self.max_body_bytes,
        };
        if errors.is_empty() { Ok(config) } else { Err(Problem::invalid_body(errors)) }
    }
}
