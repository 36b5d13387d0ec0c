//! A PostgreSQL server of the test's own: made from nothing, on a socket in a temporary folder, gone with the process.

mod installed;
mod proxy;
mod session;

use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use nix::unistd::User;
use stentor_core::id::NodeId;
use stentor_core::time::Time;
use stentor_store::nodes::Node;
use stentor_store::postgres::Membership;

use self::installed::{as_user, programs, unprivileged};
pub use self::proxy::Proxy;
pub use self::session::SqlSession;

const START_DEADLINE: Duration = Duration::from_secs(60);
const START_POLL: Duration = Duration::from_millis(10);
/// Who is asked for a password, which others are not.
pub const GUARDED_USER: &str = "guarded";
/// Runs the server until its standard input ends, which it does with the test's process, however that ends; then removes its
/// folder. A line `start` starts it again; any other is the signal that it is ended with, and is answered once it has ended.
/// `$1` the server, `$2` its data, `$3` the folder, the rest its settings.
const KEEPER: &str = r#"server=$1 data=$2 folder=$3; shift 3
    start() { "$server" -D "$data" -k "$folder" "$@" >>"$folder/log" 2>&1 </dev/null & running=$!; }
    start "$@"
    while read -r line; do
        if [ "$line" = start ]; then start "$@"; else kill "-$line" "$running"; wait "$running"; echo ended; fi
    done
    kill -INT "$running"; wait "$running"; rm -rf "$folder""#;
const SETTINGS: [&str; 6] = ["-c", "listen_addresses=", "-c", "max_connections=200", "-c", "autovacuum=off"];

/// A running server.
pub struct Postgres {
    folder: PathBuf,
    user: Option<User>,
    databases: AtomicU32,
    keeper: Mutex<Keeper>,
    _process: Child,
}

/// The shell that keeps it: what it is told, and what it answers. It ends with its input, so with the process at the latest.
struct Keeper {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// How a server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As its machine's orderly stop would end it: sessions are cut off, everything is written.
    Fast,
    /// As a crash would: nothing is written any more, and the next start recovers.
    Crash,
}

