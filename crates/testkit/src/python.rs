//! The Python that `cargo xtask setup` prepares, with third-party webhook libraries.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A command that runs a script of this repository (path from its root) with the prepared Python.
///
/// # Panics
/// When setup has not run.
pub fn script(path: impl AsRef<OsStr>) -> Command {
    let root = root();
    let prepared = root.join("target/python");
    assert!(prepared.join("requirements.txt").exists(), "no prepared Python; run `cargo xtask setup` first");
    let interpreter = prepared.join("bin/python3");
    // Without venv support the packages lie in the directory itself.
    let mut command = if interpreter.exists() {
        Command::new(interpreter)
    } else {
        let mut command = Command::new("python3");
        command.env("PYTHONPATH", &prepared);
        command
    };
    command.arg(root.join(path.as_ref()));
    command
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("the crate lies two levels below the root").to_owned()
}
