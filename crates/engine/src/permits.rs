//! Permits: how many requests may be on the wire, and whose turn it is (engine rule E12).
//!
//! A receiver that hangs must not take the permits of one that answers. So there are three kinds of lane: one that has
//! proven itself may use every permit; a new one may use half of them; a suspect one (failing, or mostly slower than two
//! seconds) a quarter. An attempt unanswered for two seconds is *parked*: its permit is free again while the request goes
//! on; parked requests have a bound of their own. A free permit goes to the tenant that holds fewest, and among its lanes
//! to the one that has waited longest.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, VecDeque};

use stentor_core::id::TenantId;
use stentor_store::lanes::LaneKey;

/// How far a lane is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It answers.
    Proven,
    /// Nothing is known yet.
    New,
    /// It fails or is slow.
    Suspect,
}

const STANDINGS: usize = 3;

/// Parked requests may outnumber the permits by this much.
const PARKED_PER_PERMIT: u32 = 4;

/// The account of all permits of a process.
#[derive(Debug)]
pub struct Permits {
    total: u32,
    held: [u32; STANDINGS],
    parked: u32,
    /// Deliveries that go with the request of another.
    aboard: u32,
    by_tenant: HashMap<TenantId, u32>,
    waiting: [Waiting; STANDINGS],
    ticket: u64,
}

/// Lanes that wait, by how much their tenant holds.
#[derive(Debug, Default)]
struct Waiting {
    lanes: HashMap<TenantId, VecDeque<LaneKey>>,
    /// Tenants that have waiting lanes, fewest held first, then longest waiting.
    order: BTreeSet<(u32, u64, TenantId)>,
    place: HashMap<TenantId, (u32, u64)>,
    queued: std::collections::HashSet<LaneKey>,
}

/// A permit that became free and was set aside for a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// Whose lane.
    pub tenant: TenantId,
    /// Which lane.
    pub lane: LaneKey,
    /// The standing it was counted under.
    pub standing: Standing,
}

impl Permits {
    /// An account of `total` permits.
    pub fn new(total: u32) -> Self {
        Self {
            total: total.max(4),
            held: [0; STANDINGS],
            parked: 0,
            aboard: 0,
            by_tenant: HashMap::new(),
            waiting: Default::default(),
            ticket: 0,
        }
    }

    /// Takes a permit, or notes that the lane waits for one; then a [`Granted`] follows from a later release.
    pub fn acquire(&mut self, tenant: TenantId, lane: LaneKey, standing: Standing) -> bool {
        if self.has_room(standing) && self.waiting[standing as usize].order.is_empty() {
            self.take(tenant, standing);
            return true;
        }
        let held = self.tenant_holds(tenant);
        self.ticket += 1;
        self.waiting[standing as usize].push(tenant, lane, held, self.ticket);
        false
    }

    /// Gives a permit back and answers who gets what has become free.
    pub fn release(&mut self, tenant: TenantId, standing: Standing) -> Option<Granted> {
        self.held[standing as usize] = self.held[standing as usize].saturating_sub(1);
        self.note_released(tenant);
        self.grant()
    }

    /// Turns a permit into a parked request. False when too many are parked already; then the permit stays taken.
    pub fn park(&mut self, tenant: TenantId, standing: Standing) -> (bool, Option<Granted>) {
        if self.parked >= self.total.saturating_mul(PARKED_PER_PERMIT) {
            return (false, None);
        }
        self.parked += 1;
        (true, self.release(tenant, standing))
    }

    /// A parked request ended.
    pub fn unpark(&mut self) {
        self.parked = self.parked.saturating_sub(1);
    }

    /// Deliveries that go with the request of another.
    pub fn board(&mut self, members: u32) {
        self.aboard = self.aboard.saturating_add(members);
    }

    /// Some of them have ended.
    pub fn leave(&mut self, members: u32) {
        self.aboard = self.aboard.saturating_sub(members);
    }

    /// Deliveries on the wire, those of parked requests included.
    pub fn in_use(&self) -> u32 {
        self.held.iter().sum::<u32>() + self.parked + self.aboard
    }

    fn has_room(&self, standing: Standing) -> bool {
        let [_, new, suspect] = self.held;
        let within_share = match standing {
            Standing::Proven => true,
            Standing::New => new < self.total / 2,
            Standing::Suspect => suspect < self.total / 4,
        };
        within_share && self.held.iter().sum::<u32>() < self.total
    }

    fn grant(&mut self) -> Option<Granted> {
        for standing in [Standing::Proven, Standing::New, Standing::Suspect] {
            if self.has_room(standing)
                && let Some((tenant, lane)) = self.waiting[standing as usize].pop()
            {
                self.take(tenant, standing);
                return Some(Granted { tenant, lane, standing });
            }
        }
        None
    }

