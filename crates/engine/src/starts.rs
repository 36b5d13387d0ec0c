//! Starts of attempts before this process, so that rates hold over a restart (engine rule E14).

use std::collections::HashMap;

use stentor_core::id::WebhookId;
use stentor_core::shard::Shard;
use stentor_core::time::Time;
use stentor_store::maintenance::{KeptStarts, PreviousEnd};

/// What is known of starts before this process. After a death nothing is (engine rule E14).
pub(crate) fn believed(kept: Option<KeptStarts>, previous_end: PreviousEnd, started_at: Time) -> KeptStarts {
    match (previous_end, kept) {
        (PreviousEnd::FirstStart, _) => KeptStarts::default(),
        (PreviousEnd::Clean, Some(kept)) => kept,
        // A version that kept nothing may have ended in order.
        (PreviousEnd::Clean, None) | (PreviousEnd::Unclean, _) => {
            KeptStarts { known_since: started_at, webhooks: Vec::new() }
        }
    }
}

/// The starts of each shard's webhooks.
pub(crate) fn by_shard(kept: KeptStarts) -> HashMap<Shard, HashMap<WebhookId, Vec<Time>>> {
    let mut shards: HashMap<Shard, HashMap<WebhookId, Vec<Time>>> = HashMap::new();
    for (webhook, starts) in kept.webhooks {
        shards.entry(Shard::of(webhook)).or_default().insert(webhook, starts);
    }
    shards
}
