//! What people ask of deliveries: cancel, retry, redeliver (engine rules E15, E16).

use stentor_core::delivery::{CancelReason, DeadReason, DeliveryState, FinalState};
use stentor_core::id::{DeliveryId, EventId};

use super::Backend;
use super::fixtures::{START, Scene, assert_stored};
use crate::journal::{NewEvent, Write, Written};

async fn finish(scene: &Scene, deliveries: Vec<DeliveryId>, state: FinalState) -> Vec<DeliveryId> {
    match scene.write(Write::Finish { deliveries, state, now: scene.tick() }).await {
        Written::Finished(mut ended) => {
            ended.sort_unstable();
            ended
        }
        other => panic!("not finished: {other:?}"),
    }
}

/// Pending rows end without an attempt, with their state and reason; those that have ended are passed over.
pub async fn finish_ends_what_is_pending(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let states = [
        FinalState::Cancelled(CancelReason::Requested),
        FinalState::Cancelled(CancelReason::WebhookDeleted),
        FinalState::Dead(DeadReason::Poison),
        FinalState::Dead(DeadReason::Expired),
    ];
    for state in states {
        let (fresh, waiting) =
            (scene.publish(tenant, &[&webhook]).await, scene.publish(tenant, &[&webhook]).await);
        let done = scene.publish(tenant, &[&webhook]).await;
        assert!(scene.record(&scene.failed(&waiting, 0, 1)).await);
        assert!(scene.record(&scene.delivered(&done, 0, 1)).await);
        let [fresh, waiting, done] = [&fresh, &waiting, &done].map(|event| event.deliveries[0].id);
        let asked = vec![done, fresh, DeliveryId::from_bytes([9; 16]), waiting];
        assert_eq!(finish(&scene, asked.clone(), state).await, [fresh, waiting]);
        for (id, attempts) in [(fresh, 0), (waiting, 1)] {
            let row = scene.delivery(tenant, id).await;
            assert_eq!((row.state, row.reason.as_deref()), (state.state(), state.reason()));
            assert_eq!((row.attempts, row.next_attempt_at), (attempts, None));
            assert!(row.finished_at.is_some());
        }
        let row = scene.delivery(tenant, done).await;
        assert_eq!((row.state, row.reason), (DeliveryState::Delivered, None), "it had ended");
        assert_eq!(finish(&scene, asked, state).await, [], "a second time there is nothing to end");
        assert_eq!(scene.pending(&webhook).await, []);
    }
    assert_eq!(finish(&scene, Vec::new(), states[0]).await, []);
    assert!(scene.sums().await.holds());
}

/// An attempt that ends after its delivery was cancelled is not recorded.
pub async fn a_cancelled_delivery_takes_no_outcome(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let event = scene.publish(tenant, &[&webhook]).await;
    let id = event.deliveries[0].id;
    finish(&scene, vec![id], FinalState::Cancelled(CancelReason::Requested)).await;
    assert!(!scene.record(&scene.delivered(&event, 0, 1)).await);
    assert_eq!(scene.delivery(tenant, id).await.state, DeliveryState::Cancelled);
    assert_eq!(scene.store.attempts(tenant, id).await.expect("attempts are read"), []);
}

/// Retries the event's only delivery and checks that it is pending and due, with the attempts it had.
async fn assert_retried(scene: &Scene, event: &NewEvent, attempts: u32) {
    let (tenant, id) = (event.event.tenant, event.deliveries[0].id);
    let now = scene.tick();
    let Written::Retried(Some(pending)) = scene.write(Write::Retry { tenant, delivery: id, now }).await
    else {
        panic!("the delivery is there");
    };
    assert_eq!((pending.id, pending.tenant, pending.event), (id, tenant, event.event.content.id));
    assert_eq!((pending.webhook, pending.shard), (event.deliveries[0].webhook, event.deliveries[0].shard));
    assert_eq!(pending.attempts, attempts);
    assert!(pending.due_at.is_none_or(|due| due <= now), "it is due");
    let row = scene.delivery(tenant, id).await;
    assert_eq!((row.state, row.attempts), (DeliveryState::Pending, attempts));
    assert_eq!((row.reason, row.finished_at, row.next_attempt_at), (None, None, pending.due_at));
}

