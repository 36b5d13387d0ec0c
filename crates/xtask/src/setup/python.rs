//! The webhook libraries of others, in `target/python`: a virtual environment where Python can make one, else a plain
//! directory of packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::root::root;
use crate::step::{run, say, succeeds};

const REQUIREMENTS: &str = "tests/third_party/requirements.txt";

/// Installs the packages unless those of the same list are there.
pub(crate) fn prepare() -> anyhow::Result<()> {
    let directory = root().join("target/python");
    let wanted = std::fs::read_to_string(root().join(REQUIREMENTS)).context(REQUIREMENTS)?;
    // Copied last, so that it stands for a complete installation.
    let stamp = directory.join("requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && imports(&directory) {
        say("  target/python: present");
        return Ok(());
    }
    if !succeeds(Command::new("python3").arg("--version")) {
        install_debian_package("python3")?;
    }
    std::fs::create_dir_all(&directory)?;
    if make_environment(&directory) {
        run(pip(&interpreter(&directory)).args(["--requirement", REQUIREMENTS]))?;
        say("  target/python: packages installed in a virtual environment");
    } else {
        // A failed attempt leaves an interpreter without packages behind, which must not be taken for one that works.
        std::fs::remove_dir_all(&directory)?;
        if !succeeds(Command::new("python3").args(["-m", "pip", "--version"])) {
            install_debian_package("python3-pip")?;
        }
        run(pip(Path::new("python3"))
            .args(["--requirement", REQUIREMENTS, "--upgrade", "--target"])
            .arg(&directory))?;
        say("  target/python: packages installed as a plain directory (python3 -m venv does not work here)");
    }
    if !imports(&directory) {
        bail!("the packages of {REQUIREMENTS} were installed but cannot be imported");
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
    if let Err(error) = install_debian_package("python3-venv") {
        say(&format!("  python3-venv: not installed: {error:#}"));
        return false;
    }
    make()
}

/// Needs root and apt; says what it does.
fn install_debian_package(package: &str) -> anyhow::Result<()> {
    if !succeeds(Command::new("sh").args(["-c", r#"test "$(id -u)" = 0 && command -v apt-get"#])) {
        bail!("{package} is missing; install it (this needs root and apt-get)");
    }
    say(&format!("  installing the Debian package {package}"));
    let apt = |arguments: &[&str]| {
        run(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    // The lists may be missing in a container; if they cannot be read, installing says so.
    apt(&["update", "--quiet"]).or_else(|_| Ok::<(), anyhow::Error>(()))?;
    apt(&["install", "--yes", "--quiet", "--no-install-recommends", package])
}

fn pip(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
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
    succeeds(command.args(["-c", "import standardwebhooks.webhooks, svix.webhooks"]))
}
