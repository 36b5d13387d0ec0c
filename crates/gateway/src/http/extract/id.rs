//! Ids in paths.

use axum::RequestPartsExt;
use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::http::problem::Problem;

/// An id in the path, or a tuple of them in the order of the path. One that is malformed, or of another kind, answers
/// exactly as one that is unknown.
#[derive(Debug, Clone, Copy)]
pub struct Id<T>(pub T);

impl<T: DeserializeOwned + Send + 'static, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let Path(id) = parts.extract::<Path<T>>().await.map_err(|_| Problem::not_found())?;
        Ok(Self(id))
    }
}
