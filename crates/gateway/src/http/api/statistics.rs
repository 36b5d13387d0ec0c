//! How webhooks do: health and statistics over a window, from rollups.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use stentor_core::histogram::Histogram;
use stentor_core::id::{TenantId, WebhookId};
use stentor_core::statistics::{HealthStatus, Rollup};
use stentor_core::time::Time;
use stentor_engine::Engine;
use stentor_engine::statistics::{Interval, Series, Window};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::AppState;
use crate::http::extract::{CanRead, Id, Query, TenantAuth};
use crate::http::problem::Problem;

const TAG: &str = "statistics";

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct HealthQuery {
    /// How far back; the current minute or hour is included.
    #[serde(default)]
    #[param(inline, required = false)]
    window: WindowWord,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StatisticsQuery {
    /// How far back; the current minute or hour is included.
    #[serde(default)]
    #[param(inline, required = false)]
    window: WindowWord,
    /// How long each piece is: `minute` where the window is `1h` and not said otherwise, else `hour`. A week has hours only.
    #[param(inline)]
    interval: Option<IntervalWord>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
enum WindowWord {
    #[serde(rename = "1h")]
    Hour,
    #[default]
    #[serde(rename = "24h")]
    Day,
    #[serde(rename = "7d")]
    Week,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum IntervalWord {
    Minute,
    Hour,
}

/// How a webhook does. Without any attempt in the window there is only `status`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookHealth)]
struct HealthView {
    /// `healthy` (more than 95 % delivered), `degraded` or `no_data`.
    #[schema(example = "healthy")]
    status: &'static str,
    #[serde(flatten)]
    numbers: Option<HealthNumbers>,
}

/// The numbers behind the status.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookHealthNumbers)]
struct HealthNumbers {
    #[serde(flatten)]
    sums: SumsView,
    #[schema(value_type = String, example = "24h")]
    window: WindowWord,
    #[schema(value_type = String, format = DateTime)]
    since: Time,
    /// Since when the webhook has had only failures; null while it has not.
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Time>,
}

/// How a webhook has done in the last 24 hours, in short.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BriefHealth {
    /// `healthy` (more than 95 % delivered), `degraded` or `no_data`.
    #[schema(example = "healthy")]
    status: &'static str,
    /// Delivered of all that ended, 0 to 100; null while none has.
    #[schema(example = 99.5)]
    success_rate: Option<f64>,
    /// Deliveries that ended: delivered or given up.
    #[schema(example = 200)]
    total_deliveries: u64,
    /// When a delivery last ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_delivery: Option<Time>,
    /// Since when the webhook has had only failures; null while it has not.
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Time>,
}

/// Sums over the attempts that ended, and the deliveries that they ended, within some time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sums)]
struct SumsView {
    /// Delivered of all that ended, 0 to 100; null while none has.
    #[schema(example = 99.5)]
    success_rate: Option<f64>,
    /// Deliveries that ended: delivered or given up.
    #[schema(example = 200)]
    total_deliveries: u64,
    #[schema(example = 199)]
    successful_deliveries: u64,
    #[schema(example = 1)]
    failed_deliveries: u64,
    /// Mean duration of an attempt, in seconds.
    #[schema(example = 0.042)]
    average_response_time: Option<f64>,
    /// When a delivery last ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_delivery: Option<Time>,
    /// Every try of a delivery.
    #[schema(example = 204)]
    attempts: u64,
    /// Attempts after the first of a delivery.
    #[schema(example = 4)]
    retries: u64,
    /// Attempts that failed, by kind of outcome.
    #[schema(example = json!({"refused": 4, "timeout": 1, "network": 0, "blocked": 0, "unsendable": 0}))]
    errors: BTreeMap<&'static str, u64>,
    /// Duration of attempts, in seconds.
    response_time: PercentilesView,
    /// From when a delivery came into being to the start of its first attempt, in seconds.
    queue_delay: PercentilesView,
}

/// Percentiles in seconds, known to about 6 %; null without values.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Percentiles)]
struct PercentilesView {
    #[schema(example = 0.038)]
    p50: Option<f64>,
    #[schema(example = 0.081)]
    p95: Option<f64>,
    #[schema(example = 0.12)]
    p99: Option<f64>,
}

/// Sums over a window and over its pieces.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Statistics)]
struct StatisticsView {
    #[schema(value_type = String, example = "24h")]
    window: WindowWord,
    #[schema(value_type = String, example = "hour")]
    interval: IntervalWord,
    #[schema(value_type = String, format = DateTime)]
    since: Time,
    #[schema(value_type = String, format = DateTime)]
    until: Time,
    total: SumsView,
    /// One entry for each minute or hour in which something ended, oldest first; at most 1 440.
    data: Vec<PieceView>,
}

/// Sums of a minute or an hour.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StatisticsPiece)]
struct PieceView {
    /// Its start.
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    #[serde(flatten)]
    sums: SumsView,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(of_webhook)).routes(routes!(of_tenant))
}

/// Read how a webhook does.
#[utoipa::path(get, path = "/v1/webhooks/{id}/health", operation_id = "getWebhookHealth", tag = TAG,
    params(("id" = String, Path, description = "`wh_…`"), HealthQuery), security(("bearer" = ["read"])),
    responses((status = 200, description = "Its health.", body = HealthView)))]
