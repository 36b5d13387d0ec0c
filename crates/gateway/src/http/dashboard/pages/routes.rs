//! Routes: ordered rules that send events to named webhooks. Their order can be changed and an event be tried.

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use stentor_core::id::RouteId;

use super::named::notice;
use crate::http::dashboard::desk::Desk;
use crate::http::dashboard::refusal::{Refusal, Told};
use crate::http::dashboard::sent::{Fields, Sent, to};
use crate::http::dashboard::shapes::{Rows, Webhook};
use crate::http::dashboard::shell::{Place, Shell};
use crate::http::dashboard::status::Status;
use crate::http::dashboard::{Dashboard, pretty, write};
use crate::http::problem::Problem;

pub(super) fn router() -> Router<Dashboard> {
    Router::new()
        .route("/routes", get(list).post(create))
        .route("/routes/move", post(shift))
        .route("/routes/delete", post(delete))
        .route("/routes/try", post(explain))
}

#[derive(Debug, Deserialize)]
struct Route {
    id: String,
    name: Option<String>,
    active: bool,
    #[serde(rename = "match")]
    matched: Matching,
    webhooks: Vec<String>,
    #[serde(rename = "continue")]
    goes_on: bool,
    #[serde(rename = "default")]
    is_default: bool,
    warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Matching {
    events: Vec<String>,
    filters: Option<Value>,
    conditions: Option<Value>,
}

/// What became of an event that was tried.
#[derive(Debug, Deserialize)]
struct Tried {
    event_type: String,
    routes: Vec<Step>,
    webhooks: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Step {
    route_id: String,
    name: Option<String>,
    outcome: String,
}

impl Route {
    fn called(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }

    fn status(&self) -> Status {
        Status::of_active(self.active)
    }

    fn filter(&self) -> Option<String> {
        let parts: Vec<&Value> =
            [&self.matched.filters, &self.matched.conditions].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.iter().map(|part| pretty::indented(&part.to_string()).0).collect())
    }
}

impl Step {
    fn called(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.route_id)
    }
}

#[derive(Template)]
#[template(path = "routes.html")]
struct RoutesPage {
    shell: Shell,
    rows: Vec<Route>,
    webhooks: Vec<Webhook>,
    tried: Option<Tried>,
    told: Option<Told>,
}

impl RoutesPage {
    /// What a webhook is called.
    fn name_of<'a>(&'a self, id: &'a str) -> &'a str {
        self.webhooks.iter().find(|webhook| webhook.id == id).map_or(id, Webhook::called)
    }
}

async fn list(desk: Desk, query: Fields) -> Result<Response, Refusal> {
    show(&desk, &query, None, None).await
}

async fn show(
    desk: &Desk,
    query: &Fields,
    tried: Option<Tried>,
    told: Option<Told>,
) -> Result<Response, Refusal> {
    let found: Rows<Route> = desk.calls.get("/v1/routes").await?;
    let webhooks: Rows<Webhook> = desk.calls.get("/v1/webhooks?limit=250").await?;
    let shell = desk.shell(Place::Routes, "Routes").noting(notice(query));
    Ok(write::page(&RoutesPage { shell, rows: found.data, webhooks: webhooks.data, tried, told }))
}

async fn create(Sent { desk, fields }: Sent) -> Result<Response, Refusal> {
    let words = fields.text("events").split([',', ' ', '\n']).map(str::trim).filter(|word| !word.is_empty());
    let events: Vec<&str> = words.collect();
    let webhooks: Vec<&str> = fields.all("webhook").collect();
    let mut body =
        json!({ "match": { "events": events }, "webhooks": webhooks, "continue": fields.is_on("continue") });
    if !fields.text("name").is_empty() {
        body["name"] = json!(fields.text("name"));
    }
    done(&desk, desk.calls.act(Method::POST, "/v1/routes", Some(&body)).await, "saved").await
}

async fn done(desk: &Desk, answer: Result<(), Refusal>, word: &str) -> Result<Response, Refusal> {
    match answer {
        Ok(()) => Ok(to(&format!("/routes?done={word}"))),
        Err(refusal) => show(desk, &Fields::default(), None, Some(refusal.about_input()?)).await,
    }
}

/// Moves a route one place towards the front or the end.
async fn shift(Sent { desk, fields }: Sent) -> Result<Response, Refusal> {
    let found: Rows<Route> = desk.calls.get("/v1/routes").await?;
    let mut ids: Vec<String> = found.data.into_iter().map(|route| route.id).collect();
    let at = ids.iter().position(|id| id == fields.text("route")).ok_or_else(Problem::not_found)?;
    let other = if fields.text("to") == "front" { at.checked_sub(1) } else { Some(at + 1) };
    if let Some(other) = other.filter(|other| *other < ids.len()) {
        ids.swap(at, other);
    }
    let body = json!({ "routes": ids });
    done(&desk, desk.calls.act(Method::PUT, "/v1/routes/order", Some(&body)).await, "saved").await
}

async fn delete(Sent { desk, fields }: Sent) -> Result<Response, Refusal> {
    let id: RouteId = fields.text("route").parse().map_err(|_| Problem::not_found())?;
    done(&desk, desk.calls.act(Method::DELETE, &format!("/v1/routes/{id}"), None).await, "deleted").await
}

async fn explain(Sent { desk, fields }: Sent) -> Result<Response, Refusal> {
    let body = json!({ "event_id": fields.text("event") });
    match desk.calls.send::<Tried>(Method::POST, "/v1/routes/explain", &body).await {
        Ok(tried) => show(&desk, &Fields::default(), Some(tried), None).await,
        Err(refusal) => show(&desk, &Fields::default(), None, Some(refusal.about_input()?)).await,
    }
}
