//! The items of one channel: numbered, bounded by number and bytes, the oldest go first.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stentor_core::id::EventId;
use stentor_core::time::Time;

use super::FeedLimits;
use super::item::{EventFacts, Fact, Item};
use super::position::Position;

/// Events that are remembered to tell of their deliveries, in each of two generations.
const KNOWN_MAX: usize = 4_096;

/// The items.
#[derive(Debug)]
pub(super) struct Ring {
    items: VecDeque<(Arc<Item>, usize)>,
    /// The number of the next item.
    end: u64,
    bytes: usize,
    /// Bytes in all rings.
    all_bytes: Arc<AtomicUsize>,
    young: HashMap<EventId, Arc<EventFacts>>,
    old: HashMap<EventId, Arc<EventFacts>>,
}

impl Ring {
    pub(super) fn new(all_bytes: Arc<AtomicUsize>) -> Self {
        let (young, old) = (HashMap::new(), HashMap::new());
        Self { items: VecDeque::new(), end: 0, bytes: 0, all_bytes, young, old }
    }

    /// The number after the newest item.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The number of the oldest item that is still here.
    pub(super) fn start(&self) -> u64 {
        self.end - self.items.len() as u64
    }

    /// Adds an item and lets go of the oldest as far as the bounds demand.
    pub(super) fn push(&mut self, epoch: u64, at: Time, fact: Fact, limits: &FeedLimits) {
        let event = self.known(&fact);
        let weight = fact.weight();
        let position = Position { epoch, sequence: self.end, at };
        self.items.push_back((Arc::new(Item::new(position, at, fact, event)), weight));
        self.end += 1;
        self.bytes += weight;
        let mut all = self.all_bytes.fetch_add(weight, Ordering::Relaxed) + weight;
        // A channel keeps some room however much the others hold.
        let others = |bytes: usize, all: usize| all > limits.bytes && bytes > limits.bytes_least;
        while self.items.len() > limits.items || self.bytes > limits.bytes_each || others(self.bytes, all) {
            let Some((_, weight)) = self.items.pop_front() else { return };
            self.bytes -= weight;
            all = self.all_bytes.fetch_sub(weight, Ordering::Relaxed) - weight;
        }
    }

    /// Up to `most` items from this number on, which must not be before the start.
    pub(super) fn from(&self, number: u64, most: usize) -> Vec<Arc<Item>> {
        let skipped = usize::try_from(number - self.start()).unwrap_or(usize::MAX);
        self.items.iter().skip(skipped).take(most).map(|(item, _)| Arc::clone(item)).collect()
    }

    /// What is known of the event of a fact. Accepted ones are remembered: their deliveries follow.
    fn known(&mut self, fact: &Fact) -> Option<Arc<EventFacts>> {
        let id = fact.event()?;
        if let Fact::Accepted { event, .. } = fact {
            return Some(self.remember(Arc::new(event.clone())));
        }
        self.young.get(&id).or_else(|| self.old.get(&id)).cloned()
    }

    /// Keeps what is known of an event, in place of what was remembered longest.
    pub(super) fn remember(&mut self, event: Arc<EventFacts>) -> Arc<EventFacts> {
        if self.young.len() >= KNOWN_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(event.id, Arc::clone(&event));
        event
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.all_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
