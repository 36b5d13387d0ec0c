//! A delivery: what was tried, what the receiver said, what comes next.

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use http::Method;
use serde::Deserialize;
use serde_json::json;
use stentor_core::id::DeliveryId;

use super::named::{Named, notice};
use crate::http::dashboard::desk::Desk;
use crate::http::dashboard::refusal::Refusal;
use crate::http::dashboard::sent::{Fields, Sent, own_path, to};
use crate::http::dashboard::shapes::{Delivery, Webhook};
use crate::http::dashboard::shell::{Place, Shell};
use crate::http::dashboard::{Dashboard, pretty, write};

pub(super) fn router() -> Router<Dashboard> {
    Router::new()
        .route("/deliveries/{id}", get(delivery))
        .route("/deliveries/{id}/retry", post(retry))
        .route("/deliveries/{id}/cancel", post(cancel))
}

/// What the API shows in the place of a signature or a secret.
const MASKED: &str = "…";

/// The request as it would be sent now.
#[derive(Debug, Deserialize)]
struct Request {
    headers: serde_json::Map<String, serde_json::Value>,
    body: Option<String>,
}

#[derive(Template)]
#[template(path = "delivery.html")]
struct DeliveryPage {
    shell: Shell,
    delivery: Delivery,
    webhook: Option<Webhook>,
    request: Option<Request>,
    curl: String,
}

impl DeliveryPage {
    /// What a receiver said, as it is best read.
    fn answer(&self, body: &str) -> String {
        pretty::readable(body)
    }
}

async fn delivery(desk: Desk, Named(id): Named<DeliveryId>, query: Fields) -> Result<Response, Refusal> {
    let calls = &desk.calls;
    let delivery: Delivery = calls.get(&format!("/v1/deliveries/{id}")).await?;
    // It may be deleted, and its template may refuse the event: the page tells what there is.
    let path = format!("/v1/webhooks/{}", delivery.webhook_id);
    let webhook: Option<Webhook> = calls.get(&path).await.ok();
    let asked = json!({ "event_id": delivery.event_id });
    let request: Option<Request> = match &webhook {
        Some(_) => calls.send(Method::POST, &format!("{path}/preview"), &asked).await.ok(),
        None => None,
    };
    let curl = match (&webhook, &request) {
        (Some(webhook), Some(request)) => curl(&webhook.url, request),
        _ => String::new(),
    };
    let shell = desk.shell(Place::Events, "Delivery").noting(notice(&query));
    Ok(write::page(&DeliveryPage { shell, delivery, webhook, request, curl }))
}

/// The command that sends the same request; none for bodies that are no text or too long for a command line.
fn curl(url: &str, request: &Request) -> String {
    let Some(body) = request.body.as_deref().filter(|body| body.len() <= pretty::SHOWN_BYTES_MAX) else {
        return String::new();
    };
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let headers = request
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_str()?)).filter(|(_, value)| *value != MASKED));
    let headers = headers.map(|(name, value)| format!(" \\\n  -H {}", quoted(&format!("{name}: {value}"))));
    format!(
        "curl -X POST {}{} \\\n  --data-binary {}",
        quoted(url),
        headers.collect::<String>(),
        quoted(body)
    )
}

async fn retry(Named(id): Named<DeliveryId>, sent: Sent) -> Result<Response, Refusal> {
    act(&id, "retry", "retried", &sent).await
}

async fn cancel(Named(id): Named<DeliveryId>, sent: Sent) -> Result<Response, Refusal> {
    act(&id, "cancel", "cancelled", &sent).await
}

async fn act(id: &DeliveryId, what: &str, done: &str, sent: &Sent) -> Result<Response, Refusal> {
    sent.desk.calls.act(Method::POST, &format!("/v1/deliveries/{id}/{what}"), None).await?;
    let next = sent.fields.text("next");
    let next = if next.is_empty() { format!("/deliveries/{id}") } else { own_path(next) };
    Ok(to(&format!("{next}?done={done}")))
}
