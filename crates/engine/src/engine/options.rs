//! How the engine runs.

use std::time::Duration;

use stentor_core::address::AddressPolicy;
use stentor_core::plan::Plans;

use crate::journal::{OnFatal, QueueLimits};
use crate::maintenance::Retention;
use crate::outbound::OutboundOptions;
use crate::shard::LaneLimits;

/// How the engine runs.
#[derive(Clone)]
pub struct EngineOptions {
    /// Which addresses may be dialled.
    pub address_policy: AddressPolicy,
    /// The HTTP client, for everything but its address policy.
    pub outbound: OutboundOptions,
    /// Requests that may be on the wire at once, parked ones aside.
    pub permits: u32,
    /// Bounds of the journal's queue.
    pub queue: QueueLimits,
    /// Bounds of each lane.
    pub lane: LaneLimits,
    /// What is deleted when.
    pub retention: Retention,
    /// How long each step of a diagnosis may take (readings 003).
    pub probe_time: Duration,
    /// What tenants may use, by the names of plans.
    pub plans: Plans,
    /// Called when nothing may be acknowledged any more; must end the process.
    pub on_fatal: OnFatal,
}

impl EngineOptions {
    /// The usual bounds.
    pub fn new(address_policy: AddressPolicy, outbound: OutboundOptions, on_fatal: OnFatal) -> Self {
        Self {
            address_policy,
            outbound,
            permits: 1_024,
            queue: QueueLimits::default(),
            lane: LaneLimits::default(),
            retention: Retention::default(),
            probe_time: Duration::from_secs(10),
            plans: Plans::default(),
            on_fatal,
        }
    }
}
