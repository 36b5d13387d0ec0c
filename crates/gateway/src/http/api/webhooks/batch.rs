//! Batches of a webhook as the API writes and reads them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use stentor_core::batch::Batch;
use stentor_core::limits::{
    BATCH_BODY_BYTES, BATCH_BODY_BYTES_DEFAULT, BATCH_SIZE, BATCH_TIMEOUT_SECONDS_MAX,
};
use utoipa::ToSchema;

use crate::http::extract::Seconds;
use crate::http::problem::FieldError;

/// Several events of one type in one request; see `docs/batches.md`. Not with the formats `raw` and `cloudevents_binary`, a
/// transform, or a schedule that begins with a wait.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchView {
    /// A batch of so many events goes at once: 2 to 1 000.
    #[schema(minimum = 2, maximum = 1000, example = 10)]
    size: u32,
    /// So long after its oldest event was accepted a batch goes as it is: more than 0, at most 1 hour.
    timeout: Seconds,
    /// A body of several events is not larger: 1 024 to 4 194 304 bytes.
    #[serde(default = "max_bytes_default")]
    #[schema(minimum = 1024, maximum = 4194304, default = 100000)]
    max_bytes: u32,
}

impl BatchView {
    pub(super) const fn showing(batch: &Batch) -> Self {
        Self { size: batch.size, timeout: Seconds(batch.timeout), max_bytes: batch.max_bytes }
    }

    pub(super) fn batch(&self, errors: &mut Vec<FieldError>) -> Batch {
        let between = |bounds: std::ops::RangeInclusive<u32>| {
            format!("must be between {} and {}", bounds.start(), bounds.end())
        };
        if !BATCH_SIZE.contains(&self.size) {
            errors.push(FieldError::new("/batch/size", between(BATCH_SIZE)));
        }
        let longest = Duration::from_secs(BATCH_TIMEOUT_SECONDS_MAX);
        if self.timeout.0.is_zero() || self.timeout.0 > longest {
            let expected = format!("must be more than 0 and at most {BATCH_TIMEOUT_SECONDS_MAX} seconds");
            errors.push(FieldError::new("/batch/timeout", expected));
        }
        if !BATCH_BODY_BYTES.contains(&self.max_bytes) {
            errors.push(FieldError::new("/batch/max_bytes", between(BATCH_BODY_BYTES)));
        }
        Batch { size: self.size, timeout: self.timeout.0, max_bytes: self.max_bytes }
    }
}

const fn max_bytes_default() -> u32 {
    BATCH_BODY_BYTES_DEFAULT
}
