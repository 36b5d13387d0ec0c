//! Steps: commands that are announced, run at the root, and must succeed.
#![expect(clippy::disallowed_methods, reason = "a task runner tells how long things took on the wall")]

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, bail, ensure};

use crate::root::root;

/// Prints a line for people. Standard error, because the output of the steps' own tools goes there too and must not be
/// overtaken.
pub(crate) fn say(text: &str) {
    // Nobody is left to tell when standard error is gone.
    writeln!(std::io::stderr(), "{}", text.trim_end()).ok();
}

/// Runs something under a name and says how long it took.
pub(crate) fn step(name: &str, run: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    say(&format!("==> {name}"));
    let started = Instant::now();
    run().with_context(|| name.to_owned())?;
    say(&format!("<== {name}: {:.1} s", started.elapsed().as_secs_f64()));
    Ok(())
}

/// `cargo` with arguments, as this process was started by it.
pub(crate) fn cargo<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// Runs a command at the root, without standard input, and fails unless it succeeds.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    say(&format!("  $ {}", shown(command)));
    let status = command.current_dir(root()).stdin(Stdio::null()).status();
    let status = status.with_context(|| format!("cannot start {}", shown(command)))?;
    ensure!(status.success(), "`{}` ended with {status}", shown(command));
    Ok(())
}

/// Runs a command at the root and returns what it wrote to standard output.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let output = command.current_dir(root()).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot start {}", shown(command)))?;
    ensure!(output.status.success(), "`{}` ended with {}", shown(command), output.status);
    Ok(output.stdout)
}

/// Whether a command can be started and succeeds; what it says is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.current_dir(root()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

fn shown(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    words.join(" ")
}

/// Fails with a message unless `found` is empty.
pub(crate) fn none_found(found: &[String], what: &str) -> anyhow::Result<()> {
    for line in found {
        say(line);
    }
    if !found.is_empty() {
        bail!("{} {what}", found.len());
    }
    Ok(())
}
