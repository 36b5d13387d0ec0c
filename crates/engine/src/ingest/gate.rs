//! What is counted of the requests to a source: its rate, and its turn in a sequence of responses.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stentor_core::id::CredentialId;
use stentor_core::rate::{Rate, RateGate};
use stentor_core::source::Source;
use stentor_core::time::Time;

use crate::sources::KnownSource;

/// A source and what is counted of its requests, for one version of it.
#[derive(Debug)]
pub struct Gate {
    /// The source.
    pub known: Arc<KnownSource>,
    rate: Mutex<Option<RateGate>>,
    /// Which response of a sequence is next.
    turn: AtomicUsize,
}

/// A request that may send its body.
#[derive(Debug, Clone)]
pub struct Entered {
    /// The source.
    pub gate: Arc<Gate>,
    /// The credential that it showed.
    pub credential: Option<CredentialId>,
    /// Where the source's rate stands after it.
    pub standing: Option<RateStanding>,
}

/// Where a source's rate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateStanding {
    /// Requests in a window.
    pub count: u32,
    /// The window.
    pub period: Duration,
    /// How many more may follow at once.
    pub remaining: u32,
    /// Until one more may follow, or until the window is empty when some may follow now.
    pub reset: Duration,
}

impl Gate {
    /// The gate of a source. What was counted under the same rate before a change stays counted.
    pub(super) fn new(known: Arc<KnownSource>, before: Option<&Self>) -> Self {
        let counted =
            before.and_then(|gate| gate.rate.lock().expect("no panic while holding the lock").clone());
        let rate = known.source.config.rate.map(|rate| {
            counted.filter(|counted| counted.rate() == rate).unwrap_or_else(|| RateGate::new(rate))
        });
        Self { known, rate: Mutex::new(rate), turn: AtomicUsize::default() }
    }

    /// The source.
    pub fn source(&self) -> &Source {
        &self.known.source
    }

    /// Counts one request.
    ///
    /// # Errors
    /// When it is one too many; it is not counted then.
    pub(super) fn count(&self, now: Time) -> Result<Option<RateStanding>, RateStanding> {
        let mut rate = self.rate.lock().expect("no panic while holding the lock");
        let Some(gate) = rate.as_mut() else { return Ok(None) };
        let at = gate.earliest(now);
        if at > now {
            return Err(standing(gate.rate(), 0, at.since(now)));
        }
        gate.record(now);
        let used = u32::try_from(gate.starts(now).len()).unwrap_or(u32::MAX);
        let remaining = match gate {
            RateGate::Log { rate, .. } => rate.count.saturating_sub(used),
            // What is left of the burst is not counted one by one.
            RateGate::Gcra { .. } => u32::from(gate.earliest(now) <= now),
        };
        Ok(Some(standing(gate.rate(), remaining, gate.rate().period)))
    }

    /// The next response of a sequence of so many.
    pub(super) fn next_turn(&self, of: usize) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed) % of.max(1)
    }
}

fn standing(rate: Rate, remaining: u32, reset: Duration) -> RateStanding {
    RateStanding { count: rate.count, period: rate.period, remaining, reset }
}
