//! E16: retry and cancel, in whatever state a delivery is, while lists page under load.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stentor_core::delivery::DeliveryState;
use stentor_core::id::{DeliveryId, TenantId};
use stentor_engine::clock::SystemClock;
use stentor_engine::commands::CommandOutcome;
use stentor_store::deliveries::DeliveryFilter;
use stentor_store::{Deliveries, Store};
use stentor_testkit::wait::until;
use tokio::sync::Semaphore;

use super::support::*;

async fn state(store: &dyn Store, tenant: TenantId, id: DeliveryId) -> (DeliveryState, u32) {
    let row = store.delivery(tenant, id).await.expect("it can be read").expect("it is there");
    (row.state, row.attempts)
}

#[test]
fn e16_retry_continues_what_is_delivered_dead_or_waiting() {
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::new(clock.clone(), |visit| match (visit.kind(), visit.number) {
        ("dead" | "waiting", 1) => Answer::Status(500),
        _ => Answer::Status(200),
    });
    let process = Process::start(&database, &Setup::new(clock, &receiver));
    let (mine, foreign) = process.run(async {
        let mine = tenant(&*process.store, "mine").await;
        webhook(&*process.store, mine, "delivered", |_| {}).await;
        webhook(&*process.store, mine, "dead", |webhook| webhook.config.policy = waits(&[0])).await;
        webhook(&*process.store, mine, "waiting", |webhook| webhook.config.policy = waits(&[0, 3_600])).await;
        (mine, tenant(&*process.store, "foreign").await)
    });
    for kind in ["delivered", "dead", "waiting"] {
        process.run(publish(&process.engine, mine, kind, 0)).expect("stored");
    }
    process.run(receiver.until("one attempt each", 3, |visit| visit.answered.is_some()));
    let (engine, store) = (&process.engine, &*process.store);
    for visit in receiver.visits() {
        let id = visit.delivery;
        process.run(async {
            let recorded = until("the attempt is recorded", || async {
                let (state, attempts) = state(store, mine, id).await;
                (attempts == 1).then_some(state)
            });
            let expected = match visit.kind() {
                "delivered" => DeliveryState::Delivered,
                "dead" => DeliveryState::Dead,
                _ => DeliveryState::Pending,
            };
            assert_eq!(recorded.await, expected);
            assert_eq!(engine.retry(foreign, id).await.unwrap(), CommandOutcome::NotFound);
            assert_eq!(engine.cancel(foreign, id).await.unwrap(), CommandOutcome::NotFound);
            assert_eq!(engine.retry(mine, id).await.unwrap(), CommandOutcome::Done);
            until("the second attempt is recorded", || async {
                (state(store, mine, id).await == (DeliveryState::Delivered, 2)).then_some(())
            })
            .await;
            let numbers: Vec<u32> =
                store.attempts(mine, id).await.unwrap().iter().map(|attempt| attempt.number).collect();
            assert_eq!(numbers, [1, 2]);
            assert_eq!(engine.cancel(mine, id).await.unwrap(), CommandOutcome::NotPending);
        });
    }
    let unknown = DeliveryId::new(START, 4);
    assert_eq!(process.run(engine.retry(mine, unknown)).unwrap(), CommandOutcome::NotFound);
    assert_eq!(process.run(engine.cancel(mine, unknown)).unwrap(), CommandOutcome::NotFound);
    assert_eq!(receiver.count(), 6);
    process.stop();
}

#[test]
fn e16_cancel_of_a_delivery_in_flight_takes_effect_when_the_attempt_fails() {
    let clock = manual_clock();
    let database = Database::new();
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let receiver = Receiver::new(clock.clone(), move |visit| match visit.n() {
        0 => Answer::Held(Arc::clone(&held), 500),
        _ => Answer::Held(Arc::clone(&held), 200),
    });
    let process = Process::start(&database, &Setup::new(clock.clone(), &receiver));
    let tenant = process.run(async {
        let id = tenant(&*process.store, "t").await;
        for kind in ["fails", "succeeds"] {
            webhook(&*process.store, id, kind, |webhook| webhook.config.policy = waits(&[0, 5, 5])).await;
        }
        id
    });
    process.run(publish(&process.engine, tenant, "fails", 0)).expect("stored");
    process.run(publish(&process.engine, tenant, "succeeds", 1)).expect("stored");
    process.run(receiver.until("both are on the wire", 2, |_| true));
    for visit in receiver.visits() {
        let noted = process.run(process.engine.cancel(tenant, visit.delivery)).unwrap();
        assert_eq!(noted, CommandOutcome::Noted);
    }
    gate.add_permits(2);
    let sums = process.until_done();
    assert_eq!((sums.delivered, sums.cancelled), (1, 1));
    clock.advance(seconds(60));
    process.stop();
    assert_eq!(receiver.count(), 2, "no attempt follows");
}

