//! A session of the test's own.

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::Postgres;
use super::installed::programs;

/// A session that stays open between statements. It ends when dropped.
#[derive(Debug)]
pub struct SqlSession {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _process: Child,
}

impl SqlSession {
    /// Runs statements and waits until they are done; what they printed.
    ///
    /// # Panics
    /// When one fails.
    pub fn run(&mut self, statements: &str) -> String {
        const DONE: &str = "-- done --\n";
        writeln!(self.input, "{statements}\n\\echo {}", DONE.trim_end()).expect("psql reads");
        let mut printed = String::new();
        while !printed.ends_with(DONE) {
            let read = self.output.read_line(&mut printed).expect("psql answers");
            assert!(read > 0, "psql ended; it had printed {printed:?}");
        }
        printed.truncate(printed.len() - DONE.len());
        printed
    }
}

impl Postgres {
    /// A session of a superuser with a database, for statements one after the other.
    ///
    /// # Panics
    /// When there is none.
    pub fn session(&self, url: &str) -> SqlSession {
        let mut psql = Command::new(programs().join("psql"))
            .args(["-qAt", "-v", "ON_ERROR_STOP=1", "-d", url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("psql starts");
        let input = psql.stdin.take().expect("its input is piped");
        let output = BufReader::new(psql.stdout.take().expect("its output is piped"));
        SqlSession { input, output, _process: psql }
    }
}
