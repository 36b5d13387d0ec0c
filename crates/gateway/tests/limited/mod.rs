//! A gateway with few file descriptors.

use std::os::unix::fs::PermissionsExt;

use stentor_testkit::gateway::Gateway;
use tempfile::TempDir;

/// Starts it under `ulimit` with these arguments, such as `-Sn 1024`. The directory holds what starts it.
pub async fn start(ulimit: &str) -> (Gateway, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let wrapper = directory.path().join("limited");
    let binary = env!("CARGO_BIN_EXE_stentor");
    // `exec` keeps the process id, which signals and /proc need.
    std::fs::write(&wrapper, format!("#!/bin/sh\nulimit {ulimit}\nexec '{binary}' \"$@\"\n")).unwrap();
    std::fs::set_permissions(&wrapper, PermissionsExt::from_mode(0o700)).unwrap();
    (Gateway::builder(wrapper).start().await, directory)
}
