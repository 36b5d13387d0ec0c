//! Sums by minute and hour: exact at every moment, however they are stored (engine rule E21).

use std::collections::BTreeMap;
use std::time::Duration;

use stentor_core::attempt::{AttemptOutcome, NetworkError};
use stentor_core::delivery::{CancelReason, DeadReason, FinalState};
use stentor_core::id::{TenantId, WebhookId};
use stentor_core::retry::Step;
use stentor_core::statistics::{Minute, Rollup};
use stentor_core::time::Time;
use stentor_core::webhook::Webhook;

use super::Backend;
use super::fixtures::{START, Scene, spread};
use super::purge::purge_all;
use crate::journal::{NewEvent, OutcomeWrite, Write, Written};
use crate::statistics::{HOURS_KEPT, MINUTES_KEPT};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

type Series = BTreeMap<Minute, Rollup>;

/// What a store must answer, added up one attempt at a time.
#[derive(Default)]
struct Twin(BTreeMap<(TenantId, Option<WebhookId>), Series>);

impl Twin {
    /// Does the same to the sums of the webhook and of its tenant.
    fn count(&mut self, tenant: TenantId, webhook: WebhookId, at: Time, act: impl Fn(&mut Rollup)) {
        for key in [(tenant, None), (tenant, Some(webhook))] {
            act(self.0.entry(key).or_default().entry(Minute::of(at)).or_default());
        }
    }

    fn note(&mut self, write: &OutcomeWrite) {
        let attempt = &write.attempt;
        self.count(write.tenant, write.webhook, attempt.started_at.plus(attempt.duration), |sums| {
            sums.attempt(attempt);
            if let Step::Final(state) = write.step {
                sums.finished(state, write.now);
            }
        });
    }

    /// Every series of every subject, by minute and by hour, is the store's.
    async fn compare(&self, scene: &Scene, place: &str) {
        let (since, until) = (START.minus(HOUR), scene.tick().plus(HOUR));
        for ((tenant, webhook), series) in &self.0 {
            let minutes =
                scene.store.minutes(*tenant, *webhook, since, until).await.expect("minutes are read");
            assert_eq!(minutes, listed(series), "{place}: minutes of {webhook:?}");
            let mut by_hour = Series::new();
            for (minute, sums) in series {
                by_hour.entry(minute.hour()).or_default().merge(sums);
            }
            let hours = scene.store.hours(*tenant, *webhook, since, until).await.expect("hours are read");
            assert_eq!(hours, listed(&by_hour), "{place}: hours of {webhook:?}");
        }
    }
}

fn listed(series: &Series) -> Vec<(Time, Rollup)> {
    series.iter().map(|(minute, sums)| (minute.start(), sums.clone())).collect()
}

async fn recorded(scene: &Scene, twin: &mut Twin, write: &OutcomeWrite) {
    assert!(scene.record(write).await);
    twin.note(write);
}

/// A delivery that is retried over hours, one that is taken at once, and one that is given up, in several webhooks.
async fn some_hours(scene: &Scene, twin: &mut Twin, webhooks: &[Webhook], hours: u32) {
    for n in 0..hours * 4 {
        for webhook in webhooks {
            let event = scene.publish(webhook.tenant, &[webhook]).await;
            scene.advance(Duration::from_millis(spread(u64::from(n)) % 300));
            recorded(scene, twin, &scene.failed(&event, 0, 1)).await;
            scene.advance(Duration::from_secs(spread(u64::from(n)) % 90));
            let broken = AttemptOutcome::Network { error: NetworkError::Closed };
            let last = match n % 3 {
                0 => scene.exhausted(&event, 0, 2),
                1 => scene.delivered(&event, 0, 2),
                _ => {
                    scene.outcome(&event, 0, 2, broken, Step::Final(FinalState::Dead(DeadReason::NotRetried)))
                }
            };
            recorded(scene, twin, &last).await;
        }
        scene.advance(Duration::from_secs(800));
    }
}

