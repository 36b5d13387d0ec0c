//! What a tenant uses of its plan, for people; and telling it before its quota is used up (readings 003).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use stentor_core::allowance::{Limit, Notice, Standing, Told};
use stentor_core::id::TenantId;
use stentor_core::plan::{Feature, Period, Plan, PublishRate, Quota, day_of};
use stentor_core::tenant::Tenant;
use stentor_core::time::Time;
use stentor_store::StoreError;
use tracing::warn;

use crate::accept::PublishError;
use crate::engine::Engine;

/// Tells that a tenant has used most of its quota (seed 003).
const QUOTA_WARNING: &str = "api.quota.warning";
/// Tells that a tenant has used all of it.
const QUOTA_EXCEEDED: &str = "api.quota.exceeded";
/// Pause before a tenant that could not be told is told again.
const PAUSE: Duration = Duration::from_secs(1);

/// What a tenant may use, has used, and when there is more.
#[derive(Debug, Clone)]
pub struct Usage {
    /// The name of its plan.
    pub plan: String,
    /// Whether the operator defines that plan; if not, the default plan is in force.
    pub is_defined: bool,
    /// Events used, in the period of the quota; without one, this month.
    pub events: u64,
    /// That period.
    pub period: Period,
    /// When it ends.
    pub reset_at: Time,
    /// The quota.
    pub quota: Option<Quota>,
    /// The pace of publishing.
    pub publish: Option<PublishRate>,
    /// Where the tenant stands with it.
    pub publish_standing: Option<Standing>,
    /// The most pending deliveries.
    pub backlog: Option<u64>,
    /// Deliveries pending, if they are counted.
    pub pending: Option<u64>,
    /// What the plan includes.
    pub features: BTreeSet<Feature>,
}

impl Engine {
    /// What a tenant uses; none when there is no such tenant.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn usage(&self, tenant: TenantId) -> Result<Option<Usage>, StoreError> {
        match self.store().tenant(tenant).await? {
            Some(tenant) => self.usage_of(&tenant).await.map(Some),
            None => Ok(None),
        }
    }

    /// What a tenant uses that was read already.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn usage_of(&self, tenant: &Tenant) -> Result<Usage, StoreError> {
        let limits = self.limits();
        let plan: &Arc<Plan> = limits.plan(&tenant.plan);
        let period = plan.quota.map_or(Period::default(), |quota| quota.period);
        let (since, reset_at) = period.around(self.clock().now());
        let days = self.store().usage(Some(tenant.id), day_of(since)).await?;
        let standings = limits.of(tenant.id, &tenant.plan).map(|limits| limits.standings());
        let publish = standings.into_iter().flatten().find(|standing| standing.limit == Limit::Publish);
        Ok(Usage {
            plan: tenant.plan.clone(),
            is_defined: limits.plans().get(&tenant.plan).is_some(),
            events: days.iter().map(|day| day.events).sum(),
            period,
            reset_at,
            quota: plan.quota,
            publish: plan.publish,
            publish_standing: publish,
            backlog: plan.backlog,
            pending: limits.pending(tenant.id),
            features: plan.features.clone(),
        })
    }

    /// Tells tenants of their quotas as it becomes due. A process that dies in between does it again with the same key.
    pub(crate) async fn tell_for_ever(self) {
        for tenant in self.limits().heavy_users() {
            // Reading it makes its limits, which know what is due.
            if let Err(error) = self.directory().known(tenant).await {
                warn!(%tenant, %error, "a tenant's use could not be looked at");
            }
        }
        loop {
            for tenant in self.limits().notices().take().await {
                if let Err(error) = self.tell(tenant).await {
                    warn!(%tenant, %error, "a tenant could not be told of its quota");
                    self.limits().notices().add(tenant);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn tell(&self, tenant: TenantId) -> Result<(), PublishError> {
        let known = self.directory().known(tenant).await;
        let known = known.map_err(|error| PublishError::Unavailable(error.to_string()))?;
        let Some(limits) = known.and_then(|known| known.limits) else { return Ok(()) };
        while let Some(notice) = limits.due_notice() {
            let Notice { told, usage_percent, limit, period, since, reset_time } = notice;
            let event_type = if told == Told::Exceeded { QUOTA_EXCEEDED } else { QUOTA_WARNING };
            let data = json!({"usage_percent": usage_percent, "limit": limit, "reset_time": reset_time});
            match self.emit(tenant, event_type, format!("{} {since}", period.as_str()), data).await {
                // Whoever has no tenant any more has nobody to be told.
                Ok(()) | Err(PublishError::UnknownTenant) => limits.was_told(&notice),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