    fn take(&mut self, tenant: TenantId, standing: Standing) {
        self.held[standing as usize] += 1;
        let held = self.by_tenant.entry(tenant).or_insert(0);
        *held += 1;
        let held = *held;
        self.waiting.iter_mut().for_each(|waiting| waiting.reorder(tenant, held));
    }

    fn note_released(&mut self, tenant: TenantId) {
        let Some(held) = self.by_tenant.get_mut(&tenant) else { return };
        *held = held.saturating_sub(1);
        let left = *held;
        if left == 0 {
            self.by_tenant.remove(&tenant);
        }
        self.waiting.iter_mut().for_each(|waiting| waiting.reorder(tenant, left));
    }

    fn tenant_holds(&self, tenant: TenantId) -> u32 {
        self.by_tenant.get(&tenant).copied().unwrap_or(0)
    }
}

impl Waiting {
    fn push(&mut self, tenant: TenantId, lane: LaneKey, held: u32, ticket: u64) {
        if !self.queued.insert(lane) {
            return;
        }
        self.lanes.entry(tenant).or_default().push_back(lane);
        if let Entry::Vacant(place) = self.place.entry(tenant) {
            place.insert((held, ticket));
            self.order.insert((held, ticket, tenant));
        }
    }

    fn pop(&mut self) -> Option<(TenantId, LaneKey)> {
        let (held, ticket, tenant) = self.order.first().copied()?;
        let lanes = self.lanes.get_mut(&tenant)?;
        let lane = lanes.pop_front()?;
        if lanes.is_empty() {
            self.lanes.remove(&tenant);
            self.place.remove(&tenant);
            self.order.remove(&(held, ticket, tenant));
        }
        self.queued.remove(&lane);
        Some((tenant, lane))
    }

    fn reorder(&mut self, tenant: TenantId, held: u32) {
        if let Some((old, ticket)) = self.place.get_mut(&tenant) {
            self.order.remove(&(*old, *ticket, tenant));
            *old = held;
            self.order.insert((held, *ticket, tenant));
        }
    }
}

#[cfg(test)]
mod tests {
    use stentor_core::id::WebhookId;
    use stentor_core::shard::Shard;

    use super::*;

    fn tenant(n: u8) -> TenantId {
        TenantId::from_bytes([n; 16])
    }

    fn lane(n: u16) -> LaneKey {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        let webhook = WebhookId::from_bytes(bytes);
        LaneKey { shard: Shard::of(webhook), webhook }
    }

    #[test]
    fn suspects_hold_a_quarter_and_new_lanes_half() {
        let mut permits = Permits::new(512);
        let suspects = (0..1_000).filter(|n| permits.acquire(tenant(1), lane(*n), Standing::Suspect)).count();
        let new = (1_000..2_000).filter(|n| permits.acquire(tenant(2), lane(*n), Standing::New)).count();
        assert_eq!((suspects, new), (128, 256));
        assert!(permits.acquire(tenant(3), lane(9_000), Standing::Proven), "a proven lane still finds room");
    }

    #[test]
    fn a_parked_request_frees_its_permit() {
        let mut permits = Permits::new(4);
        assert!(permits.acquire(tenant(1), lane(1), Standing::New));
        assert!(permits.acquire(tenant(1), lane(2), Standing::New));
        assert!(!permits.acquire(tenant(1), lane(3), Standing::New));
        let (parked, granted) = permits.park(tenant(1), Standing::New);
        assert!(parked);
        assert_eq!(granted.map(|g| g.lane), Some(lane(3)));
        assert_eq!(permits.in_use(), 3);
        permits.unpark();
        assert_eq!(permits.in_use(), 2);
    }

    #[test]
    fn a_free_permit_goes_to_the_tenant_that_holds_fewest() {
        let mut permits = Permits::new(4);
        for n in 0..4 {
            assert!(permits.acquire(tenant(1), lane(n), Standing::Proven));
        }
        for n in 10..20 {
            assert!(!permits.acquire(tenant(1), lane(n), Standing::Proven));
        }
        assert!(!permits.acquire(tenant(2), lane(30), Standing::Proven));
        let granted = permits.release(tenant(1), Standing::Proven).expect("somebody waits");
        assert_eq!(granted.tenant, tenant(2));
        let next = permits.release(tenant(1), Standing::Proven).expect("somebody waits");
        assert_eq!(next.lane, lane(10), "then the lane that has waited longest");
    }

    #[test]
    fn every_permit_taken_comes_back() {
        let mut permits = Permits::new(8);
        let mut held = 0;
        for n in 0..100 {
            if permits.acquire(tenant((n % 7) as u8), lane(n), Standing::Proven) {
                held += 1;
            }
        }
        let mut granted = 0;
        for n in 0..held {
            let mut next = permits.release(tenant((n % 7) as u8), Standing::Proven);
            while let Some(grant) = next {
                granted += 1;
                next = permits.release(grant.tenant, grant.standing);
            }
        }
        assert_eq!((granted, permits.in_use()), (92, 0));
    }
}
