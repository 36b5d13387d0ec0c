//! From signals to an orderly end (reliability F17).

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use stentor_engine::clock::SystemClock;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use super::App;
use crate::config::Config;

/// Runs until a signal and stops in order. A second signal ends the process at once with code 1.
///
/// # Errors
/// When it cannot start.
pub async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::new().context("signals cannot be received")?;
    let app = tokio::select! {
        started = App::start(config, Arc::new(SystemClock)) => started?,
        () = signals.next() => return Ok(ExitCode::SUCCESS),
    };
    announce(&app, config).context("standard output")?;
    info!(address = %app.address(), version = env!("CARGO_PKG_VERSION"), "started");
    signals.next().await;
    info!("stopping; a second signal ends the process at once");
    tokio::select! {
        biased;
        () = app.shutdown() => Ok(ExitCode::SUCCESS),
        () = signals.next() => {
            warn!("ended by a second signal");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Says on standard output what people and programs wait for. Secrets go here and nowhere else.
fn announce(app: &App, config: &Config) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    if let Some(first_start) = app.first_start() {
        writeln!(out, "{first_start}")?;
        // Who listens everywhere is reached from here by loopback.
        let host = match app.address() {
            address if address.ip().is_unspecified() => format!("localhost:{}", address.port()),
            address => address.to_string(),
        };
        writeln!(
            out,
            "  dashboard       http://{host}{} (once, within a day)",
            first_start.sign_in.reveal()
        )?;
    }
    if config.dev {
        writeln!(out, "Development mode: plain http and receivers on loopback are allowed.")?;
    }
    writeln!(out, "Stentor listening on http://{}", app.address())?;
    out.flush()
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
