//! Plans: what a tenant may use. The operator defines them by name; a tenant names its plan.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

use crate::tenant::DEFAULT_PLAN;
use crate::time::Time;

const DAY: Duration = Duration::from_secs(86_400);

/// A stretch of time in UTC after which a quota begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// From the first of a month to the first of the next.
    #[default]
    Month,
}

impl Period {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The stretch that a time lies in: its first moment, and the first after it.
    pub fn around(self, time: Time) -> (Time, Time) {
        let midnight = first_of_day(day_of(time));
        match self {
            Self::Day => (midnight, midnight.plus(DAY)),
            Self::Month => month_around(midnight).unwrap_or((midnight, midnight.plus(DAY))),
        }
    }
}

/// Days since 1970 in UTC: how usage is kept.
pub const fn day_of(time: Time) -> i64 {
    time.as_micros().div_euclid(86_400_000_000)
}

const fn first_of_day(day: i64) -> Time {
    Time::from_seconds(day.saturating_mul(86_400))
}

/// None at the far ends of what a calendar can hold.
fn month_around(midnight: Time) -> Option<(Time, Time)> {
    let date = Offset::UTC.to_datetime(jiff::Timestamp::from_microsecond(midnight.as_micros()).ok()?).date();
    let start = |date: jiff::civil::Date| {
        let timestamp = Offset::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).ok()?;
        Some(Time::from_micros(timestamp.as_microsecond()))
    };
    Some((start(date.first_of_month())?, start(date.last_of_month().tomorrow().ok()?)?))
}

/// How many events a tenant may publish at what pace: `burst` at once, and `rate` a second in the long run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishRate {
    /// Events a second.
    pub rate: NonZeroU32,
    /// Events at once.
    pub burst: NonZeroU32,
}

/// How many events a tenant may have stored within a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Events.
    pub events: u64,
    /// Of each period.
    pub period: Period,
}

/// What a plan may include beyond its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// Receiving webhooks of others.
    Ingest,
}

impl Feature {
    /// Every feature.
    pub const ALL: [Self; 1] = [Self::Ingest];
}

/// What the tenants of a plan may use. What is none is unlimited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Pace of publishing.
    pub publish: Option<PublishRate>,
    /// Pending deliveries.
    pub backlog: Option<u64>,
    /// Events in a period.
    pub quota: Option<Quota>,
    /// What is included.
    pub features: BTreeSet<Feature>,
}

impl Plan {
    /// No limits and all features.
    pub fn unlimited() -> Self {
        Self { publish: None, backlog: None, quota: None, features: Feature::ALL.into() }
    }

    /// Whether anything is limited.
    pub const fn limits(&self) -> bool {
        self.publish.is_some() || self.backlog.is_some() || self.quota.is_some()
    }
}

/// The plans that there are, by name. There is always one named [`DEFAULT_PLAN`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plans(BTreeMap<Box<str>, Arc<Plan>>);

impl Plans {
    /// These, and an unlimited default plan unless they define one.
    pub fn new(defined: impl IntoIterator<Item = (Box<str>, Plan)>) -> Self {
        let mut plans = BTreeMap::from([(DEFAULT_PLAN.into(), Arc::new(Plan::unlimited()))]);
        plans.extend(defined.into_iter().map(|(name, plan)| (name, Arc::new(plan))));
        Self(plans)
    }

    /// The plan of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Plan>> {
        self.0.get(name)
    }

    /// The plan of tenants that were given none.
    pub fn default_plan(&self) -> &Arc<Plan> {
        &self.0[DEFAULT_PLAN]
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|name| &**name)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Plan> {
        self.0.values().map(|plan| &**plan)
    }
}

impl Default for Plans {
    fn default() -> Self {
        Self::new([])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(period: Period, text: &str) -> [String; 2] {
        let (start, end) = period.around(Time::parse(text).expect("a time"));
        [start.to_string(), end.to_string()]
    }

    #[test]
    fn periods_begin_at_midnight_in_utc() {
        let day = around(Period::Day, "2024-02-29T23:59:59.999Z");
        assert_eq!(day, ["2024-02-29T00:00:00.000Z", "2024-03-01T00:00:00.000Z"]);
        let month = around(Period::Month, "2024-02-29T23:59:59.999Z");
        assert_eq!(month, ["2024-02-01T00:00:00.000Z", "2024-03-01T00:00:00.000Z"]);
        let last = around(Period::Month, "2025-01-01T00:30:00+01:00");
        assert_eq!(last, ["2024-12-01T00:00:00.000Z", "2025-01-01T00:00:00.000Z"]);
        let first = around(Period::Month, "2025-01-01T00:00:00Z");
        assert_eq!(first, ["2025-01-01T00:00:00.000Z", "2025-02-01T00:00:00.000Z"]);
    }

    #[test]
    fn the_ends_of_time_have_periods_too() {
        for micros in [i64::MIN, -1, 0, i64::MAX] {
            for period in [Period::Day, Period::Month] {
                let (start, end) = period.around(Time::from_micros(micros));
                assert!(start <= end, "{micros} {period:?}");
            }
        }
    }

    #[test]
    fn there_is_always_a_default_plan() {
        assert!(!Plans::default().default_plan().limits());
        let small = Plan { backlog: Some(1), ..Plan::unlimited() };
        let plans = Plans::new([("free".into(), small.clone()), (DEFAULT_PLAN.into(), small)]);
        assert!(plans.default_plan().limits() && plans.get("free").is_some() && plans.get("pro").is_none());
        assert_eq!(plans.names().collect::<Vec<_>>(), ["default", "free"]);
    }
}
