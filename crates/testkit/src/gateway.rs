//! The real binary, as a child process with a directory of its own.

mod builder;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;
use tempfile::TempDir;

pub use self::builder::{GatewayBuilder, MASTER_KEY, TESTS_ON};
use crate::api::Api;
use crate::process::{self, Process};
use crate::{metrics, wait};

/// Known to the test only; the gateway listens on loopback.
pub const OPERATOR_TOKEN: &str = "stentor-testkit-operator-token-0123456789abcdef";

const EXIT_DEADLINE: Duration = Duration::from_secs(60);

/// A running gateway; it is killed and its directory removed when dropped.
pub struct Gateway {
    builder: GatewayBuilder,
    process: Process,
    address: Arc<RwLock<SocketAddr>>,
    sign_in_link: Option<String>,
    // Last, so that the process is gone before its files are.
    directory: TempDir,
}

impl Gateway {
    /// Takes the binary: `Gateway::builder(env!("CARGO_BIN_EXE_stentor"))`.
    pub fn builder(binary: impl Into<PathBuf>) -> GatewayBuilder {
        GatewayBuilder {
            binary: binary.into(),
            dev: true,
            database: None,
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// The API with the operator's token. It and its clones follow the gateway through restarts.
    #[must_use]
    pub fn api(&self) -> Api {
        Api::new(Arc::clone(&self.address)).with_token(OPERATOR_TOKEN)
    }

    /// Creates a tenant and returns the API with a token of all its scopes.
    pub async fn tenant(&self, name: &str) -> Api {
        let operator = self.api();
        let tenant = operator.create_tenant(name).await;
        let token = operator.create_token(&tenant, &["publish", "read", "manage"]).await;
        operator.with_token(&token)
    }

    /// Where it listens now.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        *self.address.read().expect("nobody panics while writing an address")
    }

    /// Its own directory, with the database unless another was given.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The id of the running process.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Resident memory in KiB.
    #[must_use]
    pub fn rss_kb(&self) -> u64 {
        process::rss_kb(self.process.id())
    }

    /// What it wrote to standard error since its last start.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// A metric, summed over its label sets; nothing when `/metrics` does not have it or does not answer.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        let answer = self.api().get("/metrics").await.ok()?;
        metrics::sum(&answer.text(), name)
    }

    /// Sends any signal, for instance SIGSTOP.
    pub fn signal(&mut self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Ends it as a power cut would, and waits until it is gone.
    pub async fn kill9(&mut self) -> ExitStatus {
        self.process.signal(Signal::SIGKILL);
        self.wait().await
    }

    /// Asks it to end (SIGTERM); [`wait`](Self::wait) tells how it did.
    pub fn terminate(&mut self) {
        self.process.signal(Signal::SIGTERM);
    }

    /// Waits until it has ended.
    pub async fn wait(&mut self) -> ExitStatus {
        process::ended(&mut self.process, EXIT_DEADLINE).await
    }

    /// Starts it again on the same database and another port. One that still runs is killed first.
    pub async fn restart(&mut self) {
        self.start_again().await;
        self.wait_ready().await;
    }

    /// [`restart`](Self::restart) with the next builder, for instance another binary on the same database.
    pub async fn restart_as(&mut self, change: impl FnOnce(GatewayBuilder) -> GatewayBuilder) {
        self.builder = change(self.builder.clone()).on_database_of(&self.builder);
        self.restart().await;
    }

    async fn start_again(&mut self) {
        self.kill9().await;
        self.process = self.builder.spawn(self.directory.path());
        let address = self.announced_address().await;
        *self.address.write().expect("nobody panics while writing an address") = address;
    }

    /// The link to the dashboard that the first start printed.
    #[must_use]
    pub fn sign_in_link(&self) -> Option<&str> {
        self.sign_in_link.as_deref()
    }

    async fn announced_address(&mut self) -> SocketAddr {
        let announced = |line: &str| Some((announced_address(line)?, sign_in_link(line)));
        match self.process.line(announced).await {
            Some((address, link)) => {
                self.sign_in_link = link.or_else(|| self.sign_in_link.take());
                address
            }
            None => panic!("the gateway did not say where it listens; see its log"),
        }
    }

    async fn wait_ready(&mut self) {
        let api = self.api();
        wait::until("the gateway's /readyz answers 200", || async {
            api.get("/readyz").await.ok().filter(|answer| answer.status() == 200)
        })
        .await;
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = json!({"address": self.address().to_string(), "process": self.process.id()});
        write!(f, "Gateway{shown}")
    }
}

/// The first `http://127.0.0.1:PORT` in a line of output.
fn announced_address(line: &str) -> Option<SocketAddr> {
    let address = &line[line.find("http://127.0.0.1:")? + "http://".len()..];
    let end = address.find(|letter: char| !letter.is_ascii_digit() && !matches!(letter, '.' | ':'));
    address[..end.unwrap_or(address.len())].trim_end_matches(['.', ':']).parse().ok()
}

/// A link to the dashboard in a line of output.
fn sign_in_link(line: &str) -> Option<String> {
    let link = line.split_whitespace().find(|word| word.contains("/sign-in?code="))?;
    Some(link.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_address() {
        let expected = Some("127.0.0.1:41234".parse().unwrap());
        assert_eq!(announced_address("listening on http://127.0.0.1:41234"), expected);
        assert_eq!(announced_address("sign in: http://127.0.0.1:41234/in?t=1"), expected);
        assert_eq!(announced_address("see http://127.0.0.1:41234."), expected);
        assert_eq!(announced_address("see http://127.0.0.1:/"), None);
        assert_eq!(announced_address("operator token abc"), None);
    }

    #[tokio::test]
    #[should_panic(expected = "did not say where it listens")]
    async fn a_binary_that_ends_at_once_is_no_gateway() {
        Gateway::builder("true").start().await;
    }
}
