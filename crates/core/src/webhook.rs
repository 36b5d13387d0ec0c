//! Webhooks: registered receivers.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::cloudevents::CloudeventsOptions;
use crate::destination_url::DestinationUrl;
use crate::envelope::Shape;
use crate::event::EventPattern;
use crate::filter::Filter;
use crate::format::Format;
use crate::header::CustomHeaders;
use crate::id::{TenantId, WebhookId};
use crate::policy::{Policy, PolicyOverrides};
use crate::profile::{Profile, WebhookLimits};
use crate::shard::Shard;
use crate::signature::{Signature, SignatureScheme, SignedContent};
use crate::time::Time;
use crate::transform::Transform;

/// Why Stentor disabled a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisableReason {
    /// The receiver answered 410 Gone.
    Gone,
    /// One delivery failed as often as the policy allows.
    FailedAttempts,
    /// Only failures for as long as the policy allows.
    FailingTooLong,
}

impl DisableReason {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Gone, Self::FailedAttempts, Self::FailingTooLong];

    /// The word kept in the store and shown by the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::FailedAttempts => "failed_attempts",
            Self::FailingTooLong => "failing_too_long",
        }
    }

    /// The reason with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// Whether a webhook delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookStatus {
    /// It does.
    Active,
    /// A person stopped it.
    Paused,
    /// Stentor stopped it.
    Disabled(DisableReason),
    /// It was deleted; the row stays until its deliveries are cancelled (engine rule E15).
    Deleted,
}

impl WebhookStatus {
    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Disabled(_) => "disabled",
            Self::Deleted => "deleted",
        }
    }

    /// Whether attempts may start.
    pub const fn delivers(self) -> bool {
        matches!(self, Self::Active)
    }
}

/// A secret text that is wiped from memory when dropped and never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Keeps the text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself, for signing and for showing it once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// First characters and an ellipsis, for people to recognise it.
    pub fn masked(&self) -> String {
        let shown: String = self.0.chars().take(if self.0.starts_with("whsec_") { 10 } else { 2 }).collect();
        format!("{shown}…")
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

/// A signing secret and when it signs; several overlap during rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningSecret {
    /// `whsec_…` or any text the caller set.
    pub value: SecretText,
    /// From when it signs.
    pub active_from: Time,
    /// Until when it signs; without end for the current one.
    pub active_until: Option<Time>,
}

impl SigningSecret {
    /// Whether it signs at `now`.
    pub fn signs_at(&self, now: Time) -> bool {
        self.active_from <= now && self.active_until.is_none_or(|end| now < end)
    }
}

/// The part of a webhook that may be kept and shown in the clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookConfig {
    /// Name shown to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where requests go.
    pub url: DestinationUrl,
    /// Which event types it receives; none means only what routes send.
    pub events: Vec<EventPattern>,
    /// Which of those events, by what they hold; none means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// The bundle that everything not set comes from.
    pub profile: Profile,
    /// The shape of the body, when it is not the profile's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// Parts of the policy it sets itself.
    #[serde(default)]
    pub policy: PolicyOverrides,
    /// The signature it sets itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Templates that make body and headers instead of the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<Transform>,
    /// What only the formats of `CloudEvents` use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloudevents: Option<CloudeventsOptions>,
    /// The limits it sets itself.
    #[serde(default)]
    pub limits: WebhookLimits,
    /// Whether attempt of event k+1 waits until k is final (promise P7).
    #[serde(default)]
    pub ordered: bool,
    /// The webhook that gets what is given up here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_dead: Option<WebhookId>,
    /// Whether it delivers the messages of conversations: made and deleted with them, and not to be changed by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_conversations: bool,
    /// The owner's own JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

impl WebhookConfig {
    /// A webhook for these event types in which nothing else is set.
    pub fn new(url: DestinationUrl, events: Vec<EventPattern>) -> Self {
        Self {
            name: None,
            url,
            events,
            filter: None,
            profile: Profile::default(),
            format: None,
            policy: PolicyOverrides::default(),
            signature: None,
            transform: None,
            cloudevents: None,
            limits: WebhookLimits::default(),
            ordered: false,
            on_dead: None,
            of_conversations: false,
            metadata: None,
        }
    }

    /// The policy in force: the profile's, with the parts replaced that are set.
    pub fn effective_policy(&self) -> Policy {
        self.profile.policy().with(&self.policy)
    }

    /// The wait before the first attempt, if its schedule starts with one.
    pub fn first_wait(&self) -> Option<Duration> {
        let overridden = self.policy.schedule.as_ref().and_then(|schedule| schedule.wait_before(1));
        overridden.filter(|wait| !wait.is_zero())
    }

    /// The signature in force.
    pub fn effective_signature(&self) -> Signature {
        self.signature.clone().unwrap_or_else(|| self.profile.signature())
    }

    /// The shape of the body in force.
    pub fn effective_format(&self) -> Format {
        self.format.unwrap_or_else(|| self.profile.format())
    }

    /// How bodies are written. A body of seed 003 whose signature covers nothing else is verified by its Express receiver
    /// over what `JSON.stringify` makes of it, so it is written like that.
    pub fn shape(&self, tenant: TenantId) -> Shape {
        let format = self.effective_format();
        let covers_body = |scheme: &SignatureScheme| {
            matches!(scheme, SignatureScheme::Hmac { content: SignedContent::Body, .. })
        };
        Shape {
            format,
            stable: format == Format::Broxi && covers_body(&self.effective_signature().main),
            source: match self.cloudevents.as_ref().and_then(|options| options.source.as_deref()) {
                Some(source) => source.into(),
                None if format.is_cloudevents() => format!("/tenants/{tenant}").into(),
                None => Box::default(),
            },
        }
    }

    /// The limits in force. What a `CloudEvents` receiver allowed is never exceeded.
    pub fn effective_limits(&self) -> WebhookLimits {
        let profile = self.profile.limits();
        let rate = self.limits.rate.or(profile.rate);
        let allowed = self.cloudevents.as_ref().and_then(CloudeventsOptions::allowed_rate);
        WebhookLimits {
            concurrency: self.limits.concurrency.or(profile.concurrency),
            rate: match (rate, allowed) {
                (Some(own), Some(allowed)) => Some(own.slower(allowed)),
                (own, allowed) => own.or(allowed),
            },
        }
    }
}

/// The part of a webhook that is encrypted at rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookSecrets {
    /// Signing secrets, newest first.
    pub signing: Vec<SigningSecret>,
    /// Headers added to every request.
    pub headers: CustomHeaders,
}

/// A registered receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its shard, computed once.
    pub shard: Shard,
    /// What may be kept in the clear.
    pub config: WebhookConfig,
    /// What is encrypted at rest.
    pub secrets: WebhookSecrets,
    /// Whether it delivers.
    pub status: WebhookStatus,
    /// The tenant's configuration version of its last change.
    pub version: u64,
    /// When it was created.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}
