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
use stentor_store::sessions::NewSession;

use super::named::notice;
use crate::http::dashboard::desk::Desk;
use crate::http::dashboard::refusal::{Refusal, Told};
use crate::http::dashboard::sent::{Fields, Sent, to};
use crate::http::dashboard::session::new_secret;
use crate::http::dashboard::shapes::Rows;
use crate::http::dashboard::shell::{Place, Shell};
use crate::http::dashboard::{Dashboard, write};
use crate::http::problem::Problem;

/// How long a link waits to be used.
const LINK_LIFE: Duration = Duration::from_secs(24 * 3_600);
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
    id: String,
    token: String,
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
        body["expires_at"] = json!(ends_in(&desk, Duration::from_secs(days * DAY)).to_string());
    }
    let made = match desk.calls.send::<Created>(Method::POST, "/v1/tokens", &body).await {
        Ok(created) => Made { token: Some(created.token), ..Made::default() },
        Err(refusal) => Made { told: Some(refusal.about_input()?), ..Made::default() },
    };
    show(&desk, &Fields::default(), made).await
}

fn ends_in(desk: &Desk, life: Duration) -> Time {
    desk.app.engine().clock().now().plus(life)
}

/// A link opens a session of a token that nobody else has: it ends when the token does, and can be revoked like any other.
async fn link(Sent { desk, fields }: Sent) -> Result<Response, Refusal> {
    let hours = at_most(fields.text("hours"), HOURS_MAX).unwrap_or(12);
    let ends_at = ends_in(&desk, Duration::from_secs(hours * HOUR));
    let scopes = if fields.is_on("manage") { json!(["read", "manage"]) } else { json!(["read"]) };
    let body = json!({ "name": "portal link", "scopes": scopes, "expires_at": ends_at.to_string() });
    let made = match desk.calls.send::<Created>(Method::POST, "/v1/tokens", &body).await {
        Ok(created) => {
            let token: TokenId = created.id.parse().map_err(|_| Problem::internal(&"the API made no id"))?;
            Made { link: Some(new_link(&desk, token, ends_at).await?), ..Made::default() }
        }
        Err(refusal) => Made { told: Some(refusal.about_input()?), ..Made::default() },
    };
    show(&desk, &Fields::default(), made).await
}

async fn new_link(desk: &Desk, token: TokenId, ends_at: Time) -> Result<String, Refusal> {
    let (secret, created_at) = (new_secret(), desk.app.engine().clock().now());
    let expires_at = ends_at.min(created_at.plus(LINK_LIFE));
    let new = NewSession { secret: &secret, created_at, expires_at };
    desk.app.engine().store().create_link(token, new).await?;
    Ok(format!("{}/sign-in?code={secret}", desk.address()))
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
