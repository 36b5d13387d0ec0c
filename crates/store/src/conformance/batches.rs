//! Batches: a bad item fails alone, and every item is answered in its place (engine rule E3).

use stentor_core::id::EventId;

use super::Backend;
use super::fixtures::{Scene, accept, assert_not_stored, assert_stored, with_content};
use crate::journal::{NewEvent, Write, Written};

/// An event id that is stored already, or that comes twice in a batch, is refused and changes nothing.
pub async fn a_repeated_event_id_is_refused_alone(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let stored = scene.publish(tenant, &[&webhook]).await;
    let with_id = |event: NewEvent, id: EventId| with_content(event, |content| content.id = id);
    let again = with_id(scene.new_event(tenant, &[&webhook]).await, stored.event.content.id);
    let first = scene.new_event(tenant, &[&webhook]).await;
    let twin = with_id(scene.new_event(tenant, &[&webhook]).await, first.event.content.id);
    let written = scene.commit(vec![accept(&again), accept(&first), accept(&twin)]).await;
    assert!(matches!(&written[0], Written::Refused(_)), "{written:?}");
    assert!(matches!(&written[1], Written::Accepted { .. }), "{written:?}");
    assert!(matches!(&written[2], Written::Refused(_)), "{written:?}");
    for event in [&stored, &first] {
        assert_stored(&scene, event).await;
    }
    assert_eq!(scene.pending(&webhook).await.len(), 2);
    for event in [&again, &twin] {
        let read = scene.store.delivery(tenant, event.deliveries[0].id).await.expect("a delivery is read");
        assert_eq!(read, None, "a refused item leaves no delivery");
    }
}

/// A delivery id that is taken refuses the whole event that brings it, its other deliveries included.
pub async fn a_repeated_delivery_id_is_refused_alone(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (first, second) = (scene.webhook(tenant).await, scene.webhook(tenant).await);
    let stored = scene.publish(tenant, &[&first]).await;
    let good = scene.new_event(tenant, &[&first]).await;
    let mut bad = scene.new_event(tenant, &[&first, &second]).await;
    bad.deliveries[1].id = stored.deliveries[0].id;
    let last = scene.new_event(tenant, &[&second]).await;
    let written = scene.commit(vec![accept(&good), accept(&bad), accept(&last)]).await;
    assert!(matches!(&written[1], Written::Refused(_)), "{written:?}");
    assert_not_stored(&scene, &bad, false).await;
    let gone = scene.store.delivery(tenant, bad.deliveries[0].id).await.expect("a delivery is read");
    assert_eq!(gone, None);
    for event in [&stored, &good, &last] {
        assert_stored(&scene, event).await;
    }
    assert_eq!((scene.pending(&first).await.len(), scene.pending(&second).await.len()), (2, 1));
}

/// Bad items at both ends and in the middle of a batch leave all others stored (engine rule E3).
pub async fn bad_items_among_a_hundred_fail_alone(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let stored = scene.publish(tenant, &[&webhook]).await;
    for poisoned in [vec![37], vec![0, 50, 99]] {
        let version = scene.version(tenant).await;
        let mut events: Vec<_> = (0..100).map(|_| scene.new_event_at(tenant, &[&webhook], version)).collect();
        for index in &poisoned {
            events[*index].deliveries[0].id = stored.deliveries[0].id;
        }
        let written = scene.commit(events.iter().map(accept).collect()).await;
        for (index, (event, answer)) in events.iter().zip(&written).enumerate() {
            if poisoned.contains(&index) {
                assert!(matches!(answer, Written::Refused(_)), "{index}: {answer:?}");
                assert_not_stored(&scene, event, false).await;
            } else {
                assert!(matches!(answer, Written::Accepted { .. }), "{index}: {answer:?}");
                assert_stored(&scene, event).await;
            }
        }
    }
    assert_eq!(scene.pending(&webhook).await.len(), 1 + 99 + 97);
}

