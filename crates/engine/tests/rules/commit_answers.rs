//! E3: what a commit answers, and what follows from each answer.

use std::sync::Arc;

use futures_util::future::join_all;
use stentor_core::id::TenantId;
use stentor_engine::accept::{PublishError, PublishedTogether};
use stentor_engine::clock::ManualClock;
use stentor_engine::commands::{CommandError, CommandOutcome};
use stentor_store::Deliveries;
use stentor_store::deliveries::DeliveryFilter;
use stentor_testkit::faulty_store::{Batches, CommitFault};
use stentor_testkit::wait::until;
use tokio::sync::Semaphore;

use super::support::*;

struct Scene {
    clock: Arc<ManualClock>,
    receiver: Arc<Receiver>,
    setup: Setup,
    process: Process,
    tenant: TenantId,
    _database: Database,
}

/// A process with one webhook, and a clock that stands still: nothing is found by a sweep.
fn scene() -> Scene {
    let clock = manual_clock();
    let receiver = Receiver::willing(clock.clone());
    let setup = Setup::new(clock.clone(), &receiver);
    let database = Database::new();
    let process = Process::start(&database, &setup);
    let tenant = process.run(async {
        let id = tenant(&*process.store, "t").await;
        webhook(&*process.store, id, "*", |webhook| webhook.config.policy = waits(&[0, 5, 5])).await;
        id
    });
    Scene { clock, receiver, setup, process, tenant, _database: database }
}

#[test]
fn e3_an_event_whose_commit_is_unknown_is_delivered_if_it_is_stored() {
    for (fault, stored_at_first) in [(CommitFault::UnknownAndStored, 1), (CommitFault::UnknownAndLost, 0)] {
        let Scene { receiver, process, tenant, .. } = scene();
        let with_key = || {
            let mut event = numbered("a", 1);
            event.idempotency_key = Some("k".into());
            event
        };
        process.store.fail_next(Batches::WithEvents, fault);
        let first = process.run(process.engine.publish(tenant, with_key()));
        assert!(matches!(first, Err(PublishError::Unavailable(_))), "{fault:?}: {first:?}");
        process.run(receiver.until("what is stored arrives", stored_at_first, |_| true));
        let repeated = process.run(process.engine.publish(tenant, with_key())).expect("stored now");
        assert_eq!(repeated.duplicate, stored_at_first == 1, "{fault:?}");
        let sums = process.until_done();
        assert_eq!((sums.events, sums.delivered), (1, 1), "{fault:?}");
        receiver.assert_once_each(1..2);
        assert_eq!(process.engine.metrics().orphans(), 0);
        process.stop();
    }
}

#[test]
fn e3_a_list_whose_commit_is_unknown_is_delivered_as_a_whole_or_not_at_all() {
    for (fault, stored_at_first) in
        [(CommitFault::UnknownAndStored, 3), (CommitFault::UnknownAndLost, 0), (CommitFault::NotCommitted, 0)]
    {
        let Scene { receiver, process, tenant, .. } = scene();
        let mut list: Vec<_> = (1..4).map(|n| numbered("a", n)).collect();
        list[0].idempotency_key = Some("k".into());
        process.store.fail_next(Batches::WithEvents, fault);
        let first = process.run(process.engine.publish_together(tenant, &list));
        assert!(matches!(first, Err(PublishError::Unavailable(_))), "{fault:?}: {first:?}");
        process.run(receiver.until("what is stored arrives", stored_at_first, |_| true));
        let repeated = process.run(process.engine.publish_together(tenant, &list)).expect("stored now");
        let is_known = matches!(repeated, PublishedTogether::Before(_));
        assert_eq!(is_known, stored_at_first == 3, "{fault:?}: {repeated:?}");
        let sums = process.until_done();
        assert_eq!((sums.events, sums.delivered), (3, 3), "{fault:?}");
        receiver.assert_once_each(1..4);
        assert_eq!(process.engine.metrics().orphans(), 0);
        process.stop();
    }
}

#[test]
fn e3_one_poisoned_event_among_a_hundred_leaves_ninety_nine() {
    let Scene { receiver, process, tenant, .. } = scene();
    process.store.poison(|event| &event.event.content.data[..] == b"41");
    let engine = &process.engine;
    let answers = process.run(join_all((0..100).map(|n| publish(engine, tenant, "a", n))));
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(answer.is_ok(), n != 41, "{n}: {answer:?}");
    }
    assert_eq!(process.until_done().delivered, 99);
    assert_eq!(receiver.count_if(|visit| visit.n() == 41), 0);
    assert_eq!(receiver.count(), 99);
    process.stop();
}

