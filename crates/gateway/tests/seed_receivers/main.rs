//! The receivers that seeds 002, 003 and 004 print, run as programs of their own: they take what the real gateway delivers,
//! and those that verify refuse what is forged. `cargo xtask setup` installs what they need.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod broxi;
mod conversation;
mod delivering;
mod forging;
mod payloads;
mod resource;
