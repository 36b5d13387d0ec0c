//! What shapes the requests of a webhook beyond its profile: templates, and options of `CloudEvents`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stentor_core::cloudevents::{CloudeventsOptions, Handshake};
use stentor_core::time::Time;
use stentor_core::transform::Transform;
use utoipa::ToSchema;

use crate::http::extract::optional_object;
use crate::http::problem::FieldError;

/// Longest `source` attribute, in bytes.
const SOURCE_BYTES_MAX: usize = 256;
/// Largest rate that a receiver can be asked for.
const RATE_MAX: u32 = 1_000_000;

/// Templates that make body and headers instead of the format; see `docs/profiles.md`. At most 16 384 bytes together.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TransformView {
    /// Makes the body; without it the format does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = r#"{"text": {{ event.type | tojson }}}"#)]
    body: Option<String>,
    /// Headers, each with the template of its value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    /// Media type of the body that the template makes; `application/json` without it, and then the body must be JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
}

impl TransformView {
    pub(super) fn showing(transform: &Transform) -> Self {
        Self {
            body: transform.body.clone(),
            headers: transform.headers.iter().cloned().collect(),
            content_type: transform.content_type.clone(),
        }
    }

    /// The templates; none when there is nothing to make.
    pub(super) fn transform(&self) -> Option<Transform> {
        let transform = Transform {
            body: self.body.clone(),
            headers: self.headers.clone().into_iter().collect(),
            content_type: self.content_type.clone(),
        };
        (!transform.is_empty() || transform.content_type.is_some()).then_some(transform)
    }
}

/// What only the formats `cloudevents` and `cloudevents_binary` use.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CloudeventsView {
    /// The `source` attribute, a URI reference of at most 256 bytes; `/tenants/tnt_…` without one.
    #[schema(example = "https://shop.example.com")]
    source: Option<String>,
    /// With it the receiver is asked by `OPTIONS` whether it wants deliveries, whenever the webhook is saved with another
    /// address or handshake; without its permission nothing is saved.
    #[serde(default, deserialize_with = "optional_object")]
    handshake: Option<HandshakeView>,
}

/// The handshake of "HTTP 1.1 Web Hooks for Event Delivery".
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HandshakeView {
    /// The DNS name that stands for the sender: `WebHook-Request-Origin`.
    #[schema(example = "events.example.com")]
    origin: String,
    /// Requests a minute to ask for: `WebHook-Request-Rate`. What the receiver allows limits the webhook.
    rate: Option<u32>,
    /// Requests a minute that the receiver allowed; null means as many as come. In answers only.
    #[serde(default, skip_deserializing)]
    #[schema(read_only)]
    allowed_rate: Option<u32>,
    /// When it allowed them. In answers only.
    #[serde(default, skip_deserializing)]
    #[schema(read_only, value_type = Option<String>, format = DateTime)]
    allowed_at: Option<Time>,
}

impl CloudeventsView {
    pub(super) fn showing(options: &CloudeventsOptions) -> Self {
        let handshake = options.handshake.as_ref().map(|handshake| HandshakeView {
            origin: handshake.origin.clone(),
            rate: handshake.rate,
            allowed_rate: handshake.granted.as_ref().and_then(|grant| grant.rate),
            allowed_at: handshake.granted.as_ref().map(|grant| grant.at),
        });
        Self { source: options.source.clone(), handshake }
    }

    /// The members that a caller may set: the base of a merge patch.
    pub(super) fn settable(options: &CloudeventsOptions) -> serde_json::Value {
        let handshake = options
            .handshake
            .as_ref()
            .map(|handshake| serde_json::json!({ "origin": handshake.origin, "rate": handshake.rate }));
        serde_json::json!({ "source": options.source, "handshake": handshake })
    }

    pub(super) fn options(&self, errors: &mut Vec<FieldError>) -> Option<CloudeventsOptions> {
        let fits = |source: &String| {
            (1..=SOURCE_BYTES_MAX).contains(&source.len())
                && !source.contains([' ', '\t'])
                && !source.contains(char::is_control)
        };
        if !self.source.as_ref().is_none_or(fits) {
            let expected = format!("must be a URI reference of 1 to {SOURCE_BYTES_MAX} bytes");
            errors.push(FieldError::new("/cloudevents/source", expected));
        }
        if let Some(handshake) = &self.handshake {
            if !is_name(&handshake.origin) {
                errors.push(FieldError::new("/cloudevents/handshake/origin", "must be a DNS name"));
            }
            if handshake.rate.is_some_and(|rate| !(1..=RATE_MAX).contains(&rate)) {
                errors.push(FieldError::new(
                    "/cloudevents/handshake/rate",
                    format!("must be between 1 and {RATE_MAX}"),
                ));
            }
        }
        let handshake = self.handshake.as_ref().map(|handshake| Handshake {
            origin: handshake.origin.clone(),
            rate: handshake.rate,
            granted: None,
        });
        let options = CloudeventsOptions { source: self.source.clone(), handshake };
        (options != CloudeventsOptions::default()).then_some(options)
    }
}

fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}
