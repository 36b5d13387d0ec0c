//! What people may see of a lane, without a hand in it.

use stentor_core::id::WebhookId;
use stentor_core::shard::Shard;
use stentor_core::time::Time;
use tokio::sync::oneshot;

use super::Shards;
use super::input::Input;
use super::state::ShardState;
use crate::permits::Standing;

/// A lane at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneLook {
    /// Requests on the wire.
    pub on_wire: u32,
    /// Requests that may be.
    pub window: u32,
    /// How far it is trusted.
    pub standing: Standing,
    /// When its rate lets the next one start; none without a rate.
    pub next_start: Option<Time>,
}

impl ShardState {
    /// The webhook's lane; none when it has nothing to do.
    pub(super) fn look(&self, webhook: WebhookId, now: Time) -> Option<LaneLook> {
        let lane = self.lanes.get(&webhook)?;
        Some(LaneLook {
            on_wire: lane.on_wire,
            window: lane.pace.window(),
            standing: lane.pace.standing(),
            next_start: lane.gate.as_ref().map(|gate| gate.earliest(now)),
        })
    }
}

impl Shards {
    /// A webhook's lane as it is now; none when it has nothing to do.
    pub(crate) async fn look(&self, shard: Shard, webhook: WebhookId) -> Option<LaneLook> {
        let (reply, answer) = oneshot::channel();
        self.put(shard, Input::Look(webhook, reply)).await;
        answer.await.ok().flatten()
    }
}
