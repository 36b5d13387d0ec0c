use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;

const START: Time = Time::from_seconds(1_700_000_000);

fn publish(rate: u32, burst: u32) -> Plan {
    let number = |number| NonZeroU32::new(number).expect("not zero");
    Plan { publish: Some(PublishRate { rate: number(rate), burst: number(burst) }), ..Plan::unlimited() }
}

fn quota(events: u64, period: Period) -> Plan {
    Plan { quota: Some(Quota { events, period }), ..Plan::unlimited() }
}

fn allowance(plan: Plan) -> Allowance {
    Allowance::new(Arc::new(plan), START)
}

fn at(elapsed_ms: u64) -> Moment {
    let elapsed = Duration::from_millis(elapsed_ms);
    Moment { now: START.plus(elapsed), elapsed }
}

/// Stores one event, as the engine does.
fn store(allowance: &mut Allowance, now: Time) -> Result<(), Standing> {
    allowance.reserve(1, 0, now)?;
    allowance.recall(now, 1);
    allowance.release();
    Ok(())
}

#[test]
fn a_burst_passes_at_once_and_the_rest_at_its_pace() {
    let mut allowance = allowance(publish(10, 3));
    let mut standings = Vec::new();
    for _ in 0..3 {
        standings.push(allowance.nearest(0, at(0)).expect("limited").remaining);
        allowance.take(at(0)).expect("within the burst");
    }
    assert_eq!(standings, [3, 2, 1]);
    let refused = allowance.take(at(0)).expect_err("the burst is spent");
    assert_eq!((refused.limit, refused.max, refused.remaining), (Limit::Publish, 3, 0));
    assert_eq!((refused.retry, refused.reset), (Duration::from_millis(100), Duration::from_millis(300)));
    assert!(allowance.take(at(99)).is_err());
    allowance.take(at(100)).expect("one more after a tenth of a second");
    assert!(allowance.take(at(100)).is_err());
    let refused = allowance.take_together(2, at(200)).expect_err("only one is there again");
    assert_eq!(refused.retry, Duration::from_millis(100));
    allowance.take(at(200)).expect("what was refused took nothing");
    allowance.take_together(2, at(400)).expect("two after two tenths");
    assert_eq!(allowance.nearest(0, at(10_000)).expect("limited").remaining, 3);
}

#[test]
fn the_backlog_takes_events_that_fit_as_a_whole() {
    let mut allowance = allowance(Plan { backlog: Some(5), ..Plan::unlimited() });
    allowance.reserve(5, 0, START).expect("room for five");
    allowance.reserve(2, 3, START).expect("two more fit");
    assert_eq!(allowance.reserve(3, 3, START).expect_err("too many").limit, Limit::Backlog);
    allowance.reserve(0, 9, START).expect("an event without deliveries always fits");
}

#[test]
fn a_quota_is_used_by_what_is_stored_and_begins_anew() {
    let mut allowance = allowance(quota(2, Period::Day));
    allowance.reserve(1, 0, START).expect("room");
    allowance.release();
    for _ in 0..2 {
        store(&mut allowance, START).expect("what was not stored does not count");
    }
    let refused = store(&mut allowance, START).expect_err("used up");
    let (_, midnight) = Period::Day.around(START);
    assert_eq!((refused.limit, refused.retry), (Limit::Quota, midnight.since(START)));
    store(&mut allowance, midnight).expect("a new day");
    assert_eq!(allowance.nearest(0, Moment { now: midnight, elapsed: Duration::ZERO }).unwrap().remaining, 1);
    // A clock that is set back does not give yesterday's quota again.
    store(&mut allowance, START).expect("one is left");
    assert!(store(&mut allowance, midnight).is_ok(), "yesterday's event is not today's");
    assert!(store(&mut allowance, midnight).is_err());
}

#[test]
fn a_month_adds_up_its_days() {
    let mut allowance = allowance(quota(10, Period::Month));
    allowance.recall(START, 4);
    allowance.recall(START.plus(Duration::from_secs(86_400)), 5);
    allowance.recall(START.minus(Duration::from_secs(40 * 86_400)), 100);
    assert_eq!(allowance.nearest(0, at(0)).expect("limited").remaining, 1);
}

#[test]
fn a_tenant_is_told_once_at_eighty_and_once_at_a_hundred_per_cent() {
    let mut allowance = allowance(quota(10, Period::Month));
    let mut told = Vec::new();
    for _ in 0..10 {
        store(&mut allowance, START).expect("room");
        if let Some(notice) = allowance.due_notice(START) {
            assert_eq!(allowance.due_notice(START), Some(notice), "until it is noted");
            allowance.note_told(notice.period, notice.since, notice.told);
            told.push((notice.told, notice.usage_percent, notice.limit));
        }
    }
    assert_eq!(told, [(Told::Warning, 80, 10), (Told::Exceeded, 100, 10)]);
    let (since, reset) = Period::Month.around(START);
    allowance.note_told(Period::Month, since, Told::Warning);
    assert_eq!(allowance.due_notice(START), None, "no less is told after more");
    for _ in 0..8 {
        store(&mut allowance, reset).expect("a new month");
    }
    let notice = allowance.due_notice(reset).expect("a new period");
    assert_eq!((notice.told, notice.since), (Told::Warning, reset));
}

#[test]
fn the_nearest_limit_is_the_one_with_the_least_left() {
    let plan = Plan { backlog: Some(10), quota: quota(4, Period::Day).quota, ..publish(100, 7) };
    let mut allowance = allowance(plan);
    assert_eq!(allowance.nearest(0, at(0)).expect("limited").limit, Limit::Quota);
    assert_eq!(allowance.nearest(8, at(0)).expect("limited").limit, Limit::Backlog);
    allowance.set_plan(Arc::new(Plan::unlimited()));
    assert_eq!(allowance.nearest(8, at(0)), None);
}

proptest! {
    /// Whatever the waits, no stretch of time passes more than its burst and its rate.
    #[test]
    fn no_stretch_passes_more_than_burst_and_rate(rate in 1_u32..500, burst in 1_u32..50, waits in proptest::collection::vec(0_u64..40, 1..300)) {
        let mut allowance = allowance(publish(rate, burst));
        let (mut now, mut passed) = (0, Vec::new());
        for wait in waits {
            now += wait;
            match allowance.take(at(now)) {
                Ok(()) => passed.push(now),
                Err(standing) => {
                    let retry = u64::try_from(standing.retry.as_nanos().div_ceil(1_000_000)).unwrap();
                    prop_assert!(retry > 0);
                    now += retry;
                    prop_assert!(allowance.take(at(now)).is_ok(), "it may be tried as it says");
                    passed.push(now);
                }
            }
        }
        for (index, first) in passed.iter().enumerate() {
            for (count, last) in passed[index..].iter().enumerate() {
                let most = usize::try_from(u64::from(burst) + (last - first) * u64::from(rate) / 1_000).unwrap();
                prop_assert!(count <= most, "{} within {} ms", count + 1, last - first);
            }
        }
    }
}