#[test]
fn e16_under_load_no_attempt_follows_an_acknowledged_cancel_and_lists_show_each_once() {
    const EVENTS: u64 = 3_000;
    let clock = Arc::new(SystemClock);
    let database = Database::new();
    let receiver = Receiver::new(clock.clone(), |visit| match visit.n() % 3 {
        0 if visit.number == 1 => Answer::Status(500),
        _ => Answer::Slow(2, 200),
    });
    let process = Process::start(&database, &Setup::new(clock, &receiver));
    let tenant = process.run(async {
        let id = tenant(&*process.store, "t").await;
        webhook(&*process.store, id, "*", |webhook| {
            webhook.config.policy = waits(&[0, 1]);
            webhook.config.limits.concurrency = Some(4);
        })
        .await;
        id
    });
    let engine = process.engine.clone();
    let publisher = process.spawn(async move { publish_all(&engine, tenant, "a", 0..EVENTS).await });
    let over = Arc::new(AtomicBool::new(false));
    let (store, listing) = (Arc::clone(&process.store), Arc::clone(&over));
    let lister = process.spawn(async move {
        let mut walks = 0;
        while !listing.load(Ordering::Acquire) {
            walks += u32::from(walk(&*store, tenant).await > 0);
        }
        walks
    });
    let (done, late) = process.run(async {
        let mut done: Vec<(DeliveryId, usize)> = Vec::new();
        let mut late = 0;
        let store = &process.store;
        let pending = DeliveryFilter { state: Some(DeliveryState::Pending), ..DeliveryFilter::default() };
        while !publisher.is_finished() || done.len() < 100 {
            let page = store.deliveries(tenant, &pending, None, 40).await.expect("a list is read");
            if page.rows.is_empty() && publisher.is_finished() {
                break;
            }
            for row in page.rows.iter().step_by(2) {
                match process.engine.cancel(tenant, row.id).await.expect("cancelled") {
                    CommandOutcome::Done => {
                        done.push((row.id, receiver.count_if(|visit| visit.delivery == row.id)));
                    }
                    CommandOutcome::Noted | CommandOutcome::NotPending => late += 1,
                    other => panic!("{} is there and goes alone: {other:?}", row.id),
                }
            }
        }
        publisher.await.expect("everything is published");
        (done, late)
    });
    let sums = process.until_done();
    over.store(true, Ordering::Release);
    assert!(process.run(lister).expect("each id once per listing") > 0);
    assert!(!done.is_empty(), "{late} came too late");
    let cancelled: HashSet<DeliveryId> = done.iter().map(|(id, _)| *id).collect();
    let visits = receiver.visits();
    for (id, before) in &done {
        let visits = visits.iter().filter(|visit| visit.delivery == *id).count();
        assert_eq!(visits, *before, "{id} was attempted after its cancellation was acknowledged");
    }
    assert_eq!(sums.accepted, EVENTS);
    assert!(sums.cancelled >= cancelled.len() as u64);
    assert_eq!((sums.dead, receiver.repeats()), (0, 0));
    assert_eq!(process.run(walk(&*process.store, tenant)), EVENTS as usize);
    process.stop();
}

/// Pages through everything; panics when an id comes twice.
async fn walk(store: &dyn Store, tenant: TenantId) -> usize {
    let (mut seen, mut before) = (HashSet::new(), None);
    loop {
        let page =
            store.deliveries(tenant, &DeliveryFilter::default(), before, 97).await.expect("a list is read");
        for row in &page.rows {
            assert!(seen.insert(row.id), "{} is listed twice", row.id);
        }
        before = page.rows.last().map(|row| row.id).or(before);
        if !page.more {
            return seen.len();
        }
    }
}
