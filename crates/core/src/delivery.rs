//! Deliveries: one event for one webhook, with a state.
//!
//! A delivery is *pending* until it is final. A pending one lives in the store's narrow queue; a final one is appended to
//! the finished deliveries. *Held* is derived: pending while its webhook is paused or disabled (engine rule E15).

use serde::{Deserialize, Serialize};

use crate::id::{BatchId, DeliveryId, EventId, TenantId, WebhookId};
use crate::shard::Shard;
use crate::time::Time;

/// The state that people see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Scheduled or in flight.
    Pending,
    /// Pending, while its webhook is paused or disabled.
    Held,
    /// The receiver took it.
    Delivered,
    /// Given up.
    Dead,
    /// Withdrawn by a person, or its webhook was deleted.
    Cancelled,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Held, Self::Delivered, Self::Dead, Self::Cancelled];

    /// The word used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Held => "held",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// Why a delivery was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeadReason {
    /// Every attempt of the schedule failed.
    Exhausted,
    /// The outcome is one that the policy does not retry.
    NotRetried,
    /// The process ended three times while this delivery was in flight (engine rule E22).
    Poison,
    /// It was still pending when its event passed the retention age (engine rule E17).
    Expired,
    /// The webhook's template did not make a request of the event.
    Template,
}

/// Why a delivery was withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CancelReason {
    /// A person asked.
    Requested,
    /// Its webhook was deleted.
    WebhookDeleted,
}

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FinalState {
    /// The receiver took it.
    Delivered,
    /// Given up.
    Dead(DeadReason),
    /// Withdrawn.
    Cancelled(CancelReason),
}

impl FinalState {
    /// Every final state, with its words.
    pub const ALL: [Self; 8] = [
        Self::Delivered,
        Self::Dead(DeadReason::Exhausted),
        Self::Dead(DeadReason::NotRetried),
        Self::Dead(DeadReason::Poison),
        Self::Dead(DeadReason::Expired),
        Self::Dead(DeadReason::Template),
        Self::Cancelled(CancelReason::Requested),
        Self::Cancelled(CancelReason::WebhookDeleted),
    ];

    /// The state that people see.
    pub const fn state(self) -> DeliveryState {
        match self {
            Self::Delivered => DeliveryState::Delivered,
            Self::Dead(_) => DeliveryState::Dead,
            Self::Cancelled(_) => DeliveryState::Cancelled,
        }
    }

    /// The word for the reason, when the state alone does not say it.
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Delivered => None,
            Self::Dead(DeadReason::Exhausted) => Some("exhausted"),
            Self::Dead(DeadReason::NotRetried) => Some("not_retried"),
            Self::Dead(DeadReason::Poison) => Some("poison"),
            Self::Dead(DeadReason::Expired) => Some("expired"),
            Self::Dead(DeadReason::Template) => Some("template"),
            Self::Cancelled(CancelReason::Requested) => Some("requested"),
            Self::Cancelled(CancelReason::WebhookDeleted) => Some("webhook_deleted"),
        }
    }

    /// The final state with these words.
    pub fn from_words(state: &str, reason: Option<&str>) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.state().as_str() == state && each.reason() == reason)
    }
}

/// A pending delivery: the row of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingDelivery {
    /// Its id; the same on every attempt.
    pub id: DeliveryId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What is delivered.
    pub event: EventId,
    /// To whom.
    pub webhook: WebhookId,
    /// The webhook's shard.
    pub shard: Shard,
    /// Place in the webhook's queue: time of acceptance in µs, unique and rising for `ordered` webhooks (engine rule E5).
    pub position: i64,
    /// When the next attempt is due; none before the first attempt of a schedule that starts at once.
    pub due_at: Option<Time>,
    /// Attempts recorded so far.
    pub attempts: u32,
    /// How often it was in flight when the process ended (engine rule E22).
    pub claims: u8,
    /// The batch that it was attempted in and stays in until it is final (engine rule E23).
    pub batch: Option<BatchId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn final_states_are_told_apart_by_their_words() {
        for state in FinalState::ALL {
            assert_eq!(FinalState::from_words(state.state().as_str(), state.reason()), Some(state));
        }
        assert_eq!(FinalState::from_words("dead", None), None);
        assert_eq!(FinalState::from_words("pending", None), None);
    }
}
