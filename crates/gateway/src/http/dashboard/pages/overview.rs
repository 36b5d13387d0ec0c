//! The overview: do all webhooks deliver, and if not, which one does not, why, and what waits for it.

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use stentor_core::attention::Concern;
use stentor_core::webhook::DisableReason;
use stentor_engine::attention::{Attention, Concerned};

use crate::http::dashboard::chart::{self, Bars, Lines};
use crate::http::dashboard::desk::Desk;
use crate::http::dashboard::refusal::Refusal;
use crate::http::dashboard::shapes::{Statistics, Sums};
use crate::http::dashboard::shell::{Place, Shell};
use crate::http::dashboard::status::{Status, cause};
use crate::http::dashboard::{Dashboard, write};

pub(super) fn router() -> Router<Dashboard> {
    Router::new().route("/", get(overview))
}

/// A webhook that somebody should look at, in words.
struct Needy {
    status: Status,
    id: String,
    name: String,
    sentence: String,
    waiting: Option<String>,
    delivery: Option<String>,
}

/// A figure with its course over the day.
struct Figure {
    name: &'static str,
    value: String,
    note: String,
    course: Option<String>,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    shell: Shell,
    is_empty: bool,
    all_well: bool,
    verdict: String,
    needy: Vec<Needy>,
    unseen: usize,
    figures: Vec<Figure>,
    outcomes: Bars,
    answers: Lines,
    hours: Vec<(String, u64, u64)>,
}

async fn overview(desk: Desk) -> Result<Response, Refusal> {
    let attention = desk.app.engine().attention(desk.tenant()).await?;
    let day: Statistics = desk.calls.get("/v1/statistics?window=24h&interval=hour").await?;
    let hours = chart::hours(&day);
    let told: Vec<Needy> = attention.told.iter().map(needy).collect();
    Ok(write::page(&OverviewPage {
        shell: desk.shell(Place::Overview, "Overview"),
        is_empty: attention.webhooks == 0,
        all_well: attention.concerned == 0,
        verdict: verdict(&attention),
        unseen: attention.concerned - told.len(),
        needy: told,
        figures: figures(&day.total, &hours),
        outcomes: chart::outcomes(&hours),
        answers: chart::answers(&hours),
        hours: hours.iter().map(|hour| (write::clock(hour.at), hour.delivered(), hour.dead())).collect(),
    }))
}

fn verdict(attention: &Attention) -> String {
    let all = write::counted(attention.webhooks as u64, "webhook", "webhooks");
    match (attention.webhooks, attention.concerned) {
        (0, _) => "There are no webhooks yet".into(),
        (_, 0) if attention.paused == attention.webhooks => format!("{all}, paused"),
        (1, 0) => "Your webhook delivers".into(),
        (_, 0) if attention.paused > 0 => {
            let deliver = (attention.webhooks - attention.paused) as u64;
            format!("{} of {all} deliver, the others are paused", write::count(deliver))
        }
        (_, 0) => format!("All {all} deliver"),
        (_, concerned) => {
            let need = if concerned == 1 { "needs" } else { "need" };
            format!("{} of {all} {need} attention", write::count(concerned as u64))
        }
    }
}

fn needy(concerned: &Concerned) -> Needy {
    let config = &concerned.webhook.config;
    let name = config
        .name
        .as_deref()
        .filter(|name| !name.is_empty())
        .map_or_else(|| config.url.redacted(), str::to_owned);
    let more = if concerned.more_waiting { "+" } else { "" };
    let waiting =
        (concerned.waiting > 0).then(|| format!("{}{more} waiting", write::count(concerned.waiting.into())));
    let (status, sentence) = sentence(concerned);
    Needy {
        status,
        id: concerned.webhook.id.to_string(),
        name,
        sentence,
        waiting,
        delivery: concerned.last_failure.as_ref().map(|(delivery, _)| delivery.to_string()),
    }
}

/// What is wrong, as the rest of a sentence that begins with the webhook's name.
fn sentence(concerned: &Concerned) -> (Status, String) {
    let last = concerned
        .last_failure
        .as_ref()
        .map(|(_, attempt)| cause(&attempt.outcome, attempt.reason.as_deref(), attempt.status));
    match concerned.concern {
        Concern::Disabled(reason) => {
            let why = match reason {
                DisableReason::Gone => "its receiver answered 410 Gone",
                DisableReason::FailedAttempts => "a delivery failed as often as its policy allows",
                DisableReason::FailingTooLong => "it had only failures for as long as its policy allows",
            };
            // That it answers 410 was said already.
            let last = last.filter(|_| reason != DisableReason::Gone);
            let last = last.map(|last| format!("; it {last}")).unwrap_or_default();
            (Status::of_webhook("disabled", ""), format!("was disabled: {why}{last}"))
        }
        Concern::Failing { since } => {
            let what = last.unwrap_or_else(|| "takes nothing".into());
            let status = Status { word: "failing", shape: "s-cross", tone: "bad" };
            (status, format!("{what} since {} UTC", write::clock(since)))
        }
        Concern::Degraded { success_rate } => {
            let rate = success_rate.map(write::percent).unwrap_or_else(|| "nothing".into());
            let last = last.map(|last| format!("; when it fails, it {last}")).unwrap_or_default();
            (
                Status::of_webhook("active", "degraded"),
                format!("took {rate} of what ended in the last hour{last}"),
            )
        }
        Concern::Slow { median } => {
            let status = Status { word: "slow", shape: "s-half", tone: "warn" };
            (status, format!("usually takes {} to answer", write::seconds(median.as_secs_f64())))
        }
    }
}

fn figures(total: &Sums, hours: &[chart::Hour<'_>]) -> Vec<Figure> {
    let none = || "–".to_owned();
    let retries = write::counted(total.retries, "retry", "retries");
    vec![
        Figure {
            name: "Delivered",
            value: write::count(total.successful_deliveries),
            note: format!("in 24 h, with {retries}"),
            course: chart::spark(hours.iter().map(|hour| Some(hour.delivered() as f64))),
        },
        Figure {
            name: "Success rate",
            value: total.success_rate.map(write::percent).unwrap_or_else(none),
            note: format!("{} given up", write::count(total.failed_deliveries)),
            course: chart::spark(hours.iter().map(chart::Hour::rate)),
        },
        Figure {
            name: "Answer, p95",
            value: total.response_time.p95.map(write::seconds).unwrap_or_else(none),
            note: format!("half within {}", total.response_time.p50.map(write::seconds).unwrap_or_else(none)),
            course: chart::spark(hours.iter().map(chart::Hour::p95)),
        },
        Figure {
            name: "First attempt, p95",
            value: total.queue_delay.p95.map(write::seconds).unwrap_or_else(none),
            note: "after the event was stored".into(),
            course: chart::spark(hours.iter().map(chart::Hour::delay)),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sentence_says_how_it_is() {
        let of = |webhooks, paused, concerned| {
            verdict(&Attention { webhooks, paused, concerned, told: Vec::new() })
        };
        assert_eq!(of(0, 0, 0), "There are no webhooks yet");
        assert_eq!(of(1, 0, 0), "Your webhook delivers");
        assert_eq!(of(42, 0, 0), "All 42 webhooks deliver");
        assert_eq!(of(42, 2, 0), "40 of 42 webhooks deliver, the others are paused");
        assert_eq!(of(42, 0, 1), "1 of 42 webhooks needs attention");
        assert_eq!(of(42, 0, 2), "2 of 42 webhooks need attention");
    }
}
