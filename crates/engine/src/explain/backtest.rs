//! Backtests: a choice asked of stored events, a page at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use stentor_core::event::{Event, EventType};
use stentor_core::filter::{PathSet, Predicate};
use stentor_core::id::{EventId, TenantId};
use stentor_core::time::Time;
use stentor_store::events::EventFilter;
use tokio::sync::Semaphore;

use super::Choice;
use crate::clock::Stopwatch;
use crate::commands::CommandError;
use crate::engine::Engine;
use crate::replay::facts_of;

/// Backtests that run at once in the process: each may keep a thread busy.
static RUNNING: Semaphore = Semaphore::const_new(2);
/// Events read at a time, and the largest data read with them; larger ones are read alone.
const PAGE_ROWS: u32 = 100;
const PAGE_DATA_BYTES_MAX: u64 = 64 * 1024;
/// What one backtest looks at, at most.
const EVENTS_MAX: u64 = 10_000;
const BYTES_MAX: usize = 64 * 1024 * 1024;
const TIME_MAX: Duration = Duration::from_secs(2);

/// Which events to ask.
#[derive(Debug, Clone, Copy)]
pub struct BacktestRange {
    /// Accepted at or after.
    pub since: Time,
    /// Accepted before.
    pub until: Time,
    /// Only those before this one: where an earlier backtest stopped.
    pub before: Option<EventId>,
    /// Matches to be answered, at most.
    pub matches_max: usize,
}

/// What stored events would have done.
#[derive(Debug, Clone, Default)]
pub struct Backtest {
    /// Events looked at.
    pub examined: u64,
    /// Those that match.
    pub matched: u64,
    /// Those of another type.
    pub other_type: u64,
    /// Those of the right type that the filter refuses.
    pub refused: u64,
    /// By clause, as a JSON Pointer, how many it refuses; an event may count for several.
    pub refused_by: BTreeMap<String, u64>,
    /// The newest matches.
    pub matches: Vec<Match>,
    /// The last event looked at, when there are more.
    pub stopped_at: Option<EventId>,
}

/// An event that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Its id.
    pub id: EventId,
    /// Its type.
    pub event_type: EventType,
    /// When it was accepted.
    pub accepted_at: Time,
}

/// A choice made ready to be asked many times.
struct Ready {
    choice: Choice,
    paths: PathSet,
    predicate: Option<Predicate>,
    matches_max: usize,
}

impl Engine {
    /// Asks stored events, newest first, until all of the range are seen or enough was looked at for one answer.
    ///
    /// # Errors
    /// When as many run as may, or the database does not answer.
    pub async fn backtest(
        &self,
        tenant: TenantId,
        choice: Choice,
        range: BacktestRange,
    ) -> Result<Backtest, CommandError> {
        let _place = RUNNING.try_acquire().map_err(|_| CommandError::TooManyBacktests)?;
        let (started, mut bytes) = (Stopwatch::start(), 0);
        let filter =
            EventFilter { since: Some(range.since), until: Some(range.until), ..EventFilter::default() };
        let ready = Arc::new(Ready::new(choice, range.matches_max));
        let (mut sums, mut before) = (Backtest::default(), range.before);
        loop {
            let page = self.store().events(tenant, &filter, before, PAGE_ROWS, PAGE_DATA_BYTES_MAX).await?;
            before = page.rows.last().map(|row| row.event.content.id).or(before);
            let mut events = Vec::with_capacity(page.rows.len());
            for row in page.rows {
                if row.data_omitted && ready.takes_type(&row.event) && ready.predicate.is_some() {
                    // One that was purged meanwhile is no match any more.
                    let Some(whole) = self.store().event(tenant, row.event.content.id).await? else {
                        continue;
                    };
                    bytes += whole.content.bytes();
                    sums = ready.asked(sums, vec![whole]).await?;
                } else {
                    bytes += row.event.content.bytes();
                    events.push(row.event);
                }
            }
            sums = ready.asked(sums, events).await?;
            if !page.more {
                return Ok(sums);
            }
            if sums.examined >= EVENTS_MAX || bytes >= BYTES_MAX || started.elapsed() >= TIME_MAX {
                return Ok(Backtest { stopped_at: before, ..sums });
            }
        }
    }
}

impl Ready {
    fn new(choice: Choice, matches_max: usize) -> Self {
        let mut paths = PathSet::default();
        let predicate = choice.filter.as_ref().map(|filter| filter.bind(&mut paths, choice.profile));
        Self { choice, paths, predicate, matches_max }
    }

    fn takes_type(&self, event: &Event) -> bool {
        let event_type = event.content.event_type.as_str();
        self.choice.patterns.iter().any(|pattern| pattern.matches(event_type))
    }

    /// Asks the events aside, so that requests go on meanwhile.
    async fn asked(
        self: &Arc<Self>,
        mut sums: Backtest,
        events: Vec<Event>,
    ) -> Result<Backtest, CommandError> {
        let ready = Arc::clone(self);
        let aside = tokio::task::spawn_blocking(move || {
            events.iter().for_each(|event| ready.ask(event, &mut sums));
            sums
        });
        aside.await.map_err(|error| CommandError::Unavailable(error.to_string()))
    }

    fn ask(&self, event: &Event, sums: &mut Backtest) {
        sums.examined += 1;
        if !self.takes_type(event) {
            sums.other_type += 1;
            return;
        }
        if let Some(predicate) = &self.predicate {
            let view = event.content.view();
            let seen = self.paths.look(&facts_of(event, view.as_deref()));
            let refusing = predicate.refusing(&seen);
            if !refusing.is_empty() {
                sums.refused += 1;
                for pointer in refusing {
                    *sums.refused_by.entry(pointer.to_owned()).or_default() += 1;
                }
                return;
            }
        }
        sums.matched += 1;
        if sums.matches.len() < self.matches_max {
            let event_type = event.content.event_type.clone();
            sums.matches.push(Match { id: event.content.id, event_type, accepted_at: event.accepted_at });
        }
    }
}
