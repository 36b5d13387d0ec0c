//! Section `[shutdown]`.

use std::time::Duration;

use serde::Deserialize;

use super::Bounded;

/// How the process stops.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShutdownConfig {
    /// How long requests and attempts in flight may go on, in seconds.
    pub drain_seconds: Bounded<0, 600>,
    /// How long requests are still taken after `/readyz` has turned red, in seconds.
    pub delay_seconds: Bounded<0, 600>,
}

impl ShutdownConfig {
    /// The time for requests and attempts in flight.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds.get().into())
    }

    /// The time that load balancers get to notice.
    pub fn delay(&self) -> Duration {
        Duration::from_secs(self.delay_seconds.get().into())
    }
}

impl Default for ShutdownConfig {
    fn default() -> Self {
        Self { drain_seconds: Bounded::known(30), delay_seconds: Bounded::known(0) }
    }
}
