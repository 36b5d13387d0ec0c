//! Statistics over a window of time, from the store's rollups.

use std::time::Duration;

use stentor_core::id::{TenantId, WebhookId};
use stentor_core::statistics::{Minute, Rollup};
use stentor_core::time::Time;
use stentor_store::StoreError;

use crate::engine::Engine;

/// How far back statistics go. The current minute or hour counts as a whole one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// 60 minutes.
    Hour,
    /// 1 440 minutes, or 24 hours.
    Day,
    /// 168 hours.
    Week,
}

/// How long the pieces of a series are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    /// A minute each.
    Minute,
    /// An hour each.
    Hour,
}

/// Sums over a window, in pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// The start of its first piece.
    pub since: Time,
    /// Until now.
    pub until: Time,
    /// The start and the sums of each piece that has some, oldest first.
    pub pieces: Vec<(Time, Rollup)>,
}

impl Window {
    /// Its length.
    pub const fn length(self) -> Duration {
        Duration::from_secs(match self {
            Self::Hour => 3_600,
            Self::Day => 24 * 3_600,
            Self::Week => 7 * 24 * 3_600,
        })
    }

    /// The pieces by which all of it can be summed up most exactly.
    pub const fn finest(self) -> Interval {
        match self {
            Self::Hour | Self::Day => Interval::Minute,
            Self::Week => Interval::Hour,
        }
    }
}

impl Interval {
    const fn length(self) -> Duration {
        Duration::from_secs(match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
        })
    }

    /// The start of the piece in which this moment lies.
    const fn start(self, at: Time) -> Time {
        match self {
            Self::Minute => Minute::of(at).start(),
            Self::Hour => Minute::of(at).hour().start(),
        }
    }
}

impl Series {
    /// All of it together.
    pub fn total(&self) -> Rollup {
        let mut total = Rollup::default();
        for (_, sums) in &self.pieces {
            total.merge(sums);
        }
        total
    }
}

impl Engine {
    /// Sums over the attempts of one webhook, or of all of a tenant, up to the last commit. Minutes are kept for a day, so
    /// a week has hours only.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn statistics(
        &self,
        tenant: TenantId,
        webhook: Option<WebhookId>,
        window: Window,
        interval: Interval,
    ) -> Result<Series, StoreError> {
        let now = self.clock().now();
        let end = interval.start(now).plus(interval.length());
        let since = end.minus(window.length());
        let store = self.store();
        let pieces = match interval {
            Interval::Minute => store.minutes(tenant, webhook, since, end).await?,
            Interval::Hour => store.hours(tenant, webhook, since, end).await?,
        };
        Ok(Series { since, until: now, pieces })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_begin_where_clocks_say() {
        let at = Time::parse("2024-01-15T10:30:59.5Z").expect("a time");
        assert_eq!(Interval::Minute.start(at).to_string(), "2024-01-15T10:30:00.000Z");
        assert_eq!(Interval::Hour.start(at).to_string(), "2024-01-15T10:00:00.000Z");
        assert_eq!((Window::Day.finest(), Window::Week.finest()), (Interval::Minute, Interval::Hour));
    }
}
