//! Retention (engine rule E17): what is old goes in bounded pieces, and no pending delivery goes without a word.

use std::collections::BTreeSet;
use std::time::Duration;

use stentor_core::delivery::DeliveryState;
use stentor_core::id::DeliveryId;
use stentor_core::time::Time;

use super::Backend;
use super::fixtures::{Scene, assert_not_stored, assert_stored, with_content};
use crate::deliveries::DeliveryFilter;
use crate::events::EventFilter;
use crate::journal::{NewEvent, PURGE_PAYLOAD_BYTES_MAX, Write, Written};

/// One piece.
pub struct Piece {
    /// Deliveries that became `dead: expired`.
    pub expired: Vec<DeliveryId>,
    /// Rows deleted.
    pub deleted: u32,
    /// Whether there is more to do.
    pub more: bool,
}

/// Purges one piece.
pub async fn piece(scene: &Scene, before: Time, rows_max: u32) -> Piece {
    match scene.write(Write::Purge { before, rows_max, now: scene.tick() }).await {
        Written::Purged { expired, deleted, more } => {
            assert!(expired.len() <= rows_max as usize, "a piece is bounded");
            assert!(
                !more || deleted > 0 || !expired.is_empty(),
                "a piece with more behind it got something done"
            );
            Piece { expired: expired.into_iter().map(|(id, _, _)| id).collect(), deleted, more }
        }
        other => panic!("not purged: {other:?}"),
    }
}

/// Purges to the end and answers all that expired, each once.
pub async fn purge_all(scene: &Scene, before: Time, rows_max: u32) -> BTreeSet<DeliveryId> {
    let mut expired = BTreeSet::new();
    loop {
        let piece = piece(scene, before, rows_max).await;
        assert!(scene.sums().await.holds(), "nothing vanishes between two pieces");
        for id in piece.expired {
            assert!(expired.insert(id), "{id} expired twice");
        }
        if !piece.more {
            return expired;
        }
    }
}

/// A time that lies in no millisecond of what was made so far: retention need not cut through one.
fn next_millisecond(scene: &Scene) -> Time {
    scene.advance(Duration::from_millis(1));
    scene.tick()
}

async fn rows_of(scene: &Scene, tenant: stentor_core::id::TenantId) -> (usize, usize) {
    let events =
        scene.store.events(tenant, &EventFilter::default(), None, 250, 0).await.expect("a list is read");
    let all = DeliveryFilter::default();
    let deliveries = scene.store.deliveries(tenant, &all, None, 250).await.expect("a list is read");
    (events.rows.len(), deliveries.rows.len())
}

async fn assert_purged(scene: &Scene, event: &NewEvent) {
    assert_not_stored(scene, event, true).await;
    let (tenant, id) = (event.event.tenant, event.event.content.id);
    assert_eq!(scene.store.content(tenant, id).await.expect("content is read"), None);
    for delivery in &event.deliveries {
        assert_eq!(scene.store.attempts(tenant, delivery.id).await.expect("attempts are read"), []);
    }
}

/// Everything accepted before the limit goes, with deliveries, attempts and bytes; what was accepted at it stays.
pub async fn what_is_old_goes_and_the_rest_stays(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (webhook, other) = (scene.webhook(tenant).await, scene.webhook(tenant).await);
    let mut events = Vec::new();
    for _ in 0..2 {
        scene.advance(Duration::from_secs(3_600));
        for _ in 0..3 {
            let event = scene.publish(tenant, &[&webhook, &other]).await;
            assert!(scene.record(&scene.failed(&event, 0, 1)).await);
            assert!(scene.record(&scene.delivered(&event, 0, 2)).await);
            assert!(scene.record(&scene.exhausted(&event, 1, 1)).await);
            events.push(event);
        }
    }
    let (old, new) = events.split_at(3);
    let before = new[0].event.accepted_at;
    assert_eq!(purge_all(&scene, before, 100).await, BTreeSet::new());
    for event in old {
        assert_purged(&scene, event).await;
    }
    for event in new {
        assert_stored(&scene, event).await;
        let attempts = scene.store.attempts(tenant, event.deliveries[0].id).await.expect("attempts are read");
        assert_eq!(attempts.len(), 2);
    }
    assert_eq!(rows_of(&scene, tenant).await, (3, 6));
    let nothing = piece(&scene, before, 100).await;
    assert_eq!((nothing.expired.len(), nothing.deleted, nothing.more), (0, 0, false));
    assert_eq!(scene.store.webhook(tenant, webhook.id).await.expect("a webhook is read"), Some(webhook));
}

