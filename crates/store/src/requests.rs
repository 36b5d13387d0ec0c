//! Requests that were refused at the front door, and others that became no event: repetitions and handshakes. Those that were
//! accepted are their events.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use stentor_core::id::{RequestId, SourceId, TenantId};
use stentor_core::time::Time;

use crate::Page;
use crate::error::StoreResult;

/// The code of a repetition, which is refused nothing; its detail is the id of the event that it was.
pub const ALREADY_PROCESSED: &str = "already_processed";
/// The code of a handshake that was answered.
pub const HANDSHAKE: &str = "handshake";

/// A refused request, or another that became no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRequest {
    /// Its id.
    pub id: RequestId,
    /// Whose it is; none when no source matched.
    pub tenant: Option<TenantId>,
    /// Which source it was for.
    pub source: Option<SourceId>,
    /// Who sent it.
    pub peer: IpAddr,
    /// When its head was complete.
    pub received_at: Time,
    /// The method.
    pub method: String,
    /// The path with its query, secrets masked.
    pub path: String,
    /// The kept headers, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The `Content-Type` as sent.
    pub content_type: Option<String>,
    /// The start of the body. Lists leave it out.
    pub body: Bytes,
    /// Bytes of the body that were read or announced.
    pub body_bytes: u64,
    /// Until the last byte of the body that was read.
    pub body_time: Duration,
    /// Until the verdict.
    pub total_time: Duration,
    /// The stable code of the reason.
    pub code: String,
    /// The reason in a sentence.
    pub detail: String,
    /// Whether the sender was told that all is well.
    pub hidden: bool,
    /// The status of the answer.
    pub status: u16,
}

impl RefusedRequest {
    /// What its row holds, in bytes, roughly: what the bound of a source counts.
    pub fn weight(&self) -> u64 {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + 2 * value.len() + 8).sum();
        let texts = self.method.len() + self.path.len() + self.code.len() + self.detail.len();
        (256 + headers + texts + self.content_type.as_deref().map_or(0, str::len) + self.body.len()) as u64
    }
}

/// Whose refused requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refuser {
    /// A source's.
    Source(TenantId, SourceId),
    /// Those that no source matched.
    Nobody,
}

/// How many of one source, or of those that no source matched, are kept. The oldest go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedBounds {
    /// Rows.
    pub rows: u32,
    /// Bytes, as [`RefusedRequest::weight`] counts them.
    pub bytes: u64,
}

/// Which refused requests to list. Everything set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefusedFilter {
    /// With this code.
    pub code: Option<String>,
    /// Neither repetitions nor handshakes.
    pub refused_only: bool,
    /// Received at or after.
    pub since: Option<Time>,
    /// Received before.
    pub until: Option<Time>,
    /// Whether the bodies are read too.
    pub bodies: bool,
}

/// Reads and writes of refused requests.
#[async_trait]
pub trait Requests: Send + Sync {
    /// Stores them, and deletes the oldest of their sources beyond the bounds, in one transaction. One that is stored
    /// already changes nothing.
    async fn record_refused(&self, requests: Vec<RefusedRequest>, bounds: RefusedBounds) -> StoreResult<()>;

    /// Those of one source, or of none, newest first, with ids below `before`.
    async fn refused_requests(
        &self,
        refuser: Refuser,
        filter: &RefusedFilter,
        before: Option<RequestId>,
        rows: u32,
    ) -> StoreResult<Page<RefusedRequest>>;

    /// One of a tenant's, or one of those that no source matched, with its body.
    async fn refused_request(
        &self,
        tenant: Option<TenantId>,
        id: RequestId,
    ) -> StoreResult<Option<RefusedRequest>>;

    /// Deletes what was received before, at most `rows_max`; answers how many went.
    async fn purge_refused(&self, before: Time, rows_max: u32) -> StoreResult<u32>;
}
