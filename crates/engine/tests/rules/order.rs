//! E5: an ordered webhook gets its events in order, whatever fails and whoever dies.

use std::collections::HashMap;
use std::sync::Arc;

use stentor_core::time::Time;
use stentor_engine::clock::SystemClock;
use stentor_engine::shard::LaneLimits;
use stentor_store::Deliveries;
use stentor_store::deliveries::DeliveryFilter;

use super::support::*;

const EVENTS: u64 = 120;

/// Every seventh event fails twice, every fifth once, and some take their time.
fn script(visit: &Visit) -> Answer {
    let n = visit.n();
    match visit.number {
        1 if n.is_multiple_of(5) => Answer::Status(500),
        1 | 2 if n.is_multiple_of(7) => Answer::Slow(3, 503),
        _ => Answer::Slow((n % 4) as u32, 200),
    }
}

fn run(deaths: u64) {
    let clock = Arc::new(SystemClock);
    let database = Database::new();
    let receiver = Receiver::new(clock.clone(), script);
    let lane = LaneLimits { rows: 2, ..LaneLimits::default() };
    let setup = Setup::new(clock, &receiver).with(|options| options.lane = lane);
    let mut process = Process::start(&database, &setup);
    let tenant = process.run(async {
        let id = tenant(&*process.store, "t").await;
        webhook(&*process.store, id, "*", |webhook| {
            webhook.config.ordered = true;
            webhook.config.policy = waits(&[0, 0, 0, 0]);
        })
        .await;
        id
    });
    let share = EVENTS / (deaths + 1);
    for life in 0..=deaths {
        let numbers = life * share..(life + 1) * share;
        // One after the other: the order of acknowledgement is the order asked for.
        process.run(async {
            for n in numbers.clone() {
                publish(&process.engine, tenant, "a", n).await.expect("stored");
            }
        });
        if life < deaths {
            let half = (numbers.start + numbers.end) / 2;
            process.run(receiver.until("half of them are through", 1, |visit| visit.n() >= half));
            process.die();
            process = Process::start(&database, &setup);
        }
    }
    let sums = process.until_done();
    assert_eq!((sums.accepted, sums.delivered), (EVENTS, EVENTS));
    assert_ordered(&receiver, deaths);
    let page = process.run(process.store.deliveries(tenant, &DeliveryFilter::default(), None, 500)).unwrap();
    let mut spans: Vec<(Time, Time)> = Vec::new();
    for row in page.rows.iter().rev() {
        let attempts = process.run(process.store.attempts(tenant, row.id)).unwrap();
        spans.push((attempts[0].started_at, row.finished_at.expect("ended")));
    }
    for pair in spans.windows(2) {
        assert!(pair[1].0 >= pair[0].1, "an attempt started before the one before it was final: {pair:?}");
    }
    process.stop();
}

/// First arrivals are 0, 1, 2 …, and no request comes before the one in front of it was taken.
fn assert_ordered(receiver: &Receiver, deaths: u64) {
    let mut next = 0;
    let mut last_answer: HashMap<u64, Option<u16>> = HashMap::new();
    for visit in receiver.visits() {
        let n = visit.n();
        assert!(n <= next, "{n} came before {next}");
        if n == next {
            next += 1;
            if n > 0 {
                assert_eq!(last_answer[&(n - 1)], Some(200), "{n} came before {} was taken", n - 1);
            }
        } else {
            let repeated_at_a_start = deaths > 0 && last_answer[&n] != Some(500);
            assert!(n + 1 == next || repeated_at_a_start, "{n} came again behind {next}");
        }
        last_answer.insert(n, visit.answered);
    }
    assert_eq!(next, EVENTS);
}

#[test]
fn e5_order_holds_while_attempts_fail() {
    run(0);
}

#[test]
fn e5_order_holds_across_the_death_of_processes() {
    run(3);
}
