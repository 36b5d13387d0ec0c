//! E14: a rate is exact as the receiver counts it, and so is the concurrency, across the death of a process.

use std::sync::Arc;
use std::time::Duration;

use stentor_core::profile::{Profile, WebhookLimits};
use stentor_core::rate::Rate;
use stentor_core::time::Time;
use stentor_engine::clock::ManualClock;
use stentor_engine::commands::CommandOutcome;
use stentor_store::Deliveries;
use stentor_store::deliveries::DeliveryFilter;
use stentor_testkit::wait::until;

use super::support::*;

const EVENTS: u64 = 1_000;
const COUNT: usize = 100;
const PERIOD: Duration = seconds(60);
/// The period, and the margin that a gate keeps for the way to the receiver.
const STEP: Duration = Duration::from_millis(60_250);

/// Lets a window pass and waits for what it brings: its full count, unless less is left. The clock moves only while
/// everything is at rest.
fn next_window(process: &Process, clock: &ManualClock, receiver: &Receiver) {
    let before = receiver.count();
    clock.advance(STEP);
    process.until_sums("the window brings its count", |sums| {
        receiver.count() >= before + COUNT || sums.pending == 0
    });
    until_at_rest(process);
}

fn until_at_rest(process: &Process) {
    let engine = &process.engine;
    let at_rest = || async { (gauge(engine, "stentor_in_flight") == 0).then_some(()) };
    process.run(until("attempts end", at_rest));
}

fn most_in_a_window(arrivals: &[Time]) -> usize {
    let mut from = 0;
    let mut most = 0;
    for (index, at) in arrivals.iter().enumerate() {
        while at.since(arrivals[from]) >= PERIOD {
            from += 1;
        }
        most = most.max(index - from + 1);
    }
    most
}

fn run(end: impl Fn(Process)) -> Arc<Receiver> {
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::new(clock.clone(), |visit| Answer::Slow((visit.n() % 3) as u32, 200));
    let setup = Setup::new(clock.clone(), &receiver);
    let process = Process::start(&database, &setup);
    let (tenant, limited) = process.run(async {
        let id = tenant(&*process.store, "t").await;
        let limited = webhook(&*process.store, id, "*", |webhook| {
            webhook.config.profile = Profile::Conversation;
            let rate = Rate { count: COUNT as u32, period: PERIOD };
            let limits = WebhookLimits { concurrency: Some(10), rate: Some(rate) };
            assert_eq!(webhook.config.effective_limits(), limits, "seed 002's");
        })
        .await;
        (id, limited.id)
    });
    process.run(publish_all(&process.engine, tenant, "a", 0..EVENTS));
    process.run(receiver.until("the first hundred leave at once", COUNT, |_| true));
    until_at_rest(&process);
    next_window(&process, &clock, &receiver);
    clock.advance(STEP);
    process.run(receiver.until("half of a window", 2 * COUNT + COUNT / 2, |_| true));
    end(process);
    let process = Process::start(&database, &setup);
    while process.sums().pending > 0 {
        next_window(&process, &clock, &receiver);
    }
    assert_eq!(process.sums().delivered, EVENTS);
    let visits = receiver.visits();
    assert_eq!(most_in_a_window(&visits.iter().map(|visit| visit.at).collect::<Vec<_>>()), COUNT);
    assert!(visits[..COUNT].iter().all(|visit| visit.at == START));
    assert_eq!(receiver.most_in_flight(limited), 10, "as many as may be, and no more");
    process.stop();
    receiver
}

#[test]
fn e14_the_rate_is_exact_across_the_death_of_a_process() {
    let receiver = run(Process::die);
    assert!(receiver.count() >= EVENTS as usize);
}

#[test]
fn e14_the_rate_is_exact_across_an_orderly_restart() {
    run(Process::stop).assert_once_each(0..EVENTS);
}

/// A process with a webhook of 100 a minute, which has 150 events and has sent the first 100.
fn with_a_full_window() -> (Arc<ManualClock>, Database, Setup, Arc<Receiver>, Process) {
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::willing(clock.clone());
    let setup = Setup::new(clock.clone(), &receiver);
    let process = Process::start(&database, &setup);
    let tenant = process.run(async {
        let id = tenant(&*process.store, "t").await;
        webhook(&*process.store, id, "*", |webhook| {
            webhook.config.limits.rate = Some(Rate { count: COUNT as u32, period: PERIOD });
        })
        .await;
        id
    });
    process.run(publish_all(&process.engine, tenant, "a", 0..150));
    process.run(receiver.until("the first hundred leave at once", COUNT, |_| true));
    until_at_rest(&process);
    (clock, database, setup, receiver, process)
}

#[test]
fn e14_after_an_orderly_restart_the_window_goes_on() {
    let (clock, database, setup, receiver, process) = with_a_full_window();
    clock.advance(seconds(30));
    process.stop();
    let process = Process::start(&database, &setup);
    // With an empty record the rest would leave now, with a full one 60 s from now: the clock says which.
    clock.advance(STEP - seconds(30));
    process.run(receiver.until("the rest", 150, |_| true));
    assert!(receiver.visits()[COUNT..].iter().all(|visit| visit.at == START.plus(STEP)));
    process.until_done();
    receiver.assert_once_each(0..150);
    process.stop();
}

#[test]
fn e14_an_orderly_restart_forgets_no_death_before_it() {
    let (clock, database, setup, receiver, process) = with_a_full_window();
    process.die();
    clock.advance(seconds(10));
    // Nothing of this process is known but that it died: the window counts as full from here on.
    Process::start(&database, &setup).stop();
    clock.advance(seconds(10));
    let process = Process::start(&database, &setup);
    clock.advance(STEP - seconds(10));
    process.run(receiver.until("the rest", 150, |_| true));
    assert!(receiver.visits()[COUNT..].iter().all(|visit| visit.at == START.plus(seconds(10) + STEP)));
    process.until_done();
    process.stop();
}

#[test]
fn e14_a_lane_that_rested_has_not_forgotten_its_last_hour() {
    const HOUR: Duration = seconds(3_600);
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::willing(clock.clone());
    let setup = Setup::new(clock.clone(), &receiver);
    let process = Process::start(&database, &setup);
    let tenant = process.run(async {
        let id = tenant(&*process.store, "t").await;
        webhook(&*process.store, id, "*", |webhook| {
            webhook.config.limits.rate = Some(Rate { count: 5, period: HOUR });
        })
        .await;
        id
    });
    process.run(publish_all(&process.engine, tenant, "a", 0..5));
    process.until_done();
    // Idle for long enough to be dropped from memory, in steps that the shards can follow.
    for _ in 0..40 {
        clock.advance(seconds(60));
        until_at_rest(&process);
    }
    process.run(publish_all(&process.engine, tenant, "a", 5..6));
    let last = process.run(publish(&process.engine, tenant, "a", 6)).expect("stored");
    let of_last = DeliveryFilter { event: Some(last.id), ..DeliveryFilter::default() };
    let id = process.run(process.store.deliveries(tenant, &of_last, None, 1)).unwrap().rows[0].id;
    // Its lane answers in turn: by then it has decided about the sixth.
    assert_eq!(process.run(process.engine.cancel(tenant, id)).unwrap(), CommandOutcome::Done);
    clock.advance(seconds(1_300));
    process.run(receiver.until("the sixth", 6, |_| true));
    assert!(receiver.visits()[5].at.since(START) >= HOUR, "{:?}", receiver.visits()[5].at);
    process.until_done();
    process.stop();
}
