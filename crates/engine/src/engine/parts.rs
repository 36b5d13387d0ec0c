//! The parts of the engine that others reach through it.

use std::sync::Arc;
use std::time::Duration;

use stentor_core::address::AddressPolicy;
use stentor_core::id::TenantId;
use stentor_store::Store;
use tokio::sync::Notify;

use super::Engine;
use crate::accept::Positions;
use crate::auth::Authenticator;
use crate::clock::Clock;
use crate::directory::Directory;
use crate::feed::Feed;
use crate::ingest::{Certificates, Doors};
use crate::journal::Journal;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::outbound::OutboundClient;
use crate::receptions::Receptions;
use crate::sender::Sender;
use crate::shard::Shards;
use crate::sources::SourceDirectory;

impl Engine {
    /// The store, for reading.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    /// Who tokens speak for.
    pub fn authenticator(&self) -> &Authenticator {
        &self.inner.authenticator
    }

    /// Which addresses may be dialled.
    pub fn address_policy(&self) -> &AddressPolicy {
        &self.inner.address_policy
    }

    /// What the process counts, brought up to date.
    pub fn metrics(&self) -> &Metrics {
        let inner = &self.inner;
        inner.metrics.sample(inner.permits.in_use(), inner.journal.waiting());
        inner.metrics.sample_live(inner.feed.watching(), inner.feed.missed(), inner.receptions.dropped());
        &inner.metrics
    }

    /// What is counted of requests to sources.
    pub(crate) fn doors(&self) -> &Doors {
        &self.inner.doors
    }

    pub(crate) fn certificates(&self) -> &Certificates {
        &self.inner.certificates
    }

    /// What came to the front door, for its watcher.
    pub fn receptions(&self) -> &Arc<Receptions> {
        &self.inner.receptions
    }

    /// What happens, for those who watch.
    pub fn feed(&self) -> &Arc<Feed> {
        &self.inner.feed
    }

    /// How many events of a tenant, or of all, may wait to be stored, and how many more fit now.
    pub fn room(&self, tenant: Option<TenantId>) -> (usize, usize) {
        self.inner.journal.room(tenant)
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.inner.journal
    }

    pub(crate) fn positions(&self) -> &Positions {
        &self.inner.positions
    }

    pub(crate) fn shards(&self) -> &Shards {
        &self.inner.shards
    }

    pub(crate) fn announcing(&self) -> &Notify {
        &self.inner.announcing
    }

    /// What tenants may use and have used.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// The routing tables in force.
    pub fn directory(&self) -> &Directory {
        &self.inner.directory
    }

    /// All sources and credentials.
    pub fn sources(&self) -> &SourceDirectory {
        &self.inner.sources
    }

    /// The guarded client, when this engine sends over the network.
    pub(crate) fn outbound(&self) -> Option<&OutboundClient> {
        self.inner.outbound.as_ref()
    }

    pub(crate) fn probe_time(&self) -> Duration {
        self.inner.probe_time
    }

    pub(crate) fn sender(&self) -> &Sender {
        &self.inner.sender
    }
}
