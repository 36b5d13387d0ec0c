//! Webhooks: the list, one with all that can be seen of it and done to it, and the form that makes or changes one.

mod form;
mod typing;

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use http::Method;
use serde_json::{Value, json};
use stentor_core::id::WebhookId;

use super::named::{Named, notice};
use crate::http::dashboard::calls::Query;
use crate::http::dashboard::chart;
use crate::http::dashboard::desk::Desk;
use crate::http::dashboard::refusal::{Refusal, Told};
use crate::http::dashboard::sent::{Fields, Sent, to};
use crate::http::dashboard::shapes::{Attempt, Delivery, Event, Rows, Statistics, Webhook};
use crate::http::dashboard::shell::{Place, Shell};
use crate::http::dashboard::status::Status;
use crate::http::dashboard::{Dashboard, pretty, write};

/// Rows of the list: each costs a read of its statistics.
const ROWS: usize = 25;
/// The events whose types a test can be sent of.
const TYPES_OF: usize = 20;
const STATES: [&str; 5] = ["pending", "held", "delivered", "dead", "cancelled"];

pub(super) fn router() -> Router<Dashboard> {
    Router::new()
        .route("/webhooks", get(list).post(form::create))
        .route("/webhooks/new", get(form::new))
        .route("/webhooks/preview", post(typing::preview))
        .route("/webhooks/{id}", get(one).post(form::change))
        .route("/webhooks/{id}/edit", get(form::edit))
        .route("/webhooks/{id}/backtest", post(typing::backtest))
        .route("/webhooks/{id}/test", post(test))
        .route("/webhooks/{id}/pause", post(pause))
        .route("/webhooks/{id}/resume", post(resume))
        .route("/webhooks/{id}/rotate", post(rotate))
        .route("/webhooks/{id}/replay", post(replay))
        .route("/webhooks/{id}/delete", post(delete))
}

/// A row: the webhook and how it did in the last day.
struct Row {
    webhook: Webhook,
    status: Status,
    rate: String,
    answer: String,
    course: Option<String>,
}

#[derive(Template)]
#[template(path = "webhooks.html")]
struct WebhooksPage {
    shell: Shell,
    rows: Vec<Row>,
    next: Option<String>,
    base: String,
    url: String,
}

async fn list(desk: Desk, query: Fields) -> Result<Response, Refusal> {
    let url = query.text("url");
    let rows = if url.is_empty() { ROWS.to_string() } else { "250".into() };
    let call = Query::of("/v1/webhooks").with("limit", &rows).with("cursor", query.text("cursor"));
    let found: Rows<Webhook> = desk.calls.get(call.as_str()).await?;
    let wanted = found.data.into_iter().filter(|webhook| webhook.url.contains(url));
    let mut rows = Vec::new();
    for webhook in wanted.take(ROWS) {
        rows.push(row(&desk, webhook).await?);
    }
    Ok(write::page(&WebhooksPage {
        shell: desk.shell(Place::Webhooks, "Webhooks").noting(notice(&query)),
        rows,
        next: found.next_cursor.filter(|_| url.is_empty()),
        base: "/webhooks?".into(),
        url: url.to_owned(),
    }))
}

async fn row(desk: &Desk, webhook: Webhook) -> Result<Row, Refusal> {
    let path = format!("/v1/webhooks/{}/statistics?window=24h&interval=hour", webhook.id);
    let day: Statistics = desk.calls.get(&path).await?;
    let seconds = day.total.response_time.p95;
    Ok(Row {
        status: Status::of_webhook(&webhook.status, &day.status),
        rate: day.total.success_rate.map_or_else(|| "–".into(), write::percent),
        answer: seconds.map_or_else(|| "–".into(), write::seconds),
        course: chart::spark(chart::hours(&day).iter().map(|hour| Some(hour.delivered() as f64))),
        webhook,
    })
}

/// What was done on the page, when it has to be shown there.
#[derive(Default)]
struct Done {
    tested: Option<Attempt>,
    secret: Option<String>,
    told: Option<Told>,
}

#[derive(Template)]
#[template(path = "webhook.html")]
struct WebhookPage {
    shell: Shell,
    webhook: Webhook,
    status: Status,
    day: Statistics,
    deliveries: Vec<Delivery>,
    next: Option<String>,
    base: String,
    state: String,
    states: [&'static str; 5],
    types: Vec<String>,
    done: Done,
    filter: Option<String>,
    policy: String,
    limits: String,
}

impl WebhookPage {
    fn answer(&self, body: &str) -> String {
        pretty::readable(body)
    }

    fn long(&self, seconds: Option<&f64>) -> String {
        seconds.map_or_else(|| "–".into(), |seconds| write::seconds(*seconds))
    }

    fn rate(&self) -> String {
        self.day.total.success_rate.map_or_else(|| "–".into(), write::percent)
    }

    fn failed(&self) -> String {
        write::count(self.day.total.errors.values().sum())
    }

