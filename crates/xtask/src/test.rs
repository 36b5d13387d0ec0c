//! Every test.

use crate::setup::{self, cargo_components::nextest_is_there};
use crate::step::{self, cargo, step};

/// Prepares, builds, and runs the unit, integration and documentation tests, those of the whole gateway on both stores.
/// `arguments` go to nextest (or to `cargo test` where it is absent); with any, the gateway runs on SQLite alone.
///
/// The verification by the libraries of others is part of the integration tests: `crates/gateway/tests/third_party.rs`.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    setup::run()?;
    step("build", || step::run(&mut cargo(["build", "--locked", "--workspace", "--bins"])))?;
    // Documentation tests first, so that the runner's summary ends the output.
    if arguments.is_empty() {
        step("documentation tests", || {
            step::run(&mut cargo(["test", "--locked", "--workspace", "--doc", "--quiet"]))
        })?;
    }
    step("tests", || {
        let runner: &[&str] =
            if nextest_is_there() { &["nextest", "run"] } else { &["test", "--all-targets"] };
        step::run(cargo(runner).args(["--locked", "--workspace"]).args(arguments))
    })?;
    if arguments.is_empty() {
        step("tests of the gateway on PostgreSQL", on_postgres)?;
    }
    Ok(())
}

/// The tests that run the binary, once more on the other store. Those of PostgreSQL itself say where they run.
fn on_postgres() -> anyhow::Result<()> {
    let mut command = if nextest_is_there() {
        cargo(["nextest", "run", "-E", "kind(test) and not binary(postgres)"])
    } else {
        cargo(["test", "--tests"])
    };
    step::run(command.args(["--locked", "--package", "stentor"]).env("STENTOR_TESTS_ON", "postgres"))
}
