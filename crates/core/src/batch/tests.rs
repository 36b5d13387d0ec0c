use proptest::prelude::*;

use super::*;
use crate::envelope::BATCH_AROUND_BYTES;
use crate::time::Time;

const START: Time = Time::from_seconds(1_700_000_000);
const RULE: Batch = Batch { size: 10, timeout: Duration::from_secs(30), max_bytes: 1_024 };

fn waiting(event_type: &str, bytes: usize, second: u64) -> Waiting<'_> {
    Waiting { event_type: Some(event_type), bytes, since: START.plus(Duration::from_secs(second)) }
}

fn alone(second: u64) -> Waiting<'static> {
    Waiting { event_type: None, bytes: 1, since: START.plus(Duration::from_secs(second)) }
}

fn at(second: u64) -> Time {
    START.plus(Duration::from_secs(second))
}

fn due(ordered: bool, rows: &[Waiting<'_>], second: u64) -> Option<Vec<usize>> {
    match compose(&RULE, ordered, false, rows.iter().copied(), at(second)) {
        Due::Now(places) => Some(places),
        Due::Nothing(_) => None,
    }
}

#[test]
fn the_tenth_of_a_type_makes_a_batch_and_the_window_runs_from_the_oldest() {
    let mut rows: Vec<_> = (0..9).map(|n| waiting("a", 10, n)).collect();
    assert_eq!(due(false, &rows, 29), None);
    assert_eq!(due(false, &rows, 30), Some((0..9).collect()));
    rows.push(waiting("a", 10, 9));
    assert_eq!(due(false, &rows, 9), Some((0..10).collect()));
    rows.push(waiting("a", 10, 9));
    assert_eq!(due(false, &rows, 9), Some((0..10).collect()));
}

#[test]
fn types_gather_apart_and_the_first_in_the_queue_goes_first() {
    let rows = [waiting("a", 10, 0), waiting("b", 10, 0), waiting("a", 10, 1), waiting("b", 10, 1)];
    assert_eq!(due(false, &rows, 29), None);
    assert_eq!(due(false, &rows, 30), Some(vec![0, 2]));
    assert_eq!(due(true, &rows, 0), Some(vec![0]), "an ordered queue goes on with another type");
}

#[test]
fn the_next_one_that_would_not_fit_makes_a_batch() {
    let fits = 1_024 - BATCH_AROUND_BYTES;
    for ordered in [false, true] {
        let rows = [waiting("a", fits - 100, 0), waiting("a", 100, 0), waiting("a", 1, 0)];
        assert_eq!(due(ordered, &rows[..2], 0), None);
        assert_eq!(due(ordered, &rows, 0), Some(vec![0, 1]));
        let large = [waiting("a", 9_999, 0), waiting("a", 1, 0)];
        assert_eq!(due(ordered, &large, 0), Some(vec![0]), "one that is too large for any goes alone");
    }
}

#[test]
fn what_goes_alone_goes_at_once_and_ends_the_batch_at_an_ordered_head() {
    assert_eq!(due(false, &[waiting("a", 1, 0), alone(0)], 0), Some(vec![1]));
    assert_eq!(due(true, &[alone(0), waiting("a", 1, 0)], 0), Some(vec![0]));
    assert_eq!(due(true, &[waiting("a", 1, 0), alone(0)], 0), Some(vec![0]));
}

#[test]
fn where_nothing_more_can_be_waited_for_what_there_is_goes() {
    let rows = [waiting("a", 1, 0), waiting("b", 1, 0), waiting("a", 1, 0)];
    let pressed = |ordered| compose(&RULE, ordered, true, rows.iter().copied(), START);
    assert_eq!(pressed(false), Due::Now(vec![0, 2]));
    assert_eq!(pressed(true), Due::Now(vec![0]));
    assert!(matches!(compose(&RULE, false, true, [].into_iter(), START), Due::Nothing(_)));
}

#[test]
fn an_id_is_that_of_its_members_in_their_order() {
    let member = |n: u64| DeliveryId::new(START, n << 2);
    let (a, b, c) = (member(1), member(2), member(3));
    assert_eq!(BatchId::of([a, b]), BatchId::of([a, b]));
    let ids =
        [[a, b].as_slice(), &[b, a], &[a, b, c], &[a], &[a, c]].map(|of| BatchId::of(of.iter().copied()));
    let different: std::collections::HashSet<_> = ids.iter().collect();
    assert_eq!(different.len(), ids.len());
    assert_eq!(ids[0].created_at(), a.created_at());
}

fn rows() -> impl Strategy<Value = Vec<(u8, usize, u64)>> {
    proptest::collection::vec((0_u8..5, 1_usize..300, 0_u64..60), 0..80)
}

fn read(row: &(u8, usize, u64)) -> Waiting<'static> {
    let (kind, bytes, second) = *row;
    match kind {
        0 => alone(second),
        kind => waiting(["a", "b", "c", "d"][usize::from(kind) - 1], bytes, second),
    }
}

