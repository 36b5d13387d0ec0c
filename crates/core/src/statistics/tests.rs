use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::attempt::{NetworkError, Phase};
use crate::delivery::{CancelReason, DeadReason};
use crate::id::DeliveryId;

const START: Time = Time::from_seconds(1_700_000_000);

fn attempt(number: u32, duration_us: u64, outcome: AttemptOutcome) -> Attempt {
    Attempt {
        delivery: DeliveryId::new(START, 7),
        number,
        started_at: START.plus(Duration::from_millis(3)),
        duration: Duration::from_micros(duration_us),
        outcome,
        response: None,
    }
}

fn outcomes() -> impl Strategy<Value = AttemptOutcome> {
    prop_oneof![
        Just(AttemptOutcome::Delivered { status: 200 }),
        Just(AttemptOutcome::Refused { status: 500, retry_after: None }),
        Just(AttemptOutcome::Timeout { phase: Phase::Response }),
        Just(AttemptOutcome::Network { error: NetworkError::Closed }),
        Just(AttemptOutcome::Unsendable),
    ]
}

/// Any end, or none.
fn ends() -> impl Strategy<Value = Option<FinalState>> {
    proptest::option::of(proptest::sample::select(FinalState::ALL.to_vec()))
}

fn rollup_of(acts: &[(u32, u64, AttemptOutcome, Option<FinalState>)]) -> Rollup {
    let mut rollup = Rollup::default();
    for (number, duration_us, outcome, end) in acts {
        rollup.attempt(&attempt(*number, *duration_us, *outcome));
        if let Some(state) = end {
            rollup.finished(*state, START.plus(Duration::from_micros(*duration_us)));
        }
    }
    rollup
}

#[test]
fn the_places_of_kinds_are_their_words() {
    for outcome in [
        AttemptOutcome::Delivered { status: 200 },
        AttemptOutcome::Refused { status: 500, retry_after: None },
        AttemptOutcome::Timeout { phase: Phase::Body },
        AttemptOutcome::Network { error: NetworkError::Tls },
        AttemptOutcome::Unsendable,
    ] {
        assert_eq!(KINDS[place(&outcome)], outcome.kind());
    }
}

#[test]
fn above_95_is_healthy_and_exactly_95_is_not() {
    let of = |delivered, dead| Rollup { delivered, dead, kinds: [1; KINDS.len()], ..Rollup::default() };
    assert_eq!((of(95, 5).status(), of(95, 5).success_rate()), (HealthStatus::Degraded, Some(95.0)));
    assert_eq!(of(96, 4).status(), HealthStatus::Healthy);
    assert_eq!(of(950_001, 49_999).status(), HealthStatus::Healthy);
    assert_eq!((of(0, 0).status(), of(0, 0).success_rate()), (HealthStatus::Degraded, None));
    assert_eq!((of(0, 3).status(), of(0, 3).success_rate()), (HealthStatus::Degraded, Some(0.0)));
    let nothing = Rollup::default();
    assert_eq!((nothing.status(), nothing.average_response_seconds()), (HealthStatus::NoData, None));
}

#[test]
fn a_withdrawn_delivery_says_nothing_about_its_receiver() {
    let mut rollup = Rollup::default();
    rollup.finished(FinalState::Cancelled(CancelReason::Requested), START);
    assert_eq!(rollup, Rollup::default());
    rollup.finished(FinalState::Dead(DeadReason::Poison), START);
    assert_eq!((rollup.total_deliveries(), rollup.last_delivery), (1, Some(START)));
}

#[test]
fn first_attempts_tell_the_queue_delay_and_others_are_retries() {
    let failed = AttemptOutcome::Refused { status: 500, retry_after: None };
    let rollup = rollup_of(&[
        (1, 2_000_000, failed, None),
        (2, 1_000_000, AttemptOutcome::Delivered { status: 200 }, Some(FinalState::Delivered)),
    ]);
    assert_eq!((rollup.attempts(), rollup.retries, rollup.queue_delay.count()), (2, 1, 1));
    assert!(rollup.queue_delay.percentile(50).is_some_and(|delay| (2_800..3_200).contains(&delay)));
    assert_eq!(rollup.average_response_seconds(), Some(1.5));
    assert_eq!(rollup.errors().filter(|(_, count)| *count > 0).collect::<Vec<_>>(), [("refused", 1)]);
}

#[test]
fn minutes_and_hours_begin_where_clocks_say() {
    let at = Time::parse("2024-01-15T10:30:59.999999Z").expect("a time");
    assert_eq!(Minute::of(at).start().to_string(), "2024-01-15T10:30:00.000Z");
    assert_eq!(Minute::of(at).hour().start().to_string(), "2024-01-15T10:00:00.000Z");
    assert_eq!(Minute::of(Time::from_micros(-1)), Minute(-1));
    assert_eq!(Minute(-1).hour(), Minute(-60));
}

proptest! {
    #[test]
    fn parts_add_up_and_read_back(
        a in proptest::collection::vec((1_u32..4, 0_u64..200_000_000, outcomes(), ends()), 0..40),
        b in proptest::collection::vec((1_u32..4, 0_u64..200_000_000, outcomes(), ends()), 0..40),
    ) {
        let mut merged = rollup_of(&a);
        merged.merge(&rollup_of(&b));
        prop_assert_eq!(&merged, &rollup_of(&[a, b].concat()));
        let mut bytes = Vec::new();
        merged.encode(&mut bytes);
        bytes.push(1);
        let mut rest = &bytes[..];
        prop_assert_eq!(Rollup::decode(&mut rest), Some(merged));
        prop_assert_eq!(rest, [1]);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = Rollup::decode(&mut &bytes[..]);
    }
}
