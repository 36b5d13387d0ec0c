//! The ends of attempts: what becomes of the delivery, and that recording is idempotent (engine rules E3, E22).

use std::time::Duration;

use bytes::Bytes;
use stentor_core::address::Refusal;
use stentor_core::attempt::{AttemptOutcome, CapturedResponse, NetworkError, Phase};
use stentor_core::delivery::{DeliveryState, FinalState};
use stentor_core::id::DeliveryId;
use stentor_core::retry::Step;
use stentor_core::time::Time;

use super::Backend;
use super::fixtures::Scene;
use crate::deliveries::AttemptRow;
use crate::journal::{OutcomeWrite, Write, Written};

/// The attempt as it must read back.
fn row_of(write: &OutcomeWrite) -> AttemptRow {
    let attempt = &write.attempt;
    AttemptRow {
        number: attempt.number,
        started_at: attempt.started_at,
        duration_us: u64::try_from(attempt.duration.as_micros()).expect("cases use short attempts"),
        outcome: attempt.outcome.kind().into(),
        reason: attempt.outcome.reason().map(Into::into),
        status: attempt.outcome.status(),
        response: attempt.response.clone(),
        batch: write.batch,
    }
}

async fn attempts_of(scene: &Scene, write: &OutcomeWrite) -> Vec<AttemptRow> {
    scene.store.attempts(write.tenant, write.attempt.delivery).await.expect("attempts are read")
}

/// Every way to end ends the delivery with its state, its reason and its time, and takes it out of the queue.
pub async fn a_final_step_ends_the_delivery(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    for state in FinalState::ALL {
        let event = scene.publish(tenant, &[&webhook]).await;
        let mut write = scene.delivered(&event, 0, 1);
        if state != FinalState::Delivered {
            write.attempt.outcome = AttemptOutcome::Refused { status: 500, retry_after: None };
        }
        write.step = Step::Final(state);
        assert!(scene.record(&write).await, "{state:?}");
        let row = scene.delivery(tenant, event.deliveries[0].id).await;
        assert_eq!((row.state, row.reason.as_deref()), (state.state(), state.reason()));
        assert_eq!((row.attempts, row.finished_at, row.next_attempt_at), (1, Some(write.now), None));
        assert_eq!((row.event, row.webhook, row.shard), (event.event.content.id, webhook.id, webhook.shard));
        assert_eq!(attempts_of(&scene, &write).await, [row_of(&write)]);
        assert_eq!(scene.pending(&webhook).await, []);
    }
}

/// A failure with attempts left keeps the row and gives it a due time; the next number is one higher, up to the end.
pub async fn a_retry_waits_and_numbers_go_on(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let event = scene.publish(tenant, &[&webhook]).await;
    let mut writes = Vec::new();
    for number in 1..=4 {
        let write = scene.failed(&event, 0, number);
        assert!(scene.record(&write).await, "{number}");
        let Step::RetryAt(due) = write.step else { panic!("a failure that is retried") };
        let pending = scene.pending(&webhook).await;
        assert_eq!((pending[0].attempts, pending[0].due_at), (number, Some(due)));
        assert_eq!(pending[0].position, event.deliveries[0].position);
        let row = scene.delivery(tenant, event.deliveries[0].id).await;
        assert_eq!((row.state, row.attempts), (DeliveryState::Pending, number));
        assert_eq!((row.next_attempt_at, row.finished_at), (Some(due), None));
        writes.push(write);
    }
    let last = scene.delivered(&event, 0, 5);
    assert!(scene.record(&last).await);
    writes.push(last);
    assert_eq!(attempts_of(&scene, &writes[0]).await, writes.iter().map(row_of).collect::<Vec<_>>());
}

/// Writing an outcome twice, in two batches or in one, records it once.
pub async fn the_same_outcome_twice_changes_nothing(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let event = scene.publish(tenant, &[&webhook]).await;
    for write in [scene.failed(&event, 0, 1), scene.delivered(&event, 0, 2)] {
        let twice = vec![Write::Outcome(Box::new(write.clone())), Write::Outcome(Box::new(write.clone()))];
        let written = scene.commit(twice).await;
        let applied = |answer: &&Written| matches!(answer, Written::Recorded { applied: true, .. });
        assert_eq!(written.iter().filter(applied).count(), 1, "{written:?}");
        let before =
            (attempts_of(&scene, &write).await, scene.delivery(tenant, event.deliveries[0].id).await);
        let mut repeated = write.clone();
        repeated.now = scene.tick();
        assert!(!scene.record(&repeated).await);
        let after = (attempts_of(&scene, &write).await, scene.delivery(tenant, event.deliveries[0].id).await);
        assert_eq!(before, after);
    }
    assert_eq!(attempts_of(&scene, &scene.delivered(&event, 0, 3)).await.len(), 2);
    assert!(scene.sums().await.holds());
}

