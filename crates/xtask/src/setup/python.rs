//! The webhook libraries and frameworks of others, in `target/python`: a virtual environment where Python can make one, else a plain
//! directory of packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::debian;
use crate::root::root;
use crate::step::{run, say, succeeds};

const REQUIREMENTS: [&str; 4] = [
    "tests/third_party/requirements.txt",
    "tests/receivers/requirements.txt",
    "tests/senders/requirements.txt",
    "crates/verify/tests/providers/requirements.txt",
];
/// What must be importable afterwards.
const IMPORTS: &str = "import standardwebhooks.webhooks, svix.webhooks, django, fastapi, flask, uvicorn, \
    Adyen, cryptography, nacl, requests, sendgrid, slack_sdk, stripe";

/// Installs the packages unless those of the same list are there.
pub(crate) fn prepare() -> anyhow::Result<()> {
    let directory = root().join("target/python");
    let lists: Result<Vec<String>, _> =
        REQUIREMENTS.iter().map(|path| std::fs::read_to_string(root().join(path)).context(*path)).collect();
    let wanted = lists?.concat();
    // Written last, so that it stands for a complete installation.
    let stamp = directory.join("requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && imports(&directory) {
        say("  target/python: present");
        return Ok(());
    }
    if !succeeds(Command::new("python3").arg("--version")) {
        debian::install("python3")?;
    }
    std::fs::create_dir_all(&directory)?;
    if make_environment(&directory) {
        run(&mut pip(&interpreter(&directory)))?;
        say("  target/python: packages installed in a virtual environment");
    } else {
        // A failed attempt leaves an interpreter without packages behind, which must not be taken for one that works.
        std::fs::remove_dir_all(&directory)?;
        if !succeeds(Command::new("python3").args(["-m", "pip", "--version"])) {
            debian::install("python3-pip")?;
        }
        run(pip(Path::new("python3")).args(["--upgrade", "--target"]).arg(&directory))?;
        say("  target/python: packages installed as a plain directory (python3 -m venv does not work here)");
    }
    if !imports(&directory) {
        bail!("the packages of {REQUIREMENTS:?} were installed but cannot be imported");
    }
    std::fs::write(stamp, wanted)?;
    Ok(())
}

fn make_environment(directory: &Path) -> bool {
    let make = || succeeds(Command::new("python3").args(["-m", "venv"]).arg(directory));
    if make() {
        return true;
    }
    // Debian keeps venv's bootstrap in a package of its own.
    if let Err(error) = debian::install("python3-venv") {
        say(&format!("  python3-venv: not installed: {error:#}"));
        return false;
    }
    make()
}

fn pip(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    for list in REQUIREMENTS {
        command.args(["--requirement", list]);
    }
    command
}

fn interpreter(directory: &Path) -> PathBuf {
    directory.join("bin/python3")
}

fn imports(directory: &Path) -> bool {
    let environment = interpreter(directory);
    let mut command = if environment.exists() {
        Command::new(environment)
    } else {
        let mut command = Command::new("python3");
        command.env("PYTHONPATH", directory);
        command
    };
    succeeds(command.args(["-c", IMPORTS]))
}
