//! `stentor-bench` holds the gateway against a bare forwarder on the same machine in the same run.
//!
//! The processes: `load` publishes, the subject (gateway or `forwarder`) delivers, `receiver` counts.
//! `run` starts them, lets forwarder and gateway take turns, and prints medians as ratios. Everything is
//! one binary in several roles; the roles are raw TCP where they must not cost the subject its cores.
#![expect(clippy::disallowed_methods, reason = "a bench measures real time; there is no clock to inject")]

mod api;
mod cli;
mod control;
mod forwarder;
mod framing;
mod gateway;
mod lab;
mod ledger;
mod load;
mod payload;
mod percentiles;
mod processes;
mod receiver;
mod report;
mod scenario;
mod stage;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Arguments, Role};

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    processes::raise_open_files()?;
    match arguments.role.unwrap_or(Role::Run(arguments.run)) {
        Role::Run(options) => scenario::run(&options),
        Role::Receiver(options) => receiver::run(&options).map(|()| ExitCode::SUCCESS),
        Role::Forwarder(options) => forwarder::run(&options).map(|()| ExitCode::SUCCESS),
        Role::Load(options) => load::run(options).map(|()| ExitCode::SUCCESS),
    }
}
