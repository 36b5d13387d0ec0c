//! Which webhook may get what another gives up.

use stentor_core::id::{TenantId, WebhookId};
use stentor_core::limits::FALLBACKS_MAX;

use super::WebhookError;
use crate::engine::Engine;

impl Engine {
    /// What a webhook gives up must come to an end. Two changes at one time may still close a circle, which does no harm:
    /// what a fallback gives up goes no further.
    pub(super) async fn check_fallbacks(
        &self,
        tenant: TenantId,
        id: WebhookId,
        on_dead: Option<WebhookId>,
    ) -> Result<(), WebhookError> {
        let mut next = on_dead;
        for place in 0..FALLBACKS_MAX {
            let Some(fallback) = next else { return Ok(()) };
            if fallback == id {
                return Err(WebhookError::FallbackLoop);
            }
            match self.store().webhook(tenant, fallback).await? {
                Some(webhook) => next = webhook.config.on_dead,
                None if place == 0 => return Err(WebhookError::UnknownFallback),
                // Deleted since: the row ends there.
                None => return Ok(()),
            }
        }
        if next.is_none() { Ok(()) } else { Err(WebhookError::FallbackLoop) }
    }
}
