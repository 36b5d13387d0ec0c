//! Events: the list, and the story of one.

use std::collections::HashMap;

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::Method;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde_json::{Value, json};
use stentor_core::id::EventId;

use super::named::{Named, notice};
use crate::http::dashboard::calls::Query;
use crate::http::dashboard::desk::Desk;
use crate::http::dashboard::refusal::Refusal;
use crate::http::dashboard::sent::{Fields, Sent, to};
use crate::http::dashboard::shapes::{Delivery, Event, Explanation, Rows, Webhook};
use crate::http::dashboard::shell::{Place, Shell};
use crate::http::dashboard::{Dashboard, pretty, write};

/// Webhooks that the story explains although nothing went to them.
const EXPLAINED_MAX: usize = 12;
/// Deliveries that the story tells with their attempts.
const TOLD_MAX: usize = 20;

pub(super) fn router() -> Router<Dashboard> {
    Router::new()
        .route("/events", get(list))
        .route("/events/{id}", get(story))
        .route("/events/{id}/data", get(data))
        .route("/events/{id}/replay", post(replay))
}

/// What the list is narrowed to, as it stands in the address.
struct Narrowed {
    event_type: String,
    subject: String,
    since: String,
    until: String,
}

#[derive(Template)]
#[template(path = "events.html")]
struct EventsPage {
    shell: Shell,
    narrowed: Narrowed,
    rows: Vec<Event>,
    next: Option<String>,
    base: String,
    live: String,
    is_first: bool,
}

async fn list(desk: Desk, query: Fields) -> Result<Response, Refusal> {
    let text = |name: &str| query.text(name).to_owned();
    let narrowed = Narrowed {
        event_type: text("type"),
        subject: text("subject"),
        since: text("since"),
        until: text("until"),
    };
    let with = |query: Query| query.with("type", &narrowed.event_type).with("subject", &narrowed.subject);
    let call = with(Query::of("/v1/events"))
        .with("since", &moment(&narrowed.since))
        .with("until", &moment(&narrowed.until))
        .with("cursor", query.text("cursor"));
    let Rows { data, next_cursor } = desk.calls.get(call.as_str()).await?;
    let base = with(Query::of("/events")).with("since", &narrowed.since).with("until", &narrowed.until);
    let live = with(Query::of("/live")).with("kinds", "event.accepted");
    Ok(write::page(&EventsPage {
        shell: desk.shell(Place::Events, "Events"),
        rows: data,
        next: next_cursor,
        base: base.open(),
        live: live.as_str().to_owned(),
        is_first: query.text("cursor").is_empty(),
        narrowed,
    }))
}

/// A browser's field for times has neither seconds nor zone; what it holds is taken as UTC.
fn moment(text: &str) -> String {
    match text.len() {
        16 => format!("{text}:00Z"),
        _ => text.to_owned(),
    }
}

/// What became of the event at one webhook.
struct Outcome {
    delivery: Delivery,
    name: String,
    url: String,
}

/// A webhook that it did not go to, and why.
struct Missed {
    id: String,
    name: String,
    summary: String,
}

#[derive(Template)]
#[template(path = "event.html")]
struct EventPage {
    shell: Shell,
    event: Event,
    pretty: String,
    is_cut: bool,
    previous: Option<String>,
    metadata: Option<String>,
    curl: String,
    outcomes: Vec<Outcome>,
    more_outcomes: bool,
    missed: Vec<Missed>,
    unexplained: usize,
    webhooks: Vec<Webhook>,
}

