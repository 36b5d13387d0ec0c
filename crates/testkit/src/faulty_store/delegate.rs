//! What is passed on unharmed.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use stentor_core::event::{Event, EventContent, EventType};
use stentor_core::id::{BroadcastId, DeliveryId, EventId, ReplayId, RouteId, TenantId, TokenId, WebhookId};
use stentor_core::route::Route;
use stentor_core::statistics::Rollup;
use stentor_core::tenant::Tenant;
use stentor_core::time::Time;
use stentor_core::token::Token;
use stentor_core::webhook::{Webhook, WebhookStatus};
use stentor_store::broadcasts::{Audience, Broadcast, BroadcastCreated, BroadcastKey};
use stentor_store::deliveries::{AttemptRow, DeliveryFilter, DeliveryRow};
use stentor_store::error::StoreResult;
use stentor_store::events::{Conservation, EventFilter, ListedEvent};
use stentor_store::journal::IdempotencyKey;
use stentor_store::lanes::{DuePage, LaneKey, LoadedDelivery, PageLimit, WaitingLane};
use stentor_store::maintenance::{KeptStarts, PreviousEnd};
use stentor_store::operational::Disabling;
use stentor_store::replays::Replay;
use stentor_store::routes::{RouteSaved, RoutesThen};
use stentor_store::tenants::TenantSaved;
use stentor_store::usage::{Backlogs, UsedDay};
use stentor_store::webhooks::{CreatedOnce, Routing, Saved};
use stentor_store::{
    Broadcasts, Deliveries, Events, Lanes, Maintenance, Operational, Page, Replays, Routes, Statistics,
    Tenants, Tokens, Usage, Webhooks,
};

use super::FaultyStore;

#[async_trait]
impl Lanes for FaultyStore {
    async fn waiting_lanes(&self, after: Option<LaneKey>, rows: u32) -> StoreResult<Vec<WaitingLane>> {
        self.inner.waiting_lanes(after, rows).await
    }

    async fn fresh_page(
        &self,
        lane: LaneKey,
        after: i64,
        limit: PageLimit,
    ) -> StoreResult<Vec<LoadedDelivery>> {
        self.inner.fresh_page(lane, after, limit).await
    }

    async fn due_page(&self, lane: LaneKey, until: Time, limit: PageLimit) -> StoreResult<DuePage> {
        self.inner.due_page(lane, until, limit).await
    }

    async fn ordered_page(
        &self,
        lane: LaneKey,
        after: i64,
        limit: PageLimit,
    ) -> StoreResult<Vec<LoadedDelivery>> {
        self.inner.ordered_page(lane, after, limit).await
    }

    async fn content(&self, tenant: TenantId, event: EventId) -> StoreResult<Option<Arc<EventContent>>> {
        self.inner.content(tenant, event).await
    }

    async fn failing_since(&self, tenant: TenantId, webhook: WebhookId) -> StoreResult<Option<Time>> {
        self.inner.failing_since(tenant, webhook).await
    }

    async fn waiting_count(&self, lane: LaneKey, at_most: u32) -> StoreResult<u32> {
        self.inner.waiting_count(lane, at_most).await
    }
}

#[async_trait]
impl Events for FaultyStore {
    async fn event(&self, tenant: TenantId, id: EventId) -> StoreResult<Option<Event>> {
        self.inner.event(tenant, id).await
    }

    async fn events(
        &self,
        tenant: TenantId,
        filter: &EventFilter,
        before: Option<EventId>,
        rows: u32,
        data_bytes: u64,
    ) -> StoreResult<Page<ListedEvent>> {
        self.inner.events(tenant, filter, before, rows, data_bytes).await
    }

    async fn event_types(
        &self,
        tenant: TenantId,
        since: Time,
        until: Time,
        after: Option<EventId>,
        rows: u32,
    ) -> StoreResult<Vec<(EventId, EventType)>> {
        self.inner.event_types(tenant, since, until, after, rows).await
    }

    async fn conservation(&self, tenant: Option<TenantId>) -> StoreResult<Conservation> {
        self.inner.conservation(tenant).await
    }
}

#[async_trait]
impl Deliveries for FaultyStore {
    async fn delivery(&self, tenant: TenantId, id: DeliveryId) -> StoreResult<Option<DeliveryRow>> {
        self.inner.delivery(tenant, id).await
    }

    async fn deliveries(
        &self,
        tenant: TenantId,
        filter: &DeliveryFilter,
        before: Option<DeliveryId>,
        rows: u32,
    ) -> StoreResult<Page<DeliveryRow>> {
        self.inner.deliveries(tenant, filter, before, rows).await
    }

