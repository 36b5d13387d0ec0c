//! `kill -9` at random moments under load (fault F1): every acknowledged event arrives, nothing is invented, and no
//! more arrives twice than was in flight.
//!
//! One gateway lives through all rounds on one database. In each round `connections` senders send one event after
//! the other; after a random number of acknowledgements the process is killed; after the restart every event that was
//! ever acknowledged must arrive. Then the ledgers of all rounds are compared.
//!
//! Senders to sources repeat after the restart: what was acknowledged must be known under the same id, what got no answer
//! must be one event, and in the end there are as many events as numbers.

mod round;

use std::ops::Range;
use std::time::Duration;

use serde_json::{Value, json};

use self::round::Run;
use crate::checker::Report;
use crate::gateway::GatewayBuilder;

/// What to do.
#[derive(Debug, Clone)]
pub struct CrashOptions {
    /// How often the gateway is killed.
    pub rounds: u32,
    /// How many senders send at once.
    pub connections: usize,
    /// Who they are.
    pub senders: Senders,
    /// After how many acknowledgements of a round it is killed, chosen at random.
    pub acks_before_kill: Range<u64>,
    /// Filler in each event, in bytes.
    pub padding_bytes: usize,
    /// Members of the webhook beside `url` and `events`, such as `ordered`.
    pub webhook: Value,
    /// Whether arrivals must be in the order of acceptance.
    pub ordered: bool,
    /// How long after a restart everything must have arrived.
    pub recovery_deadline: Duration,
    /// Makes the moments of the kills repeatable; chosen from the clock when not given.
    pub seed: Option<u64>,
}

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Senders {
    /// Publishers with a token.
    Publishers,
    /// Senders to sources, half of them with credentials and half with signatures.
    Sources,
}

impl Default for CrashOptions {
    fn default() -> Self {
        Self {
            rounds: 5,
            connections: 16,
            senders: Senders::Publishers,
            acks_before_kill: 50..1_000,
            padding_bytes: 256,
            webhook: json!({}),
            ordered: false,
            recovery_deadline: Duration::from_secs(60),
            seed: None,
        }
    }
}

/// What one round showed.
#[derive(Debug, Clone)]
pub struct Round {
    /// Events acknowledged before the kill.
    pub acked: u64,
    /// Deliveries that may have been in flight at the kill.
    pub in_flight_max: usize,
    /// Acknowledged events that had not arrived when the process died.
    pub left: usize,
    /// From the start of the new process to the arrival of the first event that was left; nothing when none was.
    pub first_arrival: Option<Duration>,
    /// Deliveries that arrived again after having been answered 2xx.
    pub duplicates: usize,
    /// Acknowledged events that were known under another id, or not at all, when they were sent again.
    pub unrecognised: usize,
}

/// What all rounds showed.
#[derive(Debug)]
pub struct CrashReport {
    /// Repeats the moments of the kills.
    pub seed: u64,
    /// Round by round.
    pub rounds: Vec<Round>,
    /// The judgement over all rounds.
    pub report: Report,
    /// Stored events of sources beyond one for each number that was sent.
    pub surplus: usize,
}

impl CrashReport {
    /// Fails the test unless every promise held.
    ///
    /// # Panics
    /// With the seed and what was found.
    pub fn assert_holds(&self) {
        let Self { seed, rounds, report, surplus } = self;
        let unrecognised: usize = rounds.iter().map(|round| round.unrecognised).sum();
        assert_eq!(unrecognised, 0, "seed {seed}: repetitions were not recognised: {rounds:?}");
        assert_eq!(*surplus, 0, "seed {seed}: more events are stored than were sent; rounds: {rounds:?}");
        assert!(report.holds(), "seed {seed}: {report}; rounds: {rounds:?}");
        // The report's bound is the sum over all rounds; each must keep its own.
        let exceeded = rounds.iter().find(|round| round.duplicates > round.in_flight_max);
        assert!(exceeded.is_none(), "seed {seed}: more duplicates than allowed in {exceeded:?}");
    }
}

/// Runs all rounds.
///
/// # Panics
/// When the gateway does not start, does not tell `stentor_in_flight`, or does not deliver everything in time.
pub async fn run(builder: GatewayBuilder, options: CrashOptions) -> CrashReport {
    let seed = options.seed.unwrap_or_else(seed_from_clock);
    let mut random = Random(seed | 1);
    let mut run = Run::start(builder, options.clone()).await;
    let mut rounds = Vec::new();
    for _ in 0..options.rounds {
        let acks = random.in_range(&options.acks_before_kill);
        rounds.push(run.round(acks).await);
    }
    let duplicates_max = rounds.iter().map(|round| round.in_flight_max).sum();
    CrashReport { seed, rounds, report: run.judge(duplicates_max), surplus: run.surplus().await }
}

/// xorshift64*: enough to choose moments.
struct Random(u64);

impl Random {
    fn in_range(&mut self, range: &Range<u64>) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        range.start + number % (range.end - range.start).max(1)
    }
}

fn seed_from_clock() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::from(since.expect("the clock is past 1970").subsec_nanos()) << 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_repeat_and_stay_in_range() {
        let draw = |seed| {
            let mut random = Random(seed);
            (0..100).map(|_| random.in_range(&(50..60))).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(9));
        assert!(draw(7).iter().all(|number| (50..60).contains(number)));
        assert_eq!(Random(3).in_range(&(5..5)), 5);
    }
}
