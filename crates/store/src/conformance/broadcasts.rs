//! Broadcasts: one event for each of many tenants.

use bytes::Bytes;
use stentor_core::event::EventType;
use stentor_core::id::{BroadcastId, TenantId};

use super::Backend;
use super::fixtures::{Scene, assert_not_stored, assert_stored};
use crate::broadcasts::{Audience, Broadcast, BroadcastCreated, BroadcastKey, BroadcastStep};
use crate::journal::{NewEvent, Write, Written};

fn new_broadcast(scene: &Scene) -> Broadcast {
    let (created_at, entropy) = scene.seed();
    Broadcast {
        id: BroadcastId::new(created_at, entropy),
        event_type: EventType::parse("system.maintenance").expect("a plain type"),
        data: Bytes::from_static(b"{ \"from\": 1.50 }"),
        to_all: false,
        tenants: 0,
        cursor: None,
        events: 0,
        deliveries: 0,
        created_at,
        finished_at: None,
    }
}

async fn create(
    scene: &Scene,
    broadcast: &Broadcast,
    audience: Audience,
    key: Option<BroadcastKey>,
) -> BroadcastCreated {
    scene.store.create_broadcast(broadcast, &audience, key).await.expect("the answer is a value")
}

async fn created(scene: &Scene, audience: Audience) -> Broadcast {
    match create(scene, &new_broadcast(scene), audience, None).await {
        BroadcastCreated::Created(broadcast) => broadcast,
        other => panic!("not created: {other:?}"),
    }
}

async fn read(scene: &Scene, id: BroadcastId) -> Option<Broadcast> {
    scene.store.broadcast(id).await.expect("a broadcast is read")
}

async fn tenants(scene: &Scene, broadcast: &Broadcast, after: Option<TenantId>, rows: u32) -> Vec<TenantId> {
    scene.store.broadcast_tenants(broadcast, after, rows).await.expect("tenants are read")
}

fn step(broadcast: &Broadcast, events: Vec<NewEvent>, done: bool, scene: &Scene) -> BroadcastStep {
    let cursor = events.last().map(|event| event.event.tenant);
    BroadcastStep { broadcast: broadcast.id, events, cursor, done, now: scene.tick() }
}

async fn take(scene: &Scene, step: &BroadcastStep) -> Written {
    scene.write(Write::Broadcast(Box::new(step.clone()))).await
}

/// Every field reads back, and the number of tenants is counted.
pub async fn a_broadcast_comes_back(backend: &dyn Backend) {
    let mut scene = Scene::open(backend).await;
    let (one, two) = (scene.tenant().await, scene.tenant().await);
    let deleted = scene.tenant().await;
    scene.store.delete_tenant(deleted, scene.tick()).await.expect("a tenant is deleted");
    let all = created(&scene, Audience::All).await;
    assert_eq!((all.to_all, all.tenants), (true, 2));
    let some = created(&scene, Audience::Tenants(vec![two, one, two])).await;
    assert_eq!((some.to_all, some.tenants), (false, 2));
    scene = scene.reopen(backend).await;
    assert_eq!(read(&scene, all.id).await, Some(all.clone()));
    assert_eq!(read(&scene, some.id).await, Some(some.clone()));
    assert_eq!(read(&scene, BroadcastId::from_bytes([9; 16])).await, None);
    assert_eq!(scene.store.unfinished_broadcasts().await.expect("broadcasts are read"), [all, some]);
}

/// A key stands for its first broadcast, for ever; another body under it is a conflict.
pub async fn a_broadcast_is_created_once_per_key(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    scene.tenant().await;
    let key = |body| Some(BroadcastKey { key_hash: [1; 32], body_hash: [body; 32] });
    let BroadcastCreated::Created(first) =
        create(&scene, &new_broadcast(&scene), Audience::All, key(1)).await
    else {
        panic!("the key is free");
    };
    let again = create(&scene, &new_broadcast(&scene), Audience::All, key(1)).await;
    assert_eq!(again, BroadcastCreated::Existing(first.clone()));
    let other = create(&scene, &new_broadcast(&scene), Audience::All, key(2)).await;
    assert_eq!(other, BroadcastCreated::KeyConflict);
    assert_eq!(scene.store.unfinished_broadcasts().await.expect("broadcasts are read"), [first]);
}

/// A tenant that is unknown or deleted is named, and nothing is stored.
pub async fn an_unknown_tenant_stores_nothing(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, deleted) = (scene.tenant().await, scene.tenant().await);
    scene.store.delete_tenant(deleted, scene.tick()).await.expect("a tenant is deleted");
    for unknown in [deleted, TenantId::from_bytes([9; 16])] {
        let broadcast = new_broadcast(&scene);
        let answer = create(&scene, &broadcast, Audience::Tenants(vec![tenant, unknown]), None).await;
        assert_eq!(answer, BroadcastCreated::UnknownTenant(unknown));
        assert_eq!(read(&scene, broadcast.id).await, None);
    }
}

