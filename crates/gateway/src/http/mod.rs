//! Everything that speaks HTTP to the outside: the accept loop, the API, its documentation and the metrics.
//!
//! A request goes `server` (connection, framing, deadlines) → router → extractors (who asks, for which tenant, what) →
//! handler (one call into the engine or the store) → DTO or [`problem::Problem`]. No rule of the domain lives here.

pub mod api;
pub mod docs;
mod event_stream;
pub mod extract;
mod facts;
mod guesses;
mod ingest;
pub mod metrics;
pub mod openapi;
mod peer;
pub mod problem;
mod rate_limit;
mod repeats;
pub mod server;
mod state;
mod surface;

pub use facts::Facts;
pub use state::{AppState, DEFAULT_TENANT, HttpOptions};
pub use surface::Surface;

#[cfg(test)]
pub(crate) mod test_app;
#[cfg(test)]
mod tests;
