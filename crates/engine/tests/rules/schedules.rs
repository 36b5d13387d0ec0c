//! When attempts start: as the schedule says, within its jitter, and not before a receiver asked to be left alone.

use std::sync::Arc;
use std::time::Duration;

use stentor_core::id::{DeliveryId, TenantId};
use stentor_core::policy::PolicyOverrides;
use stentor_core::profile::Profile;
use stentor_core::time::Time;
use stentor_engine::clock::ManualClock;
use stentor_store::Deliveries;
use stentor_testkit::wait::until;

use super::support::*;

/// Publishes one event to a webhook with this policy, moves the clock from one due time to the next, and answers the waits
/// before each attempt.
fn observed(
    policy: PolicyOverrides,
    attempts: u32,
    script: impl Fn(&Visit) -> Answer + Send + Sync + 'static,
) -> Vec<Duration> {
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::new(clock.clone(), script);
    let process = Process::start(&database, &Setup::new(clock.clone(), &receiver));
    let tenant = process.run(async {
        let id = tenant(&*process.store, "t").await;
        webhook(&*process.store, id, "*", |webhook| webhook.config.policy = policy).await;
        id
    });
    process.run(publish(&process.engine, tenant, "a", 0)).expect("stored");
    let id = only_delivery(&process, tenant);
    for attempt in 1..=attempts {
        move_to_attempt(&process, &clock, &receiver, (tenant, id), attempt);
    }
    process.until_done();
    let starts: Vec<Time> = receiver.visits().iter().map(|visit| visit.at).collect();
    assert_eq!(starts.len(), attempts as usize, "and none after the last");
    process.stop();
    std::iter::once(START).chain(starts.clone()).zip(starts).map(|(from, to)| to.since(from)).collect()
}

fn only_delivery(process: &Process, tenant: TenantId) -> DeliveryId {
    let page = process.run(process.store.deliveries(tenant, &Default::default(), None, 2)).unwrap();
    page.rows[0].id
}

/// The attempt must not have come a moment before its stored time, and comes at that time.
fn move_to_attempt(
    process: &Process,
    clock: &Arc<ManualClock>,
    receiver: &Arc<Receiver>,
    (tenant, id): (TenantId, DeliveryId),
    attempt: u32,
) {
    let store = &process.store;
    let waits_for = process.run(until("the attempt before is recorded", || async move {
        let row = store.delivery(tenant, id).await.unwrap().unwrap();
        // The first attempt may be over already.
        (row.attempts + 1 >= attempt).then_some(row.next_attempt_at.filter(|_| row.attempts + 1 == attempt))
    }));
    if let Some(due) = waits_for {
        use stentor_engine::clock::Clock;
        clock.advance(due.since(clock.now()));
    }
    process.run(receiver.until("the attempt", attempt as usize, |_| true));
}

#[test]
fn schedule_of_standard_is_kept_within_its_jitter() {
    let planned: Vec<Duration> = Profile::Standard.policy().schedule.waits().collect();
    // Without its own disable rule, which ends this one after five days.
    let seen = observed(PolicyOverrides::default(), 10, |_| Answer::Status(500));
    assert_eq!(seen.len(), planned.len());
    for (seen, planned) in seen.iter().zip(planned) {
        let bounds = planned.mul_f64(0.8)..=planned.mul_f64(1.2);
        assert!(bounds.contains(seen), "{seen:?} is not {planned:?} give or take 20 %");
    }
}

#[test]
fn schedule_as_a_list_is_kept_to_the_microsecond() {
    let list = [3, 1, 60, 7_200];
    let seen = observed(waits(&list), 4, |visit| Answer::Status(if visit.number < 4 { 503 } else { 200 }));
    assert_eq!(seen, list.map(seconds));
}

#[test]
fn schedule_waits_longer_when_the_receiver_asks_and_never_shorter() {
    let seen = observed(waits(&[0, 10, 10, 10, 10]), 5, |visit| match visit.number {
        1 => Answer::Later(429, seconds(120)),
        2 => Answer::Later(503, seconds(2)),
        3 => Answer::Later(503, seconds(30 * 86_400)),
        _ => Answer::Status(500),
    });
    // The policy of the profile caps what a receiver may ask for at a day.
    assert_eq!(seen, [0, 120, 10, 86_400, 10].map(seconds));
}