/// Each live tenant of a broadcast comes once, in the order of ids; later ones are not of it.
pub async fn its_tenants_are_walked_in_order(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(scene.tenant().await);
    }
    let to_all = created(&scene, Audience::All).await;
    let to_some = created(&scene, Audience::Tenants(vec![all[4], all[0], all[2]])).await;
    scene.tenant().await;
    scene.store.delete_tenant(all[2], scene.tick()).await.expect("a tenant is deleted");
    all.remove(2);
    for (broadcast, expected) in [(&to_all, &all[..]), (&to_some, &[all[0], all[3]][..])] {
        for rows in [1, 2, 50] {
            let (mut after, mut seen) = (None, Vec::new());
            loop {
                let page = tenants(&scene, broadcast, after, rows).await;
                assert!(page.len() <= rows as usize);
                after = page.last().copied();
                seen.extend(page);
                if after.is_none() {
                    break;
                }
                assert!(seen.len() <= expected.len(), "by {rows}");
            }
            assert_eq!(seen, expected, "by {rows}");
        }
    }
}

/// Events and progress move together; a step that was made before changes nothing, nor does one after the end.
pub async fn each_step_counts_once(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (one, two, gone) = (scene.tenant().await, scene.tenant().await, scene.tenant().await);
    let webhook = scene.webhook(one).await;
    let broadcast = created(&scene, Audience::All).await;
    let first = scene.new_event(one, &[&webhook]).await;
    let id = |event: &NewEvent| event.event.content.id;
    let step_one = step(&broadcast, vec![first.clone()], false, &scene);
    assert_eq!(take(&scene, &step_one).await, Written::Broadcast(Some(vec![id(&first)])));
    assert_eq!(take(&scene, &step_one).await, Written::Broadcast(None));
    assert_stored(&scene, &first).await;
    let (second, late) = (scene.new_event(two, &[]).await, scene.new_event(gone, &[]).await);
    scene.store.delete_tenant(gone, scene.tick()).await.expect("a tenant is deleted");
    let step_two = step(&broadcast, vec![second.clone(), late.clone()], true, &scene);
    assert_eq!(take(&scene, &step_two).await, Written::Broadcast(Some(vec![id(&second)])));
    assert_not_stored(&scene, &late, true).await;
    let stored = read(&scene, broadcast.id).await.expect("it is there");
    assert_eq!((stored.events, stored.deliveries, stored.cursor), (2, 1, Some(gone)));
    assert_eq!(stored.finished_at, Some(step_two.now));
    let after_end = step(&broadcast, Vec::new(), true, &scene);
    assert_eq!(take(&scene, &after_end).await, Written::Broadcast(None));
    assert_eq!(scene.store.unfinished_broadcasts().await.expect("broadcasts are read"), []);
    assert!(scene.sums().await.holds());
}

/// A step whose routing is out of date for one tenant stores nothing for any, and can be made again.
pub async fn a_step_with_old_routing_stores_nothing(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (one, two) = (scene.tenant().await, scene.tenant().await);
    let broadcast = created(&scene, Audience::All).await;
    let (first, stale) = (scene.new_event(one, &[]).await, scene.new_event(two, &[]).await);
    let webhook = scene.webhook(two).await;
    let answer = take(&scene, &step(&broadcast, vec![first.clone(), stale], true, &scene)).await;
    assert!(matches!(answer, Written::StaleConfig { current: Some(_) }), "{answer:?}");
    assert_not_stored(&scene, &first, true).await;
    assert_eq!(read(&scene, broadcast.id).await, Some(broadcast.clone()));
    let fresh = scene.new_event(two, &[&webhook]).await;
    let answer = take(&scene, &step(&broadcast, vec![first, fresh], true, &scene)).await;
    assert!(matches!(answer, Written::Broadcast(Some(stored)) if stored.len() == 2));
}

/// Pages from the newest to the oldest.
pub async fn broadcasts_are_listed_newest_first(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.insert(0, created(&scene, Audience::All).await);
    }
    let (mut before, mut seen) = (None, Vec::new());
    loop {
        let page = scene.store.broadcasts(before, 2).await.expect("a list is read");
        seen.extend(page.rows);
        before = seen.last().map(|broadcast| broadcast.id);
        if !page.more {
            break;
        }
    }
    assert_eq!(seen, expected);
}
