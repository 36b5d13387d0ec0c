//! Asking a receiver of `CloudEvents` for permission, where a webhook says so.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use stentor_core::attempt::AttemptOutcome;
use stentor_core::cloudevents::{
    ALLOWED_ORIGIN_HEADER, ALLOWED_RATE_HEADER, Grant, Handshake, HandshakeRefusal, REQUEST_ORIGIN_HEADER,
    REQUEST_RATE_HEADER,
};
use stentor_core::destination_url::DestinationUrl;
use stentor_core::id::{TenantId, WebhookId};
use stentor_core::time::Time;
use stentor_core::webhook::Webhook;

use super::WebhookError;
use crate::commands::TEST_SENDS;
use crate::engine::Engine;
use crate::outbound::{OutboundRequest, PreparedUrl};

/// How long a receiver has for its answer.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Engine {
    /// Asks the receiver again and keeps what it allows. A webhook without a handshake stays as it is.
    ///
    /// # Errors
    /// When the receiver does not allow it, or there is no such webhook.
    pub async fn repeat_handshake(&self, tenant: TenantId, id: WebhookId) -> Result<Webhook, WebhookError> {
        let webhook = self.store().webhook(tenant, id).await?.ok_or(WebhookError::NotFound)?;
        let Some(handshake) = asked(&webhook) else { return Ok(webhook) };
        let grant = self.permission(tenant, &webhook.config.url, handshake).await?;
        self.edit(tenant, id, |webhook, _| {
            keep(webhook, &grant);
            Ok(())
        })
        .await
    }

    /// Asks for permission if the webhook wants that and has none for this address and origin.
    pub(super) async fn permitted_by_receiver(
        &self,
        mut webhook: Webhook,
        before: Option<&Webhook>,
    ) -> Result<Webhook, WebhookError> {
        let Some(handshake) = asked(&webhook) else { return Ok(webhook) };
        let same = |before: &Webhook| {
            before.config.url == webhook.config.url
                && asked(before).is_some_and(|earlier| {
                    (&earlier.origin, earlier.rate) == (&handshake.origin, handshake.rate)
                })
        };
        // An answer that just came is newer than the one of before.
        let granted = |before: &Webhook| handshake.granted.clone().or_else(|| asked(before)?.granted.clone());
        let known = before.filter(|before| same(before)).and_then(granted);
        let grant = match known {
            Some(grant) => grant,
            None => self.permission(webhook.tenant, &webhook.config.url, handshake).await?,
        };
        keep(&mut webhook, &grant);
        Ok(webhook)
    }

    async fn permission(
        &self,
        tenant: TenantId,
        url: &DestinationUrl,
        handshake: &Handshake,
    ) -> Result<Grant, WebhookError> {
        let _place = TEST_SENDS.enter(tenant).ok_or(WebhookError::TooManyTests)?;
        let now = self.clock().now();
        let refused = |why: String| WebhookError::Handshake(HandshakeRefusal::NoAnswer(why));
        let client = self.outbound().ok_or_else(|| refused("nothing is sent over the network".into()))?;
        let request = OutboundRequest {
            url: PreparedUrl::new(url),
            headers: question(handshake),
            body: bytes::Bytes::new(),
            timeout: TIMEOUT,
            now,
        };
        let answer = client.options(request).await.map_err(|outcome| refused(named(&outcome)))?;
        read(handshake, &answer, now).map_err(WebhookError::Handshake)
    }
}

fn asked(webhook: &Webhook) -> Option<&Handshake> {
    webhook.config.cloudevents.as_ref()?.handshake.as_ref()
}

fn keep(webhook: &mut Webhook, grant: &Grant) {
    if let Some(handshake) =
        webhook.config.cloudevents.as_mut().and_then(|options| options.handshake.as_mut())
    {
        handshake.granted = Some(grant.clone());
    }
}

fn question(handshake: &Handshake) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let origin = HeaderValue::from_str(&handshake.origin).expect("a DNS name is a header value");
    headers.insert(HeaderName::from_static(REQUEST_ORIGIN_HEADER), origin);
    if let Some(rate) = handshake.rate {
        headers.insert(HeaderName::from_static(REQUEST_RATE_HEADER), HeaderValue::from(rate));
    }
    headers
}

fn read(handshake: &Handshake, answer: &HeaderMap, now: Time) -> Result<Grant, HandshakeRefusal> {
    let text = |name: &str| answer.get(name).map(|value| value.to_str().unwrap_or_default());
    handshake.read(text(ALLOWED_ORIGIN_HEADER), text(ALLOWED_RATE_HEADER), now)
}

fn named(outcome: &AttemptOutcome) -> String {
    match (outcome.status(), outcome.reason()) {
        (Some(status), _) => format!("status {status}"),
        (None, Some(reason)) => format!("{}: {reason}", outcome.kind()),
        (None, None) => outcome.kind().to_owned(),
    }
}
