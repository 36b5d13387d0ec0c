//! E1: the journal hands over, not the request. E2: a lane that spilled loses nothing and doubles nothing.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::join_all;
use stentor_engine::clock::SystemClock;
use stentor_engine::shard::LaneLimits;
use stentor_store::Events;
use stentor_store::events::EventFilter;
use stentor_testkit::wait::until;

use super::support::*;

#[test]
fn e1_what_was_taken_is_delivered_though_its_publisher_is_gone() {
    let database = Database::new();
    let receiver = Receiver::willing(Arc::new(SystemClock));
    let process = Process::start(&database, &Setup::new(Arc::new(SystemClock), &receiver));
    let tenant = process.run(async {
        let id = tenant(&*process.store, "t").await;
        webhook(&*process.store, id, "*", |_| {}).await;
        id
    });
    for round in 0..40_u64 {
        process.store.stall();
        let engine = process.engine.clone();
        // One task, so that all are in the queue before the writer gets far.
        let publishers = process.spawn(async move {
            join_all((0..25).map(|n| publish(&engine, tenant, "a", round * 25 + n))).await
        });
        process.run(process.store.until_stalled());
        publishers.abort();
        assert!(process.run(publishers).is_err(), "nobody got an answer");
        process.store.release();
        let engine = &process.engine;
        process.run(until("the queue is empty", || async move {
            (gauge(engine, "stentor_journal_waiting") == 0).then_some(())
        }));
    }
    let sums = process.until_done();
    assert!(sums.events >= 40, "{sums:?}");
    let page = process.run(process.store.events(tenant, &EventFilter::default(), None, 2_000, 0)).unwrap();
    let stored: HashSet<_> = page.rows.iter().map(|listed| listed.event.content.id).collect();
    let arrived: Vec<_> = receiver.visits().iter().map(Visit::event).collect();
    assert_eq!(arrived.len(), stored.len(), "once each");
    assert_eq!(arrived.into_iter().collect::<HashSet<_>>(), stored);
    assert_eq!(process.engine.metrics().orphans(), 0);
    process.stop();
}

#[test]
fn e2_a_lane_of_eight_rows_delivers_twenty_thousand_events_once_each() {
    const EVENTS: u64 = 20_000;
    const PUBLISHERS: u64 = 8;
    let database = Database::new();
    let receiver = Receiver::willing(Arc::new(SystemClock));
    let lane = LaneLimits { rows: 8, ..LaneLimits::default() };
    let setup = Setup::new(Arc::new(SystemClock), &receiver).with(|options| options.lane = lane);
    let process = Process::start(&database, &setup);
    let tenant = process.run(async {
        let id = tenant(&*process.store, "t").await;
        webhook(&*process.store, id, "*", |_| {}).await;
        id
    });
    let share = EVENTS / PUBLISHERS;
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let engine = process.engine.clone();
            process.spawn(async move {
                publish_all(&engine, tenant, "a", publisher * share..(publisher + 1) * share).await;
            })
        })
        .collect();
    for ended in process.run(join_all(publishers)) {
        ended.expect("everything is published");
    }
    process.run(receiver.until("everything has arrived", EVENTS as usize, |_| true));
    let sums = process.until_done();
    receiver.assert_once_each(0..EVENTS);
    assert_eq!((sums.events, sums.delivered), (EVENTS, EVENTS));
    assert_eq!(process.engine.metrics().orphans(), 0);
    process.stop();
}
