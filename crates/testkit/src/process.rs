//! A child process whose output is read to its end, so that it never blocks on a full pipe.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::mpsc;

use crate::wait;

/// What is kept of the standard error of a child.
const LOG_BYTES_MAX: usize = 1024 * 1024;

/// A running child. It is killed when dropped; if the test is failing, its log goes to standard error.
pub(crate) struct Process {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
    log: Arc<Mutex<Vec<u8>>>,
}

impl Process {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", command.get_program().display()));
        let lines = read_lines(child.stdout.take().expect("stdout is piped"));
        let log = read_log(child.stderr.take().expect("stderr is piped"));
        Self { child, lines, log }
    }

    /// The first line of standard output, among those not yet read, for which `find` has a value; nothing when the
    /// output ends or the deadline passes.
    pub(crate) async fn line<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let search = async {
            loop {
                let line = self.lines.recv().await?;
                if let Some(value) = find(&line) {
                    return Some(value);
                }
            }
        };
        tokio::time::timeout(wait::DEADLINE, search).await.ok().flatten()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, unless the process has ended and been waited for.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.exit_status().is_none() {
            let id = i32::try_from(self.child.id()).expect("a Linux process id fits 22 bits");
            kill(Pid::from_raw(id), signal).expect("a child that was not waited for can be signalled");
        }
    }

    /// How the process ended, if it has.
    pub(crate) fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("waiting for an own child")
    }

    /// What the process wrote to standard error, the last mebibyte.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&lock(&self.log)).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when the process has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
        if std::thread::panicking() {
            let log = self.log();
            let text = format!("--- log of process {} ---\n{log}--- end of log ---\n", self.child.id());
            std::io::stderr().write_all(text.as_bytes()).ok();
        }
    }
}

/// Resident memory of a process in KiB.
pub(crate) fn rss_kb(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells VmRSS");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("VmRSS is a number of kB")
}

fn read_lines(stdout: impl Read + Send + 'static) -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // The test may have stopped listening; the pipe is drained all the same.
            sender.send(line).ok();
        }
    });
    lines
}

fn read_log(mut stderr: impl Read + Send + 'static) -> Arc<Mutex<Vec<u8>>> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&log);
    std::thread::spawn(move || {
        let mut chunk = [0; 8192];
        while let Ok(count @ 1..) = stderr.read(&mut chunk) {
            let mut log = lock(&kept);
            log.extend_from_slice(&chunk[..count]);
            let excess = log.len().saturating_sub(LOG_BYTES_MAX);
            log.drain(..excess);
        }
    });
    log
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until the process has ended.
pub(crate) async fn ended(process: &mut Process, deadline: Duration) -> ExitStatus {
    let give_up = tokio::time::Instant::now() + deadline;
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    loop {
        ticks.tick().await;
        if let Some(status) = process.exit_status() {
            return status;
        }
        assert!(tokio::time::Instant::now() < give_up, "the process did not end within {deadline:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        Process::spawn(Command::new("sh").args(["-c", script]))
    }

    #[tokio::test]
    async fn finds_a_line_and_keeps_the_log() {
        let mut process = shell("echo one; echo port 42; echo trouble >&2");
        let port = process.line(|line| line.strip_prefix("port ").and_then(|port| port.parse().ok())).await;
        assert_eq!(port, Some(42));
        assert_eq!(process.line(|_| None::<()>).await, None);
        assert!(ended(&mut process, wait::DEADLINE).await.success());
        wait::until("the log", || std::future::ready((process.log() == "trouble\n").then_some(()))).await;
    }

    #[tokio::test]
    async fn signals_reach_it() {
        use std::os::unix::process::ExitStatusExt;

        let mut process = shell("echo up; exec sleep 600");
        process.line(|line| (line == "up").then_some(())).await.unwrap();
        assert!(rss_kb(process.id()) > 0);
        process.signal(Signal::SIGKILL);
        assert_eq!(ended(&mut process, wait::DEADLINE).await.signal(), Some(9));
        process.signal(Signal::SIGTERM);
    }
}
