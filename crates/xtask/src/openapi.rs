//! The committed description of the API.

use anyhow::{Context, ensure};

use crate::root::root;
use crate::step::{cargo, output, say};

const FILE: &str = "openapi.json";

/// Writes the file.
pub(crate) fn write() -> anyhow::Result<()> {
    std::fs::write(root().join(FILE), current()?).context(FILE)?;
    say(&format!("{FILE} written"));
    Ok(())
}

/// Fails unless the file is what the code says.
pub(crate) fn check() -> anyhow::Result<()> {
    let committed = std::fs::read(root().join(FILE)).context(FILE)?;
    ensure!(committed == current()?, "{FILE} is not what the code says; run `cargo xtask openapi`");
    Ok(())
}

fn current() -> anyhow::Result<Vec<u8>> {
    output(&mut cargo(["run", "--locked", "--quiet", "--package", "stentor", "--", "openapi"]))
}