    async fn attempts(&self, tenant: TenantId, delivery: DeliveryId) -> StoreResult<Vec<AttemptRow>> {
        self.inner.attempts(tenant, delivery).await
    }
}

#[async_trait]
impl Webhooks for FaultyStore {
    async fn create_webhook(&self, webhook: &Webhook) -> StoreResult<Saved> {
        self.inner.create_webhook(webhook).await
    }

    async fn create_webhook_once(&self, webhook: &Webhook, key: &IdempotencyKey) -> StoreResult<CreatedOnce> {
        self.inner.create_webhook_once(webhook, key).await
    }

    async fn update_webhook(&self, webhook: &Webhook) -> StoreResult<Saved> {
        self.inner.update_webhook(webhook).await
    }

    async fn delete_webhook(&self, tenant: TenantId, id: WebhookId, now: Time) -> StoreResult<Saved> {
        self.inner.delete_webhook(tenant, id, now).await
    }

    async fn webhook(&self, tenant: TenantId, id: WebhookId) -> StoreResult<Option<Webhook>> {
        self.inner.webhook(tenant, id).await
    }

    async fn webhooks(
        &self,
        tenant: TenantId,
        status: Option<WebhookStatus>,
        of_conversations: bool,
        before: Option<WebhookId>,
        rows: u32,
    ) -> StoreResult<Page<Webhook>> {
        self.inner.webhooks(tenant, status, of_conversations, before, rows).await
    }

    async fn routing(&self, tenant: TenantId) -> StoreResult<Option<Routing>> {
        self.inner.routing(tenant).await
    }

    async fn lane_webhook(&self, tenant: TenantId, id: WebhookId) -> StoreResult<Option<Webhook>> {
        self.inner.lane_webhook(tenant, id).await
    }

    async fn revision(&self, tenant: TenantId, id: WebhookId, version: u64) -> StoreResult<Option<Webhook>> {
        self.inner.revision(tenant, id, version).await
    }
}

#[async_trait]
impl Tenants for FaultyStore {
    async fn create_tenant(&self, tenant: &Tenant) -> StoreResult<TenantSaved> {
        self.inner.create_tenant(tenant).await
    }

    async fn update_tenant(&self, tenant: &Tenant) -> StoreResult<TenantSaved> {
        self.inner.update_tenant(tenant).await
    }

    async fn delete_tenant(&self, id: TenantId, now: Time) -> StoreResult<TenantSaved> {
        self.inner.delete_tenant(id, now).await
    }

    async fn tenant(&self, id: TenantId) -> StoreResult<Option<Tenant>> {
        self.inner.tenant(id).await
    }

    async fn tenant_named(&self, name: &str) -> StoreResult<Option<Tenant>> {
        self.inner.tenant_named(name).await
    }

    async fn tenants(&self, before: Option<TenantId>, rows: u32) -> StoreResult<Page<Tenant>> {
        self.inner.tenants(before, rows).await
    }
}

#[async_trait]
impl Tokens for FaultyStore {
    async fn create_token(&self, token: &Token, secret: &str) -> StoreResult<bool> {
        self.inner.create_token(token, secret).await
    }

    async fn set_operator_token(&self, token: &Token, secret: &str) -> StoreResult<()> {
        self.inner.set_operator_token(token, secret).await
    }

    async fn token_by_secret(&self, secret: &str) -> StoreResult<Option<Token>> {
        self.inner.token_by_secret(secret).await
    }

    async fn tokens(&self, tenant: TenantId) -> StoreResult<Vec<Token>> {
        self.inner.tokens(tenant).await
    }

    async fn revoke_token(&self, tenant: TenantId, id: TokenId, now: Time) -> StoreResult<bool> {
        self.inner.revoke_token(tenant, id, now).await
    }
}

#[async_trait]
impl Maintenance for FaultyStore {
    async fn begin_process(&self, now: Time) -> StoreResult<PreviousEnd> {
        self.inner.begin_process(now).await
    }

    async fn keep_starts(&self, kept: &KeptStarts) -> StoreResult<()> {
        self.inner.keep_starts(kept).await
    }

    async fn take_starts(&self) -> StoreResult<Option<KeptStarts>> {
        self.inner.take_starts().await
    }

    async fn end_process(&self, now: Time) -> StoreResult<()> {
        self.inner.end_process(now).await
    }

    async fn upkeep(&self) -> StoreResult<()> {
        self.inner.upkeep().await
    }

    async fn close_hours(&self, now: Time) -> StoreResult<()> {
        self.inner.close_hours(now).await
    }

    async fn backup(&self, file: &Path) -> StoreResult<()> {
        self.inner.backup(file).await
    }