/// Attempts and ends are read as soon as they are committed, by webhook and for the tenant.
pub async fn what_is_recorded_is_counted_at_once(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (webhook, other) = (scene.webhook(tenant).await, scene.webhook(tenant).await);
    let mut twin = Twin::default();
    twin.0.insert((tenant, None), Series::new());
    twin.compare(&scene, "nothing").await;
    let event = scene.publish(tenant, &[&webhook, &other]).await;
    for (number, nth) in [(1, 0), (2, 0), (1, 1)] {
        recorded(&scene, &mut twin, &scene.failed(&event, nth, number)).await;
        twin.compare(&scene, "a failure").await;
        scene.advance(Duration::from_secs(31));
    }
    recorded(&scene, &mut twin, &scene.delivered(&event, 0, 3)).await;
    recorded(&scene, &mut twin, &scene.exhausted(&event, 1, 2)).await;
    twin.compare(&scene, "ends").await;
    let both = [scene.publish(tenant, &[&webhook]).await, scene.publish(tenant, &[&other]).await];
    let batch: Vec<_> = both.iter().map(|event| scene.delivered(event, 0, 1)).collect();
    scene.commit(batch.iter().cloned().map(|write| Write::Outcome(Box::new(write))).collect()).await;
    batch.iter().for_each(|write| twin.note(write));
    twin.compare(&scene, "one batch").await;
    let scene = scene.reopen(backend).await;
    twin.compare(&scene, "reopened").await;
    let sums = scene.store.minutes(tenant, None, START, scene.tick().plus(MINUTE)).await.expect("read");
    let attempts: u64 = sums.iter().map(|(_, sums)| sums.attempts()).sum();
    assert_eq!(attempts, 7);
}

/// An outcome that is repeated, has a wrong number or stands beside a refused item.
pub async fn what_is_not_recorded_is_not_counted(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let mut twin = Twin::default();
    let event = scene.publish(tenant, &[&webhook]).await;
    assert!(!scene.record(&scene.delivered(&event, 0, 2)).await);
    let write = scene.failed(&event, 0, 1);
    recorded(&scene, &mut twin, &write).await;
    assert!(!scene.record(&write).await);
    twin.compare(&scene, "a repeat").await;
    // A refused item makes the whole batch be written twice.
    let second = scene.delivered(&event, 0, 2);
    let written = scene
        .commit(vec![
            Write::Outcome(Box::new(second.clone())),
            Write::Accept(Box::new(NewEvent { deliveries: event.deliveries.clone(), ..event.clone() })),
        ])
        .await;
    assert!(matches!(written[1], Written::Refused(_)), "{written:?}");
    twin.note(&second);
    twin.compare(&scene, "beside a refused item").await;
}

/// Poison and expiry are failures of a delivery; a withdrawal is none.
pub async fn ends_without_an_attempt_are_counted(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let mut twin = Twin::default();
    let events = [scene.publish(tenant, &[&webhook]).await, scene.publish(tenant, &[&webhook]).await];
    scene.publish(tenant, &[&webhook]).await;
    let poison = FinalState::Dead(DeadReason::Poison);
    for (event, state) in events.iter().zip([poison, FinalState::Cancelled(CancelReason::Requested)]) {
        let (deliveries, now) = (vec![event.deliveries[0].id], scene.tick());
        let written = scene.write(Write::Finish { deliveries, state, now }).await;
        assert!(matches!(written, Written::Finished(ref ids) if ids.len() == 1), "{written:?}");
        if state == poison {
            twin.count(tenant, webhook.id, now, |sums| sums.finished(state, now));
        }
    }
    twin.compare(&scene, "poison").await;
    scene.advance(HOUR);
    let expired = purge_all(&scene, scene.tick(), 10).await;
    assert_eq!(expired.len(), 1);
    let sums =
        scene.store.hours(tenant, Some(webhook.id), START, scene.tick().plus(HOUR)).await.expect("read");
    let dead: u64 = sums.iter().map(|(_, sums)| sums.dead).sum();
    assert_eq!((dead, sums.iter().map(|(_, sums)| sums.attempts()).sum::<u64>()), (2, 0));
}

/// Minutes and hours that are built, however often and across reopens, read as they did before.
pub async fn building_rollups_changes_nothing_that_is_read(backend: &dyn Backend) {
    let mut scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let foreign = scene.tenant().await;
    let webhooks = [scene.webhook(tenant).await, scene.webhook(tenant).await, scene.webhook(foreign).await];
    let mut twin = Twin::default();
    for round in 0..3 {
        some_hours(&scene, &mut twin, &webhooks, 2).await;
        let now = scene.tick();
        for place in ["closed", "closed twice"] {
            scene.store.close_minutes(now).await.expect("minutes are closed");
            twin.compare(&scene, place).await;
        }
        scene = scene.reopen(backend).await;
        twin.compare(&scene, &format!("reopened {round}")).await;
    }
    // The current minute stays open until it has ended.
    scene.advance(HOUR);
    scene.store.close_minutes(scene.tick()).await.expect("minutes are closed");
    twin.compare(&scene, "all closed").await;
}