impl Postgres {
    /// The server of this process, started by whoever asks first. It syncs nothing, which only `--dev` accepts.
    ///
    /// # Panics
    /// When PostgreSQL is not installed (`cargo xtask setup` does that) or does not start.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&["fsync=off"]))
    }

    /// The same of one that syncs.
    ///
    /// # Panics
    /// As [`shared`](Self::shared).
    pub fn durable() -> &'static Self {
        static DURABLE: OnceLock<Postgres> = OnceLock::new();
        DURABLE.get_or_init(|| Self::start(&[]))
    }

    /// A server of its own, with settings such as `fsync=off`.
    ///
    /// # Panics
    /// As [`shared`](Self::shared).
    #[must_use]
    pub fn start(settings: &[&str]) -> Self {
        Self::keep(settings, |user, folder, data| {
            let mut initdb = as_user(programs().join("initdb"), user);
            let options = ["-U", "stentor", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"];
            run(initdb.args(options).arg(data).current_dir(folder));
            let rules = data.join("pg_hba.conf");
            let trusted = std::fs::read_to_string(&rules).expect("initdb wrote it");
            let guarded = format!("local all {GUARDED_USER} scram-sha-256\n{trusted}");
            std::fs::write(&rules, guarded).expect("its folder is ours");
        })
    }

    /// A standby that follows this server. From now on a commit is acknowledged once both have it.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn synchronous_standby(&self) -> Self {
        let standby = Self::keep(&[], |user, folder, data| {
            let mut copy = as_user(programs().join("pg_basebackup"), user);
            let options = ["-U", "stentor", "-R", "-X", "stream", "-c", "fast", "--no-sync", "-h"];
            run(copy.args(options).arg(&self.folder).arg("-D").arg(data).current_dir(folder));
        });
        let settings = self.data().join("postgresql.conf");
        let mut settings = std::fs::OpenOptions::new().append(true).open(settings).expect("initdb wrote it");
        writeln!(settings, "synchronous_standby_names = '*'").expect("its folder is ours");
        self.control("reload");
        standby
    }

    /// Makes a standby take writes.
    ///
    /// # Panics
    /// When it does not.
    pub fn promote(&self) {
        self.control("promote");
    }

    /// Has the server do something, and waits for that where there is something to wait for.
    fn control(&self, what: &str) {
        let mut control = as_user(programs().join("pg_ctl"), self.user.as_ref());
        run(control.arg(what).arg("-D").arg(self.data()).current_dir("/"));
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The address of a database that both servers have, for whoever uses the one that takes writes.
    #[must_use]
    pub fn either_url(&self, standby: &Self, database: &str) -> String {
        let name = database.rsplit('/').next().expect("an address ends with its database");
        format!("postgres://stentor@{},{}/{name}", host(&self.folder), host(&standby.folder))
    }

    /// Runs a server on the data that is made in a new folder.
    fn keep(settings: &[&str], make: impl FnOnce(Option<&User>, &Path, &Path)) -> Self {
        let programs = programs();
        let folder = tempfile::Builder::new()
            .prefix("stentor-postgres-")
            .tempdir()
            .expect("a temporary folder")
            .keep();
        let user = unprivileged();
        if let Some(user) = &user {
            std::os::unix::fs::chown(&folder, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
                .expect("root may give a folder away");
        }
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).expect("an own folder");
        let data = folder.join("data");
        make(user.as_ref(), &folder, &data);
        let mut keeper = as_user("sh", user.as_ref());
        keeper.args(["-c", KEEPER, "sh"]).arg(programs.join("postgres")).arg(&data).arg(&folder);
        keeper.args(SETTINGS).args(settings.iter().flat_map(|setting| ["-c", setting]));
        // A process group of its own: an interrupt at the terminal is for the test, whose end the keeper sees.
        keeper
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = keeper.spawn().expect("a shell starts");
        let input = process.stdin.take().expect("its input is piped");
        let output = BufReader::new(process.stdout.take().expect("its output is piped"));
        let (databases, keeper) = (AtomicU32::new(0), Mutex::new(Keeper { input, output }));
        let server = Self { folder, user, databases, keeper, _process: process };
        server.wait_ready(&programs);
        server
    }

    /// Ends it and waits until it has ended.
    ///
    /// # Panics
    /// When it was ended before.
    pub fn end(&self, how: End) {
        let signal = match how {
            End::Fast => "INT",
            End::Crash => "QUIT",
        };
        let mut keeper = self.keeper.lock().expect("no panic while holding the lock");
        writeln!(keeper.input, "{signal}").expect("the keeper reads");
        let mut line = String::new();
        keeper.output.read_line(&mut line).expect("the keeper answers");
        assert_eq!(line, "ended\n", "{}", self.log());
    }

    /// Starts one that was ended, on the same data, and waits until it takes sessions.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&self) {
        let mut keeper = self.keeper.lock().expect("no panic while holding the lock");
        writeln!(keeper.input, "start").expect("the keeper reads");
        drop(keeper);
        self.wait_ready(&programs());
    }

    /// What it wrote about itself.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn wait_ready(&self, programs: &Path) {
        let give_up = Instant::now() + START_DEADLINE;
        let mut ready = Command::new(programs.join("pg_isready"));
        ready.args(["-q", "-U", "stentor", "-d", "postgres", "-h"]).arg(&self.folder);
        while !ready.status().expect("pg_isready starts").success() {
            assert!(Instant::now() < give_up, "PostgreSQL does not start: {}", self.log());
            std::thread::sleep(START_POLL);
        }
    }

    /// A new, empty database, by its address.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut create = as_user(programs().join("createdb"), self.user.as_ref());
        run(create.args(["-U", "stentor", "-h"]).arg(&self.folder).arg(&name).current_dir("/"));
        format!("postgres://stentor@{}/{name}", host(&self.folder))
    }

    /// Runs statements on a database as its superuser would, and answers what they print.
    ///
    /// # Panics
    /// When they fail.
    pub fn sql(&self, url: &str, statements: &str) -> String {
        let mut psql = Command::new(programs().join("psql"))
            .args(["-qAt", "-v", "ON_ERROR_STOP=1", "-d", url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("psql starts");
        let mut input = psql.stdin.take().expect("its input is piped");
        input.write_all(statements.as_bytes()).expect("psql reads");
        drop(input);
        let done = psql.wait_with_output().expect("psql ends");
        assert!(done.status.success(), "psql: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    }
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Postgres({})", self.folder.display())
    }
}

/// Of a new process whose lease has always run out, so that the next one need not wait.
///
/// # Panics
/// When the clock stands before 1970.
#[must_use]
pub fn membership() -> Membership {
    static PROCESSES: AtomicU64 = AtomicU64::new(1);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let started_at = Time::ZERO.plus(now);
    let id = NodeId::new(started_at, PROCESSES.fetch_add(4, Ordering::Relaxed));
    let node = Node { id, name: "test".into(), version: "0".into(), started_at };
    Membership { node, lease: Duration::ZERO, predecessor: None }
}

/// Runs a program that must succeed.
fn run(command: &mut Command) {
    let shown = command.get_program().display().to_string();
    let done = command.output().unwrap_or_else(|error| panic!("cannot start {shown}: {error}"));
    assert!(done.status.success(), "{shown}: {}", String::from_utf8_lossy(&done.stderr));
}

/// The folder of a server's socket as the host of an address.
fn host(folder: &Path) -> String {
    folder.to_str().expect("temporary folders have plain names").replace('/', "%2F")
}
