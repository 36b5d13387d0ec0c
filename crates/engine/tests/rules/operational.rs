//! E21: a webhook that was disabled is told of exactly once, whoever died in between, and telling never goes in circles.

use std::sync::Arc;

use serde_json::Value;
use stentor_core::attempt::{Attempt, AttemptOutcome};
use stentor_core::delivery::{DeadReason, FinalState};
use stentor_core::event::Origin;
use stentor_core::id::{TenantId, WebhookId};
use stentor_core::policy::DisableRule;
use stentor_core::retry::{HealthChange, Step};
use stentor_core::webhook::{DisableReason, Webhook, WebhookStatus};
use stentor_engine::explain::Asked;
use stentor_store::events::{EventFilter, ListedEvent};
use stentor_store::journal::{CommitResult, OutcomeWrite, Write, Written};
use stentor_store::{Events, Store, Webhooks};
use stentor_testkit::wait::until;

use super::support::*;

const DISABLED: &str = "webhook.disabled";
const DEAD: &str = "delivery.dead";

/// Disabled by the attempt with that number.
fn after(failed_attempts: u32) -> DisableRule {
    DisableRule { failed_attempts: Some(failed_attempts), ..DisableRule::default() }
}

async fn ruled(
    store: &dyn Store,
    tenant: TenantId,
    pattern: &str,
    list: &[u64],
    rule: DisableRule,
) -> Webhook {
    webhook(store, tenant, pattern, |webhook| {
        webhook.config.policy = waits(list);
        webhook.config.policy.disable = Some(rule);
    })
    .await
}

/// Stored events of that type, newest first.
fn told(process: &Process, tenant: TenantId) -> Vec<ListedEvent> {
    let filter = EventFilter { event_type: Some(DISABLED.into()), ..EventFilter::default() };
    process.run(process.store.events(tenant, &filter, None, 50, u64::MAX)).expect("read").rows
}

fn data(event: &ListedEvent) -> Value {
    serde_json::from_slice(&event.event.content.data).expect("operational events are JSON")
}

fn to(webhook: WebhookId) -> impl Fn(&Visit) -> bool {
    move |visit| visit.webhook == webhook
}

#[test]
fn e21_the_fifth_failure_is_told_once_though_processes_died_around_it() {
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::new(clock.clone(), |visit| {
        Answer::Status(if visit.kind() == DISABLED { 200 } else { 500 })
    });
    let setup = Setup::new(clock.clone(), &receiver);
    let mut process = Process::start(&database, &setup);
    let (tenant, failing, told_to, all) = process.run(async {
        let id = tenant(&*process.store, "t").await;
        let failing = ruled(&*process.store, id, "order.*", &[0, 60, 60, 60, 60, 60], after(5)).await;
        let told_to = webhook(&*process.store, id, "webhook.*", |_| {}).await;
        (id, failing, told_to, webhook(&*process.store, id, "*", |_| {}).await)
    });
    process.run(publish(&process.engine, tenant, "order.made", 0)).expect("stored");
    for attempt in 1..=5 {
        let wanted = receiver.until("the attempt", attempt, to(failing.id));
        process.run(wanted);
        if attempt == 4 {
            process.until_sums("it is recorded", |_| true);
            process.run(until("the fourth is recorded", || async {
                use stentor_store::Deliveries;
                let visit = receiver.visits().into_iter().find(to(failing.id)).expect("it came");
                let row = process.store.delivery(tenant, visit.delivery).await.unwrap().unwrap();
                (row.attempts == 4).then_some(())
            }));
            process.die();
            process = Process::start(&database, &setup);
        }
        clock.advance(seconds(60));
    }
    process.run(receiver.until("it is told", 1, to(told_to.id)));
    process.until_sums("telling is delivered", |sums| sums.delivered == 1);
    process.die();
    process = Process::start(&database, &setup);
    process.run(publish(&process.engine, tenant, "webhook.mine", 1)).expect("stored");
    process.run(receiver.until("a later event", 2, to(told_to.id)));
    let events = told(&process, tenant);
    assert_eq!((events.len(), events[0].event.matched), (1, 1));
    assert_eq!(events[0].event.origin, Origin::Operational);
    let data = data(&events[0]);
    assert_eq!(data["webhook_id"], failing.id.to_string());
    assert_eq!(
        (&data["reason"], &data["url"]),
        (&"failed_attempts".into(), &"https://receiver.example/in".into())
    );
    assert_eq!(data["failing_since"], START.to_string());
    assert_eq!((&data["last_attempt"]["number"], &data["last_attempt"]["status"]), (&5.into(), &500.into()));
    assert_eq!(receiver.count_if(|visit| visit.kind() == DISABLED), 1);
    assert_eq!(receiver.count_if(|visit| visit.webhook == all.id && visit.kind() == DISABLED), 0);
    process.stop();
}

