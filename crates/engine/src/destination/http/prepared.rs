//! A webhook made ready for sending, and the requests made of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use stentor_core::batch::BatchRefusal;
use stentor_core::ecmascript::stringify;
use stentor_core::envelope::{Body, CONTENT_TYPE_JSON, Letter, Shape, Unrenderable, render, render_batch};
use stentor_core::event::EventContent;
use stentor_core::id::{DeliveryId, TenantId, WebhookId};
use stentor_core::signature::{PreparedSignature, SigningError};
use stentor_core::time::Time;
use stentor_core::transform::{CompiledTransform, TemplateFault, TransformRefusal};
use stentor_core::webhook::Webhook;
use tokio::sync::Semaphore;

use crate::destination::BatchShipment;
use crate::outbound::PreparedUrl;

/// Templates that may take long run one at a time for each of so many groups of tenants.
const SLOTS: usize = 16;
static SLOW_TEMPLATES: [Semaphore; SLOTS] = [const { Semaphore::const_new(1) }; SLOTS];

/// Valid for one version of a webhook and until its keys change.
pub struct Prepared {
    version: u64,
    webhook: WebhookId,
    tenant: TenantId,
    pub(super) url: PreparedUrl,
    headers: HeaderMap,
    shape: Shape,
    transform: Option<CompiledTransform>,
    signature: PreparedSignature,
    /// The headers that it sets.
    signature_headers: Vec<HeaderName>,
    pub(super) timeout: Duration,
}

/// A webhook that cannot send as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unprepared {
    /// Its secrets or its signature do not sign.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// A template does not compile.
    #[error("{0}")]
    Transform(TransformRefusal),
    /// It cannot have batches.
    #[error("{0}")]
    Batch(BatchRefusal),
}

/// Why there is no request for an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmade {
    /// The format cannot hold it.
    #[error(transparent)]
    Format(#[from] Unrenderable),
    /// A template failed.
    #[error(transparent)]
    Template(#[from] TemplateFault),
}

impl Prepared {
    /// Makes a webhook ready for sending at `now`.
    ///
    /// # Errors
    /// When it cannot send.
    pub fn new(webhook: &Webhook, now: Time) -> Result<Self, Unprepared> {
        let headers =
            webhook.secrets.headers.wire().map(|(name, value)| (name.clone(), value.clone())).collect();
        let config = &webhook.config;
        if let Some(refusal) = config.batch_refusal() {
            return Err(Unprepared::Batch(refusal));
        }
        let transform = config.transform.as_ref().map(CompiledTransform::new).transpose();
        let signature = config.effective_signature();
        Ok(Self {
            version: webhook.version,
            webhook: webhook.id,
            tenant: webhook.tenant,
            url: PreparedUrl::new(&config.url),
            headers,
            shape: config.shape(webhook.tenant),
            transform: transform.map_err(Unprepared::Transform)?,
            signature_headers: signature.headers().filter_map(|name| name.parse().ok()).collect(),
            signature: PreparedSignature::new(&signature, &webhook.secrets.signing, now)?,
            timeout: config.effective_policy().timeout,
        })
    }

    pub(super) fn is_for(&self, webhook: &Webhook, now: Time) -> bool {
        self.version == webhook.version && self.signature.expires_at().is_none_or(|at| now < at)
    }

    /// The body for one delivery: the same bytes on every attempt.
    ///
    /// # Errors
    /// When there is none.
    pub async fn body(
        self: &Arc<Self>,
        content: &Arc<EventContent>,
        delivery: DeliveryId,
    ) -> Result<Body, Unmade> {
        let letter = Letter { event: content, webhook: self.webhook, delivery };
        let Some(transform) = &self.transform else { return Ok(render(&self.shape, &letter)?) };
        if !transform.is_slow_on(&letter) {
            return self.transformed(&letter);
        }
        let slot = usize::from(self.tenant.as_bytes()[15]) % SLOTS;
        let _turn = SLOW_TEMPLATES[slot].acquire().await.expect("it is never closed");
        let (prepared, content) = (Arc::clone(self), Arc::clone(content));
        let running = tokio::task::spawn_blocking(move || {
            prepared.transformed(&Letter { event: &content, webhook: prepared.webhook, delivery })
        });
        running.await.unwrap_or_else(|_| Err(TemplateFault("the template engine failed".into()).into()))
    }

    /// The body of a batch: the same bytes on every attempt.
    ///
    /// # Errors
    /// When the format cannot hold one of its events, or several.
    pub fn batch_body(
        &self,
        batch: &BatchShipment,
        first: &EventContent,
        delivery: DeliveryId,
    ) -> Result<Body, Unmade> {
        let webhook = self.webhook;
        let others =
            batch.others.iter().map(|(event, delivery)| Letter { event, webhook, delivery: *delivery });
        let letters: Vec<_> =
            std::iter::once(Letter { event: first, webhook, delivery }).chain(others).collect();
        Ok(render_batch(&self.shape, batch.id, &letters)?)
    }

    fn transformed(&self, letter: &Letter<'_>) -> Result<Body, Unmade> {
        let transform = self.transform.as_ref().expect("the caller found it");
        let made = transform.apply(letter)?;
        let mut body = match made.body {
            Some((bytes, content_type)) if self.shape.stable && content_type == CONTENT_TYPE_JSON => {
                let mut stable = Vec::with_capacity(bytes.len());
                stringify(&bytes, &mut stable).map_err(Unrenderable::from)?;
                Body { bytes: Bytes::from(stable), content_type, headers: Vec::new() }
            }
            Some((bytes, content_type)) => Body { bytes, content_type, headers: Vec::new() },
            None => render(&self.shape, letter)?,
        };
        // A signature, ours or that of a provider whose request is handed on, is not a template's to replace.
        let stands = |name: &HeaderName| {
            self.signature_headers.contains(name) || body.headers.iter().any(|(own, _)| own == name)
        };
        let added: Vec<_> = made.headers.wire().filter(|(name, _)| !stands(name)).collect();
        body.headers.extend(added.into_iter().map(|(name, value)| (name.clone(), value.clone())));
        Ok(body)
    }

    /// The headers around a body, signed for an attempt at `now` under the id of the event or the batch. `extra` adds to those that the webhook and the body bring.
    pub fn headers(
        &self,
        body: &Body,
        id: &(dyn fmt::Display + Sync),
        now: Time,
        extra: impl FnOnce(&mut HeaderMap),
    ) -> HeaderMap {
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, body.content_type.clone());
        extra(&mut headers);
        // Where a received event brings a provider's signature under the same names, its verifier expects that one; and a
        // signature that covers headers covers those that are sent.
        bring(&mut headers, body);
        self.signature.sign(&id, now, &body.bytes, &mut headers);
        bring(&mut headers, body);
        headers
    }
}

/// Puts the headers that a body brings in the place of others of their names. One that came several times is handed on as often.
fn bring(headers: &mut HeaderMap, body: &Body) {
    for (name, _) in &body.headers {
        headers.remove(name);
    }
    for (name, value) in &body.headers {
        headers.append(name.clone(), value.clone());
    }
}
