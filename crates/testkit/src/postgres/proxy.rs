//! Stands between a gateway and its server and cuts sessions off: all of them, or one at a given message.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::{Postgres, host};

/// How PostgreSQL names a socket of the usual port.
const SOCKET: &str = ".s.PGSQL.5432";
/// A simple query, and the one that begins a transaction.
const QUERY: u8 = b'Q';
const BEGIN: &[u8] = b"BEGIN\0";
/// A message begins with its kind, except a session's first, and its length, which counts itself.
const LENGTH_BYTES: usize = 4;

/// A proxy before a server. It ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    folder: TempDir,
    database: String,
    wire: Arc<Wire>,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Wire {
    server: PathBuf,
    refusing: AtomicBool,
    /// After how many messages of the next transaction its session is cut off.
    armed: Mutex<Option<usize>>,
    cuts: AtomicUsize,
    cut_all: Notify,
}

impl Proxy {
    /// Before a new database of a server.
    ///
    /// # Panics
    /// When there cannot be one.
    pub fn before(server: &Postgres) -> Self {
        let database = server.database();
        let database = database.rsplit('/').next().expect("an address ends with its database").to_owned();
        let folder = tempfile::Builder::new().prefix("stentor-proxy-").tempdir().expect("a temporary folder");
        let listener = UnixListener::bind(folder.path().join(SOCKET)).expect("a socket in an own folder");
        let wire = Arc::new(Wire { server: server.folder.join(SOCKET), ..Wire::default() });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&wire)));
        Self { folder, database, wire, accepting }
    }

    /// The address of the database, through the proxy.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://stentor@{}/{}", host(self.folder.path()), self.database)
    }

    /// The address of the database without it.
    #[must_use]
    pub fn direct_url(&self) -> String {
        let server = self.wire.server.parent().expect("the socket is in a folder");
        format!("postgres://stentor@{}/{}", host(server), self.database)
    }

    /// Cuts off the session of the next transaction once that many of its messages, in both directions, have passed; its
    /// `BEGIN` is the first.
    pub fn cut_after(&self, messages: usize) {
        *self.wire.armed.lock().unwrap_or_else(PoisonError::into_inner) = Some(messages);
    }

    /// How many sessions were cut off at a message.
    #[must_use]
    pub fn cuts(&self) -> usize {
        self.wire.cuts.load(Ordering::Acquire)
    }

    /// Cuts off all sessions.
    pub fn cut_all(&self) {
        self.wire.cut_all.notify_waiters();
    }

    /// Lets no new session through, or lets them through again.
    pub fn refuse(&self, refusing: bool) {
        self.wire.refusing.store(refusing, Ordering::Release);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut_all();
    }
}

async fn accept(listener: UnixListener, wire: Arc<Wire>) {
    while let Ok((client, _)) = listener.accept().await {
        if !wire.refusing.load(Ordering::Acquire) {
            tokio::spawn(relay(client, Arc::clone(&wire)));
        }
    }
}

/// Returns when either side ends, or is made to; both are closed then.
async fn relay(client: UnixStream, wire: Arc<Wire>) {
    let cut = wire.cut_all.notified();
    let Ok(server) = UnixStream::connect(&wire.server).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let left = Mutex::new(None);
    tokio::select! {
        () = cut => {}
        _ = requests(from_client, to_server, &wire, &left) => {}
        _ = answers(from_server, to_client, &wire, &left) => {}
    }
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    wire: &Wire,
    left: &Mutex<Option<usize>>,
) -> io::Result<()> {
    // The first has no kind.
    let first = message(&mut from, Vec::new()).await?;
    to.write_all(&first).await?;
    loop {
        let kind = from.read_u8().await?;
        let request = message(&mut from, vec![kind]).await?;
        if kind == QUERY && request.ends_with(BEGIN) {
            let armed = wire.armed.lock().unwrap_or_else(PoisonError::into_inner).take();
            *left.lock().unwrap_or_else(PoisonError::into_inner) = armed;
        }
        wire.passes(left)?;
        to.write_all(&request).await?;
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    wire: &Wire,
    left: &Mutex<Option<usize>>,
) -> io::Result<()> {
    loop {
        let kind = from.read_u8().await?;
        let answer = message(&mut from, vec![kind]).await?;
        wire.passes(left)?;
        to.write_all(&answer).await?;
    }
}

impl Wire {
    /// Counts a message of a transaction that is to be cut off; fails when it may not pass any more.
    fn passes(&self, left: &Mutex<Option<usize>>) -> io::Result<()> {
        match &mut *left.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(0) => {
                self.cuts.fetch_add(1, Ordering::AcqRel);
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}

/// Reads the rest of a message after what was read of it.
async fn message(from: &mut OwnedReadHalf, mut read: Vec<u8>) -> io::Result<Vec<u8>> {
    let length = from.read_u32().await?;
    let rest = usize::try_from(length).ok().and_then(|length| length.checked_sub(LENGTH_BYTES));
    let rest = rest.ok_or(io::ErrorKind::InvalidData)?;
    read.extend_from_slice(&length.to_be_bytes());
    let start = read.len();
    read.resize(start + rest, 0);
    from.read_exact(&mut read[start..]).await?;
    Ok(read)
}
