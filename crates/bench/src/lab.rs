//! Where a run happens: its options, its scratch directory, and how it starts receivers and load.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;

use crate::cli::RunOptions;
use crate::control::Control;
use crate::load::LoadReport;
use crate::processes::{Process, Usage};

const READY_TIMEOUT: Duration = Duration::from_secs(10);
const LOAD_TIMEOUT: Duration = Duration::from_secs(1_800);

pub(crate) struct Lab {
    pub(crate) options: RunOptions,
    /// Below `--out` rather than the system's temporary directory, which may be memory and sync nothing.
    scratch: TempDir,
    names: AtomicU32,
}

/// What the load generator is to publish.
#[derive(Clone, Copy)]
pub(crate) struct LoadPlan {
    pub(crate) events: u64,
    pub(crate) connections: u64,
    /// Events a second; `None` closes the loop.
    pub(crate) rate: Option<f64>,
    pub(crate) event_type: &'static str,
    /// Path of the requests: publishing or receiving.
    pub(crate) path: &'static str,
}

/// A store URL, and the directory that goes away with it.
pub(crate) struct Database {
    pub(crate) url: String,
    _directory: Option<TempDir>,
}

/// A running receiver.
pub(crate) struct Receiver {
    process: Process,
    data: SocketAddr,
    pub(crate) control: Control,
}

impl Lab {
    pub(crate) fn new(options: &RunOptions) -> anyhow::Result<Self> {
        fs::create_dir_all(&options.out).context("the output directory")?;
        let scratch = tempfile::tempdir_in(fs::canonicalize(&options.out)?)?;
        Ok(Self { options: options.clone(), scratch, names: AtomicU32::new(0) })
    }

    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// `kind` with a number that no other process or file of this run has.
    pub(crate) fn name(&self, kind: &str) -> String {
        format!("{kind}-{}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// The store of `--database`, else a fresh SQLite file.
    pub(crate) fn database(&self) -> anyhow::Result<Database> {
        if let Some(url) = &self.options.database {
            return Ok(Database { url: url.clone(), _directory: None });
        }
        let directory = tempfile::tempdir_in(self.scratch())?;
        let url = format!("sqlite:{}", directory.path().join("bench.db").display());
        Ok(Database { url, _directory: Some(directory) })
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.options.database.as_deref().is_some_and(|url| url.starts_with("postgres"))
    }

    /// A process of this binary in another role.
    pub(crate) fn spawn_role(&self, role: &str, arguments: &[String]) -> anyhow::Result<Process> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(role).args(arguments);
        Process::spawn(command, &self.name(role), self.scratch())
    }

    /// Writes a file of bearer tokens for the load generator.
    pub(crate) fn tokens<'t>(&self, tokens: impl IntoIterator<Item = &'t str>) -> anyhow::Result<PathBuf> {
        self.authorizations(&tokens.into_iter().map(|token| format!("Bearer {token}")).collect::<Vec<_>>())
    }

    /// Writes a file of `Authorization` values for the load generator.
    pub(crate) fn authorizations(&self, values: &[String]) -> anyhow::Result<PathBuf> {
        let path = self.scratch().join(self.name("tokens"));
        fs::write(&path, values.join("\n"))?;
        Ok(path)
    }

    /// Starts publishing without waiting for the end; see [`finish_load`].
    pub(crate) fn start_load(
        &self,
        to: SocketAddr,
        tokens: &Path,
        plan: LoadPlan,
    ) -> anyhow::Result<Process> {
        let mut arguments: Vec<String> = vec![
            format!("--address={to}"),
            format!("--tokens={}", tokens.display()),
            format!("--path={}", plan.path),
            format!("--event-type={}", plan.event_type),
            format!("--events={}", plan.events),
            format!("--connections={}", plan.connections),
        ];
        arguments.extend(plan.rate.map(|rate| format!("--rate={rate}")));
        self.spawn_role("load", &arguments)
    }
}

/// Waits for a load generator's end.
pub(crate) fn finish_load(load: &Process) -> anyhow::Result<LoadReport> {
    load.line(LOAD_TIMEOUT, |line| serde_json::from_str(line).ok())
}

impl Receiver {
    /// Starts a receiver; `flags` say how it behaves.
    pub(crate) fn start(lab: &Lab, flags: &[&str]) -> anyhow::Result<Self> {
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let process = lab.spawn_role("receiver", &flags)?;
        let (data, control) = process.line(READY_TIMEOUT, |line| {
            let (data, control) = line.strip_prefix("receiver ")?.split_once(' ')?;
            Some((data.parse().ok()?, control.parse().ok()?))
        })?;
        Ok(Self { process, data, control: Control::connect(control)? })
    }

    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        self.process.usage()
    }

    /// The URL of one webhook.
    pub(crate) fn url(&self, webhook: u64) -> String {
        url(self.data, webhook)
    }
}

/// The URL under which a receiver at `data` counts for a webhook.
pub(crate) fn url(data: SocketAddr, webhook: u64) -> String {
    format!("http://{data}/r/{webhook}")
}
