//! Refused requests, passed on unharmed.

use async_trait::async_trait;
use stentor_core::id::{RequestId, TenantId};
use stentor_core::time::Time;
use stentor_store::error::StoreResult;
use stentor_store::requests::{RefusedBounds, RefusedFilter, RefusedRequest, Refuser};
use stentor_store::{Page, Requests};

use super::FaultyStore;

#[async_trait]
impl Requests for FaultyStore {
    async fn record_refused(&self, requests: Vec<RefusedRequest>, bounds: RefusedBounds) -> StoreResult<()> {
        self.inner.record_refused(requests, bounds).await
    }

    async fn refused_requests(
        &self,
        refuser: Refuser,
        filter: &RefusedFilter,
        before: Option<RequestId>,
        rows: u32,
    ) -> StoreResult<Page<RefusedRequest>> {
        self.inner.refused_requests(refuser, filter, before, rows).await
    }

    async fn refused_request(
        &self,
        tenant: Option<TenantId>,
        id: RequestId,
    ) -> StoreResult<Option<RefusedRequest>> {
        self.inner.refused_request(tenant, id).await
    }

    async fn purge_refused(&self, before: Time, rows_max: u32) -> StoreResult<u32> {
        self.inner.purge_refused(before, rows_max).await
    }
}
