//! Node, and what its receivers need in `target/node`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use super::debian;
use crate::root::root;
use crate::step::{run, say, succeeds};

const PACKAGE: &str = "tests/receivers/package.json";

/// Installs Node if it is missing, and the packages unless those of the same list are there.
pub(crate) fn prepare() -> anyhow::Result<()> {
    debian::ensure("node", "nodejs")?;
    let directory = root().join("target/node");
    let wanted = std::fs::read_to_string(root().join(PACKAGE)).context(PACKAGE)?;
    // Written last, so that it stands for a complete installation.
    let stamp = directory.join("installed.json");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && loads(&directory) {
        say("  target/node: present");
        return Ok(());
    }
    debian::ensure("npm", "npm")?;
    std::fs::create_dir_all(&directory)?;
    std::fs::write(directory.join("package.json"), &wanted)?;
    let options = ["install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"];
    run(Command::new("npm").args(options).arg("--prefix").arg(&directory))?;
    if !loads(&directory) {
        bail!("the packages of {PACKAGE} were installed but cannot be loaded");
    }
    std::fs::write(stamp, wanted)?;
    say("  target/node: packages installed");
    Ok(())
}

fn loads(directory: &Path) -> bool {
    let mut node = Command::new("node");
    succeeds(
        node.args(["-e", "require('express'); require('sns-validator')"])
            .env("NODE_PATH", directory.join("node_modules")),
    )
}
