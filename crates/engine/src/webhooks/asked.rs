//! What was asked for, as a hash.

use sha2::{Digest, Sha256};
use stentor_core::filter::Filter;
use stentor_core::webhook::SecretText;

use super::WebhookDraft;

/// What an idempotency key stands for: everything that was asked for.
pub(super) fn hash_of(draft: &WebhookDraft, key: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    // The key itself is kept nowhere: with it a hash over secrets cannot be guessed at.
    part(key);
    // The shown form of everything but the secrets, which have none.
    part(&format!(
        "{:?}",
        (
            &draft.name,
            &draft.url,
            &draft.events,
            draft.profile,
            &draft.policy,
            &draft.signature,
            draft.limits
        )
    ));
    part(&format!("{:?}", (draft.format, &draft.transform, &draft.cloudevents)));
    part(&format!(
        "{:?}",
        (draft.ordered, draft.on_dead, &draft.metadata, draft.active, draft.secret.is_some())
    ));
    let asked = draft.filter.as_ref();
    part(asked.and_then(Filter::filters).unwrap_or_default());
    part(asked.and_then(Filter::conditions).unwrap_or_default());
    part(draft.secret.as_ref().map_or("", SecretText::reveal));
    for (name, value) in draft.headers.iter() {
        part(name);
        part(value);
    }
    hash.finalize().into()
}
