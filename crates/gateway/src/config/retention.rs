//! Section `[retention]`.

use std::time::Duration;

use serde::Deserialize;

use super::Bounded;

/// What is deleted when.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionConfig {
    /// Age at which an event goes with everything of it, in days.
    pub days: Bounded<1, 3650>,
}

impl RetentionConfig {
    /// The age.
    pub fn age(&self) -> Duration {
        Duration::from_secs(u64::from(self.days.get()) * 24 * 3_600)
    }
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self { days: Bounded::known(30) }
    }
}