/// A number that is not the next one, a delivery that has ended, and one that was never there: nothing changes.
pub async fn an_unexpected_number_changes_nothing(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let event = scene.publish(tenant, &[&webhook]).await;
    let first = scene.failed(&event, 0, 1);
    assert!(scene.record(&first).await);
    let before = (scene.pending(&webhook).await, scene.sums().await);
    for number in [0, 1, 3, u32::MAX] {
        assert!(!scene.record(&scene.delivered(&event, 0, number)).await, "{number}");
        assert!(!scene.record(&scene.failed(&event, 0, number)).await, "{number}");
    }
    assert_eq!(before, (scene.pending(&webhook).await, scene.sums().await));
    assert_eq!(attempts_of(&scene, &first).await, [row_of(&first)]);

    let mut unknown = scene.delivered(&event, 0, 1);
    unknown.attempt.delivery = DeliveryId::from_bytes([9; 16]);
    assert!(!scene.record(&unknown).await);
    assert_eq!(attempts_of(&scene, &unknown).await, []);

    assert!(scene.record(&scene.exhausted(&event, 0, 2)).await);
    assert!(!scene.record(&scene.delivered(&event, 0, 3)).await, "it has ended");
    assert_eq!(scene.delivery(tenant, event.deliveries[0].id).await.state, DeliveryState::Dead);
    assert_eq!(attempts_of(&scene, &first).await.len(), 2);
}

/// Every kind of outcome reads back by its words, its status, its times and the receiver's exact bytes.
pub async fn every_kind_of_outcome_reads_back(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let event = scene.publish(tenant, &[&webhook]).await;
    let outcomes = [
        AttemptOutcome::Refused { status: 301, retry_after: None },
        AttemptOutcome::Refused { status: 999, retry_after: Some(Duration::from_secs(5)) },
        AttemptOutcome::Timeout { phase: Phase::Body },
        AttemptOutcome::Network { error: NetworkError::Certificate },
        AttemptOutcome::Blocked { refusal: Refusal::Port },
        AttemptOutcome::Unsendable,
        AttemptOutcome::Template,
        AttemptOutcome::Delivered { status: 299 },
    ];
    let response = |body, truncated| Some(CapturedResponse { body, truncated });
    let responses = [
        response(Bytes::new(), false),
        response(Bytes::from_iter((0..16_384_u32).map(|n| n as u8)), true),
        None,
        None,
        None,
        None,
        response(Bytes::from_static(b"line 1: undefined value"), false),
        response(Bytes::from_static(b"\0\xff"), false),
    ];
    let mut writes = Vec::new();
    for ((number, outcome), response) in (1..).zip(outcomes).zip(responses) {
        let mut write = scene.failed(&event, 0, number);
        if outcome.is_success() {
            write.step = Step::Final(FinalState::Delivered);
        }
        write.attempt.outcome = outcome;
        write.attempt.response = response;
        write.attempt.duration = Duration::from_micros(u64::from(number) * 1_000_003 - 1_000_003);
        write.attempt.started_at = Time::from_micros(write.attempt.started_at.as_micros() + 1);
        assert!(scene.record(&write).await, "{outcome:?}");
        writes.push(write);
    }
    assert_eq!(attempts_of(&scene, &writes[0]).await, writes.iter().map(row_of).collect::<Vec<_>>());
}

/// Recovered rows are claimed up to three times; rows that are not pending are left out (engine rule E22).
pub async fn claims_count_up_for_pending_rows(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let (done, event) = (scene.publish(tenant, &[&webhook]).await, scene.publish(tenant, &[&webhook]).await);
    let untouched = scene.publish(tenant, &[&webhook]).await;
    assert!(scene.record(&scene.delivered(&done, 0, 1)).await);
    let id = event.deliveries[0].id;
    for claims in 1..=3 {
        let deliveries = vec![done.deliveries[0].id, id, DeliveryId::from_bytes([9; 16])];
        assert_eq!(scene.write(Write::Claim { deliveries }).await, Written::Claimed(vec![(id, claims)]));
        let pending = scene.pending(&webhook).await;
        assert_eq!(
            pending.iter().map(|row| (row.id, row.claims)).collect::<Vec<_>>(),
            [(id, claims), (untouched.deliveries[0].id, 0)]
        );
    }
    assert_eq!(scene.write(Write::Claim { deliveries: Vec::new() }).await, Written::Claimed(Vec::new()));
    assert!(scene.record(&scene.delivered(&event, 0, 1)).await, "claims are not attempts");
}