async fn health(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Id(id): Id<WebhookId>,
    Query(HealthQuery { window }): Query<HealthQuery>,
) -> Result<Json<HealthView>, Problem> {
    let store = state.engine().store();
    store.webhook(auth.tenant, id).await?.ok_or_else(Problem::not_found)?;
    let wanted = window.window();
    let series = state.engine().statistics(auth.tenant, Some(id), wanted, wanted.finest()).await?;
    let failing_since = store.failing_since(auth.tenant, id).await?;
    Ok(Json(HealthView::new(window, &series, failing_since)))
}

/// Read the statistics of a webhook, by minute or hour.
#[utoipa::path(get, path = "/v1/webhooks/{id}/statistics", operation_id = "getWebhookStatistics", tag = TAG,
    params(("id" = String, Path, description = "`wh_…`"), StatisticsQuery), security(("bearer" = ["read"])),
    responses((status = 200, description = "Its statistics.", body = StatisticsView)))]
async fn of_webhook(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Id(id): Id<WebhookId>,
    Query(query): Query<StatisticsQuery>,
) -> Result<Json<StatisticsView>, Problem> {
    let interval = query.interval()?;
    let engine = state.engine();
    engine.store().webhook(auth.tenant, id).await?.ok_or_else(Problem::not_found)?;
    let series = engine.statistics(auth.tenant, Some(id), query.window.window(), interval.interval()).await?;
    Ok(Json(StatisticsView::new(query.window, interval, &series)))
}

/// Read the statistics of all webhooks of the tenant together, by minute or hour.
#[utoipa::path(get, path = "/v1/statistics", operation_id = "getStatistics", tag = TAG, params(StatisticsQuery),
    security(("bearer" = ["read"])),
    responses((status = 200, description = "The statistics.", body = StatisticsView)))]
async fn of_tenant(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Query(query): Query<StatisticsQuery>,
) -> Result<Json<StatisticsView>, Problem> {
    let interval = query.interval()?;
    let (window, pieces) = (query.window.window(), interval.interval());
    let series = state.engine().statistics(auth.tenant, None, window, pieces).await?;
    Ok(Json(StatisticsView::new(query.window, interval, &series)))
}

impl StatisticsQuery {
    fn interval(&self) -> Result<IntervalWord, Problem> {
        match (self.window, self.interval) {
            (WindowWord::Week, Some(IntervalWord::Minute)) => {
                Err(Problem::invalid_query("interval", "must be hour where the window is 7d"))
            }
            (_, Some(interval)) => Ok(interval),
            (WindowWord::Hour, None) => Ok(IntervalWord::Minute),
            (WindowWord::Day | WindowWord::Week, None) => Ok(IntervalWord::Hour),
        }
    }
}

impl WindowWord {
    const fn window(self) -> Window {
        match self {
            Self::Hour => Window::Hour,
            Self::Day => Window::Day,
            Self::Week => Window::Week,
        }
    }
}

impl IntervalWord {
    const fn interval(self) -> Interval {
        match self {
            Self::Minute => Interval::Minute,
            Self::Hour => Interval::Hour,
        }
    }
}

impl HealthView {
    fn new(window: WindowWord, series: &Series, failing_since: Option<Time>) -> Self {
        let total = series.total();
        let status = total.status();
        let has_data = status != HealthStatus::NoData;
        let numbers = has_data.then(|| HealthNumbers {
            sums: SumsView::showing(&total),
            window,
            since: series.since,
            failing_since,
        });
        Self { status: status.as_str(), numbers }
    }
}

impl BriefHealth {
    /// That of a webhook of the tenant.
    pub(super) async fn of(engine: &Engine, tenant: TenantId, webhook: WebhookId) -> Result<Self, Problem> {
        let window = Window::Day;
        let series = engine.statistics(tenant, Some(webhook), window, window.finest()).await?;
        let total = series.total();
        Ok(Self {
            status: total.status().as_str(),
            success_rate: total.success_rate(),
            total_deliveries: total.total_deliveries(),
            last_delivery: total.last_delivery,
            failing_since: engine.store().failing_since(tenant, webhook).await?,
        })
    }
}

impl StatisticsView {
    fn new(window: WindowWord, interval: IntervalWord, series: &Series) -> Self {
        let piece = |(at, sums): &(Time, Rollup)| PieceView { at: *at, sums: SumsView::showing(sums) };
        Self {
            window,
            interval,
            since: series.since,
            until: series.until,
            total: SumsView::showing(&series.total()),
            data: series.pieces.iter().map(piece).collect(),
        }
    }
}

impl SumsView {
    fn showing(sums: &Rollup) -> Self {
        Self {
            success_rate: sums.success_rate(),
            total_deliveries: sums.total_deliveries(),
            successful_deliveries: sums.delivered,
            failed_deliveries: sums.dead,
            average_response_time: sums.average_response_seconds(),
            last_delivery: sums.last_delivery,
            attempts: sums.attempts(),
            retries: sums.retries,
            errors: sums.errors().collect(),
            response_time: PercentilesView::showing(&sums.response_time),
            queue_delay: PercentilesView::showing(&sums.queue_delay),
        }
    }
}

impl PercentilesView {
    fn showing(values: &Histogram) -> Self {
        let seconds =
            |percent| values.percentile(percent).map(|micros| Duration::from_micros(micros).as_secs_f64());
        Self { p50: seconds(50), p95: seconds(95), p99: seconds(99) }
    }
}

#[cfg(test)]
mod tests;
