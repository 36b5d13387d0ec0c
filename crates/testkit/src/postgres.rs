//! A PostgreSQL server of the test's own: made from nothing, on a socket in a temporary folder, gone with the process.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::unistd::{Uid, User};

/// Where Debian keeps the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Whom the server runs as when the test runs as root, which it refuses.
const USERS: [&str; 2] = ["postgres", "nobody"];
const START_DEADLINE: Duration = Duration::from_secs(60);
const START_POLL: Duration = Duration::from_millis(10);
/// Runs the server until its standard input ends, which it does with the test's process, however that ends; then removes its
/// folder. `$1` the server, `$2` its data, `$3` the folder.
const KEEPER: &str = r#""$1" -D "$2" -k "$3" -c listen_addresses= -c fsync=off -c max_connections=200 \
    -c autovacuum=off >"$3/log" 2>&1 </dev/null & server=$!
    read -r line; kill -INT "$server"; wait "$server"; rm -rf "$3""#;

/// A running server. There is one in each process.
pub struct Postgres {
    folder: PathBuf,
    user: Option<User>,
    databases: AtomicU32,
    _keeper: Child,
    // Never written to: it ends with the process.
    _alive: ChildStdin,
}

impl Postgres {
    /// The server of this process, started by whoever asks first.
    ///
    /// # Panics
    /// When PostgreSQL is not installed (`cargo xtask setup` does that) or does not start.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
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
        let mut initdb = as_user(&programs.join("initdb"), user.as_ref());
        let options = ["-U", "stentor", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"];
        let made = initdb.args(options).arg(&data).current_dir(&folder).output().expect("initdb starts");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut keeper = as_user("sh", user.as_ref());
        keeper.args(["-c", KEEPER, "sh"]).arg(programs.join("postgres")).arg(&data).arg(&folder);
        // A process group of its own: an interrupt at the terminal is for the test, whose end the keeper sees.
        keeper
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut keeper = keeper.spawn().expect("a shell starts");
        let alive = keeper.stdin.take().expect("its input is piped");
        let server = Self { folder, user, databases: AtomicU32::new(0), _keeper: keeper, _alive: alive };
        server.wait_ready(&programs);
        server
    }

    fn wait_ready(&self, programs: &Path) {
        let give_up = Instant::now() + START_DEADLINE;
        let mut ready = Command::new(programs.join("pg_isready"));
        ready.args(["-q", "-U", "stentor", "-d", "postgres", "-h"]).arg(&self.folder);
        while !ready.status().expect("pg_isready starts").success() {
            if Instant::now() > give_up {
                let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                panic!("PostgreSQL does not start: {log}");
            }
            std::thread::sleep(START_POLL);
        }
    }

    /// A new, empty database, by its address.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut create = as_user(&programs().join("createdb"), self.user.as_ref());
        let made =
            create.args(["-U", "stentor", "-h"]).arg(&self.folder).arg(&name).current_dir("/").output();
        let made = made.expect("createdb starts");
        assert!(made.status.success(), "createdb: {}", String::from_utf8_lossy(&made.stderr));
        let host = self.folder.to_str().expect("temporary folders have plain names").replace('/', "%2F");
        format!("postgres://stentor@{host}/{name}")
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

/// The folder of the newest server's programs.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| Some((version.file_name().to_str()?.parse().ok()?, version.path().join("bin"))))
        .collect();
    found.sort();
    let on_path = std::env::var_os("PATH")
        .into_iter()
        .flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let all = found.into_iter().rev().map(|(_, folder)| folder).chain(on_path);
    let mut all = all.filter(|folder| folder.join("initdb").exists() && folder.join("postgres").exists());
    all.next().expect("PostgreSQL is installed; run `cargo xtask setup` first")
}

fn unprivileged() -> Option<User> {
    if !Uid::effective().is_root() {
        return None;
    }
    let known = USERS.iter().find_map(|name| User::from_name(name).ok().flatten());
    Some(known.expect("a machine has one of the users postgres and nobody"))
}

fn as_user(program: impl AsRef<OsStr>, user: Option<&User>) -> Command {
    let mut command = Command::new(program);
    if let Some(user) = user {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command
}
