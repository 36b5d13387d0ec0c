//! E21: rollups are exact, whoever died when.

use std::collections::BTreeMap;
use std::sync::Arc;

use stentor_core::attempt::{Attempt, AttemptOutcome};
use stentor_core::delivery::FinalState;
use stentor_core::id::{TenantId, WebhookId};
use stentor_core::statistics::{Minute, Rollup};
use stentor_core::time::Time;
use stentor_engine::clock::{Clock, SystemClock};
use stentor_engine::statistics::{Interval, Window};
use stentor_store::deliveries::{AttemptRow, DeliveryFilter};
use stentor_store::{Deliveries, Statistics};

use super::support::*;

const DEATHS: u64 = 10;
const EVENTS: u64 = 120;

type Series = BTreeMap<Minute, Rollup>;

fn outcome(row: &AttemptRow) -> AttemptOutcome {
    let status = row.status.expect("the receiver always answers");
    match &*row.outcome {
        "delivered" => AttemptOutcome::Delivered { status },
        "refused" => AttemptOutcome::Refused { status, retry_after: None },
        other => panic!("{other} came of an attempt"),
    }
}

/// What the stored attempts add up to: by webhook, and for all of the tenant.
async fn recount(process: &Process, tenant: TenantId) -> BTreeMap<Option<WebhookId>, Series> {
    let store = &process.store;
    let page = store.deliveries(tenant, &DeliveryFilter::default(), None, 100_000).await.expect("read");
    let mut all: BTreeMap<Option<WebhookId>, Series> = BTreeMap::new();
    for delivery in page.rows {
        let attempts = store.attempts(tenant, delivery.id).await.expect("read");
        for row in &attempts {
            let attempt = Attempt {
                delivery: delivery.id,
                number: row.number,
                started_at: row.started_at,
                duration: std::time::Duration::from_micros(row.duration_us),
                outcome: outcome(row),
                response: None,
            };
            let is_last = delivery.finished_at.is_some() && row.number == delivery.attempts;
            let end = FinalState::from_words(delivery.state.as_str(), delivery.reason.as_deref());
            let minute = Minute::of(attempt.started_at.plus(attempt.duration));
            for subject in [None, Some(delivery.webhook)] {
                let sums = all.entry(subject).or_default().entry(minute).or_default();
                sums.attempt(&attempt);
                if let (true, Some(state), Some(at)) = (is_last, end, delivery.finished_at) {
                    sums.finished(state, at);
                }
            }
        }
    }
    all
}

/// The rollups are the recount.
fn compare(process: &Process, tenant: TenantId, since: Time, until: Time, place: &str) -> u64 {
    process.run(async {
        let recount = recount(process, tenant).await;
        for (subject, series) in &recount {
            let rollups = process.store.minutes(tenant, *subject, since, until).await.expect("read");
            let expected: Vec<_> =
                series.iter().map(|(minute, sums)| (minute.start(), sums.clone())).collect();
            assert_eq!(rollups, expected, "{place}: {subject:?}");
        }
        recount.get(&None).map_or(0, |series| series.values().map(Rollup::attempts).sum())
    })
}

#[test]
fn e21_rollups_equal_a_recount_of_attempts_after_ten_deaths() {
    let clock = Arc::new(SystemClock);
    let database = Database::new();
    // A third is taken at once, a third later, a third never.
    let receiver = Receiver::new(clock.clone(), |visit| {
        let taken = match visit.n() % 3 {
            0 => true,
            1 => visit.number == 3,
            _ => false,
        };
        Answer::Slow(3, if taken { 200 } else { 500 })
    });
    let setup = Setup::new(clock.clone(), &receiver);
    let since = clock.now().minus(seconds(60));
    let process = Process::start(&database, &setup);
    let tenant = process.run(async {
        let id = tenant(&*process.store, "t").await;
        for _ in 0..3 {
            webhook(&*process.store, id, "*", |webhook| webhook.config.policy = waits(&[0, 0, 0, 0])).await;
        }
        id
    });
    process.stop();
    for death in 0..DEATHS {
        let process = Process::start(&database, &setup);
        let engine = process.engine.clone();
        let publishing = process.spawn(async move {
            let numbers = death * EVENTS..(death + 1) * EVENTS;
            for n in numbers {
                // What is not stored any more does not count.
                let _ = publish(&engine, tenant, "a", n).await;
            }
        });
        let wanted = receiver.count() + usize::try_from(EVENTS).unwrap() / 2 + fastrand::usize(0..400);
        process.run(async {
            use futures_util::future::{Either, select};
            let visits = std::pin::pin!(receiver.until("some requests", wanted, |_| true));
            let all = std::pin::pin!(publishing);
            // Whichever is first: the rest of the round is too short for that many requests.
            if let Either::Right((_, _)) = select(visits, all).await {}
        });
        if death % 3 == 1 {
            // Minutes are written as rollups though they have not ended: what comes later is added.
            process.run(process.store.close_minutes(clock.now().plus(seconds(120)))).expect("closed");
        }
        process.die();
    }
    let process = Process::start(&database, &setup);
    process.until_done();
    let until = clock.now().plus(seconds(120));
    let attempts = compare(&process, tenant, since, until, "before closing");
    assert!(attempts > 2 * EVENTS * DEATHS, "{attempts} attempts");
    process.run(process.store.close_minutes(until)).expect("closed");
    compare(&process, tenant, since, until, "after closing");
    process.stop();
    let process = Process::start(&database, &setup);
    compare(&process, tenant, since, until, "after a restart");
    process.stop();
}

#[test]
fn e21_the_open_minute_is_current_and_minutes_close_by_the_clock() {
    let clock = manual_clock();
    let database = Database::new();
    let receiver =
        Receiver::new(clock.clone(), |visit| Answer::Status(if visit.n() < 19 { 200 } else { 500 }));
    let process = Process::start(&database, &Setup::new(clock.clone(), &receiver));
    let (tenant, id) = process.run(async {
        let tenant = tenant(&*process.store, "t").await;
        let made = webhook(&*process.store, tenant, "*", |webhook| webhook.config.policy = waits(&[0])).await;
        (tenant, made.id)
    });
    let read = |webhook, window: Window, interval| {
        process.run(process.engine.statistics(tenant, webhook, window, interval)).expect("read")
    };
    process.run(publish_all(&process.engine, tenant, "a", 0..20));
    process.until_done();
    for webhook in [Some(id), None] {
        for window in [Window::Hour, Window::Day, Window::Week] {
            let series = read(webhook, window, window.finest());
            assert_eq!((series.total().success_rate(), series.total().attempts()), (Some(95.0), 20));
            assert_eq!(series.total().status().as_str(), "degraded", "exactly 95");
        }
    }
    // The task that builds rollups runs by the clock; what is read stays the same.
    for _ in 0..61 {
        clock.advance(seconds(60));
        process.run(publish(&process.engine, tenant, "a", 0)).expect("stored");
        process.until_done();
    }
    assert_eq!(read(Some(id), Window::Hour, Interval::Minute).total().attempts(), 60, "the last 60 minutes");
    assert_eq!(read(Some(id), Window::Day, Interval::Minute).total().attempts(), 81);
    assert_eq!(read(None, Window::Week, Interval::Hour).total().attempts(), 81);
    assert!(read(None, Window::Day, Interval::Hour).pieces.len() <= 3);
    process.stop();
}
