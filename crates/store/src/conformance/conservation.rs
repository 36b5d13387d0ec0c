//! Nothing vanishes (promise P2): a store and a model of it go through the same random days and are compared all the way.

mod model;

use std::time::Duration;

use super::Backend;
use super::fixtures::Scene;
use model::Model;

/// What a random day does, and how often out of a hundred.
#[derive(Debug, Clone, Copy)]
enum Act {
    Publish,
    Attempt,
    Cancel,
    Retry,
    Redeliver,
    PauseOrResume,
    CloseHours,
    Wait,
    Purge,
}

const ACTS: [(u64, Act); 9] = [
    (34, Act::Publish),
    (30, Act::Attempt),
    (6, Act::Cancel),
    (8, Act::Retry),
    (6, Act::Redeliver),
    (4, Act::PauseOrResume),
    (4, Act::CloseHours),
    (6, Act::Wait),
    (2, Act::Purge),
];

fn act_of(mut number: u64) -> Act {
    for (share, act) in ACTS {
        if number < share {
            return act;
        }
        number -= share;
    }
    Act::Publish
}

/// As many random acts as asked for; the same seed does the same. Also for soaking a backend with many seeds.
pub async fn random_acts(backend: &dyn Backend, seed: u64, acts: u32) {
    let mut scene = Scene::open(backend).await;
    let mut model = Model::new(&scene, seed).await;
    for number in 0..acts {
        let act = act_of(model.random(100));
        match act {
            Act::Publish => model.publish(&scene).await,
            Act::Attempt => model.attempt(&scene).await,
            Act::Cancel => model.cancel(&scene).await,
            Act::Retry => model.retry(&scene).await,
            Act::Redeliver => model.redeliver(&scene).await,
            Act::PauseOrResume => model.pause_or_resume(&scene).await,
            Act::CloseHours => scene.store.close_hours(scene.tick()).await.expect("hours are closed"),
            Act::Wait => scene.advance(Duration::from_secs(2_220)),
            Act::Purge => model.purge(&scene).await,
        }
        model.compare_sums(&scene, &format!("seed {seed}, act {number}, {act:?}")).await;
        if number % 50 == 49 {
            model.compare_rows(&scene).await;
        }
        if number == acts / 2 {
            scene = scene.reopen(backend).await;
        }
    }
    scene.store.close_hours(scene.tick().plus(Duration::from_secs(7_200))).await.expect("hours are closed");
    model.compare_sums(&scene, "at the end").await;
    model.compare_rows(&scene).await;
}

/// One random day.
pub async fn a_random_day_conserves(backend: &dyn Backend) {
    random_acts(backend, 1, 300).await;
}

/// Another random day.
pub async fn another_random_day_conserves(backend: &dyn Backend) {
    random_acts(backend, 2, 300).await;
}

/// A longer run.
pub async fn a_random_week_conserves(backend: &dyn Backend) {
    random_acts(backend, 3, 1_000).await;
}

/// A delivery of a closed hour that is retried, ends otherwise, or is redelivered moves from one sum to the other.
pub async fn a_closed_hour_can_still_change(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let (dead, waiting) =
        (scene.publish(tenant, &[&webhook]).await, scene.publish(tenant, &[&webhook]).await);
    assert!(scene.record(&scene.exhausted(&dead, 0, 1)).await);
    let close = async || {
        scene.advance(Duration::from_secs(7_200));
        scene.store.close_hours(scene.tick()).await.expect("hours are closed");
        let sums = scene.sums().await;
        assert!(sums.holds(), "{sums:?}");
        assert_eq!((sums.events, sums.cancelled), (2, 0));
        (sums.accepted, sums.pending, sums.delivered, sums.dead)
    };
    assert_eq!(close().await, (2, 1, 0, 1));
    let now = scene.tick();
    scene.write(crate::journal::Write::Retry { tenant, delivery: dead.deliveries[0].id, now }).await;
    assert_eq!(close().await, (2, 2, 0, 0));
    assert!(scene.record(&scene.delivered(&dead, 0, 2)).await);
    assert!(scene.record(&scene.exhausted(&waiting, 0, 1)).await);
    assert_eq!(close().await, (2, 0, 1, 1));
    let deliveries = vec![scene.new_delivery(&webhook, now)];
    scene.write(crate::journal::Write::Redeliver { tenant, event: dead.event.content.id, deliveries }).await;
    assert_eq!(close().await, (3, 1, 1, 1));
}
