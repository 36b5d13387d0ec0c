//! The configuration version (engine rule E7): an event is stored only under the routing that is in force.

use stentor_core::webhook::{DisableReason, WebhookStatus};

use super::Backend;
use super::fixtures::{START, Scene, accept, assert_not_stored, assert_stored, version_of};
use crate::journal::{Write, Written};

/// Any version but the one in force stores nothing of that item, and the others are stored.
pub async fn another_version_stores_nothing(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let webhook = scene.webhook(tenant).await;
    let version = scene.version(tenant).await;
    let older = scene.new_event_at(tenant, &[&webhook], version - 1);
    let newer = scene.new_event_at(tenant, &[&webhook], version + 1);
    let right = scene.new_event_at(tenant, &[&webhook], version);
    let foreign = scene.new_event(other, &[]).await;
    let written = scene.commit([&older, &right, &newer, &foreign].map(accept).into()).await;
    assert_eq!(written[0], Written::StaleConfig { current: Some(version) });
    assert!(matches!(written[1], Written::Accepted { .. }), "{written:?}");
    assert_eq!(written[2], Written::StaleConfig { current: Some(version) });
    assert!(matches!(written[3], Written::Accepted { .. }), "{written:?}");
    for event in [&older, &newer] {
        assert_not_stored(&scene, event, true).await;
    }
    for event in [&right, &foreign] {
        assert_stored(&scene, event).await;
    }
}

/// A tenant that is not there has no version in force.
pub async fn an_unknown_tenant_has_no_version(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let event = scene.new_event_at(scene.new_tenant("nobody").id, &[], 1);
    assert_eq!(scene.accept(&event).await, Written::StaleConfig { current: None });
    assert_not_stored(&scene, &event, true).await;
}

/// Each change of a webhook or token moves the version, and routing made before it is stale at once.
pub async fn every_change_moves_the_version(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let mut before = scene.version(tenant).await;
    assert_eq!(before, 1, "a new tenant starts at 1");

    let mut webhook = scene.webhook(tenant).await;
    before = assert_moved(&scene, tenant, before, Some(webhook.version)).await;
    webhook.config.name = Some("renamed".into());
    webhook.version = version_of(scene.store.update_webhook(&webhook).await.expect("a webhook is updated"));
    before = assert_moved(&scene, tenant, before, Some(webhook.version)).await;
    scene.set_status(&mut webhook, WebhookStatus::Paused).await;
    before = assert_moved(&scene, tenant, before, Some(webhook.version)).await;
    scene.set_status(&mut webhook, WebhookStatus::Active).await;
    before = assert_moved(&scene, tenant, before, Some(webhook.version)).await;

    let token = scene.new_token(tenant);
    assert!(scene.store.create_token(&token, "secret").await.expect("a token is created"));
    before = assert_moved(&scene, tenant, before, None).await;
    assert!(scene.store.revoke_token(tenant, token.id, START).await.expect("a token is revoked"));
    before = assert_moved(&scene, tenant, before, None).await;

    let event = scene.publish(tenant, &[&webhook]).await;
    let mut gone = scene.exhausted(&event, 0, 1);
    gone.disable = Some(DisableReason::Gone);
    let Written::Recorded { disabled_version, .. } = scene.write(Write::Outcome(Box::new(gone))).await else {
        panic!("an outcome is recorded");
    };
    assert!(disabled_version.is_some(), "the webhook was active");
    before = assert_moved(&scene, tenant, before, disabled_version).await;

    let deleted = scene.store.delete_webhook(tenant, webhook.id, START).await.expect("a webhook is deleted");
    assert_moved(&scene, tenant, before, Some(version_of(deleted))).await;
    assert_eq!(scene.version(other).await, 1, "another tenant's version stays");
}

/// The version is above `before`, equal to what the change answered, and `before` is stale. Answers the version.
async fn assert_moved(
    scene: &Scene,
    tenant: stentor_core::id::TenantId,
    before: u64,
    answered: Option<u64>,
) -> u64 {
    let now = scene.version(tenant).await;
    assert!(now > before, "the version went from {before} to {now}");
    assert_eq!(answered.unwrap_or(now), now);
    let routing = scene.store.routing(tenant).await.expect("routing is read").expect("the tenant exists");
    assert_eq!(routing.version, now, "routing answers the version in force");
    let stale = scene.new_event_at(tenant, &[], before);
    assert_eq!(scene.accept(&stale).await, Written::StaleConfig { current: Some(now) });
    now
}

/// What does not change webhooks or tokens leaves the version alone: the hot path does not make routing stale.
pub async fn deliveries_do_not_move_the_version(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (webhook, other) = (scene.webhook(tenant).await, scene.webhook(tenant).await);
    let version = scene.version(tenant).await;
    let event = scene.publish(tenant, &[&webhook, &other]).await;
    assert!(scene.record(&scene.failed(&event, 0, 1)).await);
    assert!(scene.record(&scene.delivered(&event, 1, 1)).await);
    scene.write(Write::Retry { tenant, delivery: event.deliveries[0].id, now: START }).await;
    assert_eq!(scene.version(tenant).await, version);
}
