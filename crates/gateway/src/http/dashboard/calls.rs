//! Calls of the API inside the process, with the session's token.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, StatusCode};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use stentor_core::id::TenantId;
use stentor_core::token::{Token, TokenOwner};
use tower::ServiceExt as _;

use super::refusal::Refusal;
use crate::http::extract::{ProvenToken, TENANT_HEADER};
use crate::http::problem::Problem;

/// The API as the holder of a token sees it.
#[derive(Clone)]
pub(super) struct Calls {
    api: Router,
    token: Arc<Token>,
    tenant: Option<TenantId>,
    /// The name that the reader uses for this server: answers that hold addresses hold that.
    host: Option<HeaderValue>,
}

impl Calls {
    /// Calls with this token, for the tenant that the operator chose or that a tenant's token belongs to.
    pub(super) fn new(
        api: Router,
        token: Arc<Token>,
        tenant: Option<TenantId>,
        host: Option<HeaderValue>,
    ) -> Self {
        Self { api, token, tenant, host }
    }

    /// Reads something.
    ///
    /// # Errors
    /// What the API refuses, or an answer of another shape than the page knows.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Refusal> {
        read(&self.answer(Method::GET, path, None).await?)
    }

    /// Does something and reads the answer.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<T, Refusal> {
        read(&self.answer(method, path, Some(body)).await?)
    }

    /// Does something whose answer says nothing more.
    ///
    /// # Errors
    /// What the API refuses.
    pub(super) async fn act(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(), Refusal> {
        self.answer(method, path, body).await.map(|_| ())
    }

    /// The answer as it is, for streams.
    pub(super) async fn pass(&self, mut request: Request) -> Response {
        let extensions = request.extensions_mut();
        extensions.insert(ProvenToken(Arc::clone(&self.token)));
        if self.token.owner == TokenOwner::Operator
            && let Some(tenant) = self.tenant
        {
            let value = HeaderValue::from_str(&tenant.to_string()).expect("an id is visible ASCII");
            request.headers_mut().insert(TENANT_HEADER, value);
        }
        if let Some(host) = &self.host {
            request.headers_mut().insert(HOST, host.clone());
        }
        match self.api.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    async fn answer(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Bytes, Refusal> {
        let request = Request::builder().method(method).uri(path);
        let request = match body {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        let request = request.map_err(|error| Problem::internal(&error))?;
        let (parts, body) = self.pass(request).await.into_parts();
        let body = body.collect().await.map_err(|error| Problem::internal(&error))?.to_bytes();
        if parts.status.is_success() {
            return Ok(body);
        }
        Err(Refusal::of_answer(parts.status, &body))
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    // No content is read as nothing.
    let body = if body.is_empty() { b"null" } else { body };
    serde_json::from_slice(body).map_err(|error| Problem::internal(&error).into())
}

/// A path of the API with a query; what has no value is left out.
#[derive(Debug)]
pub(super) struct Query(String);

impl Query {
    /// Begins with a path.
    pub(super) fn of(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    /// Adds a parameter, unless its value is empty.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        if value.is_empty() {
            return self;
        }
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        self.0.push_str(name);
        self.0.push('=');
        self.0.extend(url::form_urlencoded::byte_serialize(value.as_bytes()));
        self
    }

    /// The whole, ready for one more parameter.
    pub(super) fn open(&self) -> String {
        format!("{}{}", self.0, if self.0.contains('?') { '&' } else { '?' })
    }

    /// The whole.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Refusal {
    /// From an answer of the API that refuses.
    fn of_answer(status: StatusCode, body: &[u8]) -> Self {
        match serde_json::from_slice(body) {
            Ok(told) => Self::told(status, told),
            Err(error) => Problem::internal(&error).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_leave_their_parameter() {
        let query =
            Query::of("/v1/events").with("type", "a&limit=1#x").with("subject", "").with("cursor", "ü +");
        assert_eq!(query.as_str(), "/v1/events?type=a%26limit%3D1%23x&cursor=%C3%BC+%2B");
    }
}
