//! How a command ends when it does not end well.

use std::io::Write as _;
use std::process::ExitCode;

use crate::config::ConfigError;
use crate::logging::Escaped;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// It was called wrongly: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// The configuration is wrong: exit code 2.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The gateway refused: exit code 1. The text comes from it.
    #[error("{0}")]
    Refused(String),
    /// Something failed: exit code 1.
    #[error("{0:#}")]
    Failed(anyhow::Error),
    /// Whoever read our output stopped reading.
    #[error("standard output was closed")]
    OutputClosed,
}

impl From<anyhow::Error> for CliError {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            Self::OutputClosed
        } else {
            Self::Failed(error.into())
        }
    }
}

impl CliError {
    /// Says what went wrong on standard error and answers the exit code.
    pub(super) fn report(&self) -> ExitCode {
        if !matches!(self, Self::OutputClosed) {
            let text = self.to_string();
            let lines: Vec<String> = text.lines().map(|line| Escaped(line).to_string()).collect();
            // With standard error closed there is nobody left to tell.
            writeln!(anstream::stderr(), "error: {}", lines.join("\n  ")).ok();
        }
        match self {
            Self::Usage(_) | Self::Config(_) => ExitCode::from(2),
            Self::Refused(_) | Self::Failed(_) | Self::OutputClosed => ExitCode::FAILURE,
        }
    }
}
