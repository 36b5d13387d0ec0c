//! Tenant isolation: another tenant's id behaves as an unknown one, on every read and every write.

use std::slice;

use stentor_core::id::{EventId, TenantId};
use stentor_core::retry::HealthChange;
use stentor_core::time::Time;
use stentor_core::token::Token;
use stentor_core::webhook::{DisableReason, Webhook};

use super::Backend;
use super::fixtures::{START, Scene, assert_stored};
use crate::deliveries::DeliveryFilter;
use crate::events::{Conservation, EventFilter};
use crate::journal::{NewEvent, Write, Written};
use crate::webhooks::Saved;

const LATER: Time = Time::from_seconds(1_800_000_000);

/// A tenant with something of everything: a finished delivery, a waiting one, failures, a token.
struct Owner {
    tenant: TenantId,
    webhook: Webhook,
    done: NewEvent,
    waiting: NewEvent,
    token: Token,
}

async fn owner(scene: &Scene, secret: &str) -> Owner {
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let (done, waiting) =
        (scene.publish(tenant, &[&webhook]).await, scene.publish(tenant, &[&webhook]).await);
    assert!(scene.record(&scene.exhausted(&done, 0, 1)).await);
    let mut failed = scene.failed(&waiting, 0, 1);
    failed.health = HealthChange::StartedFailing;
    assert!(scene.record(&failed).await);
    let token = scene.new_token(tenant);
    assert!(scene.store.create_token(&token, secret).await.expect("a token is created"));
    Owner { tenant, webhook, done, waiting, token }
}

/// Single reads under another tenant find nothing.
pub async fn single_reads_find_nothing_of_others(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (own, stranger) = (owner(&scene, "own").await, owner(&scene, "stranger").await.tenant);
    let store = &scene.store;
    for event in [&own.done, &own.waiting] {
        let (event_id, id) = (event.event.content.id, event.deliveries[0].id);
        assert_eq!(store.event(stranger, event_id).await.expect("an event is read"), None);
        assert_eq!(store.content(stranger, event_id).await.expect("content is read"), None);
        assert_eq!(store.delivery(stranger, id).await.expect("a delivery is read"), None);
        assert_eq!(store.attempts(stranger, id).await.expect("attempts are read"), []);
        assert_eq!(store.stored_events(&[(stranger, event_id)]).await.expect("ids are looked up"), []);
    }
    let (webhook, version) = (own.webhook.id, scene.version(own.tenant).await);
    assert_eq!(store.webhook(stranger, webhook).await.expect("a webhook is read"), None);
    assert_eq!(store.lane_webhook(stranger, webhook).await.expect("a webhook is read"), None);
    assert_eq!(store.revision(stranger, webhook, version).await.expect("a revision is read"), None);
    assert_eq!(store.failing_since(stranger, webhook).await.expect("the record is read"), None);
    assert!(store.failing_since(own.tenant, webhook).await.expect("the record is read").is_some());
}

/// Lists and sums of one tenant hold nothing of another.
pub async fn lists_hold_nothing_of_others(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let owners = [owner(&scene, "one").await, owner(&scene, "two").await];
    let empty = scene.tenant().await;
    let store = &scene.store;
    for own in &owners {
        let other = if own.tenant == owners[0].tenant { &owners[1] } else { &owners[0] };
        let newest_first: Vec<EventId> = [&own.waiting, &own.done].map(|event| event.event.content.id).into();
        let events =
            store.events(own.tenant, &EventFilter::default(), None, 50, 0).await.expect("a list is read");
        assert_eq!(events.rows.iter().map(|row| row.event.content.id).collect::<Vec<_>>(), newest_first);
        let types = store.event_types(own.tenant, START, LATER, None, 50).await.expect("ids are read");
        let ids: Vec<_> = types.into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, newest_first.iter().rev().copied().collect::<Vec<_>>());
        let all =
            store.deliveries(own.tenant, &DeliveryFilter::default(), None, 50).await.expect("a list is read");
        assert!(all.rows.len() == 2 && all.rows.iter().all(|row| row.webhook == own.webhook.id));
        let by_webhook = DeliveryFilter { webhook: Some(other.webhook.id), ..DeliveryFilter::default() };
        let by_event =
            DeliveryFilter { event: Some(other.done.event.content.id), ..DeliveryFilter::default() };
        for filter in [by_webhook, by_event] {
            let page = store.deliveries(own.tenant, &filter, None, 50).await.expect("a list is read");
            assert_eq!((page.rows, page.more), (Vec::new(), false));
        }
        let webhooks = store.webhooks(own.tenant, None, false, None, 50).await.expect("a list is read");
        assert_eq!(webhooks.rows, slice::from_ref(&own.webhook));
        let routing = store.routing(own.tenant).await.expect("routing is read").expect("it exists");
        assert_eq!(routing.webhooks, slice::from_ref(&own.webhook));
        let tokens = store.tokens(own.tenant).await.expect("tokens are read");
        assert_eq!(tokens, slice::from_ref(&own.token));
        let sums = store.conservation(Some(own.tenant)).await.expect("the sums are read");
        let (events, accepted, pending, dead) = (2, 2, 1, 1);
        assert_eq!(sums, Conservation { events, accepted, pending, dead, delivered: 0, cancelled: 0 });
    }
    let sums = store.conservation(Some(empty)).await.expect("the sums are read");
    assert_eq!(sums, Conservation::default());
    assert_eq!((scene.sums().await.events, scene.sums().await.accepted), (4, 4), "all tenants together");
}

