//! When attempts start: as the schedule says, within its jitter, and not before a receiver asked to be left alone.

use std::sync::Arc;
use std::time::Duration;

use stentor_core::id::{DeliveryId, TenantId};
use stentor_core::policy::PolicyOverrides;
use stentor_core::profile::Profile;
use stentor_core::time::Time;
use stentor_core::webhook::{DisableReason, WebhookConfig, WebhookStatus};
use stentor_engine::clock::ManualClock;
use stentor_store::{Deliveries, Webhooks};
use stentor_testkit::wait::until;

use super::support::*;

/// Publishes one event to a webhook with this policy, moves the clock from one due time to the next, and answers the waits
/// before each attempt.
fn observed(
    policy: PolicyOverrides,
    attempts: u32,
    script: impl Fn(&Visit) -> Answer + Send + Sync + 'static,
) -> Vec<Duration> {
    observed_by(move |config| config.policy = policy, attempts, script).0
}

/// The same for any webhook; also answers how the delivery ended and what became of the webhook.
fn observed_by(
    change: impl FnOnce(&mut WebhookConfig),
    attempts: u32,
    script: impl Fn(&Visit) -> Answer + Send + Sync + 'static,
) -> (Vec<Duration>, Option<String>, WebhookStatus) {
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::new(clock.clone(), script);
    let process = Process::start(&database, &Setup::new(clock.clone(), &receiver));
    let tenant = process.run(async {
        let id = tenant(&*process.store, "t").await;
        webhook(&*process.store, id, "*", |webhook| change(&mut webhook.config)).await;
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
    let (reason, status) = process.run(async {
        let row = process.store.delivery(tenant, id).await.unwrap().unwrap();
        let webhook = process.store.webhook(tenant, row.webhook).await.unwrap().unwrap();
        (row.reason, webhook.status)
    });
    process.stop();
    let waits =
        std::iter::once(START).chain(starts.clone()).zip(starts).map(|(from, to)| to.since(from)).collect();
    (waits, reason, status)
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

#[test]
fn schedule_of_conversation_is_the_table_of_seed_002() {
    let (seen, reason, status) =
        observed_by(|config| config.profile = Profile::Conversation, 4, |_| Answer::Status(404));
    assert_eq!(seen, [0, 4, 8, 10].map(seconds));
    assert_eq!((reason.as_deref(), status), (Some("exhausted"), WebhookStatus::Active));
}

#[test]
fn schedule_of_broxi_is_the_table_of_seed_003() {
    let (seen, reason, status) =
        observed_by(|config| config.profile = Profile::Broxi, 4, |_| Answer::Status(503));
    assert_eq!(seen, [0, 5, 10, 20].map(seconds));
    assert_eq!((reason.as_deref(), status), (Some("exhausted"), WebhookStatus::Active));
}

#[test]
fn broxi_never_retries_a_400_and_waits_as_long_as_a_429_asks() {
    for status in [400, 401, 403, 404, 410, 501] {
        let (seen, reason, status) =
            observed_by(|config| config.profile = Profile::Broxi, 1, move |_| Answer::Status(status));
        assert_eq!((seen.len(), reason.as_deref(), status), (1, Some("not_retried"), WebhookStatus::Active));
    }
    let (seen, _, _) = observed_by(
        |config| config.profile = Profile::Broxi,
        3,
        |visit| match visit.number {
            1 => Answer::Later(429, seconds(7)),
            2 => Answer::Later(429, seconds(7)),
            _ => Answer::Status(200),
        },
    );
    assert_eq!(seen, [0, 7, 10].map(seconds));
}

#[test]
fn schedule_of_resource_is_the_table_of_seed_004_and_its_fifth_failure_disables() {
    let (seen, reason, status) =
        observed_by(|config| config.profile = Profile::Resource, 5, |_| Answer::Status(500));
    assert_eq!(seen, [0, 60, 300, 1_800, 7_200].map(seconds));
    assert_eq!(reason.as_deref(), Some("exhausted"));
    assert_eq!(status, WebhookStatus::Disabled(DisableReason::FailedAttempts));
}
