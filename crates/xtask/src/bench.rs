//! Measuring.

use crate::step::{self, cargo, step};

/// Builds gateway and bench for release and runs the bench with these arguments.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    step("build for release", || {
        step::run(&mut cargo([
            "build",
            "--locked",
            "--release",
            "--package",
            "stentor",
            "--package",
            "stentor-bench",
        ]))
    })?;
    step::run(cargo(["run", "--locked", "--release", "--package", "stentor-bench", "--"]).args(arguments))
}
