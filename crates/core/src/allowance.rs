//! What one tenant may still use of its plan: plain data that is told the time, exact within a process.
//!
//! An event that is to be stored is first *reserved*; it counts as used once it is stored, and is released either way. So
//! what is under way is never counted twice and never forgotten.

use std::sync::Arc;
use std::time::Duration;

use crate::plan::{Period, Plan, PublishRate, Quota};
use crate::time::Time;

/// Share of a quota, in per cent, from which its tenant is warned (readings 003).
pub const WARNING_PERCENT: u64 = 80;
/// When to try again while the backlog is full: when it drains is not known.
const BACKLOG_WAIT: Duration = Duration::from_secs(1);
const NANOS: u64 = 1_000_000_000;

/// Both clocks at one moment: rates must not follow a wall clock that is set, and periods must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock.
    pub now: Time,
    /// Time that passed since some fixed moment.
    pub elapsed: Duration,
}

/// Which limit an event breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The pace of publishing.
    Publish,
    /// Pending deliveries.
    Backlog,
    /// Events of the period.
    Quota,
}

/// Where a tenant stands with one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub limit: Limit,
    /// How much it allows.
    pub max: u64,
    /// How much is left now.
    pub remaining: u64,
    /// When there is more: for a pace, when all of it; for the backlog a guess.
    pub reset: Duration,
    /// When one more event may be tried.
    pub retry: Duration,
}

/// How far a tenant was told of its quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Told {
    /// Not at all.
    #[default]
    Nothing,
    /// That it is nearly used up.
    Warning,
    /// That it is used up.
    Exceeded,
}

/// What a tenant is to be told of its quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// Which of the two.
    pub told: Told,
    /// Events used, in per cent of the limit, rounded down.
    pub usage_percent: u64,
    /// The limit.
    pub limit: u64,
    /// The kind of period.
    pub period: Period,
    /// When the period began.
    pub since: Time,
    /// When the quota begins anew.
    pub reset_time: Time,
}

/// What was used in a running period.
#[derive(Debug, Clone, Copy)]
struct Used {
    since: Time,
    until: Time,
    events: u64,
    told: Told,
}

impl Used {
    fn new(period: Period, now: Time) -> Self {
        let (since, until) = period.around(now);
        Self { since, until, events: 0, told: Told::Nothing }
    }

    /// Moves on to the period of `now`; never back, however the clock is set.
    fn roll(&mut self, period: Period, now: Time) {
        if now >= self.until {
            *self = Self::new(period, now);
        }
    }
}

/// One tenant's use of its plan.
#[derive(Debug)]
pub struct Allowance {
    plan: Arc<Plan>,
    /// When the publish bucket will be full again, in the clock of [`Moment::elapsed`].
    full_at: Duration,
    day: Used,
    month: Used,
    reserved_events: u64,
}

impl Allowance {
    /// A tenant that has used nothing yet.
    pub fn new(plan: Arc<Plan>, now: Time) -> Self {
        Self {
            plan,
            full_at: Duration::ZERO,
            day: Used::new(Period::Day, now),
            month: Used::new(Period::Month, now),
            reserved_events: 0,
        }
    }

    /// Adds what was stored before: events accepted at this time.
    pub fn recall(&mut self, accepted_at: Time, events: u64) {
        for (period, used) in [(Period::Day, &mut self.day), (Period::Month, &mut self.month)] {
            used.roll(period, accepted_at);
            if accepted_at >= used.since {
                used.events += events;
            }
        }
    }

    /// Notes what the tenant was told in the period that began then.
    pub fn note_told(&mut self, period: Period, since: Time, told: Told) {
        let used = self.used_mut(period);
        if used.since == since {
            used.told = used.told.max(told);
        }
    }

    /// Puts another plan in force. What is used stays used.
    pub fn set_plan(&mut self, plan: Arc<Plan>) {
        self.plan = plan;
    }

    /// The plan in force.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Takes one event out of the publish bucket.
    ///
    /// # Errors
    /// When it is empty.
    pub fn take(&mut self, moment: Moment) -> Result<(), Standing> {
        self.take_together(1, moment)
    }

