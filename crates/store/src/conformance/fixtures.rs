//! What the cases are made of: a store with a source of ids and times that is the same in every run.

mod attempts;
pub(super) mod conversations;
mod things;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stentor_core::delivery::PendingDelivery;
use stentor_core::event::EventContent;
use stentor_core::id::{DeliveryId, TenantId};
use stentor_core::time::Time;
use stentor_core::webhook::Webhook;

use super::Backend;
use crate::Store;
use crate::deliveries::DeliveryRow;
use crate::events::Conservation;
use crate::journal::{CommitResult, IdempotencyKey, NewEvent, OutcomeWrite, Write, Written};
use crate::lanes::{LaneKey, PageLimit};
use crate::webhooks::Saved;

/// The time at which every case begins.
pub const START: Time = Time::from_seconds(1_700_000_000);

/// From one tick of a case's clock to the next.
const TICK_US: u64 = 237;

/// A page that holds everything a case makes.
pub const EVERYTHING: PageLimit = PageLimit { rows: 10_000, data_bytes: u64::MAX, page_bytes: u64::MAX };

/// A lane whose rows are asked for.
pub const fn lane(webhook: &Webhook) -> LaneKey {
    LaneKey { shard: webhook.shard, webhook: webhook.id }
}

/// A number from a number, well spread: `SplitMix64` (Steele, Lea and Flood 2014).
pub const fn spread(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A key that lives for a day from [`START`], known by two small numbers.
pub fn key(key: u8, body: u8) -> IdempotencyKey {
    IdempotencyKey {
        key_hash: [key; 32],
        body_hash: [body; 32],
        expires_at: START.plus(Duration::from_secs(86_400)),
    }
}

/// A store under test. Every id and every time that it hands out is later than the ones before.
pub struct Scene {
    /// The store.
    pub store: Arc<dyn Store>,
    elapsed_us: AtomicU64,
}

impl Scene {
    /// A fresh, empty store.
    pub async fn open(backend: &dyn Backend) -> Self {
        Self { store: backend.open().await, elapsed_us: AtomicU64::new(0) }
    }

    /// The same database after closing and opening it.
    pub async fn reopen(self, backend: &dyn Backend) -> Self {
        Self { store: backend.reopen(self.store).await, elapsed_us: self.elapsed_us }
    }

    /// A little later than ever before: four or five to the millisecond, so that ids of one event fall into the same
    /// millisecond or into the next, and bounds of time cut through milliseconds.
    pub fn tick(&self) -> Time {
        START.plus(Duration::from_micros(self.elapsed_us.fetch_add(TICK_US, Ordering::Relaxed)))
    }

    /// Moves the clock of the case.
    pub fn advance(&self, by: Duration) {
        let by_us = u64::try_from(by.as_micros()).expect("cases move the clock by hours");
        self.elapsed_us.fetch_add(by_us, Ordering::Relaxed);
    }

    /// When an id is made, and its entropy.
    pub fn seed(&self) -> (Time, u64) {
        let at = self.tick();
        (at, spread(at.as_micros().unsigned_abs()))
    }

    /// Commits a batch that must be committed.
    pub async fn commit(&self, batch: Vec<Write>) -> Vec<Written> {
        let items = batch.len();
        match self.store.commit(batch.into()).await {
            CommitResult::Committed(written) => {
                assert_eq!(written.len(), items, "one answer per item");
                written
            }
            other => panic!("the batch was not committed: {other:?}"),
        }
    }

    /// Commits one item.
    pub async fn write(&self, item: Write) -> Written {
        self.commit(vec![item]).await.remove(0)
    }

    /// Tries to accept an event.
    pub async fn accept(&self, event: &NewEvent) -> Written {
        self.write(accept(event)).await
    }

    /// Accepts an event that must be accepted, and answers the final positions.
    pub async fn store_event(&self, event: &NewEvent) -> Vec<i64> {
        match self.accept(event).await {
            Written::Accepted { positions } => positions,
            other => panic!("not accepted: {other:?}"),
        }
    }

    /// A stored event for these webhooks.
    pub async fn publish(&self, tenant: TenantId, webhooks: &[&Webhook]) -> NewEvent {
        let event = self.new_event(tenant, webhooks).await;
        self.store_event(&event).await;
        event
    }

    /// Records an attempt and answers whether it was applied.
    pub async fn record(&self, outcome: &OutcomeWrite) -> bool {
        match self.write(Write::Outcome(Box::new(outcome.clone()))).await {
            Written::Recorded { applied, .. } => applied,
            other => panic!("not recorded: {other:?}"),
        }
    }

    /// A delivery that must be there.
    pub async fn delivery(&self, tenant: TenantId, id: DeliveryId) -> DeliveryRow {
        let read = self.store.delivery(tenant, id).await.expect("a delivery is read");
        read.unwrap_or_else(|| panic!("{id} is not there"))
    }

    /// Pending rows of a webhook, lowest position first.
    pub async fn pending(&self, webhook: &Webhook) -> Vec<PendingDelivery> {
        let page =
            self.store.ordered_page(lane(webhook), i64::MIN, EVERYTHING).await.expect("a page is read");
        page.into_iter().map(|row| row.pending).collect()
    }

    /// The sums over all tenants.
    pub async fn sums(&self) -> Conservation {
        self.store.conservation(None).await.expect("the sums are read")
    }
}

/// The item that accepts the event.
pub fn accept(event: &NewEvent) -> Write {
    Write::Accept(Box::new(event.clone()))
}

/// The version that a change was stored at.
pub fn version_of(saved: Saved) -> u64 {
    match saved {
        Saved::At(version) => version,
        other => panic!("not stored: {other:?}"),
    }
}

/// Changes the shared content of an event that is not stored yet.
pub fn with_content(mut event: NewEvent, change: impl FnOnce(&mut EventContent)) -> NewEvent {
    let mut content = (*event.event.content).clone();
    change(&mut content);
    event.event.content = content.into();
    event
}

/// The event reads back as it was given, for people and for lanes.
pub async fn assert_stored(scene: &Scene, event: &NewEvent) {
    let (tenant, id) = (event.event.tenant, event.event.content.id);
    let read = scene.store.event(tenant, id).await.expect("an event is read");
    assert_eq!(read.as_ref(), Some(&event.event));
    let content = scene.store.content(tenant, id).await.expect("content is read");
    assert_eq!(content.as_deref(), Some(&*event.event.content));
}

/// Neither the event nor, if asked, any of its deliveries is there.
pub async fn assert_not_stored(scene: &Scene, event: &NewEvent, deliveries: bool) {
    let (tenant, id) = (event.event.tenant, event.event.content.id);
    assert_eq!(scene.store.event(tenant, id).await.expect("an event is read"), None);
    assert_eq!(scene.store.stored_events(&[(tenant, id)]).await.expect("ids are looked up"), []);
    for delivery in event.deliveries.iter().filter(|_| deliveries) {
        assert_eq!(scene.store.delivery(tenant, delivery.id).await.expect("a delivery is read"), None);
    }
}
