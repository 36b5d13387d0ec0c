//! Shards: one actor each, and the lanes of its webhooks.
//!
//! Cast: [`Shards`] is the handle that everyone holds; an *actor* (`actor`) owns one [`state::ShardState`] and performs what
//! its pure step asks for; a *lane* (`lane`) is plain data. Everything that concerns a webhook's deliveries enters one
//! mailbox: hand-over, page, outcome committed, timer, configuration, commands.

mod actor;
pub mod input;
mod lane;
mod look;
mod pace;
mod paging;
mod permit_source;
mod pump;
mod record;
mod requests;
pub mod state;

use std::sync::Arc;
use std::time::Duration;

use stentor_core::delivery::PendingDelivery;
use stentor_core::id::{DeliveryId, TenantId, WebhookId};
use stentor_core::shard::{SHARDS, Shard};
use stentor_core::time::Time;
use stentor_core::webhook::Webhook;
use stentor_store::journal::{NewDelivery, Written};
use stentor_store::lanes::{LaneKey, WaitingLane};
use tokio::sync::oneshot;

pub(crate) use self::actor::{Actor, World};
use self::input::{Handed, Input, Recorded};
pub use self::lane::LaneLimits;
pub use self::look::LaneLook;
pub use self::pace::SLOW;
pub(crate) use self::permit_source::SharedPermits;
use crate::mailbox::{Inbox, Mailbox, mailbox};

/// A row found in flight at the end of this many processes is given up as poison (engine rule E22).
pub const CLAIMS_MAX: u8 = 3;
/// Rows of a deleted webhook that are cancelled at a time (engine rule E15).
pub const LEFTOVER_ROWS: u32 = 500;
/// A stored row younger than this may still be on its way to its lane.
const ORPHAN_AGE: Duration = Duration::from_secs(5);
/// Pause after a page read failed.
const READ_PAUSE: Duration = Duration::from_secs(1);
/// Pause of a lane whose next delivery must run alone while another does.
const ALONE_PAUSE: Duration = Duration::from_millis(100);
/// Messages that may wait for one shard.
const MAILBOX_CAPACITY: usize = 1_024;

/// The mailboxes of all shards. Cheap to clone.
#[derive(Clone)]
pub struct Shards {
    mailboxes: Arc<[Mailbox<Input>]>,
}

impl Shards {
    /// The mailboxes, and the inboxes for the actors.
    pub(crate) fn new() -> (Self, Vec<Inbox<Input>>) {
        let (mailboxes, inboxes): (Vec<_>, Vec<_>) = (0..SHARDS).map(|_| mailbox(MAILBOX_CAPACITY)).unzip();
        (Self { mailboxes: mailboxes.into() }, inboxes)
    }

    pub(crate) async fn put(&self, shard: Shard, input: Input) {
        self.mailboxes[shard.index()].put(input).await;
    }

    pub(crate) fn put_soon(&self, shard: Shard, input: Input) {
        self.mailboxes[shard.index()].put_soon(input);
    }

    /// Hands committed deliveries to their lanes.
    pub(crate) async fn hand(&self, shard: Shard, rows: Vec<Handed>) {
        self.put(shard, Input::Handed(rows)).await;
    }

    /// Tells lanes which outcomes are committed.
    pub(crate) async fn recorded(&self, shard: Shard, outcomes: Vec<Recorded>) {
        self.put(shard, Input::Recorded(outcomes)).await;
    }

    /// Tells a lane that what it wrote is committed.
    pub(crate) async fn written(&self, lane: LaneKey, written: Written) {
        self.put(lane.shard, Input::Written(lane, Box::new(written))).await;
    }

    /// Gives a lane its webhook's new configuration.
    pub(crate) async fn configure(&self, webhook: Arc<Webhook>) {
        self.put(webhook.shard, Input::Configure(webhook)).await;
    }

    /// Tells a lane that a stored row is due.
    pub(crate) async fn due(&self, row: &PendingDelivery, at: Time) {
        let key = LaneKey { shard: row.shard, webhook: row.webhook };
        self.put(row.shard, Input::Due(key, row.tenant, row.id, at)).await;
    }

    /// Keeps a delivery from starting. True when an attempt is in flight already.
    pub(crate) async fn withdraw(&self, shard: Shard, webhook: WebhookId, delivery: DeliveryId) -> bool {
        let (reply, answer) = oneshot::channel();
        self.put(shard, Input::Withdraw(LaneKey { shard, webhook }, delivery, reply)).await;
        answer.await.unwrap_or(false)
    }

    /// Tells a lane that a withdrawn delivery has ended.
    pub(crate) async fn withdrawn(&self, shard: Shard, webhook: WebhookId, delivery: DeliveryId) {
        self.put(shard, Input::Withdrawn(LaneKey { shard, webhook }, delivery)).await;
    }

    /// Tells a shard that a webhook has pending rows in the store.
    pub(crate) async fn found(&self, waiting: WaitingLane) {
        self.put(waiting.key.shard, Input::Found(Box::new(waiting))).await;
    }

    /// Has the lanes of stored deliveries read everything again.
    pub(crate) async fn reread(&self, tenant: TenantId, deliveries: impl Iterator<Item = &NewDelivery>) {
        for delivery in deliveries {
            let lane = LaneKey { shard: delivery.shard, webhook: delivery.webhook };
            self.put(lane.shard, Input::Reread(lane, tenant)).await;
        }
    }

    /// Has one lane read everything again.
    pub(crate) async fn reread_lane(&self, lane: LaneKey, tenant: TenantId) {
        self.put(lane.shard, Input::Reread(lane, tenant)).await;
    }

    /// Has all lanes start nothing any more. Returns once that holds: what starts later would be noted as stopped in order.
    /// Answers the starts that the rates of webhooks must remember.
    pub(crate) async fn drain(&self) -> Vec<(WebhookId, Vec<Time>)> {
        let mut answers = Vec::with_capacity(self.mailboxes.len());
        for mailbox in self.mailboxes.iter() {
            let (reply, answer) = oneshot::channel();
            mailbox.put(Input::Drain(reply)).await;
            answers.push(answer);
        }
        let mut starts = Vec::new();
        for answer in answers {
            // An actor that is gone starts nothing either; the process ends with it.
            starts.extend(answer.await.unwrap_or_default());
        }
        starts
    }
}

#[cfg(test)]
mod tests;
