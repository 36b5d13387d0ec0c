//! A source made ready: its verification read, its secrets parsed, and what it counts.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stentor_core::id::CredentialId;
use stentor_core::rate::{Rate, RateGate};
use stentor_core::source::{Source, Verification};
use stentor_core::time::Time;
use stentor_verify::provider::{Key, Scheme, preset};

/// A source made ready for requests, valid for one version of it.
#[derive(Debug)]
pub struct Gate {
    /// The source.
    pub source: Arc<Source>,
    /// How it verifies. None when it has no keys; an error when it cannot be used.
    pub(super) scheme: Result<Option<Box<Scheme>>, String>,
    /// Its secrets, newest first, each with its end.
    keys: Vec<(Key, Option<Time>)>,
    rate: Mutex<Option<RateGate>>,
    /// Which response of a sequence is next.
    pub(super) turn: Arc<AtomicUsize>,
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
    /// Makes a source ready.
    pub(super) fn new(source: Arc<Source>, now: Time) -> Self {
        let prepared = prepare(&source);
        let (scheme, keys) = match prepared {
            Ok(Some((scheme, keys))) => (Ok(Some(Box::new(scheme))), keys),
            Ok(None) => (Ok(None), Vec::new()),
            Err(problem) => (Err(problem), Vec::new()),
        };
        let rate = Mutex::new(source.config.rate.map(RateGate::new));
        debug_assert!(now >= Time::ZERO, "a gate is made at some time");
        Self { source, scheme, keys, rate, turn: Arc::default() }
    }

    /// The same after a change of the source: what was counted under the same rate stays counted.
    pub(super) fn changed(&self, source: Arc<Source>, now: Time) -> Self {
        let fresh = Self::new(source, now);
        let mut rate = fresh.rate.lock().expect("no panic while holding the lock");
        let before = self.rate.lock().expect("no panic while holding the lock").clone();
        if let (Some(new), Some(before)) = (rate.as_ref().map(RateGate::rate), before)
            && new == before.rate()
        {
            *rate = Some(before);
        }
        drop(rate);
        fresh
    }

    /// The keys that verify at `now`, newest first.
    pub(super) fn keys_at(&self, now: Time) -> Vec<Key> {
        let live = self.keys.iter().filter(|(_, until)| until.is_none_or(|end| now < end));
        live.map(|(key, _)| key.clone()).collect()
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

type Prepared = Option<(Scheme, Vec<(Key, Option<Time>)>)>;

fn prepare(source: &Source) -> Result<Prepared, String> {
    let Some(scheme) = scheme_of(&source.config.verification)? else { return Ok(None) };
    let mut keys = Vec::new();
    for key in &source.secrets.keys {
        keys.push((scheme.key(key.value.reveal()).map_err(|error| error.to_string())?, key.until));
    }
    if let Some(token) = source.secrets.options.get("verify_token") {
        keys.push((scheme.verify_token(token.reveal()).map_err(|error| error.to_string())?, None));
    }
    Ok(Some((scheme, keys)))
}

/// How a source's requests are verified; none when it needs no keys.
fn scheme_of(verification: &Verification) -> Result<Option<Scheme>, String> {
    match verification {
        Verification::None | Verification::Basic => Ok(None),
        Verification::Preset { name, options } => {
            let preset = preset(name).ok_or_else(|| format!("there is no preset {name}"))?;
            if options.is_empty() {
                return Ok(Some(preset.scheme.clone()));
            }
            let record = serde_json::to_value(preset.scheme.record()).map_err(|error| error.to_string())?;
            let mut record = record;
            if let Some(fields) = record.as_object_mut() {
                fields.extend(options.clone());
            }
            serde_json::from_value(record).map(Some).map_err(|error| error.to_string())
        }
        Verification::Custom { scheme } => {
            serde_json::from_value(scheme.clone()).map(Some).map_err(|error| error.to_string())
        }
    }
}
