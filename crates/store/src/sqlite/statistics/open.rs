//! What is counted and not yet rolled up, in memory.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use rusqlite::Connection;
use stentor_core::id::{TenantId, WebhookId};
use stentor_core::statistics::{Minute, Rollup};

use super::super::failure::unreadable;
use super::super::row::IdBytes;
use super::close::{Bound, bound};
use super::counted::Counted;
use crate::error::StoreResult;

/// Sums of minutes that are open, and of those that are being written as rollups.
#[derive(Debug, Default)]
pub(in crate::sqlite) struct OpenMinutes {
    minutes: BTreeMap<Minute, HashMap<WebhookId, (TenantId, Rollup)>>,
    pub(super) closing: Option<Closing>,
}

/// Minutes that are being written.
#[derive(Debug)]
pub(super) struct Closing {
    /// Which counts they are the sums of.
    pub bound: Bound,
    /// The rollups, by their key.
    pub rows: Vec<(RowKey, Rollup)>,
    /// How many are written.
    pub written: usize,
}

/// The key of a rollup.
pub(super) type RowKey = (Minute, IdBytes);

impl OpenMinutes {
    /// What the last process left.
    pub fn load(connection: &Connection) -> StoreResult<Self> {
        let bound = bound(connection)?;
        let (mut open, mut closing) = (Counted::default(), Counted::default());
        let mut rows = connection.prepare("SELECT seq, minute, counted FROM counts")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let (seq, minute): (i64, i64) = (row.get(0)?, row.get(1)?);
            let minute = Minute(minute);
            let is_closing = bound.as_ref().is_some_and(|(bound, _)| bound.holds(seq, minute));
            let to = if is_closing { &mut closing } else { &mut open };
            let counted = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            to.add_stored(minute, counted).ok_or_else(|| unreadable("counts"))?;
        }
        let mut minutes = Self::default();
        minutes.add(open);
        minutes.closing = bound.map(|(bound, last)| {
            let rows = rows_of(
                closing
                    .0
                    .into_iter()
                    .map(|((minute, tenant, webhook), rollup)| (minute, tenant, webhook, rollup)),
            );
            let written = last.map_or(rows.len(), |last| rows.partition_point(|(key, _)| *key <= last));
            Closing { bound, rows, written }
        });
        Ok(minutes)
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
    pub(super) fn close(&mut self, bound: Bound) {
        let rest = self.minutes.split_off(&bound.before);
        let ended = std::mem::replace(&mut self.minutes, rest);
        let rows = rows_of(ended.into_iter().flat_map(|(minute, webhooks)| {
            webhooks.into_iter().map(move |(webhook, (tenant, rollup))| (minute, tenant, webhook, rollup))
        }));
        self.closing = Some(Closing { bound, rows, written: 0 });
    }

    /// Whether there are minutes before this one.
    pub(super) fn has_before(&self, minute: Minute) -> bool {
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
