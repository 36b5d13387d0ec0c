//! Tenants: unique names, and what goes with a tenant that is deleted.

use stentor_core::delivery::{CancelReason, DeliveryState, FinalState};
use stentor_core::id::TenantId;
use stentor_core::profile::Profile;
use stentor_core::tenant::Tenant;
use stentor_core::webhook::WebhookStatus;

use super::Backend;
use super::fixtures::{START, Scene, accept, assert_stored};
use crate::journal::{Write, Written};
use crate::tenants::TenantSaved;
use crate::webhooks::Saved;

async fn create(scene: &Scene, tenant: &Tenant) -> TenantSaved {
    scene.store.create_tenant(tenant).await.expect("the answer is a value")
}

async fn read(scene: &Scene, id: TenantId) -> Option<Tenant> {
    scene.store.tenant(id).await.expect("a tenant is read")
}

async fn named(scene: &Scene, name: &str) -> Option<Tenant> {
    scene.store.tenant_named(name).await.expect("a tenant is read")
}

/// A tenant reads back by id and by name; its configuration starts at version 1 whatever the argument says.
pub async fn a_tenant_comes_back(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let mut tenant = scene.new_tenant("Ørsted & Søn '; --");
    tenant.plan = "gold".into();
    tenant.default_profile = Some(Profile::Resource);
    tenant.config_version = 9;
    assert_eq!(create(&scene, &tenant).await, TenantSaved::Done);
    tenant.config_version = 1;
    let scene = scene.reopen(backend).await;
    assert_eq!(read(&scene, tenant.id).await.as_ref(), Some(&tenant));
    assert_eq!(named(&scene, &tenant.name).await, Some(tenant));
    assert_eq!(read(&scene, scene.new_tenant("").id).await, None);
    assert_eq!(named(&scene, "nobody").await, None);
}

/// No two tenants have one name, not by creating and not by renaming.
pub async fn names_are_unique(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (first, second) = (scene.new_tenant("first"), scene.new_tenant("second"));
    assert_eq!(create(&scene, &first).await, TenantSaved::Done);
    let twin = scene.new_tenant("first");
    assert_eq!(create(&scene, &twin).await, TenantSaved::NameTaken);
    assert_eq!(read(&scene, twin.id).await, None);
    assert_eq!(create(&scene, &second).await, TenantSaved::Done);
    let update = async |tenant: &Tenant, name: &str, plan: &str| {
        let default_profile = (plan == "gold").then_some(Profile::Broxi);
        let changed = Tenant { name: name.into(), plan: plan.into(), default_profile, ..tenant.clone() };
        scene.store.update_tenant(&changed).await.expect("the answer is a value")
    };
    assert_eq!(update(&second, "first", "gold").await, TenantSaved::NameTaken);
    assert_eq!(read(&scene, second.id).await.as_ref(), Some(&second), "nothing changed");
    assert_eq!(update(&second, "second", "gold").await, TenantSaved::Done);
    let changed = read(&scene, second.id).await.expect("it is there");
    assert_eq!((changed.plan.as_str(), changed.default_profile), ("gold", Some(Profile::Broxi)));
    assert_eq!(update(&first, "third", "default").await, TenantSaved::Done);
    assert_eq!(named(&scene, "third").await.map(|tenant| tenant.id), Some(first.id));
    assert_eq!(update(&second, "first", "gold").await, TenantSaved::Done, "the name was given up");
    assert_eq!(update(&twin, "fourth", "gold").await, TenantSaved::NotFound);
}

/// Routing and limits are read together, so a change of the plan is one of the configuration; one of the name is not.
pub async fn the_version_moves_with_the_plan(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let mut row = read(&scene, tenant).await.expect("it exists");
    let before = row.config_version;
    for (name, plan, moves) in [("a", "default", 0), ("b", "pro", 1), ("c", "pro", 1), ("c", "default", 2)] {
        (row.name, row.plan) = (name.into(), plan.into());
        let saved = scene.store.update_tenant(&row).await.expect("the answer is a value");
        assert_eq!(saved, TenantSaved::Done);
        assert_eq!(scene.version(tenant).await, before + moves, "{name} {plan}");
    }
}

