//! Child processes: start, readiness, memory and CPU time, end.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use serde::Serialize;

/// Clock ticks a second in `/proc`: fixed at 100 by the Linux ABI.
const TICKS_PER_SECOND: f64 = 100.0;

/// A child that ends with its owner. Its standard error goes to `<directory>/<name>.log`.
pub(crate) struct Process {
    child: Child,
    name: String,
    log: PathBuf,
    lines: mpsc::Receiver<String>,
}

/// What a process uses, from `/proc`.
#[derive(Serialize, Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) rss_mb: f64,
    pub(crate) rss_peak_mb: f64,
    pub(crate) cpu_seconds: f64,
}

impl Process {
    pub(crate) fn spawn(mut command: Command, name: &str, directory: &Path) -> anyhow::Result<Self> {
        let log = directory.join(format!("{name}.log"));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).context("the log file")?)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let stdout = child.stdout.take().expect("stdout is piped");
        let (sender, lines) = mpsc::channel();
        // Drains standard output to its end, so that the child never blocks on it.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // The owner may have stopped listening; the pipe is drained all the same.
                sender.send(line).ok();
            }
        });
        Ok(Self { child, name: name.to_owned(), log, lines })
    }

    /// The first line of standard output, among those not yet read, for which `find` has a value.
    pub(crate) fn line<T>(&self, timeout: Duration, find: impl Fn(&str) -> Option<T>) -> anyhow::Result<T> {
        let deadline = Instant::now() + timeout;
        loop {
            let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) else {
                bail!("{} did not say what was awaited; its log ends:\n{}", self.name, self.log_end());
            };
            if let Some(value) = find(&line) {
                return Ok(value);
            }
        }
    }

    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        let directory = PathBuf::from(format!("/proc/{}", self.child.id()));
        let status = std::fs::read_to_string(directory.join("status"))?;
        let stat = std::fs::read_to_string(directory.join("stat"))?;
        let field = |name| status_mb(&status, name).with_context(|| format!("{name} of {}", self.name));
        Ok(Usage {
            rss_mb: field("VmRSS:")?,
            rss_peak_mb: field("VmHWM:")?,
            cpu_seconds: cpu_seconds(&stat).with_context(|| format!("CPU time of {}", self.name))?,
        })
    }

    /// Ends the process with SIGKILL.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    fn log_end(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when the process has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Ends this process when its standard input ends, that is when whoever started it is gone.
pub(crate) fn leave_with_parent() {
    std::thread::spawn(|| {
        std::io::copy(&mut std::io::stdin().by_ref(), &mut std::io::sink()).ok();
        std::process::exit(0);
    });
}

/// Raises the limit of open files as far as allowed; children inherit it.
pub(crate) fn raise_open_files() -> anyhow::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("the limit of open files")
}

/// CPU time that this process has used, in user and kernel mode.
pub(crate) fn own_cpu_seconds() -> anyhow::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

fn status_mb(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    // The command name may contain spaces, so count the fields from its closing bracket: utime is the
    // 12th and stime the 13th behind it (proc(5), fields 14 and 15).
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_memory_and_time() {
        let status = "Name:\tx\nVmHWM:\t    2000 kB\nVmRSS:\t    1000 kB\n";
        assert_eq!(status_mb(status, "VmRSS:"), Some(1.024));
        assert_eq!(status_mb(status, "VmHWM:"), Some(2.048));
        assert_eq!(status_mb(status, "VmSwap:"), None);
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 10 0 0 0 150 50 0 0 20 0 3 0 99 1 2";
        assert_eq!(cpu_seconds(stat), Some(2.0));
    }
}
