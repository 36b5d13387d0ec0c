//! Debian packages, for what a machine lacks.

use std::process::Command;

use anyhow::bail;

use crate::step::{run, say, succeeds};

/// Installs a package. Needs root and apt; says what it does.
pub(super) fn install(package: &str) -> anyhow::Result<()> {
    if !succeeds(Command::new("sh").args(["-c", r#"test "$(id -u)" = 0 && command -v apt-get"#])) {
        bail!("{package} is missing; install it (this needs root and apt-get)");
    }
    say(&format!("  installing the Debian package {package}"));
    let apt = |arguments: &[&str]| {
        run(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    // The lists may be missing in a container; if they cannot be read, installing says so.
    apt(&["update", "--quiet"]).or_else(|_| Ok::<(), anyhow::Error>(()))?;
    apt(&["install", "--yes", "--quiet", "--no-install-recommends", package])
}

/// Installs the package unless its program can be started.
pub(super) fn ensure(program: &str, package: &str) -> anyhow::Result<()> {
    let is_there = || succeeds(Command::new(program).arg("--version"));
    if is_there() {
        say(&format!("  {program}: present"));
        return Ok(());
    }
    install(package)?;
    if !is_there() {
        bail!("the Debian package {package} is installed but {program} does not start");
    }
    say(&format!("  {program}: installed"));
    Ok(())
}
