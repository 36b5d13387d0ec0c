//! PostgreSQL as this machine has it, and whom its server runs as.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use nix::unistd::{Uid, User};

/// Where Debian keeps the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Whom the server runs as when the test runs as root, which it refuses.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// The folder of the newest server's programs.
pub(super) fn programs() -> PathBuf {
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| Some((version.file_name().to_str()?.parse().ok()?, version.path().join("bin"))))
        .collect();
    found.sort();
    let on_path = std::env::var_os("PATH")
        .into_iter()
        .flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let all = found.into_iter().rev().map(|(_, folder)| folder).chain(on_path);
    let mut all = all.filter(|folder| folder.join("initdb").exists() && folder.join("postgres").exists());
    all.next().expect("PostgreSQL is installed; run `cargo xtask setup` first")
}

pub(super) fn unprivileged() -> Option<User> {
    if !Uid::effective().is_root() {
        return None;
    }
    let known = USERS.iter().find_map(|name| User::from_name(name).ok().flatten());
    Some(known.expect("a machine has one of the users postgres and nobody"))
}

pub(super) fn as_user(program: impl AsRef<OsStr>, user: Option<&User>) -> Command {
    let mut command = Command::new(program);
    if let Some(user) = user {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command
}
