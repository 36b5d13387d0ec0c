//! Who this process is among those that share a database.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::time::Duration;

use stentor_core::id::NodeId;
use stentor_engine::clock::Clock;
use stentor_engine::entropy;
use stentor_store::nodes::Node;
use stentor_store::postgres::Membership;
use tracing::warn;

/// How long a process that does not answer keeps the database from others.
const LEASE: Duration = Duration::from_secs(10);
/// In the folder that the process was started in. Who has its lock lives; who is named in it had it last.
const FILE: &str = "stentor.node";

/// This process's place among the nodes. The file is locked for as long as it lives.
pub(super) struct Place {
    pub membership: Membership,
    _file: Option<File>,
}

impl Place {
    /// A new node. When the file names one that had this folder before and its lock is free, that process has ended.
    pub fn take(clock: &dyn Clock) -> Self {
        let started_at = clock.now();
        let id = NodeId::new(started_at, entropy::bits());
        let (file, predecessor) = match follow(id) {
            Ok(Some((file, predecessor))) => (Some(file), predecessor),
            Ok(None) => (None, None),
            Err(error) => {
                warn!(%error, file = FILE, "without it a restart waits for the lease of the process before");
                (None, None)
            }
        };
        let name = nix::unistd::gethostname().unwrap_or_default().to_string_lossy().into_owned();
        let node = Node { id, name, version: env!("CARGO_PKG_VERSION").to_owned(), started_at };
        Self { membership: Membership { node, lease: LEASE, predecessor }, _file: file }
    }
}

/// Locks the file and writes the new node into it. None when another process has it.
fn follow(id: NodeId) -> std::io::Result<Option<(File, Option<NodeId>)>> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(FILE)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
        Err(std::fs::TryLockError::Error(error)) => return Err(error),
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    file.rewind()?;
    file.set_len(0)?;
    writeln!(file, "{id}")?;
    Ok(Some((file, text.trim().parse().ok())))
}
