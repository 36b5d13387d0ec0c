//! Operational events: what Stentor tells a tenant about itself, delivered to the tenant's own webhooks (glossary).

use crate::event::{EventPattern, EventType};
use crate::id::WebhookId;
use crate::webhook::Webhook;

/// Stentor disabled a webhook.
pub const WEBHOOK_DISABLED: &str = "webhook.disabled";

/// A delivery was given up after an attempt.
pub const DELIVERY_DEAD: &str = "delivery.dead";

/// Whether these patterns ask for an operational event of this type: by name or prefix. `*` stands for what the tenant
/// publishes, so that a receiver of everything meets no type that its owner never sent.
pub fn asks_for(patterns: &[EventPattern], event_type: &str) -> bool {
    patterns.iter().any(|pattern| !matches!(pattern, EventPattern::All) && pattern.matches(event_type))
}

/// Whether a webhook gets an operational event of this type. It must ask for it ([`asks_for`]). An event about a webhook never
/// goes to that webhook, which ends every circle.
pub fn is_receiver(webhook: &Webhook, event_type: &EventType, subject: Option<&str>) -> bool {
    is_sent(&webhook.config.events, webhook.id, event_type, subject)
}

/// The same for a webhook with these patterns.
pub fn is_sent(
    patterns: &[EventPattern],
    webhook: WebhookId,
    event_type: &EventType,
    subject: Option<&str>,
) -> bool {
    let about = subject.and_then(|subject| subject.parse().ok());
    asks_for(patterns, event_type.as_str()) && about != Some(webhook)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::AddressPolicy;
    use crate::destination_url::DestinationUrl;
    use crate::id::TenantId;
    use crate::shard::Shard;
    use crate::time::Time;
    use crate::webhook::{WebhookConfig, WebhookSecrets, WebhookStatus};

    fn webhook(patterns: &[&str]) -> Webhook {
        let id = WebhookId::new(Time::from_seconds(1), 4);
        Webhook {
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
        }
    }

    #[test]
    fn they_go_to_those_who_ask_and_never_to_the_one_they_are_about() {
        let kind = EventType::parse(WEBHOOK_DISABLED).expect("valid");
        for (patterns, gets) in [
            (&["*"][..], false),
            (&["webhook.disabled"], true),
            (&["*", "webhook.*"], true),
            (&["webhook"], false),
            (&["order.*"], false),
            (&[], false),
        ] {
            assert_eq!(is_receiver(&webhook(patterns), &kind, None), gets, "{patterns:?}");
        }
        let asks = webhook(&["webhook.*"]);
        let (own, other) = (asks.id.to_string(), WebhookId::new(Time::from_seconds(1), 8).to_string());
        assert!(!is_receiver(&asks, &kind, Some(&own)));
        assert!(is_receiver(&asks, &kind, Some(&other)) && is_receiver(&asks, &kind, Some("2024")));
    }
}
