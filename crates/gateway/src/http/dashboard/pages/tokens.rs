//! Tokens of the tenant, and links that let a customer look at it for a while.

use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use http::Method;
use serde::Deserialize;
use serde_json::json;
use stentor_core::id::TokenId;
use stentor_core::time::Time;
use stentor_core::token::Scope;

use super::named::notice;
use crate::http::dashboard::desk::Desk;
use crate::http::dashboard::refusal::{Refusal, Told};
use crate::http::dashboard::sent::{Fields, Sent, to};
use crate::http::dashboard::shapes::Rows;
use crate::http::dashboard::shell::{Place, Shell};
use crate::http::dashboard::{Dashboard, write};
use crate::http::problem::Problem;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// Longest life of a token that a form can ask for, in days: ten years.
const DAYS_MAX: u64 = 3_650;
/// Longest life of what a link opens, in hours: thirty days.
const HOURS_MAX: u64 = 720;

pub(super) fn router() -> Router<Dashboard> {
    Router::new()
        .route("/tokens", get(list).post(create))
        .route("/tokens/link", post(link))
        .route("/tokens/revoke", post(revoke))
}

#[derive(Debug, Deserialize)]
struct Token {
    id: String,
    name: String,
    scopes: Vec<String>,
    created_at: Time,
    expires_at: Option<Time>,
}

#[derive(Debug, Deserialize)]
struct Created {
    token: String,
}

#[derive(Debug, Deserialize)]
struct Link {
    url: String,
}

/// What was made and is shown once.
#[derive(Default)]
struct Made {
    token: Option<String>,
    link: Option<String>,
    told: Option<Told>,
}

#[derive(Template)]
#[template(path = "tokens.html")]
struct TokensPage {
    shell: Shell,
    rows: Vec<Token>,
    made: Made,
    scopes: [&'static str; 3],
}

async fn list(desk: Desk, query: Fields) -> Result<Response, Refusal> {
    show(&desk, &query, Made::default()).await
}

async fn show(desk: &Desk, query: &Fields, made: Made) -> Result<Response, Refusal> {
    let found: Rows<Token> = desk.calls.get("/v1/tokens").await?;
    let shell = desk.shell(Place::Tokens, "Tokens").noting(notice(query));
    Ok(write::page(&TokensPage { shell, rows: found.data, made, scopes: Scope::ALL.map(Scope::as_str) }))
}

/// A number from a form that is not larger than it may be.
fn at_most(text: &str, most: u64) -> Option<u64> {
    text.parse::<u64>().ok().filter(|number| *number > 0).map(|number| number.min(most))
}

async fn create(Sent { desk, fields }: Sent) -> Result<Response, Refusal> {
    let scopes: Vec<&str> = fields.all("scope").collect();
    let mut body = json!({ "name": fields.text("name"), "scopes": scopes });
    if let Some(days) = at_most(fields.text("days"), DAYS_MAX) {
        let end = desk.app.engine().clock().now().plus(Duration::from_secs(days * DAY));
        body["expires_at"] = json!(end.to_string());
    }
    let made = match desk.calls.send::<Created>(Method::POST, "/v1/tokens", &body).await {
        Ok(created) => Made { token: Some(created.token), ..Made::default() },
        Err(refusal) => Made { told: Some(refusal.about_input()?), ..Made::default() },
    };
    show(&desk, &Fields::default(), made).await
}

async fn link(Sent { desk, fields }: Sent) -> Result<Response, Refusal> {
    let hours = at_most(fields.text("hours"), HOURS_MAX).unwrap_or(12);
    let scopes = if fields.is_on("manage") { json!(["read", "manage"]) } else { json!(["read"]) };
    let body = json!({ "scopes": scopes, "lasts": hours * HOUR });
    let made = match desk.calls.send::<Link>(Method::POST, "/v1/portal-links", &body).await {
        Ok(link) => Made { link: Some(link.url), ..Made::default() },
        Err(refusal) => Made { told: Some(refusal.about_input()?), ..Made::default() },
    };
    show(&desk, &Fields::default(), made).await
}

async fn revoke(Sent { desk, fields }: Sent) -> Result<Response, Refusal> {
    let token: TokenId = fields.text("token").parse().map_err(|_| Problem::not_found())?;
    desk.calls.act(Method::DELETE, &format!("/v1/tokens/{token}"), None).await?;
    Ok(to("/tokens?done=revoked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_are_bounded() {
        assert_eq!(at_most("7", 30), Some(7));
        assert_eq!(at_most("7000", 30), Some(30));
        assert_eq!(
            (at_most("0", 30), at_most("", 30), at_most("-1", 30), at_most("x", 30)),
            (None, None, None, None)
        );
    }
}
