//! Which webhooks an event goes to.

use std::collections::HashMap;
use std::sync::Arc;

use crate::event::{EventPattern, EventType};
use crate::id::WebhookId;
use crate::webhook::{Webhook, WebhookStatus};

/// An immutable table of one tenant's webhooks by event type, made for one configuration version (engine rule E7).
/// Finding the webhooks of an event costs in proportion to those that match, not to those that exist.
#[derive(Debug, Default)]
pub struct RoutingTable {
    version: u64,
    webhooks: Vec<Arc<Webhook>>,
    by_id: HashMap<WebhookId, u32>,
    exact: HashMap<Box<str>, Vec<u32>>,
    /// Keyed by the text up to and including a dot.
    prefixes: HashMap<Box<str>, Vec<u32>>,
    all: Vec<u32>,
}

impl RoutingTable {
    /// Builds the table. Paused and disabled webhooks match (their deliveries are held); deleted ones do not.
    pub fn new(version: u64, webhooks: impl IntoIterator<Item = Arc<Webhook>>) -> Self {
        let mut table = Self { version, ..Self::default() };
        for webhook in webhooks.into_iter().filter(|webhook| webhook.status != WebhookStatus::Deleted) {
            table.insert(webhook);
        }
        table
    }

    fn insert(&mut self, webhook: Arc<Webhook>) {
        let index = u32::try_from(self.webhooks.len()).expect("a tenant has fewer than 2^32 webhooks");
        for pattern in &webhook.config.events {
            let row = match pattern {
                EventPattern::Exact(exact) => self.exact.entry(exact.as_str().into()).or_default(),
                EventPattern::Prefix(prefix) => self.prefixes.entry(prefix.clone()).or_default(),
                EventPattern::All => &mut self.all,
            };
            if row.last() != Some(&index) {
                row.push(index);
            }
        }
        self.by_id.insert(webhook.id, index);
        self.webhooks.push(webhook);
    }

    /// The configuration version that the table was made for.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// All webhooks in the table.
    pub fn webhooks(&self) -> &[Arc<Webhook>] {
        &self.webhooks
    }

    /// A webhook, whatever it asks for.
    pub fn webhook(&self, id: WebhookId) -> Option<&Arc<Webhook>> {
        self.by_id.get(&id).map(|index| &self.webhooks[*index as usize])
    }

    /// The webhooks that an event of this type goes to, each once, in order of creation.
    pub fn matching(&self, event_type: &EventType) -> Vec<Arc<Webhook>> {
        let text = event_type.as_str();
        let mut found: Vec<u32> = self.all.clone();
        found.extend(self.exact.get(text).into_iter().flatten());
        if !self.prefixes.is_empty() {
            for (dot, _) in text.match_indices('.') {
                found.extend(self.prefixes.get(&text[..=dot]).into_iter().flatten());
            }
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|index| Arc::clone(&self.webhooks[index as usize])).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::address::AddressPolicy;
    use crate::destination_url::DestinationUrl;
    use crate::id::TenantId;
    use crate::shard::Shard;
    use crate::time::Time;
    use crate::webhook::{WebhookConfig, WebhookSecrets};

    fn webhook(n: u64, patterns: &[&str]) -> Arc<Webhook> {
        let id = WebhookId::new(Time::from_seconds(1), n << 2);
        Arc::new(Webhook {
            id,
            tenant: TenantId::from_bytes([0; 16]),
            shard: Shard::of(id),
            config: WebhookConfig::new(
                DestinationUrl::parse("https://example.com/", &AddressPolicy::closed()).expect("valid"),
                patterns.iter().map(|text| EventPattern::parse(text).expect("valid")).collect(),
            ),
            secrets: WebhookSecrets { signing: vec![], headers: Default::default() },
            status: WebhookStatus::Active,
            version: 1,
            created_at: Time::ZERO,
            updated_at: Time::ZERO,
        })
    }

    proptest! {
        #[test]
        fn the_table_agrees_with_trying_every_pattern(
            rows in proptest::collection::vec(proptest::collection::vec(prop_oneof![
                Just("*"), Just("a"), Just("a.b"), Just("a.*"), Just("a.b.*"), Just("a.b.c"), Just("b.*"), Just("ab.*")
            ], 0..4), 0..12),
            event in prop_oneof![Just("a"), Just("a.b"), Just("a.b.c"), Just("a.b.c.d"), Just("ab.c"), Just("b.x"), Just("a..b")],
        ) {
            let webhooks: Vec<_> = rows.iter().enumerate().map(|(n, patterns)| webhook(n as u64, patterns)).collect();
            let event = EventType::parse(event).expect("valid");
            let expected: Vec<_> = webhooks.iter()
                .filter(|w| w.config.events.iter().any(|pattern| pattern.matches(event.as_str())))
                .map(|w| w.id).collect();
            let found: Vec<_> = RoutingTable::new(3, webhooks).matching(&event).iter().map(|w| w.id).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
