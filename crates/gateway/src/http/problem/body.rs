//! The body of an error answer, as it is written.

use serde::Serialize;
use stentor_core::event_type::Mismatch;
use stentor_core::token::Scope;
use utoipa::ToSchema;

/// Where a body breaks a rule, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON Pointer (RFC 6901) into the request body; for a query, `/` and the parameter's name.
    #[schema(example = "/retry_policy/max_retries")]
    pub pointer: String,
    /// What is wrong and what is expected.
    #[schema(example = "must be between 0 and 49")]
    pub detail: String,
    /// Stable word for the rule, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
}

impl FieldError {
    /// A broken rule without a word of its own.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into(), code: None }
    }

    /// Where data below `pointer` does not fit its schema.
    pub fn of_mismatch(pointer: &str, mismatch: Mismatch) -> Self {
        Self::new(format!("{pointer}{}", mismatch.pointer), mismatch.detail)
    }

    /// The same with a stable word for the rule.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }
}

/// The body of every error answer (RFC 9457).
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Where the error is explained, relative to this server.
    #[serde(rename = "type")]
    #[schema(example = "/docs/errors#invalid_body")]
    pub(super) kind: String,
    /// The error in a few words, always the same for a code.
    pub(super) title: &'static str,
    /// The HTTP status.
    #[schema(example = 422)]
    pub(super) status: u16,
    /// Stable word for programs.
    #[schema(example = "invalid_body")]
    pub(super) code: &'static str,
    /// What happened this time and what to do.
    pub(super) detail: String,
    /// Each broken rule, for `invalid_body`, `invalid_query` and `schema_mismatch`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(super) errors: Vec<FieldError>,
    /// Byte offset in the body, for `invalid_json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) offset: Option<usize>,
    /// The scope that is missing, for `insufficient_scope`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(super) scope: Option<Scope>,
    /// Names the entry in the server's log, for errors of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error_id: Option<String>,
    /// The first event, for `idempotency_key_reused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event_id: Option<String>,
}
