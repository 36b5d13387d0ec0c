//! Everything that Stentor keeps.
//!
//! [`Store`] is the sum of small traits, one per thing of the glossary. A backend implements them all; the engine composes
//! what is written, a backend only commits it. `conformance` holds the suite that every backend must pass unchanged.
//! This is the only crate that knows SQL.

mod abort;
pub mod answers;
mod arrivals;
pub mod broadcasts;
mod changes;
mod columns;
pub mod conformance;
pub mod conversations;
mod copy_file;
pub mod credentials;
pub mod deliveries;
pub mod error;
pub mod event_types;
pub mod events;
pub mod journal;
pub mod lanes;
pub mod maintenance;
pub mod nodes;
pub mod operational;
pub mod postgres;
pub mod replays;
pub mod requests;
pub mod routes;
pub mod seal;
mod secrets;
pub mod sessions;
pub mod sources;
pub mod sqlite;
pub mod statistics;
pub mod tenants;
mod tls;
pub mod tokens;
pub mod usage;
pub mod webhooks;

pub use answers::Answers;
pub use broadcasts::Broadcasts;
pub use conversations::Conversations;
pub use credentials::Credentials;
pub use deliveries::Deliveries;
pub use error::StoreError;
pub use event_types::EventTypes;
pub use events::Events;
pub use journal::Journal;
pub use lanes::Lanes;
pub use maintenance::Maintenance;
pub use nodes::Nodes;
pub use operational::Operational;
pub use replays::Replays;
pub use requests::Requests;
pub use routes::Routes;
pub use sessions::Sessions;
pub use sources::Sources;
pub use statistics::Statistics;
pub use tenants::Tenants;
pub use tokens::Tokens;
pub use usage::Usage;
pub use webhooks::Webhooks;

/// What the engine and the gateway need of a backend.
pub trait Store:
    Journal
    + Lanes
    + Events
    + Deliveries
    + Webhooks
    + Routes
    + Tenants
    + Tokens
    + Sessions
    + Usage
    + Replays
    + Operational
    + Statistics
    + Broadcasts
    + Maintenance
    + EventTypes
    + Conversations
    + Answers
    + Sources
    + Credentials
    + Requests
    + Nodes
{
}

impl<T> Store for T where
    T: Journal
        + Lanes
        + Events
        + Deliveries
        + Webhooks
        + Routes
        + Tenants
        + Tokens
        + Sessions
        + Usage
        + Replays
        + Operational
        + Statistics
        + Broadcasts
        + Maintenance
        + EventTypes
        + Conversations
        + Answers
        + Sources
        + Credentials
        + Requests
        + Nodes
{
}

/// One page of a list and where the next one starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, newest first.
    pub rows: Vec<T>,
    /// Whether rows follow the last one.
    pub more: bool,
}
