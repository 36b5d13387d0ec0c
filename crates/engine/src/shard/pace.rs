//! How fast a lane may go: its window of requests on the wire and how far it is trusted (engine rule E12).

use std::time::Duration;

use stentor_core::attempt::AttemptOutcome;

use crate::permits::Standing;

/// Window of a lane whose webhook sets no concurrency of its own.
pub const WINDOW_DEFAULT: u32 = 256;
/// An answer slower than this is slow; an attempt unanswered for this long is parked.
pub const SLOW: Duration = Duration::from_secs(2);
/// The first attempts of a lane are parked sooner: nothing speaks for its receiver yet.
pub const SLOW_NEW: Duration = Duration::from_millis(500);
/// This many failures in a row open the breaker.
const FAILURES_TO_SUSPECT: u32 = 5;

/// Slow start and breaker of one lane. Starts at one request in flight, doubles with each success, halves with a failure.
/// The breaker delays nothing by time: it only narrows the window and the share of permits, so due attempts keep their
/// times.
#[derive(Debug, Clone)]
pub struct Pace {
    window: u32,
    window_max: u32,
    failures: u32,
    /// The last sixteen attempts, a bit each, set when slow.
    slow: u16,
    succeeded: bool,
}

impl Pace {
    /// The pace of a lane of which nothing is known, or of one that has had only failures so far.
    pub fn new(concurrency: Option<u32>, failing: bool) -> Self {
        let window_max = concurrency.unwrap_or(WINDOW_DEFAULT).max(1);
        let failures = if failing { FAILURES_TO_SUSPECT } else { 0 };
        Self { window: 1, window_max, failures, slow: 0, succeeded: false }
    }

    /// Takes over a changed concurrency limit.
    pub fn limit(&mut self, concurrency: Option<u32>) {
        self.window_max = concurrency.unwrap_or(WINDOW_DEFAULT).max(1);
        self.window = self.window.min(self.window_max);
    }

    /// Requests that may be on the wire now.
    pub fn window(&self) -> u32 {
        self.window
    }

    /// How far the lane is trusted.
    pub fn standing(&self) -> Standing {
        if self.failures >= FAILURES_TO_SUSPECT || self.slow.count_ones() > 8 {
            Standing::Suspect
        } else if self.succeeded {
            Standing::Proven
        } else {
            Standing::New
        }
    }

    /// How long an attempt may be unanswered before it is parked.
    pub fn patience(&self) -> Duration {
        if self.succeeded { SLOW } else { SLOW_NEW }
    }

    /// Notes an attempt that is unanswered for too long.
    pub fn unanswered(&mut self) {
        self.window = 1;
        if !self.succeeded {
            self.failures = self.failures.max(FAILURES_TO_SUSPECT);
        }
    }

    /// Notes the end of an attempt.
    pub fn ended(&mut self, outcome: &AttemptOutcome, duration: Duration) {
        let slow = duration > SLOW;
        self.slow = (self.slow << 1) | u16::from(slow);
        if outcome.is_success() {
            self.failures = 0;
            self.succeeded = true;
            if !slow {
                self.window = self.window.saturating_mul(2).min(self.window_max);
            }
        } else {
            self.failures = self.failures.saturating_add(1);
            self.window = (self.window / 2).max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: AttemptOutcome = AttemptOutcome::Delivered { status: 200 };
    const BAD: AttemptOutcome = AttemptOutcome::Refused { status: 500, retry_after: None };
    const QUICK: Duration = Duration::from_millis(3);

    #[test]
    fn starts_at_one_and_doubles_up_to_its_limit() {
        let mut pace = Pace::new(Some(10), false);
        let mut windows = vec![pace.window()];
        for _ in 0..5 {
            pace.ended(&OK, QUICK);
            windows.push(pace.window());
        }
        assert_eq!(windows, [1, 2, 4, 8, 10, 10]);
    }

    #[test]
    fn failures_narrow_and_five_in_a_row_make_suspect() {
        let mut pace = Pace::new(None, false);
        for _ in 0..8 {
            pace.ended(&OK, QUICK);
        }
        assert_eq!((pace.window(), pace.standing()), (256, Standing::Proven));
        for _ in 0..5 {
            pace.ended(&BAD, QUICK);
        }
        assert_eq!((pace.window(), pace.standing()), (8, Standing::Suspect));
        pace.ended(&OK, QUICK);
        assert_eq!(pace.standing(), Standing::Proven);
    }

    #[test]
    fn mostly_slow_is_suspect_even_when_it_succeeds() {
        let mut pace = Pace::new(None, false);
        for _ in 0..9 {
            pace.ended(&OK, Duration::from_secs(3));
        }
        assert_eq!((pace.window(), pace.standing()), (1, Standing::Suspect));
    }

    #[test]
    fn a_new_lane_that_does_not_answer_is_suspect_at_once() {
        let mut pace = Pace::new(None, false);
        assert_eq!(pace.standing(), Standing::New);
        pace.unanswered();
        assert_eq!(pace.standing(), Standing::Suspect);
        assert_eq!(Pace::new(None, true).standing(), Standing::Suspect);
    }
}