#[test]
fn e3_an_outcome_that_was_not_committed_is_written_again() {
    let faults = [CommitFault::NotCommitted, CommitFault::UnknownAndLost, CommitFault::UnknownAndStored];
    for fault in faults {
        let Scene { clock, receiver, process, tenant, .. } = scene();
        let gate = Arc::new(Semaphore::new(0));
        let held = Arc::clone(&gate);
        receiver.now_answers(move |visit| match visit.number {
            1 => Answer::Held(Arc::clone(&held), 500),
            _ => Answer::Status(200),
        });
        process.run(publish_all(&process.engine, tenant, "a", 0..50));
        process.store.fail_next(Batches::WithOutcomes, fault);
        process.store.fail_next(Batches::WithOutcomes, fault);
        gate.add_permits(50);
        let store = &process.store;
        let all = DeliveryFilter::default();
        process.run(until("all first attempts are recorded", || async {
            let page = store.deliveries(tenant, &all, None, 100).await.unwrap();
            let recorded = page.rows.len() == 50 && page.rows.iter().all(|row| row.attempts == 1);
            // Outcomes that were stored behind an unknown commit are written once more all the same.
            (recorded && store.faults_left() == 0).then_some(())
        }));
        assert_eq!(receiver.count(), 50, "{fault:?}");
        clock.advance(seconds(5));
        assert_eq!(process.until_done().delivered, 50, "{fault:?}");
        let page = process.run(store.deliveries(tenant, &all, None, 100)).unwrap();
        for row in page.rows {
            let attempts = process.run(store.attempts(tenant, row.id)).unwrap();
            assert_eq!(
                attempts.iter().map(|attempt| attempt.number).collect::<Vec<_>>(),
                [1, 2],
                "{fault:?}"
            );
        }
        assert_eq!(receiver.count(), 100, "{fault:?}: no attempt is made twice");
        process.stop();
    }
}

#[test]
fn e3_a_cancellation_that_was_not_committed_leaves_the_delivery_to_its_lane() {
    let Scene { receiver, process, tenant, .. } = scene();
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    // One request holds the only place of the young lane; the other waits in its memory.
    receiver.now_answers(move |_| Answer::Held(Arc::clone(&held), 200));
    process.run(publish_all(&process.engine, tenant, "a", 0..1));
    process.run(receiver.until("the first is on the wire", 1, |_| true));
    let second = process.run(publish(&process.engine, tenant, "a", 1)).expect("stored");
    let of_second = DeliveryFilter { event: Some(second.id), ..DeliveryFilter::default() };
    let page = process.run(process.store.deliveries(tenant, &of_second, None, 1)).unwrap();
    process.store.fail_next(Batches::WithFinishes, CommitFault::NotCommitted);
    let cancelled = process.run(process.engine.cancel(tenant, page.rows[0].id));
    assert!(matches!(cancelled, Err(CommandError::Unavailable(_))), "{cancelled:?}");
    gate.add_permits(2);
    let sums = process.until_done();
    assert_eq!((sums.delivered, sums.cancelled), (2, 0));
    receiver.assert_once_each(0..2);
    process.stop();
}

#[test]
fn e3_a_retry_whose_commit_is_unknown_is_carried_out_if_it_is_stored() {
    let Scene { receiver, process, tenant, .. } = scene();
    process.run(publish_all(&process.engine, tenant, "a", 0..1));
    process.until_done();
    let delivery = receiver.visits()[0].delivery;
    process.store.fail_next(Batches::All, CommitFault::UnknownAndStored);
    let retried = process.run(process.engine.retry(tenant, delivery));
    assert!(matches!(retried, Err(CommandError::Unavailable(_))), "{retried:?}");
    process.run(receiver.until("it is sent again", 2, |_| true));
    process.until_done();
    assert_eq!(process.run(process.engine.retry(tenant, delivery)).unwrap(), CommandOutcome::Done);
    process.run(receiver.until("and again", 3, |_| true));
    process.until_done();
    process.stop();
}

#[test]
fn e3_after_a_fatal_commit_nothing_is_acknowledged() {
    let Scene { receiver, setup, process, tenant, .. } = scene();
    process.run(publish_all(&process.engine, tenant, "a", 0..3));
    process.until_done();
    process.store.fail_next(Batches::All, CommitFault::Fatal);
    let (engine, told) = (process.engine.clone(), Arc::clone(&setup.fatal));
    let doomed = process.spawn(async move { publish(&engine, tenant, "a", 3).await });
    let told = &told;
    process.run(until("the end of the process is asked for", || async move {
        (!told.lock().unwrap().is_empty()).then_some(())
    }));
    let engine = process.engine.clone();
    let late = process.spawn(async move { publish(&engine, tenant, "a", 4).await });
    // Given the writer's whole backlog of chances, neither is told that it is stored.
    let engine = &process.engine;
    process.run(until("the late one is refused or waits", || async {
        (late.is_finished() || gauge(engine, "stentor_journal_waiting") == 1).then_some(())
    }));
    assert_eq!(setup.fatal.lock().unwrap().len(), 1);
    for publisher in [doomed, late] {
        if publisher.is_finished() {
            let answer = process.run(publisher).expect("no panic");
            assert!(matches!(answer, Err(PublishError::Unavailable(_))), "{answer:?}");
        }
    }
    assert_eq!(process.sums().events, 3);
    assert_eq!(receiver.count(), 3);
    process.die();
}
