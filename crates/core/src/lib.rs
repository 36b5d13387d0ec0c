//! The pure domain of Stentor.
//!
//! Nothing here performs I/O, reads a clock or draws randomness: whatever depends on the outside takes it as an
//! argument. So every rule is a function that a test can call.

pub mod address;
pub mod allowance;
pub mod arrival;
pub mod attempt;
pub mod basic_auth;
pub mod batch;
pub mod catalogue;
pub mod cloudevents;
pub mod conversation;
pub mod credential;
pub mod delivery;
pub mod destination_url;
pub mod ecmascript;
pub mod envelope;
pub mod event;
pub mod event_type;
pub mod filter;
pub mod format;
pub mod header;
pub mod histogram;
pub mod id;
pub mod inbound;
pub mod json;
pub mod limits;
pub mod operational;
pub mod plan;
pub mod policy;
pub mod profile;
pub mod rate;
pub mod retry;
pub mod route;
pub mod sample;
pub mod schema;
pub mod shard;
pub mod signature;
pub mod source;
pub mod statistics;
pub mod tenant;
pub mod time;
pub mod token;
pub mod transform;
mod varint;
pub mod webhook;