/// Old pending rows, fresh, waiting, held or redelivered, are named as expired before they go.
pub async fn pending_rows_expire_by_name(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (webhook, mut held) = (scene.webhook(tenant).await, scene.webhook(tenant).await);
    let event = scene.publish(tenant, &[&webhook, &held]).await;
    let waiting = scene.publish(tenant, &[&webhook]).await;
    let done = scene.publish(tenant, &[&webhook]).await;
    assert!(scene.record(&scene.failed(&waiting, 0, 1)).await);
    assert!(scene.record(&scene.delivered(&done, 0, 1)).await);
    scene.set_status(&mut held, stentor_core::webhook::WebhookStatus::Paused).await;
    scene.advance(Duration::from_secs(3_600));
    let again = scene.new_delivery(&webhook, scene.tick());
    let id = done.event.content.id;
    scene.write(Write::Redeliver { tenant, event: id, deliveries: vec![again.clone()] }).await;
    let young = scene.publish(tenant, &[&webhook]).await;
    let old = [event.deliveries[0].id, event.deliveries[1].id, waiting.deliveries[0].id, again.id];

    let before = young.event.accepted_at;
    let mut expired = BTreeSet::new();
    loop {
        let piece = piece(&scene, before, 2).await;
        expired.extend(piece.expired);
        for id in old {
            match scene.store.delivery(tenant, id).await.expect("a delivery is read") {
                Some(row) if expired.contains(&id) => {
                    assert_eq!((row.state, row.reason.as_deref()), (DeliveryState::Dead, Some("expired")));
                }
                Some(row) => {
                    assert!(matches!(row.state, DeliveryState::Pending | DeliveryState::Held), "{row:?}");
                }
                None => assert!(expired.contains(&id), "{id} went without a word"),
            }
        }
        let sums = scene.sums().await;
        assert!(sums.holds(), "{sums:?}");
        if !piece.more {
            break;
        }
    }
    assert_eq!(expired, BTreeSet::from(old));
    for event in [&event, &waiting, &done] {
        assert_purged(&scene, event).await;
    }
    assert_eq!(scene.pending(&held).await, []);
    let left = scene.pending(&webhook).await;
    assert_eq!(left.iter().map(|row| row.id).collect::<Vec<_>>(), [young.deliveries[0].id]);
    assert!(!scene.record(&scene.delivered(&event, 0, 1)).await, "an attempt in flight comes too late");
    let retry = Write::Retry { tenant, delivery: old[0], now: scene.tick() };
    assert_eq!(scene.write(retry).await, Written::Retried(None));
    let redeliver = Write::Redeliver { tenant, event: id, deliveries: vec![again] };
    assert_eq!(scene.write(redeliver).await, Written::Redelivered(None));
}

/// What expired is answered with its lane, so that the lane can forget it.
pub async fn expired_rows_name_their_lane(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let event = scene.publish(tenant, &[&webhook]).await;
    let now = next_millisecond(&scene);
    let Written::Purged { expired, .. } = scene.write(Write::Purge { before: now, rows_max: 10, now }).await
    else {
        panic!("a purge is answered as one");
    };
    assert_eq!(expired, [(event.deliveries[0].id, webhook.id, webhook.shard)]);
}

/// A piece touches at most its number of rows of each kind, and the pieces together do it all.
pub async fn pieces_are_bounded(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhooks = [scene.webhook(tenant).await, scene.webhook(tenant).await];
    for n in 0..40 {
        let event = scene.publish(tenant, &[&webhooks[0], &webhooks[1]]).await;
        if n % 2 == 0 {
            assert!(scene.record(&scene.delivered(&event, 0, 1)).await);
        }
    }
    let before = next_millisecond(&scene);
    let (mut rows, mut expired) = (rows_of(&scene, tenant).await, 0);
    assert_eq!(rows, (40, 80));
    loop {
        let piece = piece(&scene, before, 7).await;
        expired += piece.expired.len();
        let left = rows_of(&scene, tenant).await;
        assert!(rows.0 - left.0 <= 7 && rows.1 - left.1 <= 7, "from {rows:?} to {left:?} in one piece");
        rows = left;
        if !piece.more {
            break;
        }
    }
    assert_eq!((rows, expired), ((0, 0), 60));
}

/// A piece also ends where its payloads would be too large together; one event larger than that goes alone.
pub async fn pieces_are_bounded_in_bytes(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let half = usize::try_from(PURGE_PAYLOAD_BYTES_MAX / 2).expect("it is small");
    for (data, previous_data) in [(half, 0), (1, half - 1), (1, 0), (half * 3, 0), (2, 0), (3, 0)] {
        let event = with_content(scene.new_event(tenant, &[]).await, |content| {
            content.data = vec![b'x'; data].into();
            content.previous_data = Some(vec![b'y'; previous_data].into());
        });
        let mut event = event;
        event.event.metadata = None;
        scene.store_event(&event).await;
    }
    let before = next_millisecond(&scene);
    let mut left = Vec::new();
    while piece(&scene, before, 100).await.more {
        left.push(rows_of(&scene, tenant).await.0);
    }
    assert_eq!((left, rows_of(&scene, tenant).await.0), (vec![4, 3, 2], 0));
}
