//! The model: what a store must hold after the same acts, kept in plain maps.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use stentor_core::delivery::{CancelReason, DeliveryState, FinalState};
use stentor_core::id::{DeliveryId, EventId, TenantId};
use stentor_core::time::Time;
use stentor_core::webhook::{Webhook, WebhookStatus};

use crate::conformance::fixtures::{Scene, accept, spread};
use crate::conformance::purge::purge_all;
use crate::deliveries::DeliveryFilter;
use crate::events::Conservation;
use crate::journal::{NewEvent, Write, Written};

struct Known {
    /// The event with the deliveries that came into being together with this one.
    of: NewEvent,
    nth: usize,
    attempts: u32,
    state: DeliveryState,
}

/// A store's twin.
pub(super) struct Model {
    random: u64,
    tenants: Vec<(TenantId, Vec<Webhook>)>,
    events: BTreeMap<EventId, NewEvent>,
    deliveries: BTreeMap<DeliveryId, Known>,
    /// What was purged, by tenant: a store may keep it in its sums or not.
    purged: BTreeMap<TenantId, Conservation>,
}

fn count(sums: &mut Conservation, state: DeliveryState) {
    sums.accepted += 1;
    match state {
        DeliveryState::Pending | DeliveryState::Held => sums.pending += 1,
        DeliveryState::Delivered => sums.delivered += 1,
        DeliveryState::Dead => sums.dead += 1,
        DeliveryState::Cancelled => sums.cancelled += 1,
    }
}

impl Model {
    /// Two tenants with three webhooks each, one of them ordered.
    pub(super) async fn new(scene: &Scene, seed: u64) -> Self {
        let mut tenants = Vec::new();
        for _ in 0..2 {
            let tenant = scene.tenant().await;
            let plain = [scene.webhook(tenant).await, scene.webhook(tenant).await];
            tenants.push((tenant, plain.into_iter().chain([scene.ordered_webhook(tenant).await]).collect()));
        }
        let (events, deliveries, purged) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { random: seed << 32, tenants, events, deliveries, purged }
    }

    /// A number below `below`.
    pub(super) fn random(&mut self, below: usize) -> u64 {
        self.random += 1;
        spread(self.random) % below.max(1) as u64
    }

    fn pick(&mut self, below: usize) -> usize {
        usize::try_from(self.random(below)).expect("smaller than a usize")
    }

    fn any_delivery(&mut self) -> Option<DeliveryId> {
        let index = self.pick(self.deliveries.len());
        self.deliveries.keys().nth(index).copied()
    }

    fn remember(&mut self, of: &NewEvent) {
        for (nth, delivery) in of.deliveries.iter().enumerate() {
            let known = Known { of: of.clone(), nth, attempts: 0, state: DeliveryState::Pending };
            assert!(self.deliveries.insert(delivery.id, known).is_none(), "ids are made once");
        }
    }

    pub(super) async fn publish(&mut self, scene: &Scene) {
        let mut published = Vec::new();
        for _ in 0..=self.random(4) {
            let tenant = self.pick(self.tenants.len());
            let chosen = self.random(8);
            let (tenant, webhooks) = &self.tenants[tenant];
            let wanted: Vec<_> =
                (0..3).filter(|n| chosen & (1 << n) != 0).map(|n: usize| &webhooks[n]).collect();
            published.push(scene.new_event(*tenant, &wanted).await);
        }
        let written = scene.commit(published.iter().map(accept).collect()).await;
        for (event, answer) in published.into_iter().zip(written) {
            assert!(matches!(answer, Written::Accepted { .. }), "{answer:?}");
            self.remember(&event);
            self.events.insert(event.event.content.id, event);
        }
    }

    /// Ends attempts of some deliveries, pending or not, now and then with a wrong number.
    pub(super) async fn attempt(&mut self, scene: &Scene) {
        let chosen: BTreeSet<_> = (0..5).filter_map(|_| self.any_delivery()).collect();
        let (mut batch, mut expected) = (Vec::new(), Vec::new());
        for id in chosen {
            let (kind, slip) = (self.random(3), self.random(10) == 0);
            let known = self.deliveries.get_mut(&id).expect("just picked");
            let number = known.attempts + 1 + u32::from(slip);
            let (write, state) = match kind {
                0 => (scene.delivered(&known.of, known.nth, number), DeliveryState::Delivered),
                1 => (scene.exhausted(&known.of, known.nth, number), DeliveryState::Dead),
                _ => (scene.failed(&known.of, known.nth, number), DeliveryState::Pending),
            };
            let applied = known.state == DeliveryState::Pending && !slip;
            if applied {
                (known.attempts, known.state) = (number, state);
            }
            batch.push(Write::Outcome(Box::new(write)));
            expected.push(Written::Recorded { applied, disabled_version: None, fallback: None });
        }
        assert_eq!(scene.commit(batch).await, expected);
    }

    pub(super) async fn cancel(&mut self, scene: &Scene) {
        let chosen: BTreeSet<_> = (0..3).filter_map(|_| self.any_delivery()).collect();
        let mut expected = BTreeSet::new();
        for id in &chosen {
            let known = self.deliveries.get_mut(id).expect("just picked");
            if known.state == DeliveryState::Pending {
                known.state = DeliveryState::Cancelled;
                expected.insert(*id);
            }
        }
        let (deliveries, now) = (chosen.into_iter().collect(), scene.tick());
        let state = FinalState::Cancelled(CancelReason::Requested);
        match scene.write(Write::Finish { deliveries, state, now }).await {
            Written::Finished(ended) => assert_eq!(BTreeSet::from_iter(ended), expected),
            other => panic!("not finished: {other:?}"),
        }
    }

