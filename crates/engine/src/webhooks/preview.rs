//! What a webhook would send of a stored event.

use std::sync::Arc;

use http::HeaderMap;
use stentor_core::envelope::Body;
use stentor_core::id::{BatchId, EventId, TenantId, WebhookId};
use stentor_core::transform::Transform;

use super::WebhookError;
use crate::destination::{BatchShipment, Prepared, Unmade};
use crate::engine::Engine;
use crate::entropy;

/// A request that is not sent.
#[derive(Debug)]
pub struct RequestPreview {
    /// The body, byte for byte as it would be sent but for the id of the delivery, if the format has one.
    pub body: Body,
    /// Every header that Stentor adds, signatures included. Values of the webhook's own headers are in the clear.
    pub headers: HeaderMap,
    /// The headers that carry a signature.
    pub signature_headers: Vec<String>,
    /// The names of the webhook's own headers.
    pub own_headers: Vec<String>,
}

impl Engine {
    /// Makes the request for a stored event, with another transform than the webhook's if one is given. None when there is no
    /// such event; the inner error when there is no request for it.
    ///
    /// # Errors
    /// When there is no such webhook, the transform is refused, or the database does not answer.
    pub async fn preview_request(
        &self,
        tenant: TenantId,
        webhook: WebhookId,
        event: EventId,
        transform: Option<Transform>,
    ) -> Result<Option<Result<RequestPreview, Unmade>>, WebhookError> {
        let mut webhook = self.store().webhook(tenant, webhook).await?.ok_or(WebhookError::NotFound)?;
        let Some(content) = self.store().content(tenant, event).await? else { return Ok(None) };
        if transform.is_some() {
            webhook.config.transform = transform;
        }
        let now = self.clock().now();
        let prepared = Arc::new(Prepared::new(&webhook, now)?);
        let delivery = entropy::delivery_id(now);
        let batch =
            webhook.config.batch.map(|_| BatchShipment { id: BatchId::of([delivery]), others: vec![] });
        let made = match &batch {
            Some(batch) => prepared.batch_body(batch, &content, delivery),
            None => prepared.body(&content, delivery).await,
        };
        let body = match made {
            Ok(body) => body,
            Err(unmade) => return Ok(Some(Err(unmade))),
        };
        let signature = webhook.config.effective_signature();
        let id: &(dyn std::fmt::Display + Sync) = batch.as_ref().map_or(&content.id, |batch| &batch.id);
        Ok(Some(Ok(RequestPreview {
            headers: prepared.headers(&body, id, now, |_| {}),
            body,
            signature_headers: signature.value_headers().map(str::to_ascii_lowercase).collect(),
            own_headers: webhook.secrets.headers.names().map(str::to_ascii_lowercase).collect(),
        })))
    }
}
