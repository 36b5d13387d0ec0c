//! What is asked of a webhook: all of it when it is created, some of it when it is changed.

use stentor_core::batch::Batch;
use stentor_core::cloudevents::CloudeventsOptions;
use stentor_core::event::EventPattern;
use stentor_core::filter::Filter;
use stentor_core::format::Format;
use stentor_core::header::CustomHeaders;
use stentor_core::id::WebhookId;
use stentor_core::policy::PolicyOverrides;
use stentor_core::profile::{Profile, WebhookLimits};
use stentor_core::signature::Signature;
use stentor_core::transform::Transform;
use stentor_core::webhook::SecretText;

/// A webhook to be created. Parts that have their own syntax are parsed by the caller.
#[derive(Debug, Clone)]
pub struct WebhookDraft {
    /// Name shown to people.
    pub name: Option<String>,
    /// Where requests go.
    pub url: String,
    /// Which event types it receives.
    pub events: Vec<EventPattern>,
    /// Which of those events.
    pub filter: Option<Filter>,
    /// The bundle that everything not set comes from.
    pub profile: Profile,
    /// The shape of the body, when it is not the profile's.
    pub format: Option<Format>,
    /// Parts of the policy it sets itself.
    pub policy: PolicyOverrides,
    /// The signature it sets itself.
    pub signature: Option<Signature>,
    /// Templates that make body and headers.
    pub transform: Option<Transform>,
    /// What only the formats of `CloudEvents` use.
    pub cloudevents: Option<CloudeventsOptions>,
    /// The limits it sets itself.
    pub limits: WebhookLimits,
    /// Whether deliveries are strictly ordered.
    pub ordered: bool,
    /// Whether several go in one request.
    pub batch: Option<Batch>,
    /// The webhook that gets what is given up here.
    pub on_dead: Option<WebhookId>,
    /// Headers added to every request.
    pub headers: CustomHeaders,
    /// A signing secret; one is made when none is given and the signature needs it.
    pub secret: Option<SecretText>,
    /// The owner's own JSON object.
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
    /// False creates it paused.
    pub active: bool,
}

/// A change of a webhook: what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct WebhookChange {
    /// New name; the inner `None` removes it.
    pub name: Option<Option<String>>,
    /// New address.
    pub url: Option<String>,
    /// New event types; the list is replaced.
    pub events: Option<Vec<EventPattern>>,
    /// New filter; the inner `None` removes it.
    pub filter: Option<Option<Filter>>,
    /// New profile.
    pub profile: Option<Profile>,
    /// New format; the inner `None` returns to the profile's.
    pub format: Option<Option<Format>>,
    /// New policy overrides; replaced as a whole.
    pub policy: Option<PolicyOverrides>,
    /// New signature; the inner `None` returns to the profile's.
    pub signature: Option<Option<Signature>>,
    /// New templates; replaced as a whole, the inner `None` removes them.
    pub transform: Option<Option<Transform>>,
    /// New options; replaced as a whole, the inner `None` removes them.
    pub cloudevents: Option<Option<CloudeventsOptions>>,
    /// New limits; replaced as a whole.
    pub limits: Option<WebhookLimits>,
    /// Turns order on or off.
    pub ordered: Option<bool>,
    /// New batches; replaced as a whole, the inner `None` removes them.
    pub batch: Option<Option<Batch>>,
    /// Another webhook for what is given up; the inner `None` removes it.
    pub on_dead: Option<Option<WebhookId>>,
    /// New headers; replaced as a whole.
    pub headers: Option<CustomHeaders>,
    /// New metadata; the inner `None` removes it.
    pub metadata: Option<Option<serde_json::Map<String, serde_json::Value>>>,
    /// True resumes (also from disabled), false pauses.
    pub active: Option<bool>,
}
