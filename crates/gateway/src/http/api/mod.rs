//! The API, one file per resource: DTOs, handlers, their documentation and tests.
//!
//! Each handler is extract → one call into the engine or the store → DTO. Every operation is registered through
//! `routes!`, so that path, method and documentation cannot drift apart.

use utoipa_axum::router::OpenApiRouter;

use crate::http::{AppState, openapi};

mod attempt;
pub mod broadcasts;
pub mod conversations;
pub mod deliveries;
pub mod egress;
pub mod event_types;
pub mod events;
mod explain;
mod filter;
pub mod health;
pub mod live;
pub mod replays;
pub mod requests;
pub mod routes;
pub mod sources;
pub mod statistics;
pub mod support;
pub mod tenants;
pub mod tokens;
pub mod usage;
pub mod webhooks;

/// All operations with their documentation.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(openapi::frame())
        .merge(events::router())
        .merge(live::router())
        .merge(requests::router())
        .merge(deliveries::router())
        .merge(webhooks::router())
        .merge(routes::router())
        .merge(explain::router())
        .merge(replays::router())
        .merge(egress::router())
        .merge(support::router())
        .merge(statistics::router())
        .merge(event_types::router())
        .merge(conversations::router())
        .merge(sources::router())
        .merge(broadcasts::router())
        .merge(usage::router())
        .merge(tenants::router())
        .merge(tokens::router())
        .merge(health::router())
}
