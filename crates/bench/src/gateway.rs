//! Starting the gateway and setting it up through its API.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::api::Api;
use crate::lab::Lab;
use crate::processes::Process;

/// Known to both sides of this run only; the gateway listens on loopback.
pub(crate) const OPERATOR_TOKEN: &str = "stentor-bench-operator-token-0123456789abcdef";

/// A plan of the started gateway. All its limits are checked and counted, and none binds.
pub(crate) const BENCH_PLAN: &str = "bench";
const PLANS: &str = "[plans.bench]\npublish_rate = 1000000\npublish_burst = 1000000\nbacklog = 1000000000\n\
                     quota = 1000000000000\n";

const READY_TIMEOUT: Duration = Duration::from_secs(120);

/// A running gateway.
pub(crate) struct Gateway {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) api: Api,
    /// Spawn to first answer of `/healthz`.
    pub(crate) ready_after: Duration,
}

impl Gateway {
    /// Starts `stentor serve --dev` and waits until it answers.
    pub(crate) fn start(lab: &Lab, database_url: &str) -> anyhow::Result<Self> {
        let settings = lab.scratch().join("gateway.toml");
        std::fs::write(&settings, PLANS)?;
        let mut command = Command::new(&lab.options.gateway);
        command
            .args(["serve", "--dev", "--listen", "127.0.0.1:0", "--database", database_url])
            .arg("--config")
            .arg(settings)
            .current_dir(lab.scratch())
            .env("STENTOR_OPERATOR_TOKEN", OPERATOR_TOKEN)
            .env("STENTOR_LOG", "error")
            .env("RUST_LOG", "error");
        let spawned = Instant::now();
        let process = Process::spawn(command, &lab.name("gateway"), lab.scratch())?;
        let address = process.line(READY_TIMEOUT, announced_address)?;
        let mut api = Api::connect(address)?;
        while !api.is_healthy()? {
            anyhow::ensure!(spawned.elapsed() < READY_TIMEOUT, "the gateway does not become healthy");
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(Self { process, address, api, ready_after: spawned.elapsed() })
    }
}

/// The first `http://127.0.0.1:PORT` in a line of output.
pub(crate) fn announced_address(line: &str) -> Option<SocketAddr> {
    let address = &line[line.find("http://127.0.0.1:")? + "http://".len()..];
    let end = address.find(|letter: char| !letter.is_ascii_digit() && !matches!(letter, '.' | ':'));
    address[..end.unwrap_or(address.len())].trim_end_matches(['.', ':']).parse().ok()
}

/// Fails early, with advice, when there is no gateway to measure.
pub(crate) fn require_binary(lab: &mut Lab) -> anyhow::Result<()> {
    let path = &lab.options.gateway;
    // Absolute, because the gateway starts in a scratch directory.
    lab.options.gateway = std::fs::canonicalize(path).with_context(|| {
        format!("no gateway at {}; build it with cargo build --release -p stentor", path.display())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_address() {
        let expected = Some("127.0.0.1:41234".parse().unwrap());
        assert_eq!(announced_address("listening on http://127.0.0.1:41234"), expected);
        assert_eq!(announced_address("sign in: http://127.0.0.1:41234/in?t=1"), expected);
        assert_eq!(announced_address("see http://127.0.0.1:41234."), expected);
        assert_eq!(announced_address("see http://127.0.0.1:/"), None);
        assert_eq!(announced_address("operator token abc"), None);
    }
}
