//! The store of the model: what reads find in it and what writes change.

use stentor_core::delivery::PendingDelivery;
use stentor_core::id::DeliveryId;
use stentor_core::retry::Step;
use stentor_store::journal::{OutcomeWrite, Write, Written};
use stentor_store::lanes::{DuePage, LoadedDelivery};

use super::World;
use crate::journal::Entry;
use crate::shard::input::{Input, PageRows, ReadKind, RecordAnswer, Recorded};

impl World {
    /// Runs a read against the store as it is now; the answer comes later.
    pub(in crate::shard::tests) fn run_read(&mut self) {
        let Some((key, kind)) = self.reads.pop_front() else { return };
        let gathers = self.webhook.config.batch.is_some();
        let content = |id: &DeliveryId| self.contents.get(id).filter(|_| gathers).cloned();
        let load = |row: &PendingDelivery| LoadedDelivery { pending: row.clone(), content: content(&row.id) };
        let is_rest = |page: &[LoadedDelivery], row: &PendingDelivery| {
            let of_page =
                |other: &LoadedDelivery| other.pending.batch == row.batch && other.pending.id != row.id;
            row.batch.is_some() && page.iter().any(of_page)
        };
        let half = (self.state.options.lane.rows / 2).max(1);
        let rows = match kind {
            ReadKind::Fresh { after } => PageRows::ByPosition(
                self.stored
                    .values()
                    .filter(|row| row.due_at.is_none() && row.position > after)
                    .take(half)
                    .map(load)
                    .collect(),
            ),
            ReadKind::Ordered { after } => {
                let mut rows = self.stored.values().filter(|row| row.position > after);
                let mut page: Vec<_> = rows.by_ref().take(half).map(load).collect();
                let rest: Vec<_> = rows.filter(|row| is_rest(&page, row)).map(load).collect();
                page.extend(rest);
                PageRows::ByPosition(page)
            }
            ReadKind::Leftover { rows } => {
                PageRows::ByPosition(self.stored.values().take(rows as usize).map(load).collect())
            }
            ReadKind::Due { until, rows } => {
                let mut due: Vec<_> = self.stored.values().filter(|row| row.due_at.is_some()).collect();
                due.sort_by_key(|row| (row.due_at, row.id));
                let (page, rest): (Vec<_>, Vec<_>) = due
                    .into_iter()
                    .enumerate()
                    .partition(|(n, row)| *n < rows as usize && row.due_at <= Some(until));
                let next_due = rest.iter().filter_map(|(_, row)| row.due_at).min();
                let mut page: Vec<_> = page.into_iter().map(|(_, row)| load(row)).collect();
                let rest: Vec<_> = rest
                    .into_iter()
                    .map(|(_, row)| row)
                    .filter(|row| is_rest(&page, row))
                    .map(load)
                    .collect();
                page.extend(rest);
                PageRows::Due(DuePage { rows: page, next_due })
            }
        };
        self.answers.push_back(Input::Page(key, Box::new(rows)));
    }

    pub(in crate::shard::tests) fn commit_write(&mut self) {
        let Some(entry) = self.journal.pop_front() else { return };
        match entry {
            Entry::Outcome { outcome, .. } => {
                let recorded = self.record(&outcome);
                self.mail.push_back(Input::Recorded(vec![recorded]));
            }
            Entry::Outcomes { outcomes, .. } => {
                let recorded = outcomes.iter().map(|outcome| self.record(outcome)).collect();
                self.mail.push_back(Input::Recorded(recorded));
            }
            Entry::Lane(lane) => {
                let written = match lane.write {
                    Write::Claim { deliveries } => {
                        let mut claimed = Vec::new();
                        for row in self.stored.values_mut().filter(|row| deliveries.contains(&row.id)) {
                            row.claims += 1;
                            claimed.push((row.id, row.claims));
                        }
                        Written::Claimed(claimed)
                    }
                    Write::Finish { deliveries, .. } => {
                        self.stored.retain(|_, row| !deliveries.contains(&row.id));
                        self.cancelled.extend(deliveries.iter().copied());
                        Written::Finished(deliveries)
                    }
                    other => panic!("a lane does not write {other:?}"),
                };
                self.mail.push_back(Input::Written(lane.lane, Box::new(written)));
            }
            _ => panic!("a lane does not write this"),
        }
    }

    fn record(&mut self, outcome: &OutcomeWrite) -> Recorded {
        let id = outcome.attempt.delivery;
        let place = self.stored.iter().find(|(_, row)| row.id == id).map(|(place, _)| *place);
        let applied = place.is_some();
        match (place, outcome.step) {
            (Some(place), Step::RetryAt(at)) => {
                let row = self.stored.get_mut(&place).expect("found");
                assert_eq!(outcome.attempt.number, row.attempts + 1, "gapless");
                row.attempts += 1;
                row.claims = 0;
                row.due_at = Some(at);
                row.batch = outcome.batch;
            }
            (Some(place), Step::Final(state)) => {
                self.stored.remove(&place);
                assert!(!self.delivered.contains(&id));
                if state == stentor_core::delivery::FinalState::Delivered {
                    self.delivered.push(id);
                } else {
                    self.cancelled.insert(id);
                }
            }
            (None, _) => {}
        }
        let answer = if applied { RecordAnswer::Applied } else { RecordAnswer::Superseded };
        Recorded { webhook: self.webhook.id, delivery: id, answer, disabled: None }
    }
}