    fn errors(&self) -> Vec<(&'static str, u64)> {
        let counted = self.day.total.errors.iter().filter(|(_, count)| **count > 0);
        counted.map(|(kind, count)| (Status::of_attempt(kind).word, *count)).collect()
    }
}

async fn one(desk: Desk, Named(id): Named<WebhookId>, query: Fields) -> Result<Response, Refusal> {
    show(desk, id, &query, Done::default()).await
}

async fn show(desk: Desk, id: WebhookId, query: &Fields, done: Done) -> Result<Response, Refusal> {
    let calls = &desk.calls;
    let path = format!("/v1/webhooks/{id}");
    let webhook: Webhook = calls.get(&path).await?;
    let day: Statistics = calls.get(&format!("{path}/statistics?window=24h&interval=hour")).await?;
    let state = query.text("state");
    let call =
        Query::of(format!("{path}/deliveries")).with("status", state).with("cursor", query.text("cursor"));
    let found: Rows<Delivery> = calls.get(call.as_str()).await?;
    let both = match (&webhook.filters, &webhook.conditions) {
        (None, None) => None,
        (filters, conditions) => Some(json!({ "filters": filters, "conditions": conditions })),
    };
    let title = webhook.called().to_owned();
    Ok(write::page(&WebhookPage {
        shell: desk.shell(Place::Webhooks, title).noting(notice(query)),
        status: Status::of_webhook(&webhook.status, &day.status),
        day,
        deliveries: found.data,
        next: found.next_cursor,
        base: Query::of(format!("/webhooks/{id}")).with("state", state).open(),
        state: state.to_owned(),
        states: STATES,
        types: types(&desk, &webhook).await?,
        done,
        filter: both.as_ref().map(indented),
        policy: indented(&webhook.retry_policy),
        limits: indented(&webhook.limits),
        webhook,
    }))
}

fn indented(value: &Value) -> String {
    pretty::indented(&value.to_string()).0
}

/// Types that a test can be of: those that the webhook names, then those that came lately.
async fn types(desk: &Desk, webhook: &Webhook) -> Result<Vec<String>, Refusal> {
    let exact = |kind: &&String| !kind.contains('*');
    let mut types: Vec<String> = webhook.events.iter().filter(exact).cloned().collect();
    let lately: Rows<Event> = desk.calls.get(&format!("/v1/events?limit={TYPES_OF}")).await?;
    types.extend(lately.data.into_iter().map(|event| event.event_type));
    let mut seen = std::collections::HashSet::new();
    types.retain(|kind| seen.insert(kind.clone()));
    Ok(types)
}

async fn test(Named(id): Named<WebhookId>, Sent { desk, fields }: Sent) -> Result<Response, Refusal> {
    let body = json!({ "webhook_id": id.to_string(), "event_type": fields.text("type") });
    let done = match desk.calls.send(Method::POST, "/v1/webhooks/test", &body).await {
        Ok(attempt) => Done { tested: Some(attempt), ..Done::default() },
        Err(refusal) => Done { told: Some(refusal.about_input()?), ..Done::default() },
    };
    show(desk, id, &Fields::default(), done).await
}

async fn pause(Named(id): Named<WebhookId>, Sent { desk, .. }: Sent) -> Result<Response, Refusal> {
    activate(&desk, id, false, "paused").await
}

async fn resume(Named(id): Named<WebhookId>, Sent { desk, .. }: Sent) -> Result<Response, Refusal> {
    activate(&desk, id, true, "resumed").await
}

async fn activate(desk: &Desk, id: WebhookId, active: bool, done: &str) -> Result<Response, Refusal> {
    let body = json!({ "active": active });
    desk.calls.act(Method::PATCH, &format!("/v1/webhooks/{id}"), Some(&body)).await?;
    Ok(to(&format!("/webhooks/{id}?done={done}")))
}

async fn rotate(Named(id): Named<WebhookId>, Sent { desk, fields }: Sent) -> Result<Response, Refusal> {
    let hours: f64 = fields.text("hours").parse().unwrap_or(24.0);
    let body = json!({ "overlap": hours * 3_600.0 });
    let path = format!("/v1/webhooks/{id}/rotate-secret");
    let done = match desk.calls.send::<Webhook>(Method::POST, &path, &body).await {
        Ok(webhook) => Done { secret: webhook.secret, ..Done::default() },
        Err(refusal) => Done { told: Some(refusal.about_input()?), ..Done::default() },
    };
    show(desk, id, &Fields::default(), done).await
}

async fn replay(Named(id): Named<WebhookId>, Sent { desk, fields }: Sent) -> Result<Response, Refusal> {
    let moment = |name| match fields.text(name) {
        text if text.len() == 16 => format!("{text}:00Z"),
        text => text.to_owned(),
    };
    let until = Some(moment("until")).filter(|until| !until.is_empty());
    let body = json!({ "since": moment("since"), "until": until });
    match desk.calls.act(Method::POST, &format!("/v1/webhooks/{id}/replay"), Some(&body)).await {
        Ok(()) => Ok(to(&format!("/webhooks/{id}?done=replayed"))),
        Err(refusal) => {
            let done = Done { told: Some(refusal.about_input()?), ..Done::default() };
            show(desk, id, &Fields::default(), done).await
        }
    }
}

async fn delete(Named(id): Named<WebhookId>, Sent { desk, fields }: Sent) -> Result<Response, Refusal> {
    if fields.text("name") != "delete" {
        return Ok(to(&format!("/webhooks/{id}")));
    }
    desk.calls.act(Method::DELETE, &format!("/v1/webhooks/{id}"), None).await?;
    Ok(to("/webhooks?done=deleted"))
}

/// The page of a webhook that was just made, with its secret.
async fn made(desk: Desk, id: WebhookId, secret: Option<String>) -> Result<Response, Refusal> {
    show(desk, id, &Fields::default(), Done { secret, ..Done::default() }).await
}
