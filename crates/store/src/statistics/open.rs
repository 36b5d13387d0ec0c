//! What is counted and not yet rolled up, in memory.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use stentor_core::id::{TenantId, WebhookId};
use stentor_core::statistics::{Minute, Rollup};

use super::counted::Counted;
use crate::columns::IdBytes;

/// Sums of minutes that are open, and of those that are being written as rollups.
#[derive(Debug, Default)]
pub(crate) struct OpenMinutes {
    minutes: BTreeMap<Minute, HashMap<WebhookId, (TenantId, Rollup)>>,
    pub(crate) closing: Option<Closing>,
}

/// Minutes that are being written.
#[derive(Debug)]
pub(crate) struct Closing {
    /// Which counts they are the sums of.
    pub bound: Bound,
    /// The rollups, by their key.
    pub rows: Vec<(RowKey, Rollup)>,
    /// How many are written.
    pub written: usize,
}

/// The key of a rollup.
pub(crate) type RowKey = (Minute, IdBytes);

impl OpenMinutes {
    /// From the counts that are stored, and how far writing them as rollups has come. None when one of them is not readable.
    pub fn of_stored(
        rows: impl IntoIterator<Item = (i64, i64, Vec<u8>)>,
        bound: Option<(Bound, Option<RowKey>)>,
    ) -> Option<Self> {
        let (mut open, mut closing) = (Counted::default(), Counted::default());
        for (seq, minute, counted) in rows {
            let minute = Minute(minute);
            let is_closing = bound.as_ref().is_some_and(|(bound, _)| bound.holds(seq, minute));
            let to = if is_closing { &mut closing } else { &mut open };
            to.add_stored(minute, &counted)?;
        }
        let mut minutes = Self::default();
        minutes.add(open);
        minutes.closing = bound.map(|(bound, last)| {
            let sums = closing.0.into_iter();
            let rows =
                rows_of(sums.map(|((minute, tenant, webhook), rollup)| (minute, tenant, webhook, rollup)));
            let written = last.map_or(rows.len(), |last| rows.partition_point(|(key, _)| *key <= last));
            Closing { bound, rows, written }
        });
        Some(minutes)
    }

    /// Adds what a batch counted, once that is committed.
    pub fn add(&mut self, counted: Counted) {
        for ((minute, tenant, webhook), rollup) in counted.0 {
            let (_, sums) = self
                .minutes
                .entry(minute)
                .or_default()
                .entry(webhook)
                .or_insert_with(|| (tenant, Rollup::default()));
            sums.merge(&rollup);
        }
    }

    /// Takes out the minutes before the bound, to be written.
    pub(crate) fn close(&mut self, bound: Bound) {
        let rest = self.minutes.split_off(&bound.before);
        let ended = std::mem::replace(&mut self.minutes, rest);
        let rows = rows_of(ended.into_iter().flat_map(|(minute, webhooks)| {
            webhooks.into_iter().map(move |(webhook, (tenant, rollup))| (minute, tenant, webhook, rollup))
        }));
        self.closing = Some(Closing { bound, rows, written: 0 });
    }

    /// Whether there are minutes before this one.
    pub(crate) fn has_before(&self, minute: Minute) -> bool {
        self.minutes.first_key_value().is_some_and(|(first, _)| *first < minute)
    }

    /// What is not written yet of one webhook, or of all of a tenant.
    pub fn of(
        &self,
        tenant: TenantId,
        webhook: Option<WebhookId>,
        range: &Range<Minute>,
    ) -> BTreeMap<Minute, Rollup> {
        let mut found: BTreeMap<Minute, Rollup> = BTreeMap::new();
        if range.is_empty() {
            return found;
        }
        for (minute, webhooks) in self.minutes.range(range.clone()) {
            let mut add = |rollup: &Rollup| found.entry(*minute).or_default().merge(rollup);
            match webhook {
                Some(webhook) => webhooks.get(&webhook).into_iter().for_each(|(_, rollup)| add(rollup)),
                None => {
                    webhooks.values().filter(|(own, _)| *own == tenant).for_each(|(_, rollup)| add(rollup));
                }
            }
        }
        let subject = webhook.map_or_else(|| *tenant.as_bytes(), |webhook| *webhook.as_bytes());
        for ((minute, its), rollup) in
            self.closing.iter().flat_map(|closing| &closing.rows[closing.written..])
        {
            if *its == subject && range.contains(minute) {
                found.entry(*minute).or_default().merge(rollup);
            }
        }
        found
    }
}

/// The rollups of webhooks and of their tenants, by key.
fn rows_of(sums: impl Iterator<Item = (Minute, TenantId, WebhookId, Rollup)>) -> Vec<(RowKey, Rollup)> {
    let mut rows: BTreeMap<RowKey, Rollup> = BTreeMap::new();
    for (minute, tenant, webhook, rollup) in sums {
        rows.entry((minute, *tenant.as_bytes())).or_default().merge(&rollup);
        rows.entry((minute, *webhook.as_bytes())).or_default().merge(&rollup);
    }
    rows.into_iter().collect()
}

/// Which counts are being written as rollups: those up to `seq` of minutes before `before`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    pub seq: i64,
    pub before: Minute,
}

impl Bound {
    pub(crate) fn holds(&self, seq: i64, minute: Minute) -> bool {
        seq <= self.seq && minute < self.before
    }
}

impl Bound {
    /// How far writing has come, as it is stored: which counts, and the key of the last rollup written; without one all of
    /// them are.
    pub(crate) fn encode(self, last: Option<RowKey>) -> Vec<u8> {
        let mut value = [self.seq.to_be_bytes(), self.before.0.to_be_bytes()].concat();
        if let Some((minute, subject)) = last {
            value.extend_from_slice(&minute.0.to_be_bytes());
            value.extend_from_slice(&subject);
        }
        value
    }

    /// The reverse. None when it is not one.
    pub(crate) fn decode(value: &[u8]) -> Option<(Self, Option<RowKey>)> {
        let mut parts =
            value.chunks_exact(8).map(|part| i64::from_be_bytes(part.try_into().unwrap_or_default()));
        let (seq, before) = (parts.next()?, parts.next()?);
        let subject = value.get(24..).and_then(|subject| IdBytes::try_from(subject).ok());
        let last = parts.next().zip(subject).map(|(minute, subject)| (Minute(minute), subject));
        Some((Self { seq, before: Minute(before) }, last))
    }
}
