//! Exact rates: how many attempts of a webhook may start in any window of a period (engine rule E14).

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// Largest count that is held by a log of start times; above it the cheaper GCRA is used.
const LOG_COUNT_MAX: u32 = 1_000;
/// Arrivals at the receiver lie closer together or further apart than our starts. The window is this much longer than
/// asked, so that the receiver's own count never exceeds the limit.
const ARRIVAL_MARGIN: Duration = Duration::from_millis(250);

/// At most `count` starts in any window of `period`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Starts.
    pub count: u32,
    /// Length of the window.
    pub period: Duration,
}

impl Rate {
    /// A rate that exceeds neither of the two in any window.
    #[must_use]
    pub fn slower(self, other: Self) -> Self {
        Self { count: self.count.min(other.count), period: self.period.max(other.period) }
    }
}

/// The record of recent starts that answers when the next may follow.
#[derive(Debug, Clone)]
pub enum RateGate {
    /// The times of the last `count` starts.
    Log {
        /// The limit.
        rate: Rate,
        /// Oldest first.
        starts: VecDeque<Time>,
    },
    /// Generic cell rate algorithm. Half of the count may leave at once, the rest is spread over the period, so that
    /// burst + rate x window never exceeds the limit.
    Gcra {
        /// The limit.
        rate: Rate,
        /// When the record would be empty again.
        theoretical: Time,
    },
}

impl RateGate {
    /// A gate that has seen no starts: the first `count` may leave at once.
    pub fn new(rate: Rate) -> Self {
        if rate.count <= LOG_COUNT_MAX {
            Self::Log { rate, starts: VecDeque::new() }
        } else {
            Self::Gcra { rate, theoretical: Time::ZERO }
        }
    }

    /// A gate that treats the window before `now` as used up: after a crash the starts before it are unknown.
    pub fn full(rate: Rate, now: Time) -> Self {
        let mut gate = Self::new(rate);
        match &mut gate {
            Self::Log { rate, starts } => starts.extend(std::iter::repeat_n(now, rate.count as usize)),
            Self::Gcra { rate, theoretical } => *theoretical = now.plus(rate.period).plus(burst_span(*rate)),
        }
        gate
    }

    /// A gate that goes on from what [`starts`](Self::starts) of an earlier one of the same limit answered.
    pub fn resumed(rate: Rate, kept: &[Time]) -> Self {
        let mut gate = Self::new(rate);
        match &mut gate {
            Self::Log { starts, .. } => {
                starts.extend(kept.iter().skip(kept.len().saturating_sub(rate.count as usize)));
            }
            Self::Gcra { theoretical, .. } => {
                *theoretical = kept.iter().copied().max().unwrap_or(Time::ZERO);
            }
        }
        gate
    }

    /// What a gate must remember of its starts, oldest first; nothing once they no longer matter at `now`.
    pub fn starts(&self, now: Time) -> Vec<Time> {
        match self {
            Self::Log { rate, starts } => {
                let window = rate.period + ARRIVAL_MARGIN;
                starts.iter().copied().filter(|start| now.since(*start) < window).collect()
            }
            Self::Gcra { theoretical, .. } => [*theoretical].into_iter().filter(|at| *at > now).collect(),
        }
    }

    /// The limit that the gate holds.
    pub fn rate(&self) -> Rate {
        match self {
            Self::Log { rate, .. } | Self::Gcra { rate, .. } => *rate,
        }
    }

    /// The earliest time, not before `now`, at which one more start keeps the limit.
    pub fn earliest(&self, now: Time) -> Time {
        match self {
            Self::Log { rate, starts } if starts.len() < rate.count as usize => now,
            Self::Log { rate, starts } => {
                starts.front().map_or(now, |oldest| oldest.plus(rate.period).plus(ARRIVAL_MARGIN)).max(now)
            }
            Self::Gcra { rate, theoretical } => theoretical.minus(burst_span(*rate)).max(now),
        }
    }

    /// Notes a start at `now`.
    pub fn record(&mut self, now: Time) {
        match self {
            Self::Log { rate, starts } => {
                if starts.len() >= rate.count as usize {
                    starts.pop_front();
                }
                starts.push_back(now);
            }
            Self::Gcra { rate, theoretical } => *theoretical = (*theoretical).max(now).plus(interval(*rate)),
        }
    }
}

/// Spacing of starts once the burst is spent: half of the count over the period.
fn interval(rate: Rate) -> Duration {
    (rate.period + ARRIVAL_MARGIN) / (rate.count / 2).max(1)
}

/// How far ahead of the spacing a burst may run.
fn burst_span(rate: Rate) -> Duration {
    interval(rate).saturating_mul((rate.count / 2).saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Time = Time::from_seconds(1_700_000_000);

    fn starts_of(gate: &mut RateGate, waits_ms: &[u64]) -> Vec<Time> {
        let mut now = START;
        let mut starts = Vec::new();
        for wait in waits_ms {
            now = gate.earliest(now.plus(Duration::from_millis(*wait)));
            gate.record(now);
            starts.push(now);
        }
        starts
    }

    fn most_in_a_window(starts: &[Time], period: Duration) -> usize {
        (0..starts.len())
            .map(|first| starts[first..].iter().take_while(|t| t.since(starts[first]) < period).count())
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn the_first_hundred_leave_at_once_and_the_next_waits() {
        let rate = Rate { count: 100, period: Duration::from_secs(60) };
        let mut gate = RateGate::new(rate);
        let starts = starts_of(&mut gate, &[0; 101]);
        assert!(starts[..100].iter().all(|t| *t == START));
        assert_eq!(starts[100], START.plus(Duration::from_millis(60_250)));
    }

    #[test]
    fn after_a_crash_the_window_is_full() {
        let rate = Rate { count: 3, period: Duration::from_secs(10) };
        assert_eq!(RateGate::full(rate, START).earliest(START), START.plus(Duration::from_millis(10_250)));
        let large = Rate { count: 5_000, period: Duration::from_secs(10) };
        assert!(RateGate::full(large, START).earliest(START) > START);
    }

    proptest! {
        /// A gate that was kept and resumed answers as one that went on.
        #[test]
        fn a_resumed_gate_goes_on(count in 1_u32..1_500, waits in proptest::collection::vec(0_u64..900, 1..200), pause in 0_u64..20_000) {
            let mut gate = RateGate::new(Rate { count, period: Duration::from_secs(5) });
            let last = starts_of(&mut gate, &waits).pop().expect("a start");
            let now = last.plus(Duration::from_millis(pause));
            let mut resumed = RateGate::resumed(gate.rate(), &gate.starts(now));
            for _ in 0..3 {
                let next = gate.earliest(now);
                prop_assert_eq!(resumed.earliest(now), next);
                gate.record(next);
                resumed.record(next);
            }
        }

        #[test]
        fn no_window_ever_holds_more(count in 1_u32..40, period_s in 1_u64..20, waits in proptest::collection::vec(0_u64..900, 1..200)) {
            let rate = Rate { count, period: Duration::from_secs(period_s) };
            let starts = starts_of(&mut RateGate::new(rate), &waits);
            prop_assert!(most_in_a_window(&starts, rate.period) <= count as usize);
        }

        #[test]
        fn nor_does_the_cheaper_gate(waits in proptest::collection::vec(0_u64..5, 3_000..6_000)) {
            let rate = Rate { count: 1_200, period: Duration::from_secs(5) };
            let starts = starts_of(&mut RateGate::new(rate), &waits);
            prop_assert!(most_in_a_window(&starts, rate.period) <= 1_200);
        }
    }
}
