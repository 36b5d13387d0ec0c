//! Limits of tenants are exact, whatever dies and whatever a commit answers.

use futures_util::future::join_all;
use serde_json::{Value, json};
use stentor_core::allowance::Limit;
use stentor_core::id::TenantId;
use stentor_core::plan::{Period, Plan, Plans, Quota, day_of};
use stentor_core::tenant::{DEFAULT_PLAN, Tenant};
use stentor_engine::accept::PublishError;
use stentor_engine::clock::Clock;
use stentor_store::{Maintenance, Tenants, Usage};
use stentor_testkit::faulty_store::{Batches, CommitFault};

use super::support::*;

fn quota(events: u64) -> Plan {
    Plan { quota: Some(Quota { events, period: Period::Day }), ..Plan::unlimited() }
}

fn backlog(deliveries: u64) -> Plan {
    Plan { backlog: Some(deliveries), ..Plan::unlimited() }
}

fn with_plan(setup: Setup, plan: Plan) -> Setup {
    setup.with(|options| options.plans = Plans::new([(DEFAULT_PLAN.into(), plan)]))
}

fn limit_of(error: &PublishError) -> Limit {
    match error {
        PublishError::Limited(standing) => standing.limit,
        other => panic!("refused otherwise: {other}"),
    }
}

/// Publishes that many at once; how many are stored, and the limits that the others met.
fn publish_at_once(process: &Process, tenant: TenantId, count: u64) -> (usize, Vec<Limit>) {
    let publishing = (0..count).map(|n| publish(&process.engine, tenant, "a", n));
    let results = process.run(join_all(publishing));
    let refused: Vec<Limit> =
        results.iter().filter_map(|result| result.as_ref().err().map(limit_of)).collect();
    (results.len() - refused.len(), refused)
}

fn tenant_with_webhooks(process: &Process, webhooks: usize) -> TenantId {
    process.run(async {
        let id = tenant(&*process.store, "t").await;
        for _ in 0..webhooks {
            webhook(&*process.store, id, "*", |_| {}).await;
        }
        id
    })
}

/// Days and events as the store has them.
fn used(process: &Process, tenant: TenantId) -> Vec<(i64, u64)> {
    let used = process.run(process.store.usage(Some(tenant), 0)).expect("read");
    used.iter().map(|used| (used.day, used.events)).collect()
}

#[test]
fn the_backlog_is_exact_under_a_rush_and_after_a_death() {
    let clock = manual_clock();
    let receiver = Receiver::new(clock.clone(), |_| Answer::Hang);
    let setup = with_plan(Setup::new(clock, &receiver), backlog(60));
    let database = Database::new();
    let process = Process::start(&database, &setup);
    let tenant = tenant_with_webhooks(&process, 2);
    let (stored, refused) = publish_at_once(&process, tenant, 200);
    assert_eq!((stored, process.sums().pending), (30, 60));
    assert!(refused.iter().all(|limit| *limit == Limit::Backlog));
    process.die();
    let process = Process::start(&database, &setup);
    assert_eq!(publish_at_once(&process, tenant, 5).0, 0, "what is pending was counted at the start");
    process.die();
    receiver.now_answers(|_| Answer::Status(200));
    let process = Process::start(&database, &setup);
    process.until_done();
    // What is recorded is told to the lanes after the count has moved.
    assert_eq!(publish_at_once(&process, tenant, 5).0, 5);
    process.until_done();
    process.stop();
}

#[test]
fn a_quota_is_exact_under_a_rush_and_after_deaths() {
    let clock = manual_clock();
    let receiver = Receiver::willing(clock.clone());
    let setup = with_plan(Setup::new(clock.clone(), &receiver), quota(100));
    let database = Database::new();
    let process = Process::start(&database, &setup);
    let tenant = tenant_with_webhooks(&process, 0);
    assert_eq!(publish_at_once(&process, tenant, 60).0, 60);
    process.die();
    let process = Process::start(&database, &setup);
    let (stored, refused) = publish_at_once(&process, tenant, 200);
    assert_eq!((stored, used(&process, tenant)), (40, vec![(day_of(START), 100)]));
    assert!(refused.iter().all(|limit| *limit == Limit::Quota));
    // Part of it is in the closed totals now, part is not.
    process.run(process.store.close_hours(START.plus(seconds(3_600)))).expect("closed");
    process.die();
    let process = Process::start(&database, &setup);
    assert_eq!(publish_at_once(&process, tenant, 5).0, 0);
    let (_, midnight) = Period::Day.around(START);
    clock.advance(midnight.since(START));
    assert_eq!(publish_at_once(&process, tenant, 200).0, 100, "a new day");
    assert_eq!(used(&process, tenant), [(day_of(START), 100), (day_of(START) + 1, 100)]);
    process.stop();
}

