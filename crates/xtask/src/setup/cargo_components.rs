//! Parts of the Rust toolchain.

use anyhow::bail;

use crate::step::{cargo, say, succeeds};

const COMPONENTS: [(&str, &str); 2] = [("rustfmt", "fmt"), ("clippy", "clippy")];

/// Checks rustfmt and clippy, adds them through rustup when they are missing, and tells whether nextest is there.
pub(crate) fn prepare() -> anyhow::Result<()> {
    for (component, subcommand) in COMPONENTS {
        let is_there = || succeeds(&mut cargo([subcommand, "--version"]));
        if is_there() {
            say(&format!("  {component}: present"));
            continue;
        }
        succeeds(std::process::Command::new("rustup").args(["component", "add", component]));
        if !is_there() {
            bail!("{component} is missing and rustup cannot add it");
        }
        say(&format!("  {component}: added"));
    }
    let nextest = if nextest_is_there() { "present" } else { "absent; tests run with `cargo test`" };
    say(&format!("  cargo-nextest: {nextest}"));
    Ok(())
}

/// Whether `cargo nextest` can run the tests.
pub(crate) fn nextest_is_there() -> bool {
    succeeds(&mut cargo(["nextest", "--version"]))
}
