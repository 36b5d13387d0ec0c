//! What Stentor itself knows of a webhook: its status, limiter, breaker, backlog and last errors.

use stentor_core::delivery::DeliveryState;
use stentor_core::time::Time;
use stentor_core::webhook::{Webhook, WebhookStatus};
use stentor_store::deliveries::DeliveryFilter;
use stentor_store::lanes::LaneKey;
use stentor_store::{Store, StoreError};

use super::finding::{CheckName, Finding};
use super::report::{Check, Detail, ErrorSeen};
use crate::engine::Engine;
use crate::permits::Standing;
use crate::shard::LaneLook;

/// Waiting deliveries are counted up to this.
const BACKLOG_MAX: u32 = 100_000;
/// So many are a large backlog.
const BACKLOG_LARGE: u32 = 1_000;
/// Deliveries that are looked through for errors, and errors that are told.
const DELIVERIES_LOOKED_AT: u32 = 20;
const ERRORS_MAX: usize = 5;

/// All of it.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn checks(engine: &Engine, webhook: &Webhook, now: Time) -> Result<Vec<Check>, StoreError> {
    let look = engine.shards().look(webhook.shard, webhook.id).await;
    let key = LaneKey { shard: webhook.shard, webhook: webhook.id };
    let waiting = engine.store().waiting_count(key, BACKLOG_MAX).await?;
    let failing_since = engine.store().failing_since(webhook.tenant, webhook.id).await?;
    Ok(vec![
        status(webhook),
        rate(webhook, look.as_ref(), now),
        breaker(look.as_ref(), failing_since),
        backlog(waiting),
        errors(engine.store().as_ref(), webhook).await?,
    ])
}

fn status(webhook: &Webhook) -> Check {
    let (finding, text) = match webhook.status {
        WebhookStatus::Active => (Finding::WebhookActive, "The webhook is active.".to_owned()),
        WebhookStatus::Paused | WebhookStatus::Deleted => {
            (Finding::WebhookPaused, "The webhook is paused.".to_owned())
        }
        WebhookStatus::Disabled(reason) => (
            Finding::WebhookDisabled,
            format!("The webhook was disabled: {}.", reason.as_str().replace('_', " ")),
        ),
    };
    Check::new(CheckName::WebhookStatus, finding, text)
}

fn rate(webhook: &Webhook, look: Option<&LaneLook>, now: Time) -> Check {
    let limits = webhook.config.effective_limits();
    let limited = match limits.rate {
        Some(rate) => format!("{} requests may start in {} s", rate.count, rate.period.as_secs_f64()),
        None => "No rate is set".to_owned(),
    };
    match look.and_then(|look| look.next_start).filter(|at| *at > now) {
        Some(at) => Check::new(
            CheckName::Rate,
            Finding::RateWaiting,
            format!("{limited}; the next one may start at {at}."),
        ),
        None => Check::new(CheckName::Rate, Finding::RateFree, format!("{limited}; nothing waits for it.")),
    }
}

fn breaker(look: Option<&LaneLook>, failing_since: Option<Time>) -> Check {
    let since = match failing_since {
        Some(since) => format!(" Only failures since {since}."),
        None => String::new(),
    };
    let Some(look) = look else {
        return Check::new(
            CheckName::Breaker,
            Finding::BreakerClosed,
            format!("Nothing is in flight or waits.{since}"),
        );
    };
    let (flying, window) = (look.on_wire, look.window);
    let text = format!("{flying} requests are in flight; {window} may be.{since}");
    let finding = match look.standing {
        Standing::Suspect => Finding::BreakerOpen,
        Standing::New | Standing::Proven => Finding::BreakerClosed,
    };
    Check::new(CheckName::Breaker, finding, text)
}

fn backlog(waiting: u32) -> Check {
    let (finding, text) = match waiting {
        0 => (Finding::BacklogNone, "Nothing waits.".to_owned()),
        BACKLOG_MAX.. => (Finding::BacklogLarge, format!("{BACKLOG_MAX} deliveries or more wait.")),
        BACKLOG_LARGE.. => (Finding::BacklogLarge, format!("{waiting} deliveries wait.")),
        _ => (Finding::BacklogSome, format!("{waiting} deliveries wait.")),
    };
    Check::new(CheckName::Backlog, finding, text)
}

/// The last failures of the newest deliveries.
async fn errors(store: &dyn Store, webhook: &Webhook) -> Result<Check, StoreError> {
    let filter = DeliveryFilter { webhook: Some(webhook.id), ..DeliveryFilter::default() };
    let page = store.deliveries(webhook.tenant, &filter, None, DELIVERIES_LOOKED_AT).await?;
    let mut errors = Vec::new();
    for row in page.rows.iter().filter(|row| row.attempts > 0 && row.state != DeliveryState::Delivered) {
        let attempts = store.attempts(webhook.tenant, row.id).await?;
        let Some(last) = attempts.into_iter().rev().find(|attempt| attempt.outcome != "delivered") else {
            continue;
        };
        errors.push(ErrorSeen {
            delivery: row.id,
            number: last.number,
            started_at: last.started_at,
            outcome: last.outcome,
            reason: last.reason,
            status: last.status,
        });
        if errors.len() == ERRORS_MAX {
            break;
        }
    }
    if errors.is_empty() {
        let text = format!("None of the last {DELIVERIES_LOOKED_AT} deliveries has failed.");
        return Ok(Check::new(CheckName::Errors, Finding::ErrorsNone, text));
    }
    let text = format!("{} of the last deliveries failed.", errors.len());
    Ok(Check::new(CheckName::Errors, Finding::ErrorsRecent, text).showing(Detail::Errors(errors)))
}
