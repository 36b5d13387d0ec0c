//! How a gateway is started.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, RwLock};

use super::{Gateway, OPERATOR_TOKEN};
use crate::postgres::Postgres;
use crate::process::Process;

/// The variable that chooses where gateways keep their events in tests that do not say: `sqlite`, or `postgres` for a new
/// database on a server of the test's process.
pub const TESTS_ON: &str = "STENTOR_TESTS_ON";
/// Known to tests only.
pub const MASTER_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

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

    /// Whether a database is chosen, and if not, whether it is to be PostgreSQL: see [`TESTS_ON`].
    fn on_chosen_database(mut self) -> Self {
        if self.database.is_some() {
            return self;
        }
        match std::env::var(TESTS_ON).as_deref() {
            Err(_) | Ok("" | "sqlite") => self,
            Ok("postgres") => {
                // One that syncs: a test may start its gateway again without `--dev`.
                self.database = Some(Postgres::durable().database());
                self.with_master_key()
            }
            Ok(other) => panic!("{TESTS_ON} is {other:?}, which is neither sqlite nor postgres"),
        }
    }

    /// The same on the database of another, unless one was chosen.
    pub(super) fn on_database_of(mut self, other: &Self) -> Self {
        if self.database.is_some() || other.database.is_none() {
            return self;
        }
        self.database.clone_from(&other.database);
        self.with_master_key()
    }

    /// With the key of tests, unless one was given.
    fn with_master_key(self) -> Self {
        if self.environment.iter().any(|(name, _)| name == "STENTOR_MASTER_KEY") {
            return self;
        }
        self.environment("STENTOR_MASTER_KEY", MASTER_KEY)
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Panics
    /// When it does not get ready in time; its log goes to standard error.
    pub async fn start(self) -> Gateway {
        let this = self.on_chosen_database();
        let directory = tempfile::Builder::new().prefix("stentor-").tempdir().expect("a temporary directory");
        let process = this.spawn(directory.path());
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let address = Arc::new(RwLock::new(nowhere));
        let mut gateway = Gateway { builder: this, process, address, sign_in_link: None, directory };
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