async fn story(desk: Desk, Named(id): Named<EventId>, query: Fields) -> Result<Response, Refusal> {
    let calls = &desk.calls;
    let event: Event = calls.get(&format!("/v1/events/{id}")).await?;
    let all: Rows<Webhook> = calls.get("/v1/webhooks?limit=250&conversations=true").await?;
    let names: HashMap<&str, &Webhook> =
        all.data.iter().map(|webhook| (webhook.id.as_str(), webhook)).collect();
    let found: Rows<Delivery> = calls.get(&format!("/v1/events/{id}/deliveries?limit={TOLD_MAX}")).await?;
    let more_outcomes = found.next_cursor.is_some();
    let mut outcomes = Vec::new();
    for listed in found.data {
        let delivery: Delivery = calls.get(&format!("/v1/deliveries/{}", listed.id)).await?;
        let webhook = names.get(delivery.webhook_id.as_str());
        let name = webhook.map_or("a webhook that was deleted", |webhook| webhook.called()).to_owned();
        let url = webhook.map(|webhook| webhook.url.clone()).unwrap_or_default();
        outcomes.push(Outcome { delivery, name, url });
    }
    let took = |webhook: &&Webhook| outcomes.iter().any(|outcome| outcome.delivery.webhook_id == webhook.id);
    let others: Vec<&Webhook> =
        all.data.iter().filter(|webhook| !took(webhook) && !webhook.conversations).collect();
    let mut missed = Vec::new();
    // Where not all deliveries are told, whoever is not among them may still have one.
    for webhook in others.iter().take(if more_outcomes { 0 } else { EXPLAINED_MAX }) {
        let asked = json!({ "event_id": event.id });
        let path = format!("/v1/webhooks/{}/explain", webhook.id);
        let answer: Explanation = calls.send(Method::POST, &path, &asked).await?;
        missed.push(Missed {
            id: webhook.id.clone(),
            name: webhook.called().to_owned(),
            summary: answer.summary,
        });
    }
    let raw = event.data.as_ref().map_or_else(String::new, |data| data.get().to_owned());
    let (pretty, is_cut) = pretty::indented(&raw);
    let indented = |raw: &Option<Box<serde_json::value::RawValue>>| {
        raw.as_ref().map(|raw| pretty::indented(raw.get()).0)
    };
    Ok(write::page(&EventPage {
        shell: desk.shell(Place::Events, &event.event_type).noting(notice(&query)),
        pretty,
        is_cut,
        previous: indented(&event.previous_data),
        metadata: indented(&event.metadata),
        curl: curl(&event, &raw),
        unexplained: others.len() - missed.len(),
        outcomes,
        more_outcomes,
        missed,
        event,
        webhooks: all.data.into_iter().filter(|webhook| !webhook.conversations).collect(),
    }))
}

/// The command that publishes the same again; none where the data is no JSON or too long for a command line.
fn curl(event: &Event, raw: &str) -> String {
    if raw.is_empty() || raw.len() > pretty::SHOWN_BYTES_MAX {
        return String::new();
    }
    let kind = Value::from(event.event_type.as_str());
    let body = format!("{{\"type\":{kind},\"data\":{raw}}}").replace('\'', "'\\''");
    format!(
        "curl -X POST \"$STENTOR_URL/v1/events\" \\\n  -H \"Authorization: Bearer $STENTOR_TOKEN\" \\\n  \
         -H 'Content-Type: application/json' \\\n  -d '{body}'"
    )
}

/// The exact bytes, as a file: no browser takes them for a page (reliability S20).
async fn data(desk: Desk, Named(id): Named<EventId>) -> Result<Response, Refusal> {
    let event: Event = desk.calls.get(&format!("/v1/events/{id}")).await?;
    let bytes = match (&event.data, &event.data_base64) {
        (Some(data), _) => data.get().as_bytes().to_vec(),
        (None, encoded) => pretty::decoded(encoded.as_deref().unwrap_or_default()),
    };
    let name = format!("attachment; filename=\"{id}.txt\"");
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name)];
    Ok((headers, bytes).into_response())
}

async fn replay(Named(id): Named<EventId>, Sent { desk, fields }: Sent) -> Result<Response, Refusal> {
    let webhook = fields.text("webhook");
    let body = if webhook.is_empty() { json!({}) } else { json!({ "webhook_id": webhook }) };
    desk.calls.act(Method::POST, &format!("/v1/events/{id}/replay"), Some(&body)).await?;
    Ok(to(&format!("/events/{id}?done=replayed")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_a_browser_is_a_time() {
        assert_eq!(moment("2026-01-02T03:04"), "2026-01-02T03:04:00Z");
        assert_eq!(
            (moment(""), moment("2026-01-02T03:04:05Z")),
            (String::new(), "2026-01-02T03:04:05Z".into())
        );
    }
}
