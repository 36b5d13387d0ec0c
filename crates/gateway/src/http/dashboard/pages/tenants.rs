//! Tenants, for the operator.

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use http::Method;
use serde::Deserialize;
use serde_json::json;
use stentor_core::time::Time;

use super::named::notice;
use crate::http::dashboard::calls::Query;
use crate::http::dashboard::desk::Desk;
use crate::http::dashboard::refusal::{Refusal, Told};
use crate::http::dashboard::sent::{Fields, Sent, to};
use crate::http::dashboard::shapes::Rows;
use crate::http::dashboard::shell::{Place, Shell};
use crate::http::dashboard::{Dashboard, write};

pub(super) fn router() -> Router<Dashboard> {
    Router::new().route("/tenants", get(list).post(create))
}

#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    name: String,
    plan: String,
    created_at: Time,
}

#[derive(Template)]
#[template(path = "tenants.html")]
struct TenantsPage {
    shell: Shell,
    rows: Vec<Row>,
    next: Option<String>,
    told: Option<Told>,
}

async fn list(desk: Desk, query: Fields) -> Result<Response, Refusal> {
    show(&desk, &query, None).await
}

async fn show(desk: &Desk, query: &Fields, told: Option<Told>) -> Result<Response, Refusal> {
    let call = Query::of("/v1/tenants").with("cursor", query.text("cursor"));
    let found: Rows<Row> = desk.calls.get(call.as_str()).await?;
    let shell = desk.shell(Place::Tenants, "Tenants").noting(notice(query));
    Ok(write::page(&TenantsPage { shell, rows: found.data, next: found.next_cursor, told }))
}

async fn create(Sent { desk, fields }: Sent) -> Result<Response, Refusal> {
    let mut body = json!({ "name": fields.text("name") });
    if !fields.text("plan").is_empty() {
        body["plan"] = json!(fields.text("plan"));
    }
    match desk.calls.act(Method::POST, "/v1/tenants", Some(&body)).await {
        Ok(()) => Ok(to("/tenants?done=saved")),
        Err(refusal) => show(&desk, &Fields::default(), Some(refusal.about_input()?)).await,
    }
}
