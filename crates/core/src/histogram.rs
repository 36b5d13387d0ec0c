//! Histograms on a logarithmic scale, small enough to keep one per webhook and minute.
//!
//! Values are microseconds. Each power of two is divided into eight equal buckets, so a value is known within one eighth of
//! itself; up to 8 µs exactly. What is longer than 4.7 hours is counted in the last bucket. Only buckets that hold something
//! are kept, and histograms add up exactly: the percentiles of a week are those of all its minutes together.

use crate::varint;

/// Buckets per power of two, as a power of two.
const SPLIT_BITS: u32 = 3;
const SPLIT: u64 = 1 << SPLIT_BITS;

/// Counts by bucket, rising.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram(Vec<(u8, u64)>);

impl Histogram {
    /// Counts one value.
    pub fn record(&mut self, micros: u64) {
        self.add(bucket(micros), 1);
    }

    /// Adds everything that another one counted.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            self.add(*bucket, *count);
        }
    }

    fn add(&mut self, bucket: u8, by: u64) {
        match self.0.binary_search_by_key(&bucket, |(own, _)| *own) {
            Ok(index) => self.0[index].1 = self.0[index].1.saturating_add(by),
            Err(index) => self.0.insert(index, (bucket, by)),
        }
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.0.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// The value below or at which this share of all values lies, in microseconds: the middle of its bucket. None without
    /// values.
    pub fn percentile(&self, percent: u8) -> Option<u64> {
        let rank = u128::from(self.count()) * u128::from(percent.min(100));
        let rank = rank.div_ceil(100).max(1);
        let mut seen = 0_u128;
        let found = self.0.iter().find(|(_, count)| {
            seen += u128::from(*count);
            seen >= rank
        });
        found.map(|(bucket, _)| middle(*bucket))
    }

    /// Appends it: how many buckets, then how far each is above the one before and its count.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        varint::put(out, self.0.len() as u64);
        let mut last = 0;
        for (bucket, count) in &self.0 {
            varint::put(out, u64::from(bucket - last));
            varint::put(out, *count);
            last = *bucket;
        }
    }

    /// Takes one off the front. None when it is not one.
    pub(crate) fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let buckets = varint::take(bytes)?;
        let mut histogram = Self::default();
        let mut last = 0_u8;
        for _ in 0..buckets {
            last = last.checked_add(u8::try_from(varint::take(bytes)?).ok()?)?;
            histogram.add(last, varint::take(bytes)?);
        }
        Some(histogram)
    }
}

/// Below `2 * SPLIT` each value has its own; then the three bits after the highest one choose.
fn bucket(micros: u64) -> u8 {
    if micros < SPLIT {
        return u8::try_from(micros).unwrap_or(u8::MAX);
    }
    let octave = micros.ilog2() - SPLIT_BITS;
    let within = (micros >> octave) - SPLIT;
    u8::try_from(u64::from(octave + 1) * SPLIT + within).unwrap_or(u8::MAX)
}

/// The lowest value of a bucket.
fn lowest(bucket: u8) -> u64 {
    let (octave, within) = (u64::from(bucket) / SPLIT, u64::from(bucket) % SPLIT);
    match octave.checked_sub(1) {
        None => within,
        Some(shift) => (SPLIT + within) << shift,
    }
}

fn middle(bucket: u8) -> u64 {
    let low = lowest(bucket);
    match bucket.checked_add(1) {
        Some(next) => low.midpoint(lowest(next) - 1),
        None => low,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        values.iter().for_each(|value| histogram.record(*value));
        histogram
    }

    #[test]
    fn small_values_are_exact_and_long_ones_have_a_place() {
        assert_eq!(
            (0..17).map(bucket).collect::<Vec<_>>(),
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
        );
        assert_eq!((bucket(u64::MAX), lowest(u8::MAX)), (u8::MAX, 15 << 30));
        assert_eq!(Histogram::default().percentile(50), None);
        assert_eq!(of(&[5]).percentile(99), Some(5));
        let hundred: Vec<u64> = (1..=100).map(|n| n * 1_000).collect();
        let hundred = of(&hundred);
        for (percent, exact) in [(50, 50_000.0), (95, 95_000.0), (99, 99_000.0), (100, 100_000.0)] {
            let found = hundred.percentile(percent).expect("it has values") as f64;
            assert!((found / exact - 1.0).abs() < 0.07, "p{percent}: {found}");
        }
    }

    proptest! {
        #[test]
        fn a_bucket_holds_what_is_put_into_it(micros in 0_u64..15_u64 << 30) {
            let bucket = bucket(micros);
            prop_assert!(lowest(bucket) <= micros && micros < lowest(bucket + 1));
            prop_assert!(lowest(bucket + 1) - lowest(bucket) <= (micros / SPLIT).max(1));
        }

        #[test]
        fn parts_add_up_and_read_back(
            a in proptest::collection::vec(any::<u64>(), 0..50),
            b in proptest::collection::vec(0_u64..100_000, 0..50),
        ) {
            let mut merged = of(&a);
            merged.merge(&of(&b));
            prop_assert_eq!(&merged, &of(&[a.clone(), b.clone()].concat()));
            prop_assert_eq!(merged.count(), (a.len() + b.len()) as u64);
            let mut bytes = Vec::new();
            merged.encode(&mut bytes);
            bytes.push(9);
            let mut rest = &bytes[..];
            prop_assert_eq!(Histogram::decode(&mut rest), Some(merged));
            prop_assert_eq!(rest, [9]);
        }

        #[test]
        fn a_percentile_is_near_the_exact_one(
            mut values in proptest::collection::vec(1_u64..1_000_000_000, 1..200),
            percent in 1_u8..=100,
        ) {
            values.sort_unstable();
            let exact = values[(values.len() * usize::from(percent)).div_ceil(100) - 1] as f64;
            let found = of(&values).percentile(percent).expect("it has values") as f64;
            prop_assert!((found - exact).abs() <= exact / 14.0 + 1.0, "{} for {}", found, exact);
        }
    }
}
