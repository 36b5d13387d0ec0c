//! The running machine of Stentor.
//!
//! An event goes one way: `accept` builds it and its deliveries, the `journal` commits them and hands the deliveries to
//! their `shard`, whose lanes decide when an attempt starts; the `sender` performs it and the outcome goes back through the
//! journal. [`Engine`] is the handle that the gateway holds.

pub mod accept;
pub mod attention;
pub mod auth;
pub mod broadcast;
pub mod clock;
pub mod commands;
pub mod conversations;
pub mod destination;
pub mod diagnose;
pub mod directory;
pub mod engine;
pub mod entropy;
pub mod event_types;
pub mod explain;
pub mod feed;
pub mod ingest;
pub mod journal;
pub mod lease;
pub mod limits;
pub mod mailbox;
pub mod maintenance;
pub mod metrics;
mod operational;
pub mod outbound;
pub mod permits;
mod places;
pub mod receptions;
pub mod replay;
pub mod requests;
pub mod routes;
pub mod sender;
pub mod shard;
pub mod sources;
mod starts;
pub mod statistics;
pub mod support;
pub mod tenants;
pub mod usage;
pub mod webhooks;

pub use engine::{Engine, EngineOptions, StartError};
