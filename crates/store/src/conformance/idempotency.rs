//! Idempotency keys (engine rule E13): one event per tenant and key until the key expires.

use std::time::Duration;

use stentor_core::webhook::Webhook;

use super::Backend;
use super::fixtures::{Scene, accept, assert_not_stored, assert_stored, key};
use crate::events::KeyedEvent;
use crate::journal::{IdempotencyKey, NewEvent, Written};
use crate::webhooks::CreatedOnce;

const KEY: u8 = 1;
const BODY: u8 = 10;
const OTHER_BODY: u8 = 11;

fn with_key(mut event: NewEvent, body: u8) -> NewEvent {
    event.idempotency = Some(key(KEY, body));
    event
}

fn duplicate_of(event: &NewEvent) -> Written {
    Written::Duplicate { event: event.event.content.id, matched: event.event.matched }
}

fn conflict_with(event: &NewEvent) -> Written {
    Written::KeyConflict { event: event.event.content.id }
}

/// The same key with the same body answers the first event; with another body it is a conflict. Neither stores anything.
pub async fn a_key_stands_for_its_first_event(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (first, second) = (scene.webhook(tenant).await, scene.webhook(tenant).await);
    let original = with_key(scene.new_event(tenant, &[&first, &second]).await, BODY);
    scene.store_event(&original).await;
    for _ in 0..2 {
        let again = with_key(scene.new_event(tenant, &[&first]).await, BODY);
        assert_eq!(scene.accept(&again).await, duplicate_of(&original));
        assert_not_stored(&scene, &again, true).await;
        let other = with_key(scene.new_event(tenant, &[&first]).await, OTHER_BODY);
        assert_eq!(scene.accept(&other).await, conflict_with(&original));
        assert_not_stored(&scene, &other, true).await;
    }
    assert_eq!((scene.sums().await.events, scene.sums().await.accepted), (1, 2));
}

/// What a key was used for can be asked without storing anything, until it expires.
pub async fn a_key_tells_its_first_event(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let webhook = scene.webhook(tenant).await;
    let original = with_key(scene.new_event(tenant, &[&webhook]).await, BODY);
    let (now, own) = (original.event.accepted_at, key(KEY, BODY));
    assert_eq!(scene.store.keyed_event(tenant, &own, now).await.expect("read"), None);
    scene.store_event(&original).await;
    let event = original.event.content.id;
    let asked = |tenant, key, now| scene.store.keyed_event(tenant, key, now);
    let stored = original.idempotency.as_ref().expect("just set").clone();
    let same = Some(KeyedEvent::Same { event, matched: 1 });
    assert_eq!(asked(tenant, &own, now).await.expect("read"), same);
    let changed = key(KEY, OTHER_BODY);
    assert_eq!(asked(tenant, &changed, now).await.expect("read"), Some(KeyedEvent::Other(event)));
    assert_eq!(asked(other, &own, now).await.expect("read"), None);
    assert_eq!(asked(tenant, &own, stored.expires_at).await.expect("read"), None);
}

/// Two items with one key in one batch: the first is stored, the others are answered with it.
pub async fn a_key_twice_in_a_batch_stores_one_event(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let first = with_key(scene.new_event(tenant, &[&webhook]).await, BODY);
    let same = with_key(scene.new_event(tenant, &[&webhook]).await, BODY);
    let other = with_key(scene.new_event(tenant, &[&webhook]).await, OTHER_BODY);
    let unkeyed = scene.new_event(tenant, &[&webhook]).await;
    let written = scene.commit([&first, &same, &unkeyed, &other].map(accept).into()).await;
    assert!(matches!(written[0], Written::Accepted { .. }), "{written:?}");
    assert_eq!(written[1], duplicate_of(&first));
    assert!(matches!(written[2], Written::Accepted { .. }), "{written:?}");
    assert_eq!(written[3], conflict_with(&first));
    assert_eq!(scene.pending(&webhook).await.len(), 2);
}