proptest! {
    /// Taking batch after batch, at a time at which everything is due: each row is in exactly one, the bounds hold, and
    /// those of a type keep their order.
    #[test]
    fn each_is_in_exactly_one_batch_within_bounds_and_in_order(rows in rows(), ordered: bool, size in 2_u32..12) {
        let rule = Batch { size, ..RULE };
        let mut left: Vec<(usize, Waiting<'_>)> = rows.iter().map(read).enumerate().collect();
        let mut sent: Vec<usize> = Vec::new();
        while !left.is_empty() {
            let Due::Now(places) = compose(&rule, ordered, false, left.iter().map(|(_, row)| *row), at(90)) else {
                return Err(TestCaseError::fail("everything is due"));
            };
            let batch: Vec<_> = places.iter().map(|place| left[*place]).collect();
            prop_assert!(!batch.is_empty() && batch.len() <= size as usize);
            if batch.len() > 1 {
                let bytes: usize = batch.iter().map(|(_, row)| row.bytes).sum();
                prop_assert!(bytes + BATCH_AROUND_BYTES <= rule.max_bytes as usize);
                prop_assert!(batch.iter().all(|(_, row)| row.event_type.is_some()));
                prop_assert!(batch.iter().all(|(_, row)| row.event_type == batch[0].1.event_type));
            }
            if ordered {
                prop_assert_eq!(&places, &(0..places.len()).collect::<Vec<_>>(), "a contiguous prefix");
            }
            sent.extend(batch.iter().map(|(number, _)| *number));
            left = left.iter().enumerate().filter(|(place, _)| !places.contains(place)).map(|(_, row)| *row).collect();
        }
        let mut all = sent.clone();
        all.sort_unstable();
        prop_assert_eq!(all, (0..rows.len()).collect::<Vec<_>>());
        for kind in 1..5 {
            let of_kind: Vec<_> = sent.iter().filter(|number| rows[**number].0 == kind).collect();
            prop_assert!(of_kind.is_sorted());
        }
    }

    /// While a quiet admits what comes and its time has not come, nothing is due; when its time has come, something is.
    #[test]
    fn a_quiet_is_kept(rows in rows(), ordered: bool, size in 2_u32..12, second in 0_u64..70) {
        let rule = Batch { size, ..RULE };
        let rows: Vec<_> = rows.iter().map(read).collect();
        let mut quiet: Option<Quiet> = None;
        for end in 0..=rows.len() {
            let so_far = rows[..end].iter().copied();
            if end > 0 && let Some(kept) = &mut quiet && !kept.admits(&rule, &rows[end - 1]) {
                quiet = None;
            }
            let found = compose(&rule, ordered, false, so_far.clone(), at(second));
            if let Some(kept) = quiet && kept.until.is_none_or(|until| at(second) < until) {
                prop_assert!(matches!(found, Due::Nothing(_)), "{found:?} in spite of {kept:?}");
            }
            let Due::Nothing(fresh) = found else { return Ok(()) };
            if let Some(until) = fresh.until {
                prop_assert!(matches!(compose(&rule, ordered, false, so_far.clone(), until), Due::Now(_)));
            }
            quiet.get_or_insert(fresh);
        }
    }
}
