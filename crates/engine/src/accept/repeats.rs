//! Repeats of what was published before: what a key stands for, and what a refused event with a known key is answered.

use sha2::{Digest, Sha256};
use stentor_core::event::Origin;
use stentor_core::id::TenantId;
use stentor_core::operational::DELIVERY_DEAD;
use stentor_core::time::Time;
use stentor_store::events::KeyedEvent;
use stentor_store::journal::IdempotencyKey;

use super::{IDEMPOTENCY_WINDOW, Publish, PublishError, Published, unavailable};
use crate::engine::Engine;
use crate::operational::KEY_WINDOW;

impl Engine {
    /// The answer to an event that may not be stored now: that of its key, if it was published with it before, and otherwise
    /// the refusal. What held when it was published counts for it, not what was changed since. Only what is refused asks
    /// here, so that publishing reads nothing.
    pub(super) async fn published_before(
        &self,
        tenant: TenantId,
        publish: &Publish,
        key: Option<&IdempotencyKey>,
        refusal: PublishError,
    ) -> Result<Published, PublishError> {
        let Some(key) = key else { return Err(refusal) };
        let now = self.clock().now();
        match self.store().keyed_event(tenant, key, now).await.map_err(unavailable)? {
            Some(KeyedEvent::Same { event, matched }) => Ok(Published {
                id: event,
                event_type: publish.event_type.clone(),
                deliveries: matched,
                duplicate: true,
                warnings: Vec::new(),
            }),
            Some(KeyedEvent::Other(event)) => Err(PublishError::KeyConflict { event }),
            None => Err(refusal),
        }
    }
}

/// What the key stands for: everything the publisher said, so that a repeat with another body is noticed.
pub(super) fn idempotency_key(key: &str, publish: &Publish, now: Time) -> IdempotencyKey {
    let mut body = Sha256::new();
    let mut part = |bytes: &[u8]| {
        body.update((bytes.len() as u64).to_be_bytes());
        body.update(bytes);
    };
    part(publish.event_type.as_str().as_bytes());
    if let Some(telling) = &publish.telling {
        part(&telling.asked);
        return IdempotencyKey {
            key_hash: Sha256::digest(key.as_bytes()).into(),
            body_hash: body.finalize().into(),
            expires_at: now.plus(IDEMPOTENCY_WINDOW),
        };
    }
    part(publish.content_type.as_bytes());
    part(&publish.data);
    part(publish.previous_data.as_deref().unwrap_or_default());
    part(publish.subject.as_deref().unwrap_or_default().as_bytes());
    part(publish.metadata.as_deref().unwrap_or_default());
    part(&publish.time.map_or(0, Time::as_micros).to_be_bytes());
    let window = match publish.origin {
        Origin::Operational if publish.event_type.as_str() != DELIVERY_DEAD => KEY_WINDOW,
        Origin::Operational => IDEMPOTENCY_WINDOW,
        Origin::Api | Origin::Source => IDEMPOTENCY_WINDOW,
    };
    IdempotencyKey {
        key_hash: Sha256::digest(key.as_bytes()).into(),
        body_hash: body.finalize().into(),
        expires_at: now.plus(window),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use stentor_core::event::EventType;

    use super::*;

    #[test]
    fn another_body_under_the_same_key_is_told_apart() {
        let publish = |data: &'static str| Publish {
            event_type: EventType::parse("a.b").expect("valid"),
            data: Bytes::from_static(data.as_bytes()),
            content_type: "application/json".into(),
            previous_data: None,
            time: None,
            subject: None,
            metadata: None,
            idempotency_key: Some("k".into()),
            origin: Origin::Api,
            token: None,
            telling: None,
            arriving: None,
        };
        let hashes = |data| idempotency_key("k", &publish(data), Time::ZERO);
        assert_eq!(hashes("1"), hashes("1"));
        assert_eq!(hashes("1").key_hash, hashes("2").key_hash);
        assert_ne!(hashes("1").body_hash, hashes("2").body_hash);
    }
}
