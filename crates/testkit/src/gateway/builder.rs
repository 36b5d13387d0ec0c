//! How a gateway is started.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, RwLock};

use super::{Gateway, OPERATOR_TOKEN};
use crate::process::Process;

/// How a gateway is started.
#[derive(Debug, Clone)]
pub struct GatewayBuilder {
    pub(super) binary: PathBuf,
    pub(super) dev: bool,
    pub(super) database: Option<String>,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: Vec<(String, OsString)>,
}

impl GatewayBuilder {
    /// Whether it runs with `--dev`: http and loopback receivers. On unless switched off.
    #[must_use]
    pub fn dev(self, dev: bool) -> Self {
        Self { dev, ..self }
    }

    /// `--database`; a SQLite file in the gateway's directory when not given.
    #[must_use]
    pub fn database(self, url: impl Into<String>) -> Self {
        Self { database: Some(url.into()), ..self }
    }

    /// Another binary.
    #[must_use]
    pub fn binary(self, binary: impl Into<PathBuf>) -> Self {
        Self { binary: binary.into(), ..self }
    }

    /// A further argument of `serve`.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// A variable of its environment. Variables of the test that start with `STENTOR_` do not reach it.
    #[must_use]
    pub fn environment(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Panics
    /// When it does not get ready in time; its log goes to standard error.
    pub async fn start(self) -> Gateway {
        let directory = tempfile::Builder::new().prefix("stentor-").tempdir().expect("a temporary directory");
        let process = self.spawn(directory.path());
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let address = Arc::new(RwLock::new(nowhere));
        let mut gateway = Gateway { builder: self, process, address, sign_in_link: None, directory };
        let announced = gateway.announced_address().await;
        *gateway.address.write().expect("nobody panics while writing an address") = announced;
        gateway.wait_ready().await;
        gateway
    }

    pub(super) fn spawn(&self, directory: &Path) -> Process {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("STENTOR_") {
                command.env_remove(name);
            }
        }
        let database = self.database.as_deref().unwrap_or("sqlite:stentor.db");
        command
            .current_dir(directory)
            .args(["serve", "--listen", "127.0.0.1:0", "--database", database])
            .args(self.dev.then_some("--dev"))
            .args(&self.arguments)
            .env("STENTOR_OPERATOR_TOKEN", OPERATOR_TOKEN)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        Process::spawn(&mut command)
    }
}