    async fn purge_leftovers(&self, before: Time, rows_max: u32) -> StoreResult<u32> {
        self.inner.purge_leftovers(before, rows_max).await
    }

    async fn ping(&self) -> StoreResult<()> {
        self.inner.ping().await
    }
}

#[async_trait]
impl Usage for FaultyStore {
    async fn usage(&self, tenant: Option<TenantId>, since: i64) -> StoreResult<Vec<UsedDay>> {
        self.inner.usage(tenant, since).await
    }

    async fn follow_backlogs(&self) -> StoreResult<Arc<Backlogs>> {
        self.inner.follow_backlogs().await
    }
}

#[async_trait]
impl Broadcasts for FaultyStore {
    async fn create_broadcast(
        &self,
        broadcast: &Broadcast,
        audience: &Audience,
        key: Option<BroadcastKey>,
    ) -> StoreResult<BroadcastCreated> {
        self.inner.create_broadcast(broadcast, audience, key).await
    }

    async fn broadcast(&self, id: BroadcastId) -> StoreResult<Option<Broadcast>> {
        self.inner.broadcast(id).await
    }

    async fn broadcasts(&self, before: Option<BroadcastId>, rows: u32) -> StoreResult<Page<Broadcast>> {
        self.inner.broadcasts(before, rows).await
    }

    async fn unfinished_broadcasts(&self) -> StoreResult<Vec<Broadcast>> {
        self.inner.unfinished_broadcasts().await
    }

    async fn broadcast_tenants(
        &self,
        broadcast: &Broadcast,
        after: Option<TenantId>,
        rows: u32,
    ) -> StoreResult<Vec<TenantId>> {
        self.inner.broadcast_tenants(broadcast, after, rows).await
    }
}

#[async_trait]
impl Replays for FaultyStore {
    async fn create_replay(&self, replay: &Replay) -> StoreResult<()> {
        self.inner.create_replay(replay).await
    }

    async fn replay(&self, tenant: TenantId, id: ReplayId) -> StoreResult<Option<Replay>> {
        self.inner.replay(tenant, id).await
    }

    async fn unfinished_replays(&self) -> StoreResult<Vec<Replay>> {
        self.inner.unfinished_replays().await
    }
}

#[async_trait]
impl Operational for FaultyStore {
    async fn disablings(&self, rows: u32) -> StoreResult<Vec<Disabling>> {
        self.inner.disablings(rows).await
    }

    async fn disabling_emitted(&self, webhook: WebhookId, version: u64) -> StoreResult<()> {
        self.inner.disabling_emitted(webhook, version).await
    }
}

#[async_trait]
impl Statistics for FaultyStore {
    async fn minutes(
        &self,
        tenant: TenantId,
        webhook: Option<WebhookId>,
        since: Time,
        until: Time,
    ) -> StoreResult<Vec<(Time, Rollup)>> {
        self.inner.minutes(tenant, webhook, since, until).await
    }

    async fn hours(
        &self,
        tenant: TenantId,
        webhook: Option<WebhookId>,
        since: Time,
        until: Time,
    ) -> StoreResult<Vec<(Time, Rollup)>> {
        self.inner.hours(tenant, webhook, since, until).await
    }

    async fn close_minutes(&self, now: Time) -> StoreResult<()> {
        self.inner.close_minutes(now).await
    }

    async fn purge_rollups(&self, now: Time) -> StoreResult<()> {
        self.inner.purge_rollups(now).await
    }
}

#[async_trait]
impl Routes for FaultyStore {
    async fn create_route(&self, route: &Route) -> StoreResult<RouteSaved> {
        self.inner.create_route(route).await
    }

    async fn update_route(&self, route: &Route) -> StoreResult<RouteSaved> {
        self.inner.update_route(route).await
    }

    async fn delete_route(&self, tenant: TenantId, id: RouteId, now: Time) -> StoreResult<RouteSaved> {
        self.inner.delete_route(tenant, id, now).await
    }

    async fn order_routes(&self, tenant: TenantId, order: &[RouteId], now: Time) -> StoreResult<RouteSaved> {
        self.inner.order_routes(tenant, order, now).await
    }

    async fn route(&self, tenant: TenantId, id: RouteId) -> StoreResult<Option<Route>> {
        self.inner.route(tenant, id).await
    }

    async fn routes(&self, tenant: TenantId) -> StoreResult<Vec<Route>> {
        self.inner.routes(tenant).await
    }

    async fn routes_at(&self, tenant: TenantId, version: u64) -> StoreResult<RoutesThen> {
        self.inner.routes_at(tenant, version).await
    }
}