#[test]
fn e21_what_a_dead_process_had_committed_as_disabled_is_told_by_the_next() {
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::willing(clock.clone());
    let store = database.open();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (tenant, gone) = runtime.block_on(async {
        let tenant = tenant(&*store, "t").await;
        let gone = webhook(&*store, tenant, "order.*", |_| {}).await;
        webhook(&*store, tenant, DISABLED, |_| {}).await;
        let event = stored_event(&[&gone], "order.made", 0, START, config_version(&*store, tenant).await);
        store_events(&*store, vec![event.clone()]).await;
        let attempt = Attempt {
            delivery: event.deliveries[0].id,
            number: 1,
            started_at: START,
            duration: seconds(1),
            outcome: AttemptOutcome::Refused { status: 410, retry_after: None },
            response: None,
        };
        let outcome = OutcomeWrite {
            tenant,
            event: event.event.content.id,
            webhook: gone.id,
            shard: gone.shard,
            attempt,
            step: Step::Final(FinalState::Dead(DeadReason::NotRetried)),
            health: HealthChange::StartedFailing,
            batch: None,
            disable: Some(DisableReason::Gone),
            fallback: None,
            now: START,
        };
        let batch: Arc<[Write]> = [Write::Outcome(Box::new(outcome))].into();
        let CommitResult::Committed(written) = store.commit(batch).await else { panic!("not committed") };
        assert!(matches!(written[..], [Written::Recorded { disabled_version: Some(_), .. }]), "{written:?}");
        (tenant, gone)
    });
    drop((runtime, store));
    let setup = Setup::new(clock, &receiver);
    for _ in 0..2 {
        let process = Process::start(&database, &setup);
        process.run(receiver.until("it is told", 1, |visit| visit.kind() == DISABLED));
        process.until_done();
        let events = told(&process, tenant);
        assert_eq!(events.len(), 1);
        assert_eq!(
            (&data(&events[0])["webhook_id"], &data(&events[0])["reason"]),
            (&gone.id.to_string().into(), &"gone".into())
        );
        process.stop();
    }
    assert_eq!(receiver.count(), 1);
}

#[test]
fn e21_telling_those_who_fail_ends() {
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::new(clock.clone(), |_| Answer::Status(500));
    let process = Process::start(&database, &Setup::new(clock, &receiver));
    let (tenant, webhooks) = process.run(async {
        let id = tenant(&*process.store, "t").await;
        let mut webhooks = vec![ruled(&*process.store, id, "order.*", &[0], after(1)).await];
        for _ in 0..3 {
            webhooks.push(ruled(&*process.store, id, "webhook.disabled", &[0], after(1)).await);
        }
        (id, webhooks)
    });
    process.run(publish(&process.engine, tenant, "order.made", 0)).expect("stored");
    for webhook in &webhooks {
        process.run(until("it is disabled", || async {
            let now = process.store.webhook(tenant, webhook.id).await.expect("read").expect("there");
            (now.status == WebhookStatus::Disabled(DisableReason::FailedAttempts)).then_some(())
        }));
    }
    process.run(until("each is told of once", || async {
        let filter = EventFilter { event_type: Some(DISABLED.into()), ..EventFilter::default() };
        let page = process.store.events(tenant, &filter, None, 50, u64::MAX).await.expect("read");
        (page.rows.len() == webhooks.len()).then_some(())
    }));
    // Each is told to the other receivers; what comes after a receiver was disabled is held.
    for event in told(&process, tenant) {
        let about_order = data(&event)["webhook_id"] == webhooks[0].id.to_string();
        assert_eq!(event.event.matched, if about_order { 3 } else { 2 });
    }
    process.stop();
}

#[test]
fn what_is_given_up_is_told_once_to_those_who_ask_and_to_nobody_of_itself() {
    let clock = manual_clock();
    let database = Database::new();
    // Those who are told fail too: that is told to nobody.
    let receiver = Receiver::new(clock.clone(), |_| Answer::Status(500));
    let setup = Setup::new(clock, &receiver);
    let process = Process::start(&database, &setup);
    let (tenant, fails, told) = process.run(async {
        let id = tenant(&*process.store, "t").await;
        let no_rule = DisableRule::default();
        let fails = ruled(&*process.store, id, "order.*", &[0, 0], no_rule).await;
        let told = ruled(&*process.store, id, DEAD, &[0], no_rule).await;
        webhook(&*process.store, id, "none.*", |_| {}).await;
        (id, fails, told)
    });
    let deaths = |process: &Process| {
        let filter = EventFilter { event_type: Some(DEAD.into()), ..EventFilter::default() };
        process.run(process.store.events(tenant, &filter, None, 50, u64::MAX)).expect("read").rows
    };
    for n in 0..3 {
        process.run(publish(&process.engine, tenant, "order.made", n)).expect("stored");
    }
    let told_of = |process: &Process, count| {
        process.run(receiver.until("they are told", count, to(told.id)));
        process.until_done();
        deaths(process)
    };
    let events = told_of(&process, 3);
    assert_eq!(events.len(), 3);
    for data in events.iter().map(data) {
        assert_eq!(data["webhook_id"], fails.id.to_string());
        assert_eq!((&data["attempts"], &data["reason"]), (&2.into(), &"exhausted".into()));
        assert_eq!(
            (&data["last_attempt"]["status"], &data["event_type"]),
            (&500.into(), &"order.made".into())
        );
        assert_eq!(
            data["retry"]["path"],
            format!("/v1/deliveries/{}/retry", data["delivery_id"].as_str().unwrap())
        );
    }
    // And so it is explained: `*` does not ask for it.
    let all = process.run(webhook(&*process.store, tenant, "*", |_| {}));
    for (id, matched) in [(told.id, true), (all.id, false), (fails.id, false)] {
        let asked = Asked::Stored(events[0].event.content.id);
        let explained = process.run(process.engine.explain_webhook(tenant, id, asked, Some(None)));
        let explained = explained.expect("read").expect("it is there");
        assert_eq!((explained.is_matched(), explained.chosen.pattern.is_some()), (matched, matched));
    }
    process.run(process.store.delete_webhook(tenant, all.id, START)).expect("deleted");
    process.stop();
    let process = Process::start(&database, &setup);
    process.run(publish(&process.engine, tenant, "order.made", 9)).expect("stored");
    assert_eq!(told_of(&process, 4).len(), 4, "none is told anew by the next process");
    process.stop();
}
