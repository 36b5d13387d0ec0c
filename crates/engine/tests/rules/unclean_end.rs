//! E22: in flight means started and not committed; who dies repeats no more than that, and poison is found out.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use stentor_core::delivery::DeliveryState;
use stentor_engine::clock::SystemClock;
use stentor_store::Deliveries;
use stentor_store::deliveries::DeliveryFilter;
use stentor_testkit::wait::until;

use super::support::*;

#[test]
fn e22_stalled_commits_and_a_death_repeat_no_more_than_was_in_flight() {
    const EVENTS: u64 = 2_000;
    let clock = Arc::new(SystemClock);
    let database = Database::new();
    let receiver = Receiver::willing(clock.clone());
    let setup = Setup::new(clock, &receiver).with(|options| options.permits = 32);
    let process = Process::start(&database, &setup);
    let tenant = process.run(async {
        let id = tenant(&*process.store, "t").await;
        for kind in ["one", "two", "three", "four"] {
            webhook(&*process.store, id, kind, |_| {}).await;
        }
        id
    });
    for kind in ["one", "two", "three", "four"] {
        process.run(publish_all(&process.engine, tenant, kind, 0..EVENTS / 4));
    }
    process.store.stall();
    process.run(process.store.until_stalled());
    // Attempts go on until every permit is held by an outcome that cannot be written.
    let engine = &process.engine;
    process.run(until("all permits are in use or all is sent", || async {
        let in_flight = gauge(engine, "stentor_in_flight");
        (receiver.unanswered() == 0 && (in_flight >= 32 || receiver.count() >= EVENTS as usize)).then_some(())
    }));
    let in_flight = usize::try_from(gauge(engine, "stentor_in_flight")).expect("a count");
    let sent = receiver.count();
    process.store.fail_next(
        stentor_testkit::faulty_store::Batches::All,
        stentor_testkit::faulty_store::CommitFault::Fatal,
    );
    process.die();
    let process = Process::start(&database, &setup);
    let sums = process.until_done();
    assert_eq!((sums.accepted, sums.delivered), (EVENTS, EVENTS));
    let repeats = receiver.repeats();
    assert!(repeats <= in_flight, "{repeats} repeats, {in_flight} in flight, {sent} sent");
    assert!(repeats > 0, "the outcomes of the dead process cannot have been written");
    process.stop();
}

#[test]
fn e22_a_delivery_that_kills_three_processes_is_poison_and_others_flow() {
    const POISON: u64 = 7;
    let clock = Arc::new(SystemClock);
    let database = Database::new();
    let deaths = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&deaths);
    let receiver = Receiver::new(clock.clone(), move |visit| {
        if visit.n() == POISON {
            counted.fetch_add(1, Ordering::SeqCst);
            return Answer::Hang;
        }
        Answer::Status(200)
    });
    let setup = Setup::new(clock, &receiver);
    let mut process = Process::start(&database, &setup);
    let tenant = process.run(async {
        let id = tenant(&*process.store, "t").await;
        webhook(&*process.store, id, "*", |_| {}).await;
        id
    });
    process.run(publish_all(&process.engine, tenant, "a", 0..20));
    for killed in 1..=3 {
        process.run(until("the poison is on the wire", || async {
            (deaths.load(Ordering::SeqCst) == killed).then_some(())
        }));
        process.die();
        process = Process::start(&database, &setup);
    }
    let sums = process.until_done();
    assert_eq!((sums.delivered, sums.dead), (19, 1));
    let dead = DeliveryFilter { state: Some(DeliveryState::Dead), ..DeliveryFilter::default() };
    let page = process.run(process.store.deliveries(tenant, &dead, None, 10)).unwrap();
    assert_eq!(page.rows[0].reason.as_deref(), Some("poison"));
    assert_eq!(receiver.count_if(|visit| visit.n() == POISON), 3);
    let others: HashSet<u64> = receiver.visits().iter().map(Visit::n).filter(|n| *n != POISON).collect();
    assert_eq!(others.len(), 19);
    process.stop();
}

#[test]
fn e22_failing_after_a_death_is_not_poison() {
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::new(clock.clone(), |_| Answer::Status(500));
    let setup = Setup::new(clock.clone(), &receiver);
    let process = Process::start(&database, &setup);
    let tenant = process.run(async {
        let id = tenant(&*process.store, "t").await;
        webhook(&*process.store, id, "*", |webhook| webhook.config.policy = waits(&[0, 5, 5, 5, 5, 5])).await;
        id
    });
    process.run(publish(&process.engine, tenant, "a", 0)).expect("stored");
    process.run(receiver.until("the first attempt", 1, |visit| visit.answered.is_some()));
    clock.advance(seconds(1));
    process.die();
    let process = Process::start(&database, &setup);
    let id = receiver.visits()[0].delivery;
    let store = &process.store;
    for attempt in 1..=6_u32 {
        process.run(until("the attempt is recorded", || async move {
            let row = store.delivery(tenant, id).await.unwrap().unwrap();
            (row.attempts >= attempt).then_some(())
        }));
        clock.advance(seconds(5));
    }
    let row = process.run(store.delivery(tenant, id)).unwrap().unwrap();
    assert_eq!((row.state, row.reason.as_deref()), (DeliveryState::Dead, Some("exhausted")));
    process.stop();
}