/// Tenants are listed newest first, each once.
pub async fn tenants_are_listed_once_each(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let mut expected = Vec::new();
    for _ in 0..7 {
        expected.insert(0, scene.tenant().await);
    }
    for rows in [1, 3, 7, 50] {
        let (mut before, mut seen) = (None, Vec::new());
        loop {
            let page = scene.store.tenants(before, rows).await.expect("a list is read");
            assert!(page.rows.len() <= rows as usize);
            assert!(before.is_none() || !page.rows.is_empty(), "`more` promised rows");
            seen.extend(page.rows.iter().map(|tenant| tenant.id));
            before = seen.last().copied();
            if !page.more {
                break;
            }
        }
        assert_eq!(seen, expected, "by {rows}");
    }
}

/// Deleting a tenant revokes its tokens and makes its webhooks tombstones; another tenant loses nothing.
pub async fn deleting_a_tenant_takes_tokens_and_webhooks(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let (webhook, kept) = (scene.webhook(tenant).await, scene.webhook(other).await);
    for (owner, secret) in [(tenant, "doomed"), (other, "kept")] {
        let token = scene.new_token(owner);
        assert!(scene.store.create_token(&token, secret).await.expect("a token is created"));
    }
    let gone = read(&scene, tenant).await.expect("it exists");
    let name = gone.name.clone();
    let now = scene.tick();
    let delete = async || scene.store.delete_tenant(tenant, now).await.expect("the answer is a value");
    assert_eq!(delete().await, TenantSaved::Done);
    assert_eq!(delete().await, TenantSaved::NotFound);

    assert_eq!((read(&scene, tenant).await, named(&scene, &name).await), (None, None));
    let page = scene.store.tenants(None, 10).await.expect("a list is read");
    assert_eq!(page.rows.iter().map(|tenant| tenant.id).collect::<Vec<_>>(), [other]);
    assert_eq!(scene.store.update_tenant(&gone).await.expect("the answer is a value"), TenantSaved::NotFound);
    let by_secret = async |secret| scene.store.token_by_secret(secret).await.expect("a token is read");
    assert!(by_secret("doomed").await.is_none_or(|token| !token.is_live(now)), "its token no longer works");
    assert!(by_secret("kept").await.expect("another tenant's token").is_live(now));
    assert_eq!(scene.store.webhook(tenant, webhook.id).await.expect("a webhook is read"), None);
    let lane =
        scene.store.lane_webhook(tenant, webhook.id).await.expect("a webhook is read").expect("a tombstone");
    assert_eq!(lane.status, WebhookStatus::Deleted);
    assert_eq!(scene.store.routing(tenant).await.expect("routing is read"), None);
    assert_eq!(scene.store.webhook(other, kept.id).await.expect("a webhook is read"), Some(kept));
    let reborn = scene.new_tenant(&name);
    assert_eq!(create(&scene, &reborn).await, TenantSaved::Done, "the name is free again");
}

/// Nothing new comes in for a deleted tenant. What it had stays until retention, and its rows can be cancelled.
pub async fn a_deleted_tenant_keeps_its_events(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let event = scene.publish(tenant, &[&webhook]).await;
    let late = scene.new_event(tenant, &[&webhook]).await;
    scene.store.delete_tenant(tenant, scene.tick()).await.expect("a tenant is deleted");
    assert_eq!(scene.accept(&late).await, Written::StaleConfig { current: None });
    let created =
        scene.store.create_webhook(&scene.new_webhook(tenant)).await.expect("the answer is a value");
    assert_eq!(created, Saved::NotFound);
    assert!(
        !scene.store.create_token(&scene.new_token(tenant), "late").await.expect("the answer is a value")
    );
    assert_stored(&scene, &event).await;
    let id = event.deliveries[0].id;
    let state = FinalState::Cancelled(CancelReason::WebhookDeleted);
    let finish = Write::Finish { deliveries: vec![id], state, now: scene.tick() };
    assert_eq!(scene.write(finish).await, Written::Finished(vec![id]));
    assert_eq!(scene.delivery(tenant, id).await.state, DeliveryState::Cancelled);
    assert!(scene.sums().await.holds());
}

/// A tenant that is created and deleted while others publish disturbs none of them.
pub async fn items_of_a_deleted_tenant_fail_alone(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let (doomed, kept) = (scene.new_event(tenant, &[]).await, scene.new_event(other, &[]).await);
    scene.store.delete_tenant(tenant, START).await.expect("a tenant is deleted");
    let written = scene.commit(vec![accept(&doomed), accept(&kept)]).await;
    assert_eq!(
        written,
        [Written::StaleConfig { current: None }, Written::Accepted { positions: Vec::new() }]
    );
}