/// A batch of the largest size, every item answered in its place.
pub async fn a_full_batch_is_answered_in_order(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhooks = [scene.webhook(tenant).await, scene.webhook(tenant).await, scene.webhook(tenant).await];
    let wanted = [&webhooks[0], &webhooks[1], &webhooks[2]];
    let version = scene.version(tenant).await;
    let events: Vec<_> = (0..1_024).map(|n| scene.new_event_at(tenant, &wanted[..n % 4], version)).collect();
    let written = scene.commit(events.iter().map(accept).collect()).await;
    for (event, answer) in events.iter().zip(written) {
        let positions = event.deliveries.iter().map(|delivery| delivery.position).collect();
        assert_eq!(answer, Written::Accepted { positions });
    }
    let asked: Vec<_> = events.iter().map(|event| (tenant, event.event.content.id)).collect();
    let mut found = scene.store.stored_events(&asked).await.expect("ids are looked up");
    found.sort_unstable();
    assert_eq!(found, asked.iter().map(|(_, id)| *id).collect::<Vec<_>>());
    assert_eq!(scene.sums().await.accepted, 256 * (1 + 2 + 3));
}

/// Nothing to write is written.
pub async fn an_empty_batch_is_committed(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    assert_eq!(scene.commit(Vec::new()).await, []);
}

/// Items of every kind in one batch are answered in their own places.
pub async fn a_mixed_batch_is_answered_in_order(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let (one, two, three) = (
        scene.publish(tenant, &[&webhook]).await,
        scene.publish(tenant, &[&webhook]).await,
        scene.publish(tenant, &[&webhook]).await,
    );
    let fresh = scene.new_event(tenant, &[&webhook]).await;
    let claimed = three.deliveries[0].id;
    let written = scene
        .commit(vec![
            Write::Outcome(Box::new(scene.delivered(&one, 0, 1))),
            Write::Claim { deliveries: vec![claimed] },
            accept(&fresh),
            Write::Outcome(Box::new(scene.delivered(&two, 0, 9))),
            Write::Redeliver { tenant, event: EventId::from_bytes([7; 16]), deliveries: Vec::new() },
        ])
        .await;
    let recorded = |applied| Written::Recorded { applied, disabled_version: None, fallback: None };
    assert_eq!(written[0], recorded(true));
    assert_eq!(written[1], Written::Claimed(vec![(claimed, 1)]));
    assert_eq!(written[2], Written::Accepted { positions: vec![fresh.deliveries[0].position] });
    assert_eq!(written[3], recorded(false));
    assert_eq!(written[4], Written::Redelivered(None));
}

/// Events of one item are all stored, or none where one of them cannot be; the first one's key stands for all.
pub async fn several_events_are_stored_together_or_not_at_all(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(scene.new_event(tenant, &[&webhook]).await);
    }
    all[0].idempotency = Some(super::fixtures::key(1, 10));
    let beside = scene.new_event(tenant, &[&webhook]).await;
    let mut bad = all.clone();
    bad[2].event.matched += 1;
    let written = scene.commit(vec![Write::AcceptAll(bad), super::fixtures::accept(&beside)]).await;
    assert!(matches!(written[0], Written::Refused(_)), "{written:?}");
    assert!(matches!(written[1], Written::Accepted { .. }), "{written:?}");
    for event in &all {
        super::fixtures::assert_not_stored(&scene, event, true).await;
    }
    let mut stale = all.clone();
    stale[0].event.config_version += 1;
    let written = scene.write(Write::AcceptAll(stale)).await;
    assert!(matches!(written, Written::StaleConfig { .. }), "{written:?}");
    // The refused item left its key free.
    let positions = all.iter().map(|event| vec![event.deliveries[0].position]).collect();
    assert_eq!(scene.write(Write::AcceptAll(all.clone())).await, Written::AcceptedAll(positions));
    for event in &all {
        super::fixtures::assert_stored(&scene, event).await;
    }
    let mut again =
        vec![scene.new_event(tenant, &[&webhook]).await, scene.new_event(tenant, &[&webhook]).await];
    again[0].idempotency = Some(super::fixtures::key(1, 10));
    let first = all[0].event.content.id;
    let duplicate = Written::Duplicate { event: first, matched: 1 };
    assert_eq!(scene.write(Write::AcceptAll(again.clone())).await, duplicate);
    for event in &again {
        super::fixtures::assert_not_stored(&scene, event, true).await;
    }
    assert_eq!(scene.pending(&webhook).await.len(), 4);
}
