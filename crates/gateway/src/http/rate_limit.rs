//! `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` on every answer under `/v1` (readings 002).
//!
//! They tell of the limit that is nearest for publishing: one of the tenant's plan, or else how many of its events, or of all
//! tenants' where a request acts for none, may wait to be stored.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use stentor_core::allowance::Standing;
use stentor_core::id::TenantId;
use stentor_engine::ingest::RateStanding;

use crate::http::AppState;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
/// When there is more room for events that wait to be stored: a commit takes less.
const QUEUE_RESET: Duration = Duration::from_secs(1);

/// The values of the three headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    max: u64,
    remaining: u64,
    reset: Duration,
}

impl From<RateStanding> for RateLimit {
    fn from(standing: RateStanding) -> Self {
        let (max, remaining) = (standing.count.into(), standing.remaining.into());
        Self { max, remaining, reset: standing.reset }
    }
}

impl From<&Standing> for RateLimit {
    fn from(standing: &Standing) -> Self {
        Self { max: standing.max, remaining: standing.remaining, reset: standing.reset }
    }
}

impl RateLimit {
    /// Puts them on an answer, unless it has its own.
    pub fn write(self, headers: &mut HeaderMap) {
        if headers.contains_key(LIMIT) {
            return;
        }
        headers.insert(LIMIT, HeaderValue::from(self.max));
        headers.insert(REMAINING, HeaderValue::from(self.remaining));
        headers.insert(RESET, HeaderValue::from(whole_seconds(self.reset)));
    }
}

/// Seconds as headers have them: rounded up, so that nobody comes too early.
pub fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// The tenant that a request turned out to act for; filled when it was authenticated.
#[derive(Debug, Clone, Default)]
pub struct ActsFor(Arc<OnceLock<TenantId>>);

impl ActsFor {
    /// Notes the tenant.
    pub fn set(&self, tenant: TenantId) {
        // A request has one tenant, whatever extractor asks.
        let _ = self.0.set(tenant);
    }

    /// The tenant, once it is known.
    pub fn tenant(&self) -> Option<TenantId> {
        self.0.get().copied()
    }
}

/// What holds now for a tenant, or for all of them.
pub fn current(state: &AppState, tenant: Option<TenantId>) -> RateLimit {
    let engine = state.engine();
    if let Some(standing) = tenant.and_then(|tenant| engine.limits().nearest(tenant)) {
        return RateLimit::from(&standing);
    }
    let (max, remaining) = engine.room(tenant);
    RateLimit { max: max as u64, remaining: remaining as u64, reset: QUEUE_RESET }
}
