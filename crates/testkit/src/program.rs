//! Receivers that are programs of their own: they say `listening on PORT` and then a line for each thing that happens.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::Process;
use crate::wait;

/// A running program, killed when dropped.
pub struct Program {
    process: Process,
    address: SocketAddr,
}

impl Program {
    /// Starts it and waits until it says where it listens.
    ///
    /// # Panics
    /// When it does not.
    pub async fn start(mut command: Command) -> Self {
        let mut process = Process::spawn(&mut command);
        let port = process.line(|line| line.strip_prefix("listening on ")?.trim().parse().ok()).await;
        let port: u16 =
            port.unwrap_or_else(|| panic!("{command:?} does not say where it listens: {}", process.log()));
        Self { process, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) }
    }

    /// Starts a program that is told its port, and waits until it accepts connections.
    ///
    /// # Panics
    /// When it does not.
    pub async fn start_on_port(command: impl FnOnce(SocketAddr) -> Command) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on loopback");
        let address = free.local_addr().expect("a bound listener has an address");
        drop(free);
        let process = Process::spawn(&mut command(address));
        wait::until("the program accepts connections", || async move {
            tokio::net::TcpStream::connect(address).await.ok()
        })
        .await;
        Self { process, address }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The rest of the next line that starts like this.
    ///
    /// # Panics
    /// When none comes.
    pub async fn line(&mut self, start: &str) -> String {
        let found = self.process.line(|line| Some(line.strip_prefix(start)?.to_owned())).await;
        found.unwrap_or_else(|| panic!("no line {start:?}; its log: {}", self.process.log()))
    }
}

/// A command that runs a script of this repository (path from its root) with Node and the packages that
/// `cargo xtask setup` installed.
///
/// # Panics
/// When setup has not run.
#[must_use]
pub fn node(script: &str) -> Command {
    let prepared = root().join("target/node");
    assert!(prepared.join("installed.json").exists(), "no prepared Node; run `cargo xtask setup` first");
    let mut command = Command::new("node");
    command.arg(root().join(script)).env("NODE_PATH", prepared.join("node_modules"));
    command
}

/// A command that has PHP's built-in server run a script of this repository.
#[must_use]
pub fn php(script: &str, address: SocketAddr) -> Command {
    let mut command = Command::new("php");
    command.args(["-S", &address.to_string()]).arg(root().join(script));
    command
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("the crate lies two levels below the root").to_owned()
}