/// From its expiry on a key may be used anew, and then stands for the new event.
pub async fn an_expired_key_may_be_used_anew(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let mut first = with_key(scene.new_event(tenant, &[]).await, BODY);
    let lifetime = Duration::from_secs(60);
    let expires_at = first.event.accepted_at.plus(lifetime);
    first.idempotency.as_mut().expect("just set").expires_at = expires_at;
    scene.store_event(&first).await;

    let mut before = with_key(scene.new_event(tenant, &[]).await, OTHER_BODY);
    before.event.accepted_at = expires_at.minus(Duration::from_micros(1));
    assert_eq!(scene.accept(&before).await, conflict_with(&first));

    scene.advance(lifetime);
    let mut anew = with_key(scene.new_event(tenant, &[]).await, OTHER_BODY);
    anew.event.accepted_at = expires_at;
    scene.store_event(&anew).await;
    assert_stored(&scene, &anew).await;
    assert_stored(&scene, &first).await;

    let again = with_key(scene.new_event(tenant, &[]).await, OTHER_BODY);
    assert_eq!(scene.accept(&again).await, duplicate_of(&anew));
    let old_body = with_key(scene.new_event(tenant, &[]).await, BODY);
    assert_eq!(scene.accept(&old_body).await, conflict_with(&anew));
}

/// Tenants do not see each other's keys.
pub async fn a_key_belongs_to_its_tenant(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let own = with_key(scene.new_event(tenant, &[]).await, BODY);
    let foreign = with_key(scene.new_event(other, &[]).await, OTHER_BODY);
    let written = scene.commit(vec![accept(&own), accept(&foreign)]).await;
    assert!(written.iter().all(|answer| matches!(answer, Written::Accepted { .. })), "{written:?}");
    let again = with_key(scene.new_event(other, &[]).await, OTHER_BODY);
    assert_eq!(scene.accept(&again).await, duplicate_of(&foreign));
}

/// An item that was not stored does not use up its key: not when it was refused, not when its routing was stale.
pub async fn what_is_not_stored_leaves_its_key_free(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let stored = scene.publish(tenant, &[&webhook]).await;
    let mut stale = with_key(scene.new_event(tenant, &[&webhook]).await, BODY);
    stale.event.config_version -= 1;
    let mut bad = with_key(scene.new_event(tenant, &[&webhook]).await, BODY);
    bad.deliveries[0].id = stored.deliveries[0].id;
    let good = with_key(scene.new_event(tenant, &[&webhook]).await, OTHER_BODY);
    let written = scene.commit(vec![accept(&stale), accept(&bad), accept(&good)]).await;
    assert!(matches!(written[0], Written::StaleConfig { .. }), "{written:?}");
    assert!(matches!(written[1], Written::Refused(_)), "{written:?}");
    assert!(matches!(written[2], Written::Accepted { .. }), "{written:?}");
    assert_stored(&scene, &good).await;
}

/// Keys outlive the process.
pub async fn keys_survive_a_reopen(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let original = with_key(scene.new_event(tenant, &[]).await, BODY);
    scene.store_event(&original).await;
    let scene = scene.reopen(backend).await;
    let again = with_key(scene.new_event(tenant, &[]).await, BODY);
    assert_eq!(scene.accept(&again).await, duplicate_of(&original));
}

/// A key stands for one webhook too, and does not meet those of events.
pub async fn a_webhook_is_created_once_per_key(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let first = scene.new_webhook(tenant);
    let key = IdempotencyKey {
        key_hash: [7; 32],
        body_hash: [8; 32],
        expires_at: first.created_at.plus(Duration::from_secs(60)),
    };
    let once = async |webhook: &Webhook, key: &IdempotencyKey| {
        scene.store.create_webhook_once(webhook, key).await.expect("a webhook is created")
    };
    assert!(matches!(once(&first, &key).await, CreatedOnce::At(_)));
    let again = scene.new_webhook(tenant);
    assert_eq!(once(&again, &key).await, CreatedOnce::Before(first.id));
    let changed = IdempotencyKey { body_hash: [9; 32], ..key.clone() };
    assert_eq!(once(&again, &changed).await, CreatedOnce::KeyConflict(first.id));
    assert!(matches!(once(&scene.new_webhook(other), &key).await, CreatedOnce::At(_)));
    let mut late = scene.new_webhook(tenant);
    late.created_at = key.expires_at;
    assert!(matches!(once(&late, &changed).await, CreatedOnce::At(_)));
    let listed = scene.store.webhooks(tenant, None, false, None, 10).await.expect("webhooks are listed");
    assert_eq!(listed.rows.iter().map(|webhook| webhook.id).collect::<Vec<_>>(), [late.id, first.id]);
}
