//! Settings: what receivers see of this server, what the tenant may use, and for the operator the configuration in force.

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use stentor_core::time::Time;

use crate::http::dashboard::desk::Desk;
use crate::http::dashboard::refusal::Refusal;
use crate::http::dashboard::shell::{Place, Shell};
use crate::http::dashboard::{Dashboard, pretty, write};

pub(super) fn router() -> Router<Dashboard> {
    Router::new().route("/settings", get(settings))
}

#[derive(Debug, Deserialize)]
struct Egress {
    addresses: Vec<String>,
    user_agent: String,
}

#[derive(Debug, Deserialize)]
struct Usage {
    plan: String,
    features: Vec<String>,
    events: Used,
    backlog: Backlog,
}

#[derive(Debug, Deserialize)]
struct Used {
    used: u64,
    limit: Option<u64>,
    reset_at: Time,
}

#[derive(Debug, Deserialize)]
struct Backlog {
    used: Option<u64>,
    limit: Option<u64>,
}

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    shell: Shell,
    egress: Egress,
    usage: Usage,
    configuration: Option<String>,
}

impl SettingsPage {
    fn events(&self) -> String {
        used_of(self.usage.events.used, self.usage.events.limit)
    }

    fn pending(&self) -> Option<String> {
        self.usage.backlog.used.map(|used| used_of(used, self.usage.backlog.limit))
    }
}

fn used_of(used: u64, limit: Option<u64>) -> String {
    match limit {
        Some(limit) => format!("{} of {}", write::count(used), write::count(limit)),
        None => write::count(used),
    }
}

async fn settings(desk: Desk) -> Result<Response, Refusal> {
    let egress = desk.calls.get("/v1/egress").await?;
    let usage = desk.calls.get("/v1/usage").await?;
    let in_force = || pretty::indented(&desk.app.facts().configuration().to_string()).0;
    let configuration = desk.is_operator().then(in_force);
    let shell = desk.shell(Place::Settings, "Settings");
    Ok(write::page(&SettingsPage { shell, egress, usage, configuration }))
}
