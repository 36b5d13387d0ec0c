//! E21: filtered is not stored; failures disable a webhook when its rule says so, whoever died in between.

use std::time::Duration;

use stentor_core::id::TenantId;
use stentor_core::policy::DisableRule;
use stentor_core::webhook::{DisableReason, Webhook, WebhookStatus};
use stentor_engine::webhooks::WebhookChange;
use stentor_store::{Lanes, Webhooks};
use stentor_testkit::wait::until;

use super::support::*;

const DAY: Duration = seconds(86_400);

/// A tenant with one webhook under a rule.
fn ruled(process: &Process, list: &[u64], rule: DisableRule) -> (TenantId, Webhook) {
    process.run(async {
        let id = tenant(&*process.store, "t").await;
        let made = webhook(&*process.store, id, "*", |webhook| {
            webhook.config.policy = waits(list);
            webhook.config.policy.disable = Some(rule);
        });
        (id, made.await)
    })
}

fn until_status(process: &Process, webhook: &Webhook, wanted: WebhookStatus) {
    let store = &process.store;
    process.run(until("the webhook's status", || async move {
        let now = store.webhook(webhook.tenant, webhook.id).await.expect("read").expect("there");
        (now.status == wanted).then_some(())
    }));
}

/// Waits until the store has so many attempts of the first delivery.
fn until_recorded(process: &Process, receiver: &Receiver, tenant: TenantId, attempts: u32) {
    process.run(receiver.until("the attempt", attempts as usize, |visit| visit.answered.is_some()));
    let id = receiver.visits()[0].delivery;
    let store = &process.store;
    process.run(until("its record", || async move {
        use stentor_store::Deliveries;
        let row = store.delivery(tenant, id).await.expect("read").expect("there");
        (row.attempts == attempts).then_some(())
    }));
}

#[test]
fn e21_two_thousand_webhooks_and_one_match_make_one_pending_row() {
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::new(clock.clone(), |_| Answer::Hang);
    let process = Process::start(&database, &Setup::new(clock, &receiver));
    let tenant = process.run(async {
        let id = tenant(&*process.store, "t").await;
        for n in 0..2_000 {
            webhook(&*process.store, id, &format!("kind{n}.*"), |_| {}).await;
        }
        id
    });
    let published = process.run(publish(&process.engine, tenant, "kind777.made", 0)).expect("stored");
    assert_eq!(published.deliveries, 1);
    let sums = process.sums();
    assert_eq!((sums.events, sums.accepted, sums.pending), (1, 1, 1));
    let unmatched = process.run(publish(&process.engine, tenant, "kind2000.made", 1)).expect("stored");
    assert_eq!((unmatched.deliveries, process.sums().accepted), (0, 1));
    process.die();
}

#[test]
fn e21_the_fifth_failure_disables_though_a_process_died_after_the_fourth() {
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::new(clock.clone(), |_| Answer::Status(500));
    let setup = Setup::new(clock.clone(), &receiver);
    let mut process = Process::start(&database, &setup);
    let rule = DisableRule { failed_attempts: Some(5), ..DisableRule::default() };
    let (tenant, webhook) = ruled(&process, &[0, 60, 60, 60, 60, 60], rule);
    process.run(publish(&process.engine, tenant, "a", 0)).expect("stored");
    for attempt in 1..=4 {
        until_recorded(&process, &receiver, tenant, attempt);
        until_status(&process, &webhook, WebhookStatus::Active);
        clock.advance(seconds(if attempt < 4 { 60 } else { 1 }));
    }
    process.die();
    process = Process::start(&database, &setup);
    clock.advance(seconds(60));
    until_recorded(&process, &receiver, tenant, 5);
    until_status(&process, &webhook, WebhookStatus::Disabled(DisableReason::FailedAttempts));
    // Disabled holds: neither the old delivery nor a new one is attempted, until a person resumes it.
    process.run(publish(&process.engine, tenant, "a", 1)).expect("stored");
    clock.advance(seconds(600));
    assert_eq!(process.sums().pending, 2);
    receiver.now_answers(|_| Answer::Status(200));
    let resume = WebhookChange { active: Some(true), ..WebhookChange::default() };
    assert_eq!(receiver.count(), 5);
    process.run(process.engine.change_webhook(tenant, webhook.id, resume)).expect("resumed");
    let sums = process.until_done();
    assert_eq!((sums.delivered, receiver.count()), (2, 7));
    assert_eq!(process.run(process.store.failing_since(tenant, webhook.id)).unwrap(), None);
    process.stop();
}

#[test]
fn e21_gone_disables_at_once() {
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::new(clock.clone(), |_| Answer::Status(410));
    let process = Process::start(&database, &Setup::new(clock, &receiver));
    let (tenant, webhook) = process.run(async {
        let id = tenant(&*process.store, "t").await;
        (id, webhook(&*process.store, id, "*", |_| {}).await)
    });
    process.run(publish_all(&process.engine, tenant, "a", 0..20));
    until_status(&process, &webhook, WebhookStatus::Disabled(DisableReason::Gone));
    assert_eq!(process.sums().pending, 20);
    process.stop();
    assert_eq!(receiver.count(), 1, "nothing is sent to a receiver that is gone");
}

#[test]
fn e21_only_failures_for_a_day_disable_across_restarts_and_a_success_starts_anew() {
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::new(clock.clone(), |_| Answer::Status(500));
    let setup = Setup::new(clock.clone(), &receiver);
    let mut process = Process::start(&database, &setup);
    let rule = DisableRule { failing_for: Some(DAY), ..DisableRule::default() };
    let (tenant, webhook) = ruled(&process, &[0], rule);
    // Each failure ends its delivery, so that nothing is pending when the process ends.
    let attempt = |process: &Process, n: u64| {
        process.run(publish(&process.engine, tenant, "a", n)).expect("stored");
        process.until_done();
        clock.advance(DAY / 2);
    };
    attempt(&process, 0);
    assert_eq!(process.run(process.store.failing_since(tenant, webhook.id)).unwrap(), Some(START));
    process.stop();
    process = Process::start(&database, &setup);
    receiver.now_answers(|_| Answer::Status(200));
    attempt(&process, 1);
    let healed = process.run(process.store.failing_since(tenant, webhook.id)).unwrap();
    assert_eq!(healed, None, "a success after a restart ends the failing");
    receiver.now_answers(|_| Answer::Status(500));
    attempt(&process, 2);
    process.stop();
    process = Process::start(&database, &setup);
    attempt(&process, 3);
    until_status(&process, &webhook, WebhookStatus::Active);
    attempt(&process, 4);
    // At the latest with the second failure after a restart, the lane knows what the store knew.
    until_status(&process, &webhook, WebhookStatus::Disabled(DisableReason::FailingTooLong));
    process.stop();
}
