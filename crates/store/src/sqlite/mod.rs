//! The store on SQLite: one file, one process, one connection that writes (engine rule E20).

mod answers;
mod broadcasts;
mod checkpoint;
mod connection;
mod conversations;
mod credentials;
mod deliveries;
mod event_types;
mod events;
mod failure;
mod journal;
mod lanes;
mod leftovers;
mod maintenance;
mod migrations;
mod nodes;
mod operational;
mod readers;
mod replays;
mod requests;
mod routes;
mod row;
mod sessions;
mod sources;
mod statistics;
mod tenants;
mod tokens;
mod totals;
mod usage;
mod webhooks;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, OptionalExtension, Transaction};

use crate::columns::page_of;
use crate::error::{StoreError, StoreResult};
use crate::seal::{MasterKey, Place, SealError, Sealer};
use checkpoint::Checkpointer;
use readers::Readers;
use statistics::SharedMinutes;
use writer::Writer;

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("the database is in use by another process (lock file {})", path.display())]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The lock file cannot be used.
    #[error("the lock file {} cannot be used: {source}", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The SQLite library is one whose write-ahead log can lose data.
    #[error("SQLite {found} is too old; 3.51.3 or newer is needed")]
    SqliteTooOld {
        /// Its version number.
        found: i32,
    },
    /// The file system cannot hold a write-ahead log.
    #[error("SQLite cannot keep a write-ahead log here (journal mode {mode}); use a local file system")]
    NoWriteAheadLog {
        /// The mode that SQLite chose.
        mode: String,
    },
    /// The database was migrated by a newer binary that excludes this one.
    #[error(
        "the database has schema {schema}, which needs a binary of schema {oldest_binary} or newer; this one is {binary}"
    )]
    BinaryTooOld {
        /// The database's schema.
        schema: u32,
        /// What it needs.
        oldest_binary: u32,
        /// What this binary is.
        binary: u32,
    },
    /// The secrets in the database were sealed with another key.
    #[error("the master key is not the one that this database was made with: {0}")]
    MasterKey(SealError),
    /// SQLite refused.
    #[error("the database cannot be opened: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// What the last process had counted cannot be read.
    #[error("what was counted last cannot be read: {0}")]
    Counts(StoreError),
    /// The thread for checkpoints could not be started.
    #[error("the thread for checkpoints could not be started: {0}")]
    Thread(std::io::Error),
}

/// A database file. Dropping it closes it.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Arc<Mutex<Writer>>,
    readers: Readers,
    sealer: Arc<Sealer>,
    checkpointer: Checkpointer,
    minutes: SharedMinutes,
    /// Held by the one who builds rollups.
    closing: tokio::sync::Mutex<()>,
    path: PathBuf,
    // Last, so that the lock outlives the connections.
    _lock: File,
}

impl SqliteStore {
    /// Opens the database, creates it when there is none, and brings its schema up to date. Blocks while it does.
    ///
    /// # Errors
    /// When another process has it, the key is not its key, or the file cannot be used; see [`OpenError`].
    pub fn open(path: &Path, master_key: &MasterKey) -> Result<Self, OpenError> {
        connection::check_version(rusqlite::version_number())?;
        let lock = connection::lock(path)?;
        let connection = connection::open_writer(path)?;
        migrations::run(&connection)?;
        let sealer = Arc::new(Sealer::new(master_key));
        check_canary(&connection, &sealer)?;
        let checkpointer = Checkpointer::start(connection::open_checkpointer(path)?)?;
        let minutes = statistics::load(&connection).map_err(OpenError::Counts)?;
        let minutes: SharedMinutes = Arc::new(Mutex::new(minutes));
        let writer = Writer::new(connection, checkpointer.log(), Arc::clone(&minutes))?;
        let readers = Readers::open(path)?;
        Ok(Self {
            writer: Arc::new(Mutex::new(writer)),
            readers,
            sealer,
            checkpointer,
            minutes,
            closing: tokio::sync::Mutex::default(),
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Reads at one moment, on one of the reading connections.
    async fn read<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
    {
        self.readers.read(work).await
    }

    /// Writes in a transaction of its own, between batches.
    async fn write<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> StoreResult<T> + Send + 'static,
    {
        self.with_writer(move |writer| writer.transaction(work)).await
    }

    async fn with_writer<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Writer) -> StoreResult<T> + Send + 'static,
    {
        let writer = Arc::clone(&self.writer);
        blocking(move || writer::hold(&writer, work)).await?
    }
}

/// Runs what blocks on the threads for it. A panic there comes back as an error.
async fn blocking<T, F>(work: F) -> StoreResult<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::Unavailable(error.to_string()))
}

/// A known text, sealed when the database was made, shows whether the key is the same.
fn check_canary(connection: &Connection, sealer: &Sealer) -> Result<(), OpenError> {
    let place = Place { table: "meta", row: b"canary", field: "value" };
    let sealed: Option<Vec<u8>> = connection
        .query_row("SELECT value FROM meta WHERE name = 'canary'", [], |row| row.get(0))
        .optional()?;
    match sealed {
        Some(sealed) => sealer.open(place, &sealed).map(|_| ()).map_err(OpenError::MasterKey),
        None => {
            let sealed = sealer.seal(place, b"stentor").map_err(OpenError::MasterKey)?;
            connection.execute("INSERT INTO meta (name, value) VALUES ('canary', ?1)", [sealed])?;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
