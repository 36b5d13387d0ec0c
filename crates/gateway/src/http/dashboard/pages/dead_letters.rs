//! Dead letters: deliveries that were given up, to be tried again one by one or together.

use std::collections::HashMap;

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use http::Method;

use super::named::notice;
use crate::http::dashboard::calls::Query;
use crate::http::dashboard::desk::Desk;
use crate::http::dashboard::refusal::Refusal;
use crate::http::dashboard::sent::{Fields, Sent, to};
use crate::http::dashboard::shapes::{Delivery, Rows, Webhook};
use crate::http::dashboard::shell::{Place, Shell};
use crate::http::dashboard::{Dashboard, write};

pub(super) fn router() -> Router<Dashboard> {
    Router::new().route("/dead-letters", get(list)).route("/dead-letters/retry", post(retry))
}

/// A row: the delivery, and what its webhook is called.
struct Letter {
    delivery: Delivery,
    name: String,
}

#[derive(Template)]
#[template(path = "dead_letters.html")]
struct DeadLettersPage {
    shell: Shell,
    rows: Vec<Letter>,
    next: Option<String>,
    base: String,
    webhook: String,
    webhooks: Vec<Webhook>,
}

async fn list(desk: Desk, query: Fields) -> Result<Response, Refusal> {
    let webhook = query.text("webhook");
    let call = Query::of("/v1/deliveries?status=dead&limit=100").with("webhook_id", webhook);
    let call = call.with("cursor", query.text("cursor"));
    let found: Rows<Delivery> = desk.calls.get(call.as_str()).await?;
    let webhooks: Rows<Webhook> = desk.calls.get("/v1/webhooks?limit=250&conversations=true").await?;
    let names: HashMap<&str, &str> =
        webhooks.data.iter().map(|webhook| (webhook.id.as_str(), webhook.called())).collect();
    let letter = |delivery: Delivery| {
        let name = names.get(delivery.webhook_id.as_str()).copied().unwrap_or("a webhook that was deleted");
        Letter { name: name.to_owned(), delivery }
    };
    Ok(write::page(&DeadLettersPage {
        shell: desk.shell(Place::DeadLetters, "Dead letters").noting(notice(&query)),
        rows: found.data.into_iter().map(letter).collect(),
        next: found.next_cursor,
        base: Query::of("/dead-letters").with("webhook", webhook).open(),
        webhook: webhook.to_owned(),
        webhooks: webhooks.data,
    }))
}

/// Tries again what was ticked: at most what a page holds. Each is a call of its own, so that one that cannot be retried any more
/// leaves the others alone.
async fn retry(Sent { desk, fields }: Sent) -> Result<Response, Refusal> {
    let ids: Vec<stentor_core::id::DeliveryId> =
        fields.all("id").filter_map(|id| id.parse().ok()).take(250).collect();
    for id in ids {
        match desk.calls.act(Method::POST, &format!("/v1/deliveries/{id}/retry"), None).await {
            Ok(()) => {}
            Err(refusal) => {
                refusal.about_input()?;
            }
        }
    }
    Ok(to("/dead-letters?done=all-retried"))
}
