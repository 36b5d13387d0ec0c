//! What a handler asks of a request. Each extractor answers with a [`Problem`](crate::http::problem::Problem) of its own.
//!
//! Order matters: who asks ([`TenantAuth`], [`OperatorAuth`]) stands first in a handler's arguments, so that it is decided
//! before the path and the query are read; the body ([`JsonBody`]) comes last and is read last.

mod auth;
mod body_budget;
mod id;
mod idempotency;
mod json_body;
mod merge_patch;
mod object;
mod page;
pub(crate) mod pointer;
mod query;
mod seconds;

pub(super) use auth::authenticate;
pub use auth::{CanManage, CanPublish, CanRead, DemandedScope, OperatorAuth, TENANT_HEADER, TenantAuth};
pub use body_budget::{BodyBudget, ReadBody};
pub use id::Id;
pub use idempotency::{IDEMPOTENCY_HEADER, IdempotencyKey, idempotency_header};
pub use json_body::{JsonBody, parse_json, parse_value, read_body, read_json};
pub use merge_patch::{AsWritten, MergePatch, merge};
pub use object::{object, objects, optional_object};
pub use page::{Cursor, CursorId, Limit, List};
pub use query::Query;
pub use seconds::Seconds;

/// Largest body of a request that changes configuration, in bytes.
pub const CONFIG_BODY_BYTES_MAX: usize = 256 * 1024;

/// A JSON body of a request that changes configuration.
pub type ConfigBody<T> = JsonBody<T, CONFIG_BODY_BYTES_MAX>;