    /// Takes so many events out of the publish bucket, or none. More than its burst never fit.
    ///
    /// # Errors
    /// When there are fewer in it.
    pub fn take_together(&mut self, events: u32, moment: Moment) -> Result<(), Standing> {
        let Some(rate) = self.plan.publish else { return Ok(()) };
        let standing = publish_standing(rate, self.full_at, moment.elapsed);
        if standing.remaining < u64::from(events) {
            let left = interval(rate).saturating_mul(rate.burst.get().saturating_sub(events));
            return Err(Standing { retry: standing.reset.saturating_sub(left), ..standing });
        }
        self.full_at = self.full_at.max(moment.elapsed) + interval(rate).saturating_mul(events);
        Ok(())
    }

    /// Reserves the place of an event with so many deliveries, while so many are pending or on their way.
    ///
    /// # Errors
    /// When the backlog would be larger than the plan allows, or the quota is used up.
    pub fn reserve(&mut self, deliveries: u64, pending: u64, now: Time) -> Result<(), Standing> {
        if let Some(max) = self.plan.backlog {
            let standing = backlog_standing(max, pending);
            if deliveries > standing.remaining {
                return Err(standing);
            }
        }
        if let Some(standing) = self.quota_standing(now).filter(|standing| standing.remaining == 0) {
            return Err(standing);
        }
        self.reserved_events += 1;
        Ok(())
    }

    /// Gives a reserved place back, once its event is stored or will not be.
    pub fn release(&mut self) {
        self.reserved_events = self.reserved_events.saturating_sub(1);
    }

    /// The limit that is nearest; none when the plan has none.
    pub fn nearest(&mut self, pending: u64, moment: Moment) -> Option<Standing> {
        self.standings(pending, moment).min_by_key(|standing| standing.remaining)
    }

    /// Each limit of the plan.
    pub fn standings(&mut self, pending: u64, moment: Moment) -> impl Iterator<Item = Standing> + use<> {
        let publish = self.plan.publish.map(|rate| publish_standing(rate, self.full_at, moment.elapsed));
        let backlog = self.plan.backlog.map(|max| backlog_standing(max, pending));
        let quota = self.quota_standing(moment.now);
        [publish, backlog, quota].into_iter().flatten()
    }

    /// What the tenant is to be told of its quota and was not yet in this period.
    pub fn due_notice(&mut self, now: Time) -> Option<Notice> {
        let Quota { events: limit, period } = self.plan.quota?;
        let used = self.used_mut(period);
        used.roll(period, now);
        let percent = used.events.saturating_mul(100).checked_div(limit).unwrap_or(100);
        let told = match percent {
            100.. => Told::Exceeded,
            WARNING_PERCENT.. => Told::Warning,
            _ => Told::Nothing,
        };
        (told > used.told).then_some(Notice {
            told,
            usage_percent: percent,
            limit,
            period,
            since: used.since,
            reset_time: used.until,
        })
    }

    fn quota_standing(&mut self, now: Time) -> Option<Standing> {
        let Quota { events: max, period } = self.plan.quota?;
        let reserved = self.reserved_events;
        let used = self.used_mut(period);
        used.roll(period, now);
        let reset = used.until.since(now);
        let remaining = max.saturating_sub(used.events.saturating_add(reserved));
        Some(Standing { limit: Limit::Quota, max, remaining, reset, retry: reset })
    }

    fn used_mut(&mut self, period: Period) -> &mut Used {
        match period {
            Period::Day => &mut self.day,
            Period::Month => &mut self.month,
        }
    }
}

const fn backlog_standing(max: u64, taken: u64) -> Standing {
    let remaining = max.saturating_sub(taken);
    Standing { limit: Limit::Backlog, max, remaining, reset: BACKLOG_WAIT, retry: BACKLOG_WAIT }
}

/// From one event to the next in the long run, rounded up so that the rate is never exceeded.
fn interval(rate: PublishRate) -> Duration {
    Duration::from_nanos(NANOS.div_ceil(rate.rate.get().into()))
}

/// The generic cell rate algorithm: a bucket of `burst` that one event leaves each interval.
fn publish_standing(rate: PublishRate, full_at: Duration, now: Duration) -> Standing {
    let burst = u64::from(rate.burst.get());
    let interval = interval(rate);
    let missing = full_at.saturating_sub(now);
    let taken = u64::try_from(missing.as_nanos().div_ceil(interval.as_nanos().max(1))).unwrap_or(u64::MAX);
    let retry = missing.saturating_sub(interval.saturating_mul(rate.burst.get() - 1));
    Standing {
        limit: Limit::Publish,
        max: burst,
        remaining: burst.saturating_sub(taken),
        reset: missing,
        retry,
    }
}

#[cfg(test)]
mod tests;
