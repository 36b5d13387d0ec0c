//! What a tenant uses of its plan.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use stentor_core::plan::Feature;
use stentor_core::time::Time;
use stentor_engine::usage::Usage;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::AppState;
use crate::http::extract::{CanRead, Seconds, TenantAuth};
use crate::http::problem::Problem;

const TAG: &str = "usage";

/// What a tenant may use, has used, and when there is more. What is null is unlimited or, for `used`, not counted.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UsageView {
    /// The name of the tenant's plan.
    #[schema(example = "default")]
    plan: String,
    /// Whether the operator's configuration has that plan; if not, the limits of the plan `default` are in force.
    plan_defined: bool,
    /// Events stored.
    events: EventsUsage,
    /// Pace of publishing.
    publish: Option<PublishUsage>,
    /// Pending deliveries.
    backlog: BacklogUsage,
    /// What the plan includes.
    #[schema(value_type = Vec<String>, example = json!(["ingest"]))]
    features: BTreeSet<Feature>,
}

/// Events stored in a period. Operational events do not count.
#[derive(Debug, Serialize, ToSchema)]
struct EventsUsage {
    /// `day` or `month`, in UTC.
    #[schema(example = "month")]
    period: &'static str,
    limit: Option<u64>,
    used: u64,
    remaining: Option<u64>,
    /// When the next period begins.
    #[schema(value_type = String, format = DateTime)]
    reset_at: Time,
}

/// How fast a tenant may publish.
#[derive(Debug, Serialize, ToSchema)]
struct PublishUsage {
    /// Events a second in the long run.
    rate: u32,
    /// Events at once.
    burst: u32,
    /// Events that may be published now.
    remaining: u64,
    /// Seconds until all of the burst may be.
    #[schema(value_type = f64)]
    reset: Seconds,
}

/// Deliveries that are pending, held ones included.
#[derive(Debug, Serialize, ToSchema)]
struct BacklogUsage {
    limit: Option<u64>,
    /// Null while no plan limits it.
    used: Option<u64>,
    remaining: Option<u64>,
}

impl From<Usage> for UsageView {
    fn from(usage: Usage) -> Self {
        let left = |limit: Option<u64>, used: Option<u64>| Some(limit?.saturating_sub(used?));
        let limit = usage.quota.map(|quota| quota.events);
        let publish = usage.publish.zip(usage.publish_standing).map(|(rate, standing)| PublishUsage {
            rate: rate.rate.get(),
            burst: rate.burst.get(),
            remaining: standing.remaining,
            reset: Seconds(standing.reset),
        });
        Self {
            plan: usage.plan,
            plan_defined: usage.is_defined,
            events: EventsUsage {
                period: usage.period.as_str(),
                limit,
                used: usage.events,
                remaining: left(limit, Some(usage.events)),
                reset_at: usage.reset_at,
            },
            publish,
            backlog: BacklogUsage {
                limit: usage.backlog,
                used: usage.pending,
                remaining: left(usage.backlog, usage.pending),
            },
            features: usage.features,
        }
    }
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get))
}

/// Read what the tenant may use, has used, and when there is more.
#[utoipa::path(get, path = "/v1/usage", operation_id = "getUsage", tag = TAG,
    security(("bearer" = ["read"])),
    responses((status = 200, description = "Limits in force and their use.", body = UsageView)))]
async fn get(auth: TenantAuth<CanRead>, State(state): State<AppState>) -> Result<Json<UsageView>, Problem> {
    let usage = state.engine().usage(auth.tenant).await?;
    Ok(Json(usage.ok_or_else(Problem::not_found)?.into()))
}