/// Batch items under another tenant change nothing.
pub async fn journal_items_do_not_reach_others(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (own, stranger) = (owner(&scene, "own").await, owner(&scene, "stranger").await);
    let before = (scene.sums().await, scene.pending(&own.webhook).await, scene.version(own.tenant).await);
    let tenant = stranger.tenant;
    let mut outcome = scene.failed(&own.waiting, 0, 2);
    outcome.tenant = tenant;
    outcome.disable = Some(DisableReason::Gone);
    outcome.health = HealthChange::Recovered;
    let again = scene.new_delivery(&stranger.webhook, START);
    let now = scene.tick();
    let retry = |event: &NewEvent| Write::Retry { tenant, delivery: event.deliveries[0].id, now };
    let redeliver =
        Write::Redeliver { tenant, event: own.done.event.content.id, deliveries: vec![again.clone()] };
    let items = vec![Write::Outcome(Box::new(outcome)), retry(&own.done), retry(&own.waiting), redeliver];
    let written = scene.commit(items).await;
    assert_eq!(written[0], Written::Recorded { applied: false, disabled_version: None, fallback: None });
    assert_eq!(written[1..], [Written::Retried(None), Written::Retried(None), Written::Redelivered(None)]);
    let after = (scene.sums().await, scene.pending(&own.webhook).await, scene.version(own.tenant).await);
    assert_eq!(before, after);
    assert_eq!(scene.store.delivery(tenant, again.id).await.expect("a delivery is read"), None);
    let attempts =
        scene.store.attempts(own.tenant, own.waiting.deliveries[0].id).await.expect("attempts are read");
    assert_eq!(attempts.len(), 1);
    assert!(
        scene.store.failing_since(own.tenant, own.webhook.id).await.expect("the record is read").is_some()
    );
    let webhook = scene.store.webhook(own.tenant, own.webhook.id).await.expect("a webhook is read");
    assert_eq!(webhook, Some(own.webhook));
}

/// Changes of webhooks and tokens under another tenant are not found and change nothing, no version either.
pub async fn changes_do_not_reach_others(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (own, stranger) = (owner(&scene, "own").await, owner(&scene, "stranger").await.tenant);
    let versions = (scene.version(own.tenant).await, scene.version(stranger).await);
    let mut stolen = own.webhook.clone();
    stolen.tenant = stranger;
    stolen.config.name = Some("stolen".into());
    let (store, now) = (&scene.store, scene.tick());
    assert_eq!(store.update_webhook(&stolen).await.expect("the answer is a value"), Saved::NotFound);
    let deleted = store.delete_webhook(stranger, own.webhook.id, now).await.expect("the answer is a value");
    assert_eq!(deleted, Saved::NotFound);
    assert!(!store.revoke_token(stranger, own.token.id, now).await.expect("the answer is a value"));
    let webhook = store.webhook(own.tenant, own.webhook.id).await.expect("a webhook is read");
    assert_eq!(webhook.as_ref(), Some(&own.webhook));
    assert_eq!(store.token_by_secret("own").await.expect("a token is read"), Some(own.token));
    assert_eq!((scene.version(own.tenant).await, scene.version(stranger).await), versions);
    store.delete_tenant(stranger, now).await.expect("a tenant is deleted");
    assert_eq!(
        store.webhook(own.tenant, own.webhook.id).await.expect("a webhook is read"),
        Some(own.webhook)
    );
    assert_stored(&scene, &own.done).await;
}
