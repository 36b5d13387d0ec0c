//! What the path of a page names.

use std::str::FromStr;

use axum::RequestPartsExt;
use axum::extract::{FromRequestParts, Path};
use http::request::Parts;

use crate::http::dashboard::refusal::Refusal;
use crate::http::dashboard::sent::Fields;
use crate::http::problem::Problem;

/// The one thing that a path names. What is no name of such a thing is answered as one that is unknown.
pub(super) struct Named<T>(pub(super) T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        let Path(text) = parts.extract::<Path<String>>().await.map_err(|_| Problem::not_found())?;
        Ok(Self(text.parse().map_err(|_| Problem::not_found())?))
    }
}

/// The query of a page: what it does not know, it does not read.
impl<S: Send + Sync> FromRequestParts<S> for Fields {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of_query(parts.uri.query().unwrap_or_default()))
    }
}

/// What a page says after something was done; `done` in the query names it.
pub(super) fn notice(query: &Fields) -> Option<&'static str> {
    Some(match query.text("done") {
        "retried" => "The delivery is tried again now.",
        "cancelled" => "The delivery is cancelled.",
        "replayed" => "New deliveries were made of the event.",
        "all-retried" => "The deliveries are tried again now.",
        "paused" => "The webhook is paused. What comes for it waits.",
        "resumed" => "The webhook delivers again.",
        "saved" => "Saved.",
        "deleted" => "Deleted.",
        "revoked" => "Revoked. It stopped working at once.",
        _ => return None,
    })
}
