//! An orderly stop: what is in flight ends, its outcome is written, and the next start has nothing to suspect.

use std::sync::Arc;

use futures_util::future::join_all;
use stentor_engine::accept::PublishError;
use stentor_engine::clock::SystemClock;
use stentor_testkit::wait::until;
use tokio::sync::Semaphore;

use super::support::*;

#[test]
fn shutdown_waits_for_what_is_in_flight_and_starts_nothing() {
    let clock = Arc::new(SystemClock);
    let database = Database::new();
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let receiver = Receiver::new(clock.clone(), move |_| Answer::Held(Arc::clone(&held), 200));
    let setup = Setup::new(clock, &receiver);
    let process = Process::start(&database, &setup);
    let tenant = process.run(async {
        let id = tenant(&*process.store, "t").await;
        for _ in 0..3 {
            webhook(&*process.store, id, "*", |_| {}).await;
        }
        id
    });
    process.run(publish_all(&process.engine, tenant, "a", 0..10));
    process.run(receiver.until("three are on the wire", 3, |_| true));
    let engine = process.engine.clone();
    let stopping = process.spawn(async move { engine.shutdown(seconds(20)).await });
    let engine = &process.engine;
    process.run(until("it says that it stops", || async { engine.readiness().await.is_err().then_some(()) }));
    gate.add_permits(1_000);
    process.run(stopping).expect("it stops");
    let late = process.run(publish(engine, tenant, "a", 10));
    assert!(matches!(late, Err(PublishError::Unavailable(_))), "{late:?}");
    assert_eq!(process.sums().delivered, receiver.count() as u64, "every outcome is written");
    process.die();
    let process = Process::start(&database, &setup);
    let sums = process.until_done();
    assert_eq!((sums.accepted, sums.delivered), (30, 30));
    assert_eq!(receiver.repeats(), 0);
    assert_eq!(receiver.count(), 30);
    process.stop();
}

#[test]
fn shutdown_under_load_repeats_and_claims_nothing() {
    let clock = Arc::new(SystemClock);
    let database = Database::new();
    let receiver = Receiver::new(clock.clone(), |visit| Answer::Slow((visit.n() % 5) as u32, 200));
    let setup = Setup::new(clock, &receiver);
    let process = Process::start(&database, &setup);
    let tenant = process.run(async {
        let id = tenant(&*process.store, "t").await;
        for _ in 0..20 {
            webhook(&*process.store, id, "*", |_| {}).await;
        }
        id
    });
    process.stop();
    let (mut accepted, mut from) = (0, 0);
    for _ in 0..8 {
        let process = Process::start(&database, &setup);
        let engine = process.engine.clone();
        let publishers = process.spawn(async move {
            let answers = join_all((from..from + 400).map(|n| publish(&engine, tenant, "a", n))).await;
            answers.into_iter().filter(Result::is_ok).count()
        });
        let before = receiver.count();
        process.run(receiver.until("it is at work", before + 1, |_| true));
        process.run(process.engine.shutdown(seconds(20)));
        accepted += process.run(publishers).expect("publishers get answers");
        from += 400;
        process.die();
        assert_eq!(receiver.repeats(), 0);
    }
    let process = Process::start(&database, &setup);
    let sums = process.until_done();
    assert_eq!(sums.events, accepted as u64);
    assert_eq!((sums.delivered, receiver.count() as u64), (sums.accepted, sums.accepted));
    assert_eq!((receiver.repeats(), process.engine.metrics().orphans()), (0, 0));
    process.stop();
}
