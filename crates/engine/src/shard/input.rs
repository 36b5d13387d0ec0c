//! What a shard is told and what it wants done: the whole conversation between the pure step and the world.

use std::sync::Arc;
use std::time::Duration;

use stentor_core::attempt::{AttemptOutcome, CapturedResponse};
use stentor_core::delivery::PendingDelivery;
use stentor_core::event::EventContent;
use stentor_core::id::{DeliveryId, TenantId, WebhookId};
use stentor_core::time::Time;
use stentor_core::webhook::Webhook;
use stentor_store::journal::Written;
use stentor_store::lanes::{DuePage, LaneKey, LoadedDelivery, WaitingLane};
use tokio::sync::oneshot;

use super::look::LaneLook;
use crate::journal::Entry;
use crate::permits::Granted;
use crate::sender::AttemptInput;

/// A committed delivery on its way to its lane.
#[derive(Debug, Clone)]
pub struct Handed {
    /// The row.
    pub pending: PendingDelivery,
    /// What it delivers.
    pub content: Arc<EventContent>,
    /// To whom, as routing saw it.
    pub webhook: Arc<Webhook>,
}

/// The end of an attempt.
#[derive(Debug)]
pub struct Attempted {
    /// To whom.
    pub webhook: WebhookId,
    /// Of what.
    pub delivery: DeliveryId,
    /// When it started.
    pub started_at: Time,
    /// How long it took.
    pub duration: Duration,
    /// What came of it.
    pub outcome: AttemptOutcome,
    /// The answer.
    pub response: Option<CapturedResponse>,
}

/// What became of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordAnswer {
    /// It is stored.
    Applied,
    /// The row is not as it was: the outcome was stored before, or the row has ended, and may have been retried since.
    Superseded,
    /// The store cannot take it.
    Refused,
}

/// An outcome that was written.
#[derive(Debug, Clone, Copy)]
pub struct Recorded {
    /// To whom.
    pub webhook: WebhookId,
    /// Of what.
    pub delivery: DeliveryId,
    /// What became of it.
    pub answer: RecordAnswer,
    /// The configuration version at which the webhook was disabled with it.
    pub disabled: Option<u64>,
}

/// What a page read found.
#[derive(Debug)]
pub enum PageRows {
    /// Rows in order of position: fresh ones, or all of an ordered or deleted webhook.
    ByPosition(Vec<LoadedDelivery>),
    /// Rows that are due.
    Due(DuePage),
    /// The database did not answer.
    Failed,
}

/// What a shard is told.
#[derive(Debug)]
pub enum Input {
    /// Deliveries were committed.
    Handed(Vec<Handed>),
    /// An attempt could not be begun: what it was to send could not be read.
    NotStarted(WebhookId, DeliveryId),
    /// An attempt ended.
    Attempted(Box<Attempted>),
    /// Outcomes were committed.
    Recorded(Vec<Recorded>),
    /// Something that a lane wrote was committed.
    Written(LaneKey, Box<Written>),
    /// A page read returned.
    Page(LaneKey, Box<PageRows>),
    /// A webhook is as given now.
    Configure(Arc<Webhook>),
    /// A webhook has pending rows in the store.
    Found(Box<WaitingLane>),
    /// A webhook that was found is as given; rows positioned before the mark may have been in flight when a process ended.
    Open(Box<WaitingLane>, Arc<Webhook>),
    /// A permit was set aside for a lane.
    Granted(Granted),
    /// A stored row became due.
    Due(LaneKey, TenantId, DeliveryId, Time),
    /// A delivery is to be withdrawn: no attempt may start. Answers whether one is in flight.
    Withdraw(LaneKey, DeliveryId, oneshot::Sender<bool>),
    /// A withdrawn delivery has ended.
    Withdrawn(LaneKey, DeliveryId),
    /// Read everything again: something is stored that is not handed over.
    Reread(LaneKey, TenantId),
    /// Since when the store knows of nothing but failures of a webhook.
    Health(WebhookId, Option<Time>),
    /// How is the webhook's lane? None when it has nothing to do.
    Look(WebhookId, oneshot::Sender<Option<LaneLook>>),
    /// Start nothing any more. Answered once that holds, with the starts that rates must remember.
    Drain(oneshot::Sender<Vec<(WebhookId, Vec<Time>)>>),
    /// Time has passed.
    Wake,
}

/// Which rows a page read is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadKind {
    /// Rows without a due time after this position.
    Fresh {
        /// The position.
        after: i64,
    },
    /// All rows of an ordered webhook after this position.
    Ordered {
        /// The position.
        after: i64,
    },
    /// Rows due until now.
    Due {
        /// Now.
        until: Time,
        /// Rows wanted.
        rows: u32,
    },
    /// Rows of a deleted webhook, to be cancelled.
    Leftover {
        /// Rows wanted.
        rows: u32,
    },
}

/// What a shard wants done.
pub enum Action {
    /// Perform an attempt.
    Start(AttemptInput),
    /// Read a page.
    Read(LaneKey, ReadKind),
    /// Read the webhook of a lane that was found.
    Load(Box<WaitingLane>),
    /// Read since when a webhook has had only failures.
    ReadHealth(LaneKey, TenantId),
    /// Write something.
    Put(Entry),
    /// Tell a lane, perhaps of another shard, that it has a permit.
    Forward(Granted),
    /// A row was found that no lane knew.
    CountOrphan,
}