/// However a delivery ended, a retry makes it pending again and its attempts go on without a gap.
pub async fn a_retry_revives_a_finished_delivery(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let event = scene.publish(tenant, &[&webhook]).await;
    let id = event.deliveries[0].id;
    assert!(scene.record(&scene.failed(&event, 0, 1)).await);
    assert!(scene.record(&scene.exhausted(&event, 0, 2)).await);
    assert_retried(&scene, &event, 2).await;
    assert_eq!(scene.pending(&webhook).await.len(), 1);
    assert!(!scene.record(&scene.delivered(&event, 0, 1)).await, "numbers do not start anew");

    finish(&scene, vec![id], FinalState::Cancelled(CancelReason::Requested)).await;
    assert_retried(&scene, &event, 2).await;
    assert!(scene.record(&scene.delivered(&event, 0, 3)).await);
    assert_retried(&scene, &event, 3).await;
    assert!(scene.record(&scene.exhausted(&event, 0, 4)).await);

    let attempts = scene.store.attempts(tenant, id).await.expect("attempts are read");
    assert_eq!(attempts.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(scene.delivery(tenant, id).await.state, DeliveryState::Dead);
    let sums = scene.sums().await;
    assert_eq!((sums.events, sums.accepted, sums.dead), (1, 1, 1), "it is one delivery all along");
    assert!(sums.holds());
}

/// A pending delivery becomes due and keeps everything else; retrying it twice is the same as once.
pub async fn a_retry_makes_a_pending_delivery_due(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let (fresh, waiting) =
        (scene.publish(tenant, &[&webhook]).await, scene.publish(tenant, &[&webhook]).await);
    assert!(scene.record(&scene.failed(&waiting, 0, 1)).await);
    for _ in 0..2 {
        assert_retried(&scene, &fresh, 0).await;
        assert_retried(&scene, &waiting, 1).await;
    }
    assert_eq!(scene.pending(&webhook).await.len(), 2);
    assert!(scene.record(&scene.delivered(&fresh, 0, 1)).await);
    assert!(scene.record(&scene.delivered(&waiting, 0, 2)).await);
    assert!(scene.sums().await.holds());
}

/// There is nothing to retry under an id that is unknown.
pub async fn an_unknown_delivery_is_not_retried(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let delivery = DeliveryId::from_bytes([9; 16]);
    assert_eq!(scene.write(Write::Retry { tenant, delivery, now: START }).await, Written::Retried(None));
}

/// New deliveries of an old event are pending beside its first ones, and the event stays as it was.
pub async fn an_old_event_gets_new_deliveries(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (webhook, other) = (scene.webhook(tenant).await, scene.webhook(tenant).await);
    let event = scene.publish(tenant, &[&webhook]).await;
    assert!(scene.record(&scene.delivered(&event, 0, 1)).await);
    let at = scene.tick();
    let again = vec![scene.new_delivery(&webhook, at), scene.new_delivery(&other, at)];
    let positions = again.iter().map(|delivery| delivery.position).collect();
    let id = event.event.content.id;
    let write = Write::Redeliver { tenant, event: id, deliveries: again.clone() };
    assert_eq!(scene.write(write).await, Written::Redelivered(Some(positions)));
    for (delivery, webhook) in again.iter().zip([&webhook, &other]) {
        let row = scene.delivery(tenant, delivery.id).await;
        assert_eq!((row.event, row.webhook, row.state), (id, webhook.id, DeliveryState::Pending));
        assert_eq!(scene.pending(webhook).await.len(), 1);
    }
    assert_eq!(scene.delivery(tenant, event.deliveries[0].id).await.state, DeliveryState::Delivered);
    assert_stored(&scene, &event).await;
    let sums = scene.sums().await;
    assert_eq!((sums.events, sums.accepted, sums.pending, sums.delivered), (1, 3, 2, 1));
    let renewed = NewEvent { deliveries: again, ..event };
    assert!(scene.record(&scene.delivered(&renewed, 1, 1)).await);
}

/// Redelivering an unknown event, or with an id that is taken, stores nothing.
pub async fn a_bad_redelivery_stores_nothing(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let event = scene.publish(tenant, &[&webhook]).await;
    let before = scene.sums().await;
    let new = scene.new_delivery(&webhook, START);
    let unknown =
        Write::Redeliver { tenant, event: EventId::from_bytes([9; 16]), deliveries: vec![new.clone()] };
    assert_eq!(scene.write(unknown).await, Written::Redelivered(None));
    let deliveries = vec![new.clone(), event.deliveries[0].clone()];
    let taken = scene.write(Write::Redeliver { tenant, event: event.event.content.id, deliveries }).await;
    assert!(matches!(taken, Written::Refused(_)), "{taken:?}");
    assert_eq!(scene.store.delivery(tenant, new.id).await.expect("a delivery is read"), None);
    assert_eq!(scene.sums().await, before);
    assert_eq!(scene.pending(&webhook).await.len(), 1);
}
