//! The hot path: batches of writes, each batch one transaction.

use std::sync::Arc;

use async_trait::async_trait;
use stentor_core::attempt::Attempt;
use stentor_core::conversation::Message;
use stentor_core::delivery::{FinalState, PendingDelivery};
use stentor_core::event::Event;
use stentor_core::id::{BatchId, ConversationId, DeliveryId, EventId, ReplayId, TenantId, WebhookId};
use stentor_core::retry::{HealthChange, Step};
use stentor_core::shard::Shard;
use stentor_core::time::Time;
use stentor_core::webhook::DisableReason;

use crate::broadcasts::BroadcastStep;

/// An idempotency key as kept: hashes only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Hash of the key.
    pub key_hash: [u8; 32],
    /// Hash of what was published with it.
    pub body_hash: [u8; 32],
    /// When the key may be used anew.
    pub expires_at: Time,
}

/// A delivery that comes into being with its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// To whom.
    pub webhook: WebhookId,
    /// The webhook's shard.
    pub shard: Shard,
    /// Place in the webhook's queue. An ordered webhook's place is moved up by the store so that it exceeds every earlier one.
    pub position: i64,
    /// Whether the webhook is ordered, so that its counter row decides the position (engine rule E5).
    pub ordered: bool,
    /// When the first attempt is due, if the schedule starts with a wait.
    pub due_at: Option<Time>,
}

/// An event to be accepted with all its deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// The event; `config_version` says which routing made the deliveries.
    pub event: Event,
    /// The key it was published with.
    pub idempotency: Option<IdempotencyKey>,
    /// Its deliveries.
    pub deliveries: Vec<NewDelivery>,
    /// The message that it tells of, stored with it.
    pub message: Option<Box<MessageWrite>>,
}

/// A message that is stored with the event that tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageWrite {
    /// The conversation's id.
    pub conversation: ConversationId,
    /// The webhook that the conversation is to have still.
    pub webhook: WebhookId,
    /// The message as it is to be. Of a change, its revision is the one that the change was made of.
    pub message: Message,
    /// Whether it comes into being with the event, which is its place in lists then.
    pub is_new: bool,
}

/// Why a message was not stored, nor its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageUnwritten {
    /// There is no such conversation.
    NoConversation,
    /// Another message of the tenant has its id.
    Exists,
    /// The conversation or the message changed since it was read, or is gone.
    Changed,
}

/// Where a delivery goes that is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallback {
    /// The webhook that gets it.
    pub webhook: WebhookId,
    /// The id of the new delivery.
    pub id: DeliveryId,
    /// Its place in the queue of that webhook, unless that is ordered.
    pub position: i64,
}

/// The end of an attempt. Writing it twice changes nothing: it is idempotent on (delivery, attempt number).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeWrite {
    /// Whose.
    pub tenant: TenantId,
    /// Of which event.
    pub event: EventId,
    /// To whom.
    pub webhook: WebhookId,
    /// The webhook's shard.
    pub shard: Shard,
    /// The attempt; its number is the row's recorded attempts plus one.
    pub attempt: Attempt,
    /// What becomes of the delivery.
    pub step: Step,
    /// What becomes of the webhook's record of failures.
    pub health: HealthChange,
    /// Whether the webhook is disabled with it.
    pub disable: Option<DisableReason>,
    /// The batch that the attempt was of, and that it stays in when it is tried again (engine rule E23).
    pub batch: Option<BatchId>,
    /// Where the event goes when the step is dead. It does not go there when the event is an operational one, when the
    /// delivery itself came from another webhook that gave it up, or when the webhook does not exist.
    pub fallback: Option<Fallback>,
    /// When it ended.
    pub now: Time,
}

