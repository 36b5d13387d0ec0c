//! Deliveries that are attempted together stay together until they are final (engine rule E23).

use std::time::Duration;

use stentor_core::delivery::{CancelReason, DeliveryState, FinalState};
use stentor_core::id::{BatchId, DeliveryId, TenantId};
use stentor_core::retry::Step;
use stentor_core::time::Time;
use stentor_core::webhook::Webhook;

use super::Backend;
use super::fixtures::{EVERYTHING, Scene, lane};
use crate::deliveries::DeliveryFilter;
use crate::journal::{NewEvent, OutcomeWrite, Write, Written};
use crate::lanes::{LoadedDelivery, PageLimit};

async fn events(scene: &Scene, webhook: &Webhook, count: usize) -> Vec<NewEvent> {
    let mut events = Vec::new();
    for _ in 0..count {
        events.push(scene.publish(webhook.tenant, &[webhook]).await);
    }
    events
}

fn ids(events: &[NewEvent]) -> Vec<DeliveryId> {
    events.iter().map(|event| event.deliveries[0].id).collect()
}

/// One failed attempt of all, followed by another at `due`, with their batch kept.
fn failed(scene: &Scene, events: &[NewEvent], number: u32, due: Time) -> (BatchId, Vec<OutcomeWrite>) {
    let batch = BatchId::of(ids(events));
    let outcome = |event| {
        let failed = scene.failed(event, 0, number);
        OutcomeWrite { step: Step::RetryAt(due), batch: Some(batch), ..failed }
    };
    (batch, events.iter().map(outcome).collect())
}

async fn record(scene: &Scene, outcomes: Vec<OutcomeWrite>) -> Vec<bool> {
    let Written::Outcomes(written) = scene.write(Write::Outcomes(outcomes)).await else {
        panic!("the outcomes of a batch have one answer each");
    };
    let applied = |one: &Written| matches!(one, Written::Recorded { applied: true, .. });
    written.iter().map(applied).collect()
}

async fn fail(scene: &Scene, events: &[NewEvent], number: u32, due: Time) -> BatchId {
    let (batch, outcomes) = failed(scene, events, number, due);
    assert_eq!(record(scene, outcomes).await, vec![true; events.len()]);
    batch
}

/// The batch is kept with the first failure, over a new start too, and goes with the row.
pub async fn a_failed_attempt_of_several_keeps_them_together(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let (members, alone) = (events(&scene, &webhook, 3).await, scene.publish(tenant, &[&webhook]).await);
    let due = scene.tick().plus(Duration::from_secs(60));
    let batch = fail(&scene, &members, 1, due).await;
    assert!(scene.record(&scene.failed(&alone, 0, 1)).await);
    let scene = scene.reopen(backend).await;
    let kept: Vec<_> = scene.pending(&webhook).await.into_iter().map(|row| (row.id, row.batch)).collect();
    let mut expected: Vec<_> = ids(&members).into_iter().map(|id| (id, Some(batch))).collect();
    expected.push((alone.deliveries[0].id, None));
    assert_eq!(kept, expected);
    for id in ids(&members) {
        let row = scene.delivery(tenant, id).await;
        assert_eq!((row.batch, row.attempts, row.next_attempt_at), (Some(batch), 1, Some(due)));
    }
    let second = record(&scene, members.iter().map(|event| scene.delivered(event, 0, 2)).collect()).await;
    assert_eq!(second, [true; 3]);
    for id in ids(&members) {
        let row = scene.delivery(tenant, id).await;
        assert_eq!((row.batch, row.attempts, row.state), (None, 2, DeliveryState::Delivered));
        assert_eq!(scene.store.attempts(tenant, id).await.expect("attempts are read").len(), 2);
    }
}

/// The outcome of a member that ended by itself changes nothing; those of the others hold, once.
pub async fn what_ended_meanwhile_is_told_alone(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let members = events(&scene, &webhook, 3).await;
    let (state, now) = (FinalState::Cancelled(CancelReason::Requested), scene.tick());
    scene.write(Write::Finish { deliveries: vec![ids(&members)[1]], state, now }).await;
    let (_, outcomes) = failed(&scene, &members, 1, scene.tick());
    assert_eq!(record(&scene, outcomes.clone()).await, [true, false, true]);
    assert_eq!(record(&scene, outcomes).await, [false; 3], "twice is once");
}

async fn due(scene: &Scene, webhook: &Webhook, until: Time, rows: u32) -> Vec<LoadedDelivery> {
    let limit = PageLimit { rows, ..EVERYTHING };
    scene.store.due_page(lane(webhook), until, limit).await.expect("a page is read").rows
}

