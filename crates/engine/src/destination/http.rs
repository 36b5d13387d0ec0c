//! Delivery by HTTP POST: render, sign, send.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use stentor_core::attempt::AttemptOutcome;
use stentor_core::envelope::render;
use stentor_core::id::WebhookId;
use stentor_core::signature::{PreparedSignature, SigningError};
use stentor_core::time::Time;
use stentor_core::webhook::Webhook;
use tracing::error;

use super::{Destination, Shipment};
use crate::outbound::{OutboundClient, OutboundReport, OutboundRequest, PreparedUrl};

/// Prepared webhooks that are kept; beyond it all are made anew.
const PREPARED_MAX: usize = 20_000;
/// Tells the receiver of an ordered webhook the place of an event, so that it can check the order (engine rule E5).
const SEQUENCE_HEADER: HeaderName = HeaderName::from_static("webhook-sequence");
/// Tells the receiver that a person tries the webhook out: the event is not a fact (readings 004).
const TEST_HEADER: HeaderName = HeaderName::from_static("webhook-test");

/// HTTP receivers.
pub struct HttpDestination {
    client: OutboundClient,
    prepared: RwLock<HashMap<WebhookId, Arc<Prepared>>>,
}

/// A webhook made ready for sending; valid for one version of it and until its keys change.
struct Prepared {
    version: u64,
    url: PreparedUrl,
    headers: HeaderMap,
    signature: PreparedSignature,
    timeout: Duration,
}

impl HttpDestination {
    /// Receivers reached through this client.
    pub fn new(client: OutboundClient) -> Self {
        Self { client, prepared: RwLock::default() }
    }

    fn prepared(&self, webhook: &Webhook, now: Time) -> Result<Arc<Prepared>, SigningError> {
        let known = self.prepared.read().expect("no panic while holding the lock").get(&webhook.id).cloned();
        if let Some(prepared) = known.filter(|prepared| prepared.is_for(webhook, now)) {
            return Ok(prepared);
        }
        let fresh = Arc::new(Prepared::new(webhook, now)?);
        let mut prepared = self.prepared.write().expect("no panic while holding the lock");
        if prepared.len() >= PREPARED_MAX {
            prepared.clear();
        }
        prepared.insert(webhook.id, Arc::clone(&fresh));
        Ok(fresh)
    }
}

impl Prepared {
    fn new(webhook: &Webhook, now: Time) -> Result<Self, SigningError> {
        let headers =
            webhook.secrets.headers.wire().map(|(name, value)| (name.clone(), value.clone())).collect();
        let scheme = webhook.config.effective_signature();
        Ok(Self {
            version: webhook.version,
            url: PreparedUrl::new(&webhook.config.url),
            headers,
            signature: PreparedSignature::new(&scheme, &webhook.secrets.signing, now)?,
            timeout: webhook.config.effective_policy().timeout,
        })
    }

    fn is_for(&self, webhook: &Webhook, now: Time) -> bool {
        self.version == webhook.version && self.signature.expires_at().is_none_or(|at| now < at)
    }
}

#[async_trait]
impl Destination for HttpDestination {
    async fn deliver(&self, shipment: Shipment) -> OutboundReport {
        let unsendable = OutboundReport { outcome: AttemptOutcome::Unsendable, response: None };
        let webhook = &shipment.webhook;
        let prepared = match self.prepared(webhook, shipment.now) {
            Ok(prepared) => prepared,
            Err(error) => {
                error!(webhook = %webhook.id, %error, "a webhook cannot sign");
                return unsendable;
            }
        };
        let Ok(body) = render(webhook.config.profile.format(), &shipment.content) else { return unsendable };
        let Ok(content_type) = HeaderValue::from_str(&body.content_type) else { return unsendable };
        let mut headers = prepared.headers.clone();
        headers.insert(CONTENT_TYPE, content_type);
        if let Some(position) = shipment.position {
            headers.insert(SEQUENCE_HEADER, HeaderValue::from(position));
        }
        if shipment.test {
            headers.insert(TEST_HEADER, HeaderValue::from_static("true"));
        }
        prepared.signature.sign(shipment.content.id, shipment.now, &body.bytes, &mut headers);
        let request = OutboundRequest {
            url: prepared.url.clone(),
            headers,
            body: body.bytes,
            timeout: prepared.timeout,
            now: shipment.now,
        };
        self.client.send(request).await
    }
}
