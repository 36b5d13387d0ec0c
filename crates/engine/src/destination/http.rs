//! Delivery by HTTP POST: render, sign, send.

mod prepared;

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use stentor_core::attempt::{AttemptOutcome, CapturedResponse};
use stentor_core::id::WebhookId;
use stentor_core::limits::RESPONSE_STORED_BYTES_MAX;
use stentor_core::time::Time;
use stentor_core::transform::TemplateFault;
use stentor_core::webhook::Webhook;
use tracing::error;

pub use self::prepared::{Prepared, Unmade, Unprepared};
use super::{Destination, Shipment};
use crate::outbound::{OutboundClient, OutboundReport, OutboundRequest};

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

impl HttpDestination {
    /// Receivers reached through this client.
    pub fn new(client: OutboundClient) -> Self {
        Self { client, prepared: RwLock::default() }
    }

    fn prepared(&self, webhook: &Webhook, now: Time) -> Result<Arc<Prepared>, Unprepared> {
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

#[async_trait]
impl Destination for HttpDestination {
    async fn deliver(&self, shipment: Shipment) -> OutboundReport {
        let unsendable = OutboundReport { outcome: AttemptOutcome::Unsendable, response: None };
        let webhook = &shipment.webhook;
        let prepared = match self.prepared(webhook, shipment.now) {
            Ok(prepared) => prepared,
            Err(error) => {
                error!(webhook = %webhook.id, %error, "a webhook cannot send");
                return unsendable;
            }
        };
        let body = match &shipment.batch {
            Some(batch) => prepared.batch_body(batch, &shipment.content, shipment.delivery),
            None => prepared.body(&shipment.content, shipment.delivery).await,
        };
        let body = match body {
            Ok(body) => body,
            Err(Unmade::Template(fault)) => return fault_report(&fault),
            Err(Unmade::Format(error)) => {
                error!(webhook = %webhook.id, event = %shipment.content.id, %error, "an event has no body");
                return unsendable;
            }
        };
        let id: &(dyn std::fmt::Display + Sync) = match &shipment.batch {
            Some(batch) => &batch.id,
            None => &shipment.content.id,
        };
        let headers = prepared.headers(&body, id, shipment.now, |headers| {
            if let Some(position) = shipment.position {
                headers.insert(SEQUENCE_HEADER, HeaderValue::from(position));
            }
            if shipment.test {
                headers.insert(TEST_HEADER, HeaderValue::from_static("true"));
            }
        });
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

/// What a template says is kept in the place of the answer that there is none of.
fn fault_report(fault: &TemplateFault) -> OutboundReport {
    let body = fault.0.as_bytes();
    let kept = &body[..body.len().min(RESPONSE_STORED_BYTES_MAX)];
    let response =
        CapturedResponse { body: Bytes::copy_from_slice(kept), truncated: kept.len() < body.len() };
    OutboundReport { outcome: AttemptOutcome::Template, response: Some(response) }
}
