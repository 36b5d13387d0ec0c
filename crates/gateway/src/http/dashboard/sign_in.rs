//! Signing in, by a token or by a link that works once; signing out; the reader's choices.
//!
//! A link only shows a page with a button: what opens links in advance does not use them up.

use askama::Template;
use axum::Router;
use axum::extract::{FromRequest as _, Query as UrlQuery, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use http::HeaderValue;
use http::header::SET_COOKIE;
use http::request::Parts;
use serde::Deserialize;
use stentor_core::id::TenantId;
use stentor_core::token::Scope;

use super::calls::Query;
use super::cookies::{self, SessionCookie};
use super::desk::TENANT_COOKIE;
use super::refusal::{Refusal, Told};
use super::sent::{Fields, Sent, foreign, own_path, to};
use super::session::{self, Session};
use super::shell::Theme;
use super::{Dashboard, assets, origin, write};
use crate::http::extract::{live_token, note_wrong_token};
use crate::http::problem::{Code, Problem};
use crate::http::{AppState, sign_in_links};

pub(super) fn router() -> Router<Dashboard> {
    Router::new()
        .route("/sign-in", get(show).post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/tenant", post(choose_tenant))
        .route("/theme", post(choose_theme))
}

/// Where to sign in and go on with another path.
pub(super) fn path(next: &str) -> String {
    Query::of("/sign-in").with("next", if next == "/" { "" } else { next }).as_str().to_owned()
}

#[derive(Debug, Default, Deserialize)]
struct SignInQuery {
    #[serde(default)]
    next: String,
    #[serde(default)]
    code: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    next: String,
    code: String,
    told: Option<Told>,
    style: String,
    icon: String,
}

impl SignInPage {
    fn new(query: SignInQuery, told: Option<Told>) -> Self {
        let (style, icon) = (assets::STYLE.path(), assets::ICON.path());
        Self { next: own_path(&query.next), code: query.code, told, style, icon }
    }
}

async fn show(
    State(dashboard): State<Dashboard>,
    UrlQuery(query): UrlQuery<SignInQuery>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, _) = request.into_parts();
    if query.code.is_empty() && Session::of(&parts, &dashboard.app).await?.is_some() {
        return Ok(to(&query.next));
    }
    Ok(write::page(&SignInPage::new(query, None)))
}

async fn sign_in(State(dashboard): State<Dashboard>, request: Request) -> Result<Response, Refusal> {
    let app = &dashboard.app;
    if !origin::is_own(request.headers()) {
        return Err(foreign().into());
    }
    let (parts, body) = request.into_parts();
    let fields = Fields::read(Request::from_parts(parts.clone(), body), app).await?;
    let next = fields.text("next").to_owned();
    match open(app, &parts, &fields).await {
        Ok(cookie) => Ok(([(SET_COOKIE, cookie)], Redirect::to(&own_path(&next))).into_response()),
        Err(problem) if problem.status().is_client_error() => {
            let Refusal::Told(told) = problem.into() else { unreachable!("a problem is told") };
            let status = told.status;
            let page = SignInPage::new(SignInQuery { next, code: String::new() }, Some(*told));
            Ok((status, write::page(&page)).into_response())
        }
        Err(problem) => Err(problem.into()),
    }
}

/// Opens a session and gives its cookie. What the request carried before is never taken over (reliability S21).
async fn open(app: &AppState, parts: &Parts, fields: &Fields) -> Result<HeaderValue, Problem> {
    let sender = session::sender(parts, app);
    if !sender.is_confidential {
        let detail =
            "Nobody is signed in over plain http from another machine: the token could be read on the way.";
        return Err(Problem::new(Code::HttpsRequired, detail));
    }
    let (engine, peer) = (app.engine(), session::peer(parts));
    let (secret, now) = (sign_in_links::new_secret(), engine.clock().now());
    let opening = session::beginning(&secret, now);
    let code = fields.text("code");
    if code.is_empty() {
        let token = live_token(fields.text("token"), peer, app).await?;
        if !token.scopes.contains(Scope::Read) {
            return Err(Problem::insufficient_scope(Scope::Read));
        }
        engine.store().open_session(token.id, opening).await?;
    } else if !engine.store().redeem_link(code, opening).await? {
        note_wrong_token(peer, app);
        let detail = "The link was used before, has expired or never was one. Sign in with a token.";
        return Err(Problem::new(Code::InvalidToken, detail));
    }
    if let Some(before) = session::carried(sender, &parts.headers) {
        engine.store().end_session(before).await?;
    }
    Ok(SessionCookie::of(sender).set(&secret))
}

async fn sign_out(State(dashboard): State<Dashboard>, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let sender = session::sender(&parts, &dashboard.app);
    let carried = session::carried(sender, &parts.headers).map(str::to_owned);
    Sent::from_request(Request::from_parts(parts, body), &dashboard).await?;
    if let Some(secret) = carried {
        dashboard.app.engine().store().end_session(&secret).await?;
    }
    Ok(([(SET_COOKIE, SessionCookie::of(sender).clear())], Redirect::to("/sign-in")).into_response())
}

async fn choose_tenant(Sent { desk, fields }: Sent) -> Result<Response, Refusal> {
    let id: TenantId = fields.text("tenant").parse().map_err(|_| Problem::not_found())?;
    if !desk.is_operator() {
        return Err(Problem::new(Code::OperatorRequired, "Only the operator chooses a tenant.").into());
    }
    let cookie = cookies::choice(TENANT_COOKIE, &id.to_string());
    Ok(([(SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}

async fn choose_theme(Sent { fields, .. }: Sent) -> Response {
    let theme = Theme::of(Some(fields.text("theme")));
    let cookie = cookies::choice(Theme::COOKIE, theme.word());
    ([(SET_COOKIE, cookie)], Redirect::to(&own_path(fields.text("next")))).into_response()
}
