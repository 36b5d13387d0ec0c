//! Batches: several deliveries of one webhook in one request (engine rule E23).
//!
//! Which waiting deliveries go together is a pure decision over what waits: those of one event type, as soon as there are
//! enough of them, the next one would make the body too large, or the oldest has waited for long enough.

mod compose;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use self::compose::{Due, Quiet, Waiting, compose};
use crate::id::{BatchId, DeliveryId};

/// How a webhook wants its deliveries together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Batch {
    /// A batch of so many goes at once.
    pub size: u32,
    /// So long after its oldest event was accepted a batch goes as it is.
    pub timeout: Duration,
    /// No body of several events is larger.
    pub max_bytes: u32,
}

/// A webhook cannot have batches as it is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchRefusal {
    /// The format has no body for several events.
    #[error("the formats raw and cloudevents_binary have no body for several events")]
    Format,
    /// A template makes the body of one event.
    #[error("a template makes the body of one event; a webhook has either a transform or batches")]
    Transform,
    /// The schedule has a wait before the first attempt, and so has a batch.
    #[error("the schedule must begin with 0: the first attempt of a batch waits for the batch")]
    FirstWait,
}

impl BatchId {
    /// The id of the batch of exactly these deliveries in this order. No other batch has it, and it is the same whenever it
    /// is worked out.
    pub fn of(members: impl IntoIterator<Item = DeliveryId>) -> Self {
        let mut hash = Sha256::new();
        let mut first = None;
        for member in members {
            first.get_or_insert(member);
            hash.update(member.as_bytes());
        }
        let digest: [u8; 32] = hash.finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        let made_at = first.map_or(crate::time::Time::ZERO, |first| first.created_at());
        Self::new(made_at, u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}

#[cfg(test)]
mod tests;
