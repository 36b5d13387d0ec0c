//! The binary `stentor`: configuration, command line, HTTP, and the wiring of it all.
//!
//! `cli → app → http → engine and store`. Only this crate reads arguments, the environment and files of configuration.

pub mod app;
pub mod cli;
pub mod config;
pub mod http;
pub mod logging;
