//! Errors as clients see them: RFC 9457 `application/problem+json` with a stable `code`.

use std::fmt;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use stentor_core::event_type::Mismatch;
use stentor_core::token::Scope;
use stentor_engine::entropy;

use crate::http::rate_limit::{RateLimit, whole_seconds};

mod body;
mod code;
mod convert;
#[cfg(test)]
mod tests;

pub use body::{FieldError, ProblemBody};
pub use code::Code;

/// An error answer. Its texts never hold secrets or details of our inside.
#[derive(Clone)]
pub struct Problem(Box<Inner>);

#[derive(Clone)]
struct Inner {
    code: Code,
    body: ProblemBody,
    retry_after: Option<Duration>,
    rate_limit: Option<RateLimit>,
    close: bool,
}

impl Problem {
    /// An error of this kind; `detail` says what happened this time.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let body = ProblemBody {
            kind: format!("/docs/errors#{}", code.as_str()),
            title: code.title(),
            status: code.status().as_u16(),
            code: code.as_str(),
            detail: detail.into(),
            errors: Vec::new(),
            offset: None,
            scope: None,
            error_id: None,
            event_id: None,
        };
        Self(Box::new(Inner { code, body, retry_after: code.retry_after(), rate_limit: None, close: false }))
    }

    /// Nothing has this id, or it belongs to another tenant, or it is not an id at all: all three look the same.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "There is nothing with this id.")
    }

    /// A body that is JSON but breaks rules; one entry per rule.
    pub fn invalid_body(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] if only.pointer.is_empty() => only.detail.clone(),
            [only] => format!("{}: {}", only.pointer, only.detail),
            _ => format!("The body breaks {} rules; see errors.", errors.len()),
        };
        let mut problem = Self::new(Code::InvalidBody, detail);
        problem.0.body.errors = errors;
        problem
    }

    /// A body that breaks one rule.
    pub fn invalid_field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid_body(vec![FieldError::new(pointer, detail)])
    }

    /// The same with its pointers below another, for a body that was read as a part of a larger one.
    #[must_use]
    pub fn below(mut self, parent: &str) -> Self {
        for error in &mut self.0.body.errors {
            error.pointer.insert_str(0, parent);
        }
        if let [only] = self.0.body.errors.as_slice() {
            self.0.body.detail = format!("{}: {}", only.pointer, only.detail);
        }
        self
    }

    /// The same with the pointer `from` told as `to`, for a body that holds a part of what was checked.
    #[must_use]
    pub fn moved(mut self, from: &str, to: &str) -> Self {
        for error in &mut self.0.body.errors {
            if error.pointer == from {
                error.pointer = to.to_owned();
            }
        }
        if let [only] = self.0.body.errors.as_slice() {
            self.0.body.detail = format!("{}: {}", only.pointer, only.detail);
        }
        self
    }

    /// Data that does not fit the schema of its type.
    pub fn schema_mismatch(mismatches: Vec<Mismatch>) -> Self {
        let broken = mismatches.into_iter().map(|mismatch| FieldError::of_mismatch("/data", mismatch));
        let errors: Vec<FieldError> = broken.collect();
        let detail = match errors.as_slice() {
            [only] => format!("{}: {}", only.pointer, only.detail),
            _ => format!("The data does not fit in {} places; see errors.", errors.len()),
        };
        let mut problem = Self::new(Code::SchemaMismatch, detail);
        problem.0.body.errors = errors;
        problem
    }

    /// A query that breaks one rule.
    pub fn invalid_query(parameter: &str, detail: impl Into<String>) -> Self {
        let error = FieldError::new(format!("/{parameter}"), detail);
        let mut problem = Self::new(Code::InvalidQuery, format!("{parameter}: {}", error.detail));
        problem.0.body.errors = vec![error];
        problem
    }

    /// The token lacks this scope.
    pub fn insufficient_scope(scope: Scope) -> Self {
        let detail = format!("This needs a token with the scope {}.", scope.as_str());
        let mut problem = Self::new(Code::InsufficientScope, detail);
        problem.0.body.scope = Some(scope);
        problem
    }

    /// A fault of ours. The cause goes to the log only, under an id that the answer quotes.
    pub fn internal(cause: &dyn fmt::Display) -> Self {
        let problem =
            Self::new(Code::Internal, "Something failed on our side; the log has it under error_id.")
                .logged();
        tracing::error!(error_id = problem.error_id(), cause = %cause, "request failed");
        problem
    }

    /// Something that we depend on does not answer now. The cause goes to the log only; at `debug`, because the engine
    /// reports the outage itself once and every request of it would repeat it.
    pub fn unavailable(cause: &dyn fmt::Display) -> Self {
        let problem = Self::new(
            Code::Unavailable,
            "Nothing was stored, or it is not known to be; safe to repeat with the same idempotency key.",
        )
        .logged();
        tracing::debug!(error_id = problem.error_id(), cause = %cause, "request not served");
        problem
    }

    /// The exact reason as a stable word.
    #[must_use]
    pub fn with_reason(mut self, code: &'static str) -> Self {
        let error = FieldError::new("", self.0.body.detail.clone()).with_code(code);
        self.0.body.errors = vec![error];
        self
    }

    /// The byte at which the body goes wrong.
    #[must_use]
    pub fn with_offset(mut self, offset: usize) -> Self {
        self.0.body.offset = Some(offset);
        self
    }

    /// The event that the answer is about.
    #[must_use]
    pub fn with_event(mut self, event: impl fmt::Display) -> Self {
        self.0.body.event_id = Some(event.to_string());
        self
    }

    /// When to try again; sent as whole seconds, rounded up.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// The limit that was reached, for the headers `RateLimit-*`.
    #[must_use]
    pub fn with_rate_limit(mut self, limit: RateLimit) -> Self {
        self.0.rate_limit = Some(limit);
        self
    }

    /// Closes the connection after the answer, because what follows on it cannot be trusted.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.0.close = true;
        self
    }

    /// Its kind.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.0.code.status()
    }

    /// What happened this time.
    pub fn detail(&self) -> &str {
        &self.0.body.detail
    }

    /// Its body, for an answer that holds several.
    pub fn body(&self) -> &ProblemBody {
        &self.0.body
    }

    /// The broken rules that it lists.
    pub fn errors(&self) -> &[FieldError] {
        &self.0.body.errors
    }

    /// The byte at which the body goes wrong.
    pub fn offset(&self) -> Option<usize> {
        self.0.body.offset
    }

    fn logged(mut self) -> Self {
        self.0.body.error_id = Some(format!("err_{:016x}", entropy::bits()));
        self
    }

    fn error_id(&self) -> &str {
        self.0.body.error_id.as_deref().unwrap_or_default()
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Problem").field("code", &self.0.code).field("detail", &self.0.body.detail).finish()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Inner { code, body, retry_after, rate_limit, close } = *self.0;
        let bytes = serde_json::to_vec(&body).expect("strings and numbers serialise");
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = code.status();
        response.extensions_mut().insert(code);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(challenge) = code.challenge() {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(wait) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        if let Some(limit) = rate_limit {
            limit.write(headers);
        }
        if close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
