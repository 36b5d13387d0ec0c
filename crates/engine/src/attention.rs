//! Which webhooks of a tenant somebody should look at.

use std::collections::HashMap;
use std::sync::Arc;

use stentor_core::attention::{Concern, Known, concern};
use stentor_core::delivery::DeliveryState;
use stentor_core::id::{DeliveryId, TenantId, WebhookId};
use stentor_core::statistics::Rollup;
use stentor_core::time::Time;
use stentor_core::webhook::{Webhook, WebhookStatus};
use stentor_store::StoreError;
use stentor_store::deliveries::{AttemptRow, DeliveryFilter};
use stentor_store::lanes::LaneKey;

use crate::engine::Engine;
use crate::statistics::Window;

/// Webhooks whose last hour is looked at, the newest first: whether one that delivers is slow or loses much costs a read each. One that is
/// disabled or fails is found however many there are.
const READ_MAX: usize = 100;
/// Webhooks that are told of with all that is known; the others only count.
const TOLD_MAX: usize = 10;
/// Deliveries among which one is looked for that was tried.
const SEARCHED_MAX: u32 = 25;
/// Pending deliveries are counted up to this.
const WAITING_MAX: u32 = 10_000;

/// How the webhooks of a tenant do.
#[derive(Debug, Clone, Default)]
pub struct Attention {
    /// All webhooks that are not deleted.
    pub webhooks: usize,
    /// Those that a person stopped.
    pub paused: usize,
    /// Those that somebody should look at.
    pub concerned: usize,
    /// Of those the first few: disabled ones first, then failing ones, then what is slow or loses much.
    pub told: Vec<Concerned>,
}

/// A webhook that somebody should look at.
#[derive(Debug, Clone)]
pub struct Concerned {
    /// The webhook.
    pub webhook: Arc<Webhook>,
    /// Why.
    pub concern: Concern,
    /// The last attempt that failed of a delivery that waits or was given up, and the delivery.
    pub last_failure: Option<(DeliveryId, AttemptRow)>,
    /// Deliveries that wait for it.
    pub waiting: u32,
    /// Whether there are more of them than were counted.
    pub more_waiting: bool,
}

impl Engine {
    /// Looks at all webhooks of a tenant.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn attention(&self, tenant: TenantId) -> Result<Attention, StoreError> {
        let Some(table) = self.directory().table(tenant).await? else { return Ok(Attention::default()) };
        let failing: HashMap<WebhookId, Time> = self.store().failing(tenant).await?.into_iter().collect();
        let mut webhooks = table.webhooks().to_vec();
        webhooks.sort_unstable_by_key(|webhook| std::cmp::Reverse(webhook.id));
        let paused = webhooks.iter().filter(|webhook| webhook.status == WebhookStatus::Paused).count();
        let (mut concerned, mut reads) = (Vec::new(), 0);
        for webhook in &webhooks {
            let failing_since = failing.get(&webhook.id).copied();
            let is_read = webhook.status.delivers() && (failing_since.is_some() || reads < READ_MAX);
            reads += usize::from(is_read);
            let lately = if is_read { self.last_hour(webhook).await? } else { Rollup::default() };
            let known = Known { status: webhook.status, failing_since, lately: &lately };
            concerned
                .extend(concern(&known, self.clock().now()).map(|concern| (Arc::clone(webhook), concern)));
        }
        concerned.sort_by_key(|(_, concern)| gravity(concern));
        let mut attention =
            Attention { webhooks: webhooks.len(), paused, concerned: concerned.len(), told: Vec::new() };
        for (webhook, concern) in concerned.into_iter().take(TOLD_MAX) {
            attention.told.push(self.describe(webhook, concern).await?);
        }
        Ok(attention)
    }

    async fn last_hour(&self, webhook: &Webhook) -> Result<Rollup, StoreError> {
        let window = Window::Hour;
        let series = self.statistics(webhook.tenant, Some(webhook.id), window, window.finest()).await?;
        Ok(series.total())
    }

    async fn describe(&self, webhook: Arc<Webhook>, concern: Concern) -> Result<Concerned, StoreError> {
        let lane = LaneKey { shard: webhook.shard, webhook: webhook.id };
        let waiting = self.store().waiting_count(lane, WAITING_MAX).await?;
        let last_failure = self.last_failure(&webhook).await?;
        Ok(Concerned { webhook, concern, last_failure, waiting, more_waiting: waiting == WAITING_MAX })
    }

    /// Of the newest delivery that was given up, else of the newest that was tried and waits or is held.
    async fn last_failure(&self, webhook: &Webhook) -> Result<Option<(DeliveryId, AttemptRow)>, StoreError> {
        let store = self.store();
        for state in [DeliveryState::Dead, DeliveryState::Pending, DeliveryState::Held] {
            let filter =
                DeliveryFilter { webhook: Some(webhook.id), state: Some(state), ..DeliveryFilter::default() };
            let rows = store.deliveries(webhook.tenant, &filter, None, SEARCHED_MAX).await?.rows;
            let Some(row) = rows.into_iter().find(|row| row.attempts > 0) else { continue };
            if let Some(attempt) = store.attempts(webhook.tenant, row.id).await?.pop() {
                return Ok(Some((row.id, attempt)));
            }
        }
        Ok(None)
    }
}

const fn gravity(concern: &Concern) -> u8 {
    match concern {
        Concern::Disabled(_) => 0,
        Concern::Failing { .. } => 1,
        Concern::Degraded { .. } => 2,
        Concern::Slow { .. } => 3,
    }
}
