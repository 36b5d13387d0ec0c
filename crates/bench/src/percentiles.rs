//! Percentiles and medians of samples.

use serde::{Deserialize, Serialize};

/// Nearest-rank percentiles of times, in milliseconds.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq)]
pub(crate) struct Percentiles {
    pub(crate) samples: usize,
    pub(crate) p50_ms: f64,
    pub(crate) p90_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

impl Percentiles {
    /// Sorts `times_ns`; `None` without a sample.
    pub(crate) fn of(times_ns: &mut [u64]) -> Option<Self> {
        times_ns.sort_unstable();
        let max = *times_ns.last()?;
        let rank = |percent: usize| milliseconds(times_ns[(times_ns.len() * percent).div_ceil(100) - 1]);
        Some(Self {
            samples: times_ns.len(),
            p50_ms: rank(50),
            p90_ms: rank(90),
            p99_ms: rank(99),
            max_ms: milliseconds(max),
        })
    }
}

/// The middle value, or the mean of the two in the middle; `None` without a value.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    if values.len() % 2 == 1 { Some(upper) } else { Some(f64::midpoint(values[values.len() / 2 - 1], upper)) }
}

fn milliseconds(time_ns: u64) -> f64 {
    time_ns as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_rank_of_a_hundred() {
        let mut times: Vec<u64> = (1..=100).rev().map(|n| n * 1_000_000).collect();
        let of = Percentiles::of(&mut times).unwrap();
        assert_eq!((of.samples, of.p50_ms, of.p90_ms, of.p99_ms, of.max_ms), (100, 50.0, 90.0, 99.0, 100.0));
    }

    #[test]
    fn one_sample_is_every_percentile() {
        let of = Percentiles::of(&mut [2_500_000]).unwrap();
        assert_eq!((of.p50_ms, of.p99_ms, of.max_ms), (2.5, 2.5, 2.5));
        assert_eq!(Percentiles::of(&mut []), None);
    }

    #[test]
    fn p99_leaves_out_the_worst_of_two_hundred() {
        let mut times = vec![1_000_000; 200];
        times[0] = 9_000_000;
        times[1] = 8_000_000;
        let of = Percentiles::of(&mut times).unwrap();
        assert_eq!((of.p99_ms, of.max_ms), (1.0, 9.0));
    }

    #[test]
    fn medians() {
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median([]), None);
    }
}