/// An attempt of a minute and an hour that are closed is added to them.
pub async fn what_comes_late_is_added(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let mut twin = Twin::default();
    let event = scene.publish(tenant, &[&webhook]).await;
    let (first, mut late) = (scene.failed(&event, 0, 1), scene.delivered(&event, 0, 2));
    recorded(&scene, &mut twin, &first).await;
    scene.advance(HOUR * 3);
    scene.store.close_minutes(scene.tick()).await.expect("minutes are closed");
    late.now = scene.tick();
    recorded(&scene, &mut twin, &late).await;
    twin.compare(&scene, "late").await;
    scene.store.close_minutes(scene.tick()).await.expect("minutes are closed");
    twin.compare(&scene, "closed again").await;
    let scene = scene.reopen(backend).await;
    twin.compare(&scene, "reopened").await;
}

/// Nothing is read of another tenant's webhook, and a tenant's sums are its own.
pub async fn sums_belong_to_their_tenant(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (own, other) = (scene.tenant().await, scene.tenant().await);
    let webhook = scene.webhook(own).await;
    let event = scene.publish(own, &[&webhook]).await;
    assert!(scene.record(&scene.delivered(&event, 0, 1)).await);
    let later = scene.tick().plus(HOUR);
    let unknown = WebhookId::from_bytes([9; 16]);
    for closed in [false, true] {
        if closed {
            scene.store.close_minutes(later).await.expect("minutes are closed");
        }
        for (tenant, webhook, rows) in [
            (own, Some(webhook.id), 1),
            (own, None, 1),
            (other, Some(webhook.id), 0),
            (other, None, 0),
            (own, Some(unknown), 0),
        ] {
            let minutes = scene.store.minutes(tenant, webhook, START, later).await.expect("minutes are read");
            let hours =
                scene.store.hours(tenant, webhook, START, later.plus(HOUR)).await.expect("hours are read");
            assert_eq!((minutes.len(), hours.len()), (rows, rows), "{tenant} {webhook:?} {closed}");
        }
    }
    let empty = scene.store.minutes(own, None, later, START).await.expect("minutes are read");
    assert_eq!(empty, []);
}

/// Rollups go by age: minutes after a day, hours after a week; what is not yet part of an hour stays.
pub async fn old_rollups_are_purged(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let event = scene.publish(tenant, &[&webhook]).await;
    assert!(scene.record(&scene.delivered(&event, 0, 1)).await);
    let read = async |now: Time| {
        let minutes =
            scene.store.minutes(tenant, None, START, START.plus(HOUR)).await.expect("minutes are read");
        let hours = scene.store.hours(tenant, None, START, now.plus(HOUR)).await.expect("hours are read");
        (minutes.len(), hours.len())
    };
    let at_minute = |after: Duration| START.plus(after).plus(MINUTE * 2);
    scene.store.close_minutes(at_minute(MINUTE * 2)).await.expect("minutes are closed");
    scene.store.purge_rollups(at_minute(MINUTES_KEPT)).await.expect("purged");
    assert_eq!(read(at_minute(HOUR)).await, (1, 1), "no hour has been built of it");
    scene.store.close_minutes(at_minute(HOUR)).await.expect("minutes are closed");
    scene.store.purge_rollups(at_minute(MINUTES_KEPT - HOUR)).await.expect("purged");
    assert_eq!(read(at_minute(HOUR)).await, (1, 1), "young enough");
    scene.store.purge_rollups(at_minute(MINUTES_KEPT)).await.expect("purged");
    assert_eq!(read(at_minute(HOUR)).await, (0, 1));
    scene.store.purge_rollups(at_minute(HOURS_KEPT - HOUR)).await.expect("purged");
    assert_eq!(read(at_minute(HOUR)).await, (0, 1));
    scene.store.purge_rollups(at_minute(HOURS_KEPT + HOUR)).await.expect("purged");
    assert_eq!(read(at_minute(HOUR)).await, (0, 0));
}