/// Payload bytes that one piece of a purge deletes, unless one event alone has more: all of them are walked while every
/// acceptance waits (engine rule E17).
pub const PURGE_PAYLOAD_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// One item of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Accept an event.
    Accept(Box<NewEvent>),
    /// Accept several events of one tenant, routed by one version of its configuration: all of them or none. The first one's
    /// key stands for all; the others have neither key nor message.
    AcceptAll(Vec<NewEvent>),
    /// Record an attempt.
    Outcome(Box<OutcomeWrite>),
    /// Record one attempt of several deliveries: all of them or none.
    Outcomes(Vec<OutcomeWrite>),
    /// Note that recovered rows are about to be sent: `claims + 1` (engine rule E22).
    Claim {
        /// The rows.
        deliveries: Vec<DeliveryId>,
    },
    /// End pending deliveries without an attempt.
    Finish {
        /// The rows; those no longer pending are passed over, and those in a batch when a person asks for their end.
        deliveries: Vec<DeliveryId>,
        /// How they end.
        state: FinalState,
        /// When.
        now: Time,
    },
    /// Make a delivery due now, and with it its batch: a finished one becomes pending again and its attempts continue at n+1
    /// (engine rule E16).
    Retry {
        /// Whose.
        tenant: TenantId,
        /// Which.
        delivery: DeliveryId,
        /// When.
        now: Time,
    },
    /// New deliveries for an event stored earlier.
    Redeliver {
        /// Whose.
        tenant: TenantId,
        /// The event.
        event: EventId,
        /// The new deliveries.
        deliveries: Vec<NewDelivery>,
    },
    /// One step of a replay: new deliveries for old events, and how far the replay has come. Changes nothing when the
    /// replay has come that far already.
    Replay {
        /// Whose.
        tenant: TenantId,
        /// Which replay.
        replay: ReplayId,
        /// The events and their new deliveries, oldest event first; events that are gone are passed over.
        items: Vec<(EventId, NewDelivery)>,
        /// The last event looked at; the next step goes on after it.
        cursor: Option<EventId>,
        /// Whether nothing is left.
        done: bool,
        /// When.
        now: Time,
    },
    /// One step of a broadcast. Changes nothing when the broadcast has come that far already.
    Broadcast(Box<BroadcastStep>),
    /// Delete a bounded piece of what is older than `before` (engine rule E17).
    Purge {
        /// Everything accepted before this goes. Pending rows first become `dead: expired`.
        before: Time,
        /// Most rows of one kind to delete. A piece also ends before the event whose payload would make those deleted larger
        /// than [`PURGE_PAYLOAD_BYTES_MAX`], unless it is the first.
        rows_max: u32,
        /// Now.
        now: Time,
    },
}

/// What became of one item of a committed batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// The event is stored; the final positions of its deliveries, in their order.
    Accepted {
        /// One per delivery.
        positions: Vec<i64>,
    },
    /// All events are stored; for each the final positions of its deliveries, as for one alone.
    AcceptedAll(Vec<Vec<i64>>),
    /// The same key came with the same body before: this event stands.
    Duplicate {
        /// The first event.
        event: EventId,
        /// How many webhooks it matched.
        matched: u32,
    },
    /// The same key came with another body before.
    KeyConflict {
        /// The first event.
        event: EventId,
    },
    /// Routing used another version of the configuration of the tenant, or of one of a broadcast's; nothing was stored (engine
    /// rule E7).
    StaleConfig {
        /// The version in force; none when the tenant no longer exists.
        current: Option<u64>,
    },
    /// The message cannot be as it was to be; neither it nor the event is stored.
    MessageUnwritten(MessageUnwritten),
    /// The attempt is recorded.
    Recorded {
        /// Whether the row was still pending with the expected number of attempts. If not, nothing changed.
        applied: bool,
        /// The tenant's new configuration version when the webhook was disabled with it.
        disabled_version: Option<u64>,
        /// The delivery that the fallback got, with its final position.
        fallback: Option<Box<NewDelivery>>,
    },
    /// What became of each delivery of a batch, as for one alone.
    Outcomes(Vec<Written>),
    /// The claims after raising them, for the rows that are still pending.
    Claimed(Vec<(DeliveryId, u8)>),
    /// The rows that were still pending and have ended now.
    Finished(Vec<DeliveryId>),
    /// The delivery is due now; none when there is no such delivery.
    Retried(Option<PendingDelivery>),
    /// The new deliveries of an old event with their final positions; none when there is no such event.
    Redelivered(Option<Vec<i64>>),
    /// How many deliveries the step of a replay made; none when there is no such replay or it had come that far already.
    Replayed(Option<u32>),
    /// The events that the step of a broadcast stored; none when there is no such broadcast or it had come that far already.
    Broadcast(Option<Vec<EventId>>),
    /// What was purged.
    Purged {
        /// Pending rows that became `dead: expired`.
        expired: Vec<(DeliveryId, WebhookId, Shard)>,
        /// Rows deleted.
        deleted: u32,
        /// Whether a further piece has work to do.
        more: bool,
    },
    /// This item alone cannot be stored; the others of its batch are.
    Refused(String),
}

/// What became of a batch (engine rule E3).
#[derive(Debug)]
pub enum CommitResult {
    /// It is committed and synced; one answer per item, in their order.
    Committed(Vec<Written>),
    /// Nothing of it is stored; the reason is for people.
    NotCommitted(String),
    /// It may or may not be stored: the connection was lost in the commit.
    Unknown(String),
    /// The database failed in a way after which nothing may be acknowledged: the process must stop.
    Fatal(String),
}

/// Commits batches.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Writes the whole batch in one transaction. A bad item is found and refused alone. Never times out in the commit.
    /// The batch is shared so that the caller can hand over or repeat what it wrote without copying.
    async fn commit(&self, batch: Arc<[Write]>) -> CommitResult;

    /// After [`CommitResult::Unknown`]: which of these events are stored.
    async fn stored_events(&self, events: &[(TenantId, EventId)]) -> crate::error::StoreResult<Vec<EventId>>;
}
