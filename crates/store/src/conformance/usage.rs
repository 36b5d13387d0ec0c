//! What tenants use: events by day, and deliveries pending.

use std::time::Duration;

use stentor_core::delivery::{CancelReason, FinalState};
use stentor_core::event::Origin;
use stentor_core::id::TenantId;
use stentor_core::plan::day_of;

use super::Backend;
use super::fixtures::{START, Scene};
use crate::journal::{Write, Written};
use crate::usage::UsedDay;

const DAY: Duration = Duration::from_secs(86_400);

async fn used(scene: &Scene, tenant: Option<TenantId>, since: i64) -> Vec<(TenantId, i64, u64)> {
    let found = scene.store.usage(tenant, since).await.expect("usage is read");
    let mut found: Vec<_> =
        found.into_iter().map(|UsedDay { tenant, day, events }| (tenant, day, events)).collect();
    found.sort_unstable();
    found
}

/// Events count on the day on which they were accepted, for their tenant alone.
pub async fn events_are_counted_by_day(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let webhook = scene.webhook(tenant).await;
    let today = day_of(START);
    for (day, events) in [(today, 3), (today + 1, 2)] {
        for _ in 0..events {
            scene.publish(tenant, &[&webhook]).await;
        }
        scene.publish(other, &[]).await;
        assert!(used(&scene, None, day + 1).await.is_empty());
        scene.advance(DAY);
    }
    let own = [(tenant, today, 3), (tenant, today + 1, 2)];
    assert_eq!(used(&scene, Some(tenant), 0).await, own);
    assert_eq!(used(&scene, Some(tenant), today + 1).await, own[1..]);
    let all: Vec<_> = own.into_iter().chain([(other, today, 1), (other, today + 1, 1)]).collect();
    assert_eq!(used(&scene, None, today).await, all);
}

/// The counts are the same before and after totals are closed, events purged and the database opened again.
pub async fn usage_outlives_closing_and_purging(backend: &dyn Backend) {
    let mut scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let today = day_of(START);
    for _ in 0..5 {
        scene.publish(tenant, &[]).await;
    }
    scene.advance(DAY);
    scene.publish(tenant, &[]).await;
    let expected = [(tenant, today, 5), (tenant, today + 1, 1)];
    assert_eq!(used(&scene, None, today).await, expected);
    scene.store.close_hours(START.plus(Duration::from_secs(3_600))).await.expect("hours are closed");
    assert_eq!(used(&scene, None, today).await, expected, "closed in part");
    scene.advance(Duration::from_secs(3_600));
    let now = scene.tick();
    let purge = |before| Write::Purge { before, rows_max: 100, now };
    // Purged before they were closed: totals and usage take over at once.
    assert!(matches!(scene.write(purge(now)).await, Written::Purged { .. }));
    assert_eq!(scene.sums().await.events, 6);
    assert_eq!(used(&scene, None, today).await, expected, "purged");
    scene.store.close_hours(now).await.expect("hours are closed");
    scene = scene.reopen(backend).await;
    assert_eq!(used(&scene, None, today).await, expected, "closed");
    scene.advance(DAY * 100);
    scene.store.close_hours(scene.tick()).await.expect("hours are closed");
    assert_eq!(used(&scene, None, 0).await, [], "no period reaches that far back");
}

/// What Stentor emits about itself is stored and not counted.
pub async fn operational_events_are_nobodys_use(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    scene.publish(tenant, &[]).await;
    let mut event = scene.new_event(tenant, &[]).await;
    event.event.origin = Origin::Operational;
    scene.store_event(&event).await;
    assert_eq!(used(&scene, None, 0).await, [(tenant, day_of(START), 1)]);
    scene.store.close_hours(scene.tick().plus(DAY)).await.expect("hours are closed");
    assert_eq!(used(&scene, None, 0).await, [(tenant, day_of(START), 1)]);
    assert_eq!(scene.sums().await.events, 2);
}

/// An event that is stored after its hour was closed counts on its day.
pub async fn a_late_event_counts_on_its_day(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let late = scene.new_event(tenant, &[]).await;
    scene.store.close_hours(START.plus(DAY)).await.expect("hours are closed");
    scene.store_event(&late).await;
    assert_eq!(used(&scene, Some(tenant), 0).await, [(tenant, day_of(START), 1)]);
}

/// The numbers begin with what is there and move with every commit that makes or ends a pending delivery. Deliveries of
/// accepted events are added by whoever has them accepted.
pub async fn backlogs_follow_every_change(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let (first, second) = (scene.webhook(tenant).await, scene.webhook(tenant).await);
    let elsewhere = scene.webhook(other).await;
    let before = scene.publish(tenant, &[&first, &second]).await;
    scene.publish(other, &[&elsewhere]).await;
    let backlogs = scene.store.follow_backlogs().await.expect("backlogs are counted");
    let (own, others) = (backlogs.of(tenant), backlogs.of(other));
    let check = async |expected: u64, what: &str| {
        assert_eq!((own.deliveries(), others.deliveries()), (expected, 1), "{what}");
        let sums = scene.store.conservation(Some(tenant)).await.expect("the sums are read");
        assert_eq!(sums.pending, expected, "{what}");
    };
    check(2, "what was there").await;
    let event = scene.publish(tenant, &[&first]).await;
    own.change(1);
    check(3, "accepted").await;
    let outcome = scene.delivered(&before, 0, 1);
    assert!(scene.record(&outcome).await);
    check(2, "delivered").await;
    assert!(!scene.record(&outcome).await);
    check(2, "the same again").await;
    let (delivered, waiting) = (before.deliveries[0].id, event.deliveries[0].id);
    for (delivery, expected) in [(delivered, 3), (waiting, 3)] {
        scene.write(Write::Retry { tenant, delivery, now: scene.tick() }).await;
        check(expected, "retried").await;
    }
    let state = FinalState::Cancelled(CancelReason::Requested);
    scene.write(Write::Finish { deliveries: vec![waiting, waiting], state, now: scene.tick() }).await;
    check(2, "cancelled").await;
    let deliveries = vec![scene.new_delivery(&second, scene.tick())];
    scene.write(Write::Redeliver { tenant, event: event.event.content.id, deliveries }).await;
    check(3, "delivered anew").await;
    scene.advance(DAY);
    let now = scene.tick();
    let purge = Write::Purge { before: now, rows_max: 100, now };
    assert!(matches!(scene.write(purge).await, Written::Purged { .. }));
    assert_eq!((own.deliveries(), others.deliveries()), (0, 0), "expired");
    let again = scene.store.follow_backlogs().await.expect("backlogs are followed");
    assert_eq!(again.of(tenant).deliveries(), 0);
}

/// What is rolled back changes no number.
pub async fn a_refused_item_changes_no_backlog(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let event = scene.publish(tenant, &[]).await.event.content.id;
    let backlogs = scene.store.follow_backlogs().await.expect("backlogs are counted");
    let good = vec![scene.new_delivery(&webhook, scene.tick())];
    // Its second delivery is there already: the first one is stored, and undone.
    let bad = vec![scene.new_delivery(&webhook, scene.tick()), good[0].clone()];
    let redeliver = |deliveries| Write::Redeliver { tenant, event, deliveries };
    let written = scene.commit(vec![redeliver(good), redeliver(bad)]).await;
    assert!(matches!(written[1], Written::Refused(_)), "{written:?}");
    assert_eq!(backlogs.of(tenant).deliveries(), 1);
}
