//! Section `[limits]`.

use serde::Deserialize;

use super::Bounded;

/// Bounds of what waits and of connections.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Most connections to the API at once; never more than half of the file descriptors.
    pub connections: Bounded<1, 1_000_000>,
    /// Most connections from one address (one /64 of IPv6) at once.
    pub connections_per_peer: Bounded<1, 1_000_000>,
    /// Most events of all tenants that wait to be stored; more are answered 503.
    pub waiting_events: Bounded<1, 1_000_000>,
    /// Most events of one tenant that wait to be stored; more are answered 429.
    pub waiting_events_per_tenant: Bounded<1, 1_000_000>,
    /// Wrong tokens of one address after which it has to wait before the next.
    pub wrong_tokens: Bounded<1, 1_000_000>,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            connections: Bounded::known(10_000),
            connections_per_peer: Bounded::known(4_096),
            waiting_events: Bounded::known(16_384),
            waiting_events_per_tenant: Bounded::known(4_096),
            wrong_tokens: Bounded::known(10),
        }
    }
}