#[test]
fn what_may_be_stored_is_counted_as_it_turns_out() {
    for (fault, left) in
        [(CommitFault::UnknownAndStored, 1), (CommitFault::UnknownAndLost, 2), (CommitFault::NotCommitted, 2)]
    {
        let clock = manual_clock();
        let receiver = Receiver::new(clock.clone(), |_| Answer::Hang);
        let plan = Plan { backlog: Some(2), ..quota(2) };
        let setup = with_plan(Setup::new(clock, &receiver), plan);
        let database = Database::new();
        let process = Process::start(&database, &setup);
        let tenant = tenant_with_webhooks(&process, 1);
        process.store.fail_next(Batches::WithEvents, fault);
        let first = process.run(publish(&process.engine, tenant, "a", 0));
        assert!(matches!(first, Err(PublishError::Unavailable(_))), "{fault:?}: {first:?}");
        assert_eq!(publish_at_once(&process, tenant, 5).0, left, "{fault:?}");
        assert_eq!(process.sums().pending, 2, "{fault:?}");
        process.die();
    }
}

#[test]
fn another_plan_is_in_force_at_once_and_what_was_used_stays_used() {
    let clock = manual_clock();
    let receiver = Receiver::willing(clock.clone());
    let plans = || Plans::new([("small".into(), quota(5)), ("large".into(), quota(8))]);
    let setup = Setup::new(clock, &receiver).with(|options| options.plans = plans());
    let database = Database::new();
    let process = Process::start(&database, &setup);
    let tenant = tenant_with_webhooks(&process, 0);
    assert_eq!(publish_at_once(&process, tenant, 4).0, 4, "the default plan is unlimited");
    let row = process.run(process.store.tenant(tenant)).expect("read").expect("it exists");
    for (plan, stored) in [("small", 1), ("large", 3), ("small", 0), (DEFAULT_PLAN, 20), ("large", 0)] {
        let changed = Tenant { plan: plan.into(), ..row.clone() };
        process.run(process.engine.change_tenant(&changed)).expect("changed");
        assert_eq!(publish_at_once(&process, tenant, 20).0, stored, "{plan}");
    }
    process.stop();
}

/// The events of quotas that the receiver has had: type and data.
fn notices(receiver: &Receiver) -> Vec<(String, Value)> {
    let visits = receiver.visits();
    let of_quota = visits.iter().filter(|visit| visit.kind().starts_with("api.quota."));
    of_quota
        .map(|visit| {
            let data = serde_json::from_slice(&visit.content.data).expect("JSON");
            (visit.kind().to_owned(), data)
        })
        .collect()
}

#[test]
fn a_tenant_is_told_once_a_period_whoever_dies() {
    let clock = manual_clock();
    let receiver = Receiver::willing(clock.clone());
    let setup = with_plan(Setup::new(clock.clone(), &receiver), quota(10));
    let database = Database::new();
    let mut process = Process::start(&database, &setup);
    let tenant = process.run(async {
        let id = tenant(&*process.store, "t").await;
        webhook(&*process.store, id, "api.quota.*", |_| {}).await;
        id
    });
    let told = |process: &Process, count| {
        process.run(receiver.until("the tenant is told", count, |visit| visit.kind().starts_with("api.")));
    };
    let (_, midnight) = Period::Day.around(START);
    let data = |percent: u64, reset| json!({"usage_percent": percent, "limit": 10, "reset_time": reset});
    let mut expected = Vec::new();
    for (day, reset) in [midnight, midnight.plus(seconds(86_400))].into_iter().enumerate() {
        assert_eq!(publish_at_once(&process, tenant, 7).0, 7);
        assert_eq!(notices(&receiver), expected);
        assert_eq!(publish_at_once(&process, tenant, 1).0, 1);
        expected.push(("api.quota.warning".to_owned(), data(80, reset)));
        told(&process, expected.len());
        process.until_done();
        process.die();
        process = Process::start(&database, &setup);
        assert_eq!(publish_at_once(&process, tenant, 9).0, 2);
        expected.push(("api.quota.exceeded".to_owned(), data(100, reset)));
        told(&process, expected.len());
        process.until_done();
        process.die();
        process = Process::start(&database, &setup);
        assert_eq!(publish_at_once(&process, tenant, 9).0, 0);
        assert_eq!(notices(&receiver), expected, "day {day}");
        clock.advance(reset.since(clock.now()));
    }
    process.stop();
    assert_eq!(notices(&receiver), expected);
}

#[test]
fn a_tenant_that_nobody_told_before_a_death_is_told_after_it() {
    let clock = manual_clock();
    let receiver = Receiver::willing(clock.clone());
    let database = Database::new();
    // A process without quotas counts all the same, and tells nobody.
    let unlimited = Setup::new(clock.clone(), &receiver);
    let process = Process::start(&database, &unlimited);
    let tenant = process.run(async {
        let id = tenant(&*process.store, "t").await;
        webhook(&*process.store, id, "api.quota.*", |_| {}).await;
        id
    });
    assert_eq!(publish_at_once(&process, tenant, 12).0, 12);
    process.die();
    let process = Process::start(&database, &with_plan(unlimited, quota(15)));
    process.run(receiver.until("the tenant is told", 1, |_| true));
    let (_, reset) = Period::Day.around(START);
    let data = json!({"usage_percent": 80, "limit": 15, "reset_time": reset});
    assert_eq!(notices(&receiver), [("api.quota.warning".to_owned(), data)]);
    process.until_done();
    process.stop();
}
