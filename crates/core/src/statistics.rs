//! What is known of a webhook's attempts over some time, in a form that adds up: minutes to hours, hours to days.

use crate::attempt::{Attempt, AttemptOutcome};
use crate::delivery::FinalState;
use crate::histogram::Histogram;
use crate::time::Time;
use crate::varint;

/// Microseconds of a minute and an hour.
pub const MINUTE_US: i64 = 60_000_000;
/// Minutes of an hour.
pub const HOUR_MINUTES: i64 = 60;

/// The kinds of outcome that are counted, by [`AttemptOutcome::kind`]. Kept by place: new ones go to the end.
pub const KINDS: [&str; 6] = ["delivered", "refused", "timeout", "network", "blocked", "unsendable"];

const fn place(outcome: &AttemptOutcome) -> usize {
    match outcome {
        AttemptOutcome::Delivered { .. } => 0,
        AttemptOutcome::Refused { .. } => 1,
        AttemptOutcome::Timeout { .. } => 2,
        AttemptOutcome::Network { .. } => 3,
        AttemptOutcome::Blocked { .. } => 4,
        AttemptOutcome::Unsendable | AttemptOutcome::Template => 5,
    }
}

/// A minute, counted from the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minute(pub i64);

impl Minute {
    /// The minute in which this moment lies.
    pub const fn of(time: Time) -> Self {
        Self(time.as_micros().div_euclid(MINUTE_US))
    }

    /// Its first moment.
    pub const fn start(self) -> Time {
        Time::from_micros(self.0.saturating_mul(MINUTE_US))
    }

    /// The first minute of its hour.
    #[must_use]
    pub const fn hour(self) -> Self {
        Self(self.0.div_euclid(HOUR_MINUTES) * HOUR_MINUTES)
    }
}

/// Sums over the attempts that ended, and the deliveries that they ended, within some time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rollup {
    kinds: [u64; KINDS.len()],
    /// Attempts after the first of a delivery.
    pub retries: u64,
    /// Deliveries that their receiver took.
    pub delivered: u64,
    /// Deliveries that were given up.
    pub dead: u64,
    /// Duration of all attempts together, in microseconds.
    pub response_us: u64,
    /// When a delivery was last delivered or given up.
    pub last_delivery: Option<Time>,
    /// Duration of attempts.
    pub response_time: Histogram,
    /// From when a delivery came into being to the start of its first attempt.
    pub queue_delay: Histogram,
}

impl Rollup {
    /// Counts an attempt.
    pub fn attempt(&mut self, attempt: &Attempt) {
        let micros = u64::try_from(attempt.duration.as_micros()).unwrap_or(u64::MAX);
        self.kinds[place(&attempt.outcome)] += 1;
        self.response_us = self.response_us.saturating_add(micros);
        self.response_time.record(micros);
        if attempt.number > 1 {
            self.retries += 1;
        } else {
            let waited = attempt.started_at.since(attempt.delivery.created_at());
            self.queue_delay.record(u64::try_from(waited.as_micros()).unwrap_or(u64::MAX));
        }
    }

    /// Counts the end of a delivery. One that was withdrawn says nothing about its receiver.
    pub fn finished(&mut self, state: FinalState, at: Time) {
        match state {
            FinalState::Delivered => self.delivered += 1,
            FinalState::Dead(_) => self.dead += 1,
            FinalState::Cancelled(_) => return,
        }
        self.last_delivery = self.last_delivery.max(Some(at));
    }

    /// Adds everything that another one counted.
    pub fn merge(&mut self, other: &Self) {
        for (own, others) in self.kinds.iter_mut().zip(other.kinds) {
            *own = own.saturating_add(others);
        }
        self.retries = self.retries.saturating_add(other.retries);
        self.delivered = self.delivered.saturating_add(other.delivered);
        self.dead = self.dead.saturating_add(other.dead);
        self.response_us = self.response_us.saturating_add(other.response_us);
        self.last_delivery = self.last_delivery.max(other.last_delivery);
        self.response_time.merge(&other.response_time);
        self.queue_delay.merge(&other.queue_delay);
    }

    /// All attempts.
    pub fn attempts(&self) -> u64 {
        self.kinds.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Attempts by kind of outcome, successes left out.
    pub fn errors(&self) -> impl Iterator<Item = (&'static str, u64)> {
        KINDS.into_iter().zip(self.kinds).skip(1)
    }

    /// Appends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let used = self.kinds.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
        varint::put(out, used as u64);
        let last = self.last_delivery.map_or(0, |at| u64::try_from(at.as_micros()).unwrap_or(0));
        let sums = [self.retries, self.delivered, self.dead, self.response_us, last];
        for number in self.kinds[..used].iter().chain(&sums) {
            varint::put(out, *number);
        }
        self.response_time.encode(out);
        self.queue_delay.encode(out);
    }

    /// Takes one off the front. None when it is not one.
    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let mut rollup = Self::default();
        let used = usize::try_from(varint::take(bytes)?).ok()?;
        for place in rollup.kinds.get_mut(..used)? {
            *place = varint::take(bytes)?;
        }
        rollup.retries = varint::take(bytes)?;
        rollup.delivered = varint::take(bytes)?;
        rollup.dead = varint::take(bytes)?;
        rollup.response_us = varint::take(bytes)?;
        let last = i64::try_from(varint::take(bytes)?).ok()?;
        rollup.last_delivery = (last > 0).then(|| Time::from_micros(last));
        rollup.response_time = Histogram::decode(bytes)?;
        rollup.queue_delay = Histogram::decode(bytes)?;
        Some(rollup)
    }
}

/// How a webhook does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthStatus {
    /// More than 95 % of what ended was delivered.
    Healthy,
    /// Less, or exactly 95 %; or nothing has ended yet and every attempt failed.
    Degraded,
    /// Nothing was attempted.
    NoData,
}

impl HealthStatus {
    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::NoData => "no_data",
        }
    }
}

impl Rollup {
    /// How a webhook with these sums does (readings 003: above 95 healthy, exactly 95 degraded).
    pub fn status(&self) -> HealthStatus {
        let ended = u128::from(self.total_deliveries());
        if ended == 0 {
            return if self.attempts() == 0 { HealthStatus::NoData } else { HealthStatus::Degraded };
        }
        if u128::from(self.delivered) * 100 > ended * 95 {
            HealthStatus::Healthy
        } else {
            HealthStatus::Degraded
        }
    }

    /// Deliveries that ended: delivered or given up.
    pub const fn total_deliveries(&self) -> u64 {
        self.delivered.saturating_add(self.dead)
    }

    /// The share of ended deliveries that were delivered, 0 to 100. None when none ended.
    pub fn success_rate(&self) -> Option<f64> {
        let ended = self.total_deliveries();
        (ended > 0).then(|| self.delivered as f64 / ended as f64 * 100.0)
    }

    /// The mean duration of an attempt, in seconds. None without attempts.
    pub fn average_response_seconds(&self) -> Option<f64> {
        let attempts = self.attempts();
        (attempts > 0).then(|| self.response_us as f64 / 1e6 / attempts as f64)
    }
}

#[cfg(test)]
mod tests;
