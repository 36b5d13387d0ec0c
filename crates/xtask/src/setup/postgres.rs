//! PostgreSQL, of which tests start servers of their own.

use std::path::Path;

use super::debian;
use crate::step::say;

/// Where Debian keeps the server's programs, out of the path.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Installs the server if it is missing. Nothing is started or configured.
pub(crate) fn prepare() -> anyhow::Result<()> {
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let is_there = |folder: &Path| folder.join("initdb").exists();
    let on_path = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| is_there(&folder)));
    if on_path || versions.into_iter().any(|version| is_there(&version.path().join("bin"))) {
        say("  postgresql: present");
        return Ok(());
    }
    debian::install("postgresql")
}
