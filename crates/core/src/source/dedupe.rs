//! What tells that two requests are the same.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::place::Place;
use crate::limits::DEDUPE_WINDOW_SECONDS_DEFAULT;

/// What tells that two requests to a source are the same. A body is never compared (readings 000, 001).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dedupe {
    /// Where the value is that tells; nothing is told apart when none. An `Idempotency-Key` is honoured in any case.
    pub by: Option<Place>,
    /// For how long a value is remembered.
    pub window: Duration,
}

impl Default for Dedupe {
    fn default() -> Self {
        Self { by: Some(Place::Provider), window: Duration::from_secs(DEDUPE_WINDOW_SECONDS_DEFAULT) }
    }
}
