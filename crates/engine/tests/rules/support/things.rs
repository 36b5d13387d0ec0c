//! Makes tenants, webhooks and events.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use stentor_core::destination_url::DestinationUrl;
use stentor_core::event::{Event, EventContent, EventPattern, EventType, Origin};
use stentor_core::header::CustomHeaders;
use stentor_core::id::{DeliveryId, EventId, TenantId, WebhookId};
use stentor_core::policy::{PolicyOverrides, Schedule};
use stentor_core::shard::Shard;
use stentor_core::tenant::{DEFAULT_PLAN, Tenant, TenantSettings};
use stentor_core::time::Time;
use stentor_core::webhook::{
    SecretText, SigningSecret, Webhook, WebhookConfig, WebhookSecrets, WebhookStatus,
};
use stentor_engine::Engine;
use stentor_engine::accept::{Publish, PublishError, Published};
use stentor_engine::clock::ManualClock;
use stentor_store::Store;
use stentor_store::journal::{CommitResult, NewDelivery, NewEvent, Write, Written};
use stentor_store::webhooks::Saved;

pub use super::process::gauge;

/// When manual clocks start.
pub const START: Time = Time::from_seconds(1_700_000_000);

/// A clock that stands at [`START`].
pub fn manual_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(START))
}

/// Seconds.
pub const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A policy with these waits, in seconds, and no jitter.
pub fn waits(list: &[u64]) -> PolicyOverrides {
    let schedule = Schedule::List(list.iter().map(|wait| seconds(*wait)).collect());
    PolicyOverrides { schedule: Some(schedule), jitter_percent: Some(0), ..PolicyOverrides::default() }
}

/// A stored tenant.
pub async fn tenant(store: &dyn Store, name: &str) -> TenantId {
    let id = TenantId::new(START, fastrand::u64(..));
    let tenant = Tenant {
        id,
        name: name.into(),
        plan: DEFAULT_PLAN.into(),
        default_profile: None,
        config_version: 1,
        settings: TenantSettings::default(),
        created_at: START,
    };
    store.create_tenant(&tenant).await.expect("a tenant can be stored");
    id
}

/// A webhook that is not stored yet.
pub fn new_webhook(tenant: TenantId, pattern: &str) -> Webhook {
    let id = WebhookId::new(START, fastrand::u64(..));
    let config = WebhookConfig::new(
        DestinationUrl::from_stored("https://receiver.example/in").expect("a plain URL"),
        vec![EventPattern::parse(pattern).expect("a pattern")],
    );
    let value = SecretText::new("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=".into());
    let signing = vec![SigningSecret { value, active_from: Time::ZERO, active_until: None }];
    let secrets = WebhookSecrets { signing, headers: CustomHeaders::default() };
    let (shard, status) = (Shard::of(id), WebhookStatus::Active);
    Webhook { id, tenant, shard, config, secrets, status, version: 0, created_at: START, updated_at: START }
}

/// A stored webhook, made before an engine starts.
pub async fn webhook(
    store: &dyn Store,
    tenant: TenantId,
    pattern: &str,
    change: impl FnOnce(&mut Webhook),
) -> Webhook {
    let mut webhook = new_webhook(tenant, pattern);
    change(&mut webhook);
    match store.create_webhook(&webhook).await.expect("a webhook can be stored") {
        Saved::At(version) => Webhook { version, ..webhook },
        other => panic!("not stored: {other:?}"),
    }
}

/// A number as an event.
pub fn numbered(kind: &str, n: u64) -> Publish {
    Publish {
        event_type: EventType::parse(kind).expect("a type"),
        data: Bytes::from(n.to_string()),
        content_type: "application/json".into(),
        previous_data: None,
        time: None,
        subject: None,
        metadata: None,
        idempotency_key: None,
        origin: Origin::Api,
        token: None,
        telling: None,
        arriving: None,
    }
}

/// Publishes a number.
pub async fn publish(
    engine: &Engine,
    tenant: TenantId,
    kind: &str,
    n: u64,
) -> Result<Published, PublishError> {
    engine.publish(tenant, numbered(kind, n)).await
}

/// Publishes numbers, many at a time.
pub async fn publish_all(engine: &Engine, tenant: TenantId, kind: &str, numbers: std::ops::Range<u64>) {
    let numbers: Vec<u64> = numbers.collect();
    for chunk in numbers.chunks(500) {
        let publishing = chunk.iter().map(|n| publish(engine, tenant, kind, *n));
        for published in futures_util::future::join_all(publishing).await {
            published.expect("the event is stored");
        }
    }
}

/// An event as the store takes it, with a delivery for each webhook.
pub fn stored_event(webhooks: &[&Webhook], kind: &str, n: u64, at: Time, config_version: u64) -> NewEvent {
    let tenant = webhooks.first().expect("an event of no webhook has no tenant").tenant;
    let content = EventContent {
        id: EventId::new(at, fastrand::u64(..)),
        event_type: EventType::parse(kind).expect("a type"),
        time: at,
        subject: None,
        content_type: "application/json".into(),
        data: Bytes::from(n.to_string()),
        previous_data: None,
        arrival: None,
    };
    let deliveries: Vec<_> = webhooks
        .iter()
        .map(|webhook| NewDelivery {
            id: DeliveryId::new(at, fastrand::u64(..)),
            webhook: webhook.id,
            shard: webhook.shard,
            position: at.as_micros() + i64::try_from(n).expect("small"),
            ordered: webhook.config.ordered,
            due_at: None,
        })
        .collect();
    let event = Event {
        tenant,
        content: Arc::new(content),
        accepted_at: at,
        metadata: None,
        origin: Origin::Api,
        config_version,
        matched: u32::try_from(deliveries.len()).expect("few"),
    };
    NewEvent { event, idempotency: None, deliveries, message: None }
}

/// The tenant's configuration version in force.
pub async fn config_version(store: &dyn Store, tenant: TenantId) -> u64 {
    store.tenant(tenant).await.expect("a tenant can be read").expect("it is there").config_version
}

/// Stores events without an engine.
pub async fn store_events(store: &dyn Store, events: Vec<NewEvent>) {
    let batch: Arc<[Write]> = events.into_iter().map(|event| Write::Accept(Box::new(event))).collect();
    match store.commit(batch).await {
        CommitResult::Committed(written) => {
            let refused = written.iter().find(|written| !matches!(written, Written::Accepted { .. }));
            assert_eq!(refused, None);
        }
        other => panic!("not committed: {other:?}"),
    }
}
