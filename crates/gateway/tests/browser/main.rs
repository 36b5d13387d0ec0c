//! The dashboard in a real browser: Debian's Chromium, driven by the scripts in `tests/browser`, both prepared by
//! `cargo xtask setup`. Pictures of all pages are kept in `target/browser`.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod corpus;
mod hostile;
mod journey;
mod pictures;

use std::path::PathBuf;
use std::process::Command;

use stentor_testkit::gateway::Gateway;
use stentor_testkit::program;

/// A script of `tests/browser` for this gateway.
fn script(name: &str, gateway: &Gateway) -> Command {
    let mut command = program::node(&format!("tests/browser/{name}.js"));
    command.env("STENTOR_URL", format!("http://{}", gateway.address()));
    command.env("STENTOR_PICTURES", pictures_of(name));
    command
}

fn pictures_of(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/browser").join(name)
}

/// Runs it to its end and passes on what it said.
async fn run(mut command: Command) -> String {
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}