/// A page that ends within a batch, or within two that are due at once, has all of what has begun; so has the queue of an
/// ordered webhook.
pub async fn a_page_never_cuts_a_batch(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (webhook, ordered) = (scene.webhook(tenant).await, scene.ordered_webhook(tenant).await);
    let events = events(&scene, &webhook, 11).await;
    let pick = |places: &[usize]| places.iter().map(|place| events[*place].clone()).collect::<Vec<_>>();
    let (first, second, third) = (pick(&[0, 3, 6]), pick(&[1, 2, 4, 8]), pick(&[5, 7, 9]));
    let at = scene.tick().plus(Duration::from_secs(60));
    let batches = [
        fail(&scene, &first, 1, at).await,
        fail(&scene, &second, 1, at).await,
        fail(&scene, &third, 1, at.plus(Duration::from_secs(1))).await,
    ];
    for rows in 1..=12 {
        let page = due(&scene, &webhook, at.plus(Duration::from_secs(9)), rows).await;
        assert!(page.len() >= (rows as usize).min(10), "{rows} rows of {}", page.len());
        for (batch, members) in batches.iter().zip([&first, &second, &third]) {
            let mut seen: Vec<_> = page
                .iter()
                .filter(|row| row.pending.batch == Some(*batch))
                .map(|row| row.pending.id)
                .collect();
            seen.sort_unstable();
            assert!(seen.is_empty() || seen == ids(members), "{rows} rows hold {seen:?}");
        }
        assert!(page.iter().all(|row| row.content.is_some()));
    }
    let queue = self::events(&scene, &ordered, 5).await;
    fail(&scene, &queue[..3], 1, at).await;
    for (rows, expected) in [(1, 3), (2, 3), (3, 3), (4, 4), (9, 5)] {
        let limit = PageLimit { rows, ..EVERYTHING };
        let page = scene.store.ordered_page(lane(&ordered), i64::MIN, limit).await.expect("a page is read");
        let seen: Vec<_> = page.iter().map(|row| row.pending.id).collect();
        assert_eq!(seen, ids(&queue)[..expected]);
    }
}

async fn finish(scene: &Scene, id: DeliveryId, reason: CancelReason) -> Vec<DeliveryId> {
    let (state, now) = (FinalState::Cancelled(reason), scene.tick());
    match scene.write(Write::Finish { deliveries: vec![id], state, now }).await {
        Written::Finished(ids) => ids,
        other => panic!("not finished: {other:?}"),
    }
}

/// A person cannot cancel a member; the end of the webhook or of the retention does end it.
pub async fn a_person_takes_none_out_of_a_batch(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let members = events(&scene, &webhook, 2).await;
    fail(&scene, &members, 1, scene.tick()).await;
    let first = ids(&members)[0];
    assert_eq!(finish(&scene, first, CancelReason::Requested).await, []);
    assert_eq!(scene.delivery(tenant, first).await.state, DeliveryState::Pending);
    assert_eq!(finish(&scene, first, CancelReason::WebhookDeleted).await, [first]);
}

async fn retry(scene: &Scene, tenant: TenantId, delivery: DeliveryId, now: Time) {
    let written = scene.write(Write::Retry { tenant, delivery, now }).await;
    assert!(matches!(written, Written::Retried(Some(_))));
}

/// Each attempt tells its batch, and a finished delivery that of its last attempt.
pub async fn attempts_and_finished_deliveries_tell_their_batch(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let (members, alone) = (events(&scene, &webhook, 2).await, scene.publish(tenant, &[&webhook]).await);
    let due = scene.tick().plus(Duration::from_secs(60));
    let batch = Some(fail(&scene, &members, 1, due).await);
    let outcome = |event| OutcomeWrite { batch, ..scene.delivered(event, 0, 2) };
    assert_eq!(record(&scene, members.iter().map(outcome).collect()).await, [true, true]);
    assert!(scene.record(&scene.delivered(&alone, 0, 1)).await);
    for (id, batch, attempts) in ids(&members).into_iter().map(|id| (id, batch, 2)).chain([(
        ids(std::slice::from_ref(&alone))[0],
        None,
        1,
    )]) {
        let row = scene.store.delivery(tenant, id).await.expect("read").expect("it is there");
        assert_eq!(row.batch, batch);
        let told = scene.store.attempts(tenant, id).await.expect("read");
        assert_eq!(told.iter().map(|attempt| attempt.batch).collect::<Vec<_>>(), vec![batch; attempts]);
    }
    let filter = DeliveryFilter { webhook: Some(webhook.id), ..DeliveryFilter::default() };
    let listed = scene.store.deliveries(tenant, &filter, None, 10).await.expect("read").rows;
    assert_eq!(listed.iter().filter(|row| row.batch.is_some() && row.batch == batch).count(), 2);
}

/// Of a batch that waits every member is due with one; a finished member comes back without its batch.
pub async fn a_retry_makes_the_whole_batch_due(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let (members, other) = (events(&scene, &webhook, 3).await, events(&scene, &webhook, 2).await);
    let later = scene.tick().plus(Duration::from_secs(3_600));
    fail(&scene, &members, 1, later).await;
    fail(&scene, &other, 1, later).await;
    let now = scene.tick();
    retry(&scene, tenant, ids(&members)[1], now).await;
    let page = due(&scene, &webhook, now, 10).await;
    assert_eq!(page.iter().map(|row| row.pending.id).collect::<Vec<_>>(), ids(&members));
    assert!(page.iter().all(|row| row.pending.due_at == Some(now)));
    record(&scene, members.iter().map(|event| scene.exhausted(event, 0, 2)).collect()).await;
    retry(&scene, tenant, ids(&members)[0], scene.tick()).await;
    let page = due(&scene, &webhook, scene.tick(), 10).await;
    let seen: Vec<_> =
        page.iter().map(|row| (row.pending.id, row.pending.batch, row.pending.attempts)).collect();
    assert_eq!(seen, [(ids(&members)[0], None, 2)]);
}
