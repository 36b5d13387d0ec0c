//! What a page answers when it cannot do what it was asked.

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderMap;
use http::StatusCode;
use http::header::ACCEPT;
use serde::Deserialize;
use stentor_store::StoreError;

use super::{assets, secured, write};
use crate::http::problem::{Code, Problem};

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Nobody is signed in; the path is where to go on afterwards.
    SignedOut(String),
    /// A program asks for a page without being signed in: it likely misses the API's prefix.
    NoPage(Problem),
    /// The API refused, or we failed.
    Told(Box<Told>),
}

/// What went wrong, in the API's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) status: StatusCode,
    pub(super) said: Said,
}

/// The members of a problem that pages show.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Said {
    pub(super) title: String,
    pub(super) code: String,
    pub(super) detail: String,
    #[serde(default)]
    pub(super) errors: Vec<FieldSaid>,
    #[serde(default)]
    pub(super) error_id: Option<String>,
}

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct FieldSaid {
    pub(super) pointer: String,
    pub(super) detail: String,
}

impl Refusal {
    /// Nobody is signed in; afterwards a browser goes on at the path.
    pub(super) fn signed_out(headers: &HeaderMap, next: String) -> Self {
        if wants_page(headers) {
            return Self::SignedOut(next);
        }
        let detail =
            "Here are only pages for people who are signed in; the API is below /v1, /docs lists it.";
        Self::NoPage(Problem::new(Code::NotFound, detail))
    }

    /// What the API said.
    pub(super) fn told(status: StatusCode, said: Said) -> Self {
        Self::Told(Box::new(Told { status, said }))
    }

    /// The same if it is about what was given, for a form that shows it beside its fields.
    ///
    /// # Errors
    /// The refusal itself, when it is about something else.
    pub(super) fn about_input(self) -> Result<Told, Self> {
        match self {
            Self::Told(told) if told.status.is_client_error() && told.said.code != "not_found" => Ok(*told),
            other => Err(other),
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let body = serde_json::to_value(problem.body()).expect("a problem is JSON");
        let said = serde_json::from_value(body).expect("a problem has all that is read of it");
        Self::told(problem.status(), said)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::NoPage(problem) => problem.into_response(),
            Self::SignedOut(next) => Redirect::to(&super::sign_in::path(&next)).into_response(),
            Self::Told(told) => {
                let page = ErrorPage::new(&told);
                (told.status, write::page(&page)).into_response()
            }
        }
    }
}

/// Says what happened, why, and what to do.
#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    status: u16,
    said: &'a Said,
    advice: Option<&'static str>,
    style: String,
    icon: String,
}

impl<'a> ErrorPage<'a> {
    fn new(told: &'a Told) -> Self {
        let advice = Code::ALL.iter().find(|code| code.as_str() == told.said.code).map(|code| code.advice());
        let (style, icon) = (assets::STYLE.path(), assets::ICON.path());
        Self { status: told.status.as_u16(), said: &told.said, advice, style, icon }
    }
}

/// Whether a browser asks for something to show.
fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

/// A problem as whoever asked reads it: as a page for browsers, as JSON for others.
pub async fn told(headers: &HeaderMap, problem: Problem) -> Response {
    match wants_page(headers) {
        true => secured::headers(Refusal::from(problem).into_response()).await,
        false => problem.into_response(),
    }
}
