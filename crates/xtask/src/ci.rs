//! What must hold for a change. `.ci/run` is this and nothing else.

use crate::step::{self, cargo, step};
use crate::{openapi, setup, test, tidy};

/// Runs every step; the first that fails ends it.
pub(crate) fn run() -> anyhow::Result<()> {
    step("tidy", tidy::run)?;
    step("cargo components", setup::cargo_components::prepare)?;
    step("format", || step::run(&mut cargo(["fmt", "--all", "--check"])))?;
    step("lints", || {
        step::run(&mut cargo(["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    })?;
    step("documentation", || {
        let mut command = cargo(["doc", "--locked", "--workspace", "--no-deps"]);
        step::run(command.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links"))
    })?;
    step("openapi.json", openapi::check)?;
    step("cargo xtask test", || test::run(&[]))
}
