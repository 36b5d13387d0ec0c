//! What must hold at the end of a life.

use std::collections::HashSet;

use stentor_core::delivery::DeliveryState;
use stentor_core::id::{DeliveryId, EventId};
use stentor_store::deliveries::{DeliveryFilter, DeliveryRow};
use stentor_store::{Deliveries, Events};

use super::Life;
use crate::support::*;

impl Life {
    pub(super) fn judge(&self, process: &Process) {
        let rows = self.all_deliveries(process);
        let stored: HashSet<EventId> = rows.iter().map(|row| row.event).collect();
        for event in self.acknowledged.lock().unwrap().iter() {
            let known = stored.contains(event)
                || process.run(process.store.event(self.tenant, *event)).expect("read").is_some();
            assert!(known, "{event} was acknowledged and is gone");
        }
        let visits = self.receiver.visits();
        let taken: HashSet<DeliveryId> =
            visits.iter().filter(|visit| visit.answered == Some(200)).map(|visit| visit.delivery).collect();
        for row in &rows {
            let attempts = process.run(process.store.attempts(self.tenant, row.id)).expect("read");
            let numbers: Vec<u32> = attempts.iter().map(|attempt| attempt.number).collect();
            assert_eq!(numbers, (1..=row.attempts).collect::<Vec<_>>(), "{} has gaps", row.id);
            assert!(row.state != DeliveryState::Delivered || taken.contains(&row.id), "{row:?}");
        }
        for (key, count) in self.came.lock().unwrap().iter() {
            assert_eq!(*count, 1, "{key:?} came twice from one process");
        }
        for (id, before) in &self.cancelled {
            let after = visits.iter().filter(|visit| visit.delivery == *id).count();
            assert_eq!(after, *before, "{id} was attempted after its cancellation was acknowledged");
        }
        assert!(self.receiver.most_in_flight(self.webhooks[1]) <= 1, "an ordered webhook gets one at a time");
        assert!(self.receiver.most_in_flight(self.webhooks[2]) <= 2, "a limited concurrency holds");
        assert_eq!(process.engine.metrics().orphans(), 0);
    }

    fn all_deliveries(&self, process: &Process) -> Vec<DeliveryRow> {
        let page =
            process.run(process.store.deliveries(self.tenant, &DeliveryFilter::default(), None, 100_000));
        page.expect("a list").rows
    }
}