    pub(super) async fn retry(&mut self, scene: &Scene) {
        let Some(delivery) = self.any_delivery() else { return };
        let known = self.deliveries.get_mut(&delivery).expect("just picked");
        let write = Write::Retry { tenant: known.of.event.tenant, delivery, now: scene.tick() };
        match scene.write(write).await {
            Written::Retried(Some(pending)) => {
                assert_eq!((pending.id, pending.attempts), (delivery, known.attempts));
            }
            other => panic!("not retried: {other:?}"),
        }
        known.state = DeliveryState::Pending;
    }

    pub(super) async fn redeliver(&mut self, scene: &Scene) {
        let index = self.pick(self.events.len());
        let webhook = self.pick(3);
        let Some(event) = self.events.values().nth(index) else { return };
        let (tenant, id) = (event.event.tenant, event.event.content.id);
        let webhooks = self.tenants.iter().find(|(its, _)| *its == tenant).map(|(_, webhooks)| webhooks);
        let webhook = &webhooks.expect("events have a known tenant")[webhook];
        let deliveries = vec![scene.new_delivery(webhook, scene.tick())];
        let again = NewEvent { deliveries: deliveries.clone(), ..event.clone() };
        let written = scene.write(Write::Redeliver { tenant, event: id, deliveries }).await;
        assert!(matches!(written, Written::Redelivered(Some(_))), "{written:?}");
        self.remember(&again);
    }

    pub(super) async fn pause_or_resume(&mut self, scene: &Scene) {
        let (tenant, webhook) = (self.pick(self.tenants.len()), self.pick(3));
        let webhook = &mut self.tenants[tenant].1[webhook];
        let delivers = webhook.status.delivers();
        scene.set_status(webhook, if delivers { WebhookStatus::Paused } else { WebhookStatus::Active }).await;
    }

    /// Purges what is more than three hours old, in small pieces. Retention need not cut through a millisecond.
    pub(super) async fn purge(&mut self, scene: &Scene) {
        let before = Time::from_millis(scene.tick().minus(Duration::from_secs(3 * 3_600)).as_millis());
        let expired = purge_all(scene, before, 7).await;
        let old = |event: &NewEvent| event.event.accepted_at < before;
        let mut expected = BTreeSet::new();
        for (id, known) in self.deliveries.extract_if(.., |_, known| old(&known.of)) {
            let pending = known.state == DeliveryState::Pending;
            if pending {
                expected.insert(id);
            }
            let state = if pending { DeliveryState::Dead } else { known.state };
            count(self.purged.entry(known.of.event.tenant).or_default(), state);
        }
        assert_eq!(expired, expected, "exactly the old pending rows expire");
        for (_, event) in self.events.extract_if(.., |_, event| old(event)) {
            self.purged.entry(event.event.tenant).or_default().events += 1;
        }
    }

    fn kept(&self, tenant: TenantId) -> Conservation {
        let events = self.events.values().filter(|event| event.event.tenant == tenant).count() as u64;
        let mut sums = Conservation { events, ..Conservation::default() };
        for known in self.deliveries.values().filter(|known| known.of.event.tenant == tenant) {
            count(&mut sums, known.state);
        }
        sums
    }

    /// The sums of each tenant and of all.
    pub(super) async fn compare_sums(&self, scene: &Scene, place: &str) {
        let mut all = Conservation::default();
        for (tenant, _) in &self.tenants {
            let sums = scene.store.conservation(Some(*tenant)).await.expect("the sums are read");
            let (kept, purged) = (self.kept(*tenant), self.purged.get(tenant).copied().unwrap_or_default());
            assert!(sums.holds(), "{place}: {sums:?}");
            assert_eq!(sums.pending, kept.pending, "{place}");
            let within = |sum: u64, kept: u64, purged: u64| (kept..=kept + purged).contains(&sum);
            let fits = within(sums.events, kept.events, purged.events)
                && within(sums.accepted, kept.accepted, purged.accepted)
                && within(sums.delivered, kept.delivered, purged.delivered)
                && within(sums.dead, kept.dead, purged.dead)
                && within(sums.cancelled, kept.cancelled, purged.cancelled);
            assert!(fits, "{place}: {sums:?}, kept {kept:?}, purged {purged:?}");
            all.events += sums.events;
            all.accepted += sums.accepted;
            all.pending += sums.pending;
            all.delivered += sums.delivered;
            all.dead += sums.dead;
            all.cancelled += sums.cancelled;
        }
        assert_eq!(scene.sums().await, all, "{place}: the tenants add up");
    }

    /// Every row of every tenant.
    pub(super) async fn compare_rows(&self, scene: &Scene) {
        for (tenant, webhooks) in &self.tenants {
            let page = scene.store.deliveries(*tenant, &DeliveryFilter::default(), None, 100_000).await;
            let rows = page.expect("a list is read").rows;
            let seen: Vec<_> = rows.iter().map(|row| (row.id, row.attempts, row.state)).collect();
            let own = self.deliveries.iter().rev().filter(|(_, known)| known.of.event.tenant == *tenant);
            let expected = own.map(|(id, known)| {
                let webhook = known.of.deliveries[known.nth].webhook;
                let stopped = webhooks.iter().any(|its| its.id == webhook && !its.status.delivers());
                let held = stopped && known.state == DeliveryState::Pending;
                (*id, known.attempts, if held { DeliveryState::Held } else { known.state })
            });
            assert_eq!(seen, expected.collect::<Vec<_>>());
            for (id, attempts, _) in seen {
                let recorded = scene.store.attempts(*tenant, id).await.expect("attempts are read");
                let numbers: Vec<_> = recorded.iter().map(|attempt| attempt.number).collect();
                assert_eq!(numbers, (1..=attempts).collect::<Vec<_>>(), "numbers have no gaps");
            }
        }
    }
}
