//! The store on PostgreSQL: one session that writes, a few that read.
//!
//! One node at a time has the database: its row is its lease, and every transaction asks for that row. Others stand by and
//! take over when the lease has run out ([`nodes`](crate::nodes), engine rule E4).

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

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use stentor_core::time::Time;

use crate::abort::AbortOnPanic;
use crate::error::{StoreError, StoreResult};
use crate::seal::{MasterKey, Place, SealError, Sealer};
use checkpoint::Vacuum;
pub use connection::InvalidUrl;
use connection::{Connector, Session};
use nodes::Heart;
pub use nodes::Membership;
use readers::Readers;
use statistics::SharedMinutes;
use writer::Writer;

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The text is not the address of a database.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// Another node has it.
    #[error("the database is in use by another process")]
    InUse,
    /// The server does not sync what it commits.
    #[error(
        "the server runs with fsync = off and would lose what was acknowledged; switch it on, or use --dev"
    )]
    NoSync,
    /// The server is too old.
    #[error("PostgreSQL {found} is too old; 14 or newer is needed")]
    ServerTooOld {
        /// Its version number.
        found: i32,
    },
    /// The database cannot hold every text.
    #[error("the database has the encoding {found}; UTF8 is needed")]
    Encoding {
        /// Its encoding.
        found: String,
    },
    /// The clocks of this machine and of the server disagree.
    #[error(
        "the clock of the database server is {off_seconds} s off this machine's; at most 5 s are allowed"
    )]
    Clock {
        /// How far, in seconds.
        off_seconds: i64,
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
    /// The server refused or cannot be reached.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The copy cannot be restored.
    #[error("{} cannot be restored: {reason}", file.display())]
    Copy {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
}

/// What opening a database depends on.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// This machine's time. One that is more than five seconds off the server's is refused: retention would delete the wrong
    /// events (engine rule E17).
    pub now: Time,
    /// Whether a server that does not sync is good enough.
    pub dev: bool,
    /// How TLS is done; without it only addresses with `sslmode=disable` or `prefer` can be used.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// How this process is known to others.
    pub membership: Membership,
}

/// A database on a server. Dropping it closes its sessions.
#[derive(Debug)]
pub struct PostgresStore {
    writer: Arc<tokio::sync::Mutex<Writer>>,
    readers: Readers,
    sealer: Arc<Sealer>,
    vacuum: Arc<Vacuum>,
    heart: Heart,
    minutes: SharedMinutes,
    /// Held by the one who builds rollups.
    closing: tokio::sync::Mutex<()>,
    connector: Arc<Connector>,
}

/// What is done with a session: it borrows it.
type Work<'s, T> = Pin<Box<dyn Future<Output = StoreResult<T>> + Send + 's>>;

impl PostgresStore {
    /// Opens the database and brings its schema up to date.
    ///
    /// # Errors
    /// When another node has it, the key is not its key, or the server cannot be used; see [`OpenError`].
    pub async fn open(
        url: &str,
        master_key: &MasterKey,
        options: &PostgresOptions,
    ) -> Result<Self, OpenError> {
        let mut node = StandBy::join(url, master_key, options).await?;
        if node.take_over().await? { node.begin().await } else { Err(OpenError::InUse) }
    }

    /// Checks an address without connecting to it.
    ///
    /// # Errors
    /// When it is none. What it says does not repeat the address: that holds a password.
    pub fn check_url(url: &str) -> Result<(), InvalidUrl> {
        Connector::new(url, None).map(|_| ())
    }

    /// Runs one statement, or several that need not see the same moment.
    async fn read<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send,
        F: for<'s> FnOnce(&'s Session) -> Work<'s, T> + Send,
    {
        self.readers.read(work).await
    }

    /// Runs statements that see one moment.
    async fn read_moment<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: for<'s> FnOnce(&'s Session) -> Work<'s, T> + Send + 'static,
    {
        self.readers.read_moment(work).await
    }

    /// Writes in a transaction of its own, between batches.
    async fn write<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: for<'s> FnOnce(&'s Session) -> Work<'s, T> + Send + 'static,
    {
        self.with_writer(move |writer| Box::pin(async move { writer.transaction(work).await })).await
    }

    /// Goes on when the caller goes away: a transaction is never left open.
    async fn with_writer<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: for<'w> FnOnce(&'w mut Writer) -> Work<'w, T> + Send + 'static,
    {
        let writer = Arc::clone(&self.writer);
        let working = tokio::spawn(async move {
            let _guard = AbortOnPanic;
            let mut writer = writer.lock_owned().await;
            writer.ready().await?;
            work(&mut writer).await
        });
        working.await.map_err(|error| StoreError::Unavailable(error.to_string()))?
    }
}

/// A node that has joined and owns nothing yet.
#[derive(Debug)]
pub struct StandBy {
    connector: Arc<Connector>,
    session: Session,
    sealer: Sealer,
    membership: Membership,
}

impl StandBy {
    /// Connects and brings the schema up to date. The node that has the database goes on meanwhile: migrations suit older
    /// binaries (engine rule E24).
    ///
    /// # Errors
    /// When the key is not the database's, or the server cannot be used.
    pub async fn join(
        url: &str,
        master_key: &MasterKey,
        options: &PostgresOptions,
    ) -> Result<Self, OpenError> {
        let connector = Arc::new(Connector::new(url, options.tls.clone())?);
        let session = connector.writer().await?;
        connection::check_server(&session, options).await?;
        migrations::run(&session).await?;
        let sealer = Sealer::new(master_key);
        check_canary(&session, &sealer).await?;
        Ok(Self { connector, session, sealer, membership: options.membership.clone() })
    }

    /// Notes that this node lives, and takes what no living node has. Answers whether it has the database now. To be called
    /// again, several times within a lease, until it has.
    ///
    /// # Errors
    /// When the server cannot be used. It may be asked again.
    pub async fn take_over(&mut self) -> Result<bool, OpenError> {
        if self.session.is_closed() {
            self.session = self.connector.writer().await?;
        }
        nodes::take_over(&self.session, &self.membership).await
    }

    /// Begins to use the database, which this node has.
    ///
    /// # Errors
    /// When the server cannot be used.
    pub async fn begin(self) -> Result<PostgresStore, OpenError> {
        let Self { connector, session, sealer, membership } = self;
        let minutes = SharedMinutes::new(tokio::sync::Mutex::new(statistics::load(&session).await?));
        let vacuum = Arc::new(Vacuum::new(Arc::clone(&connector)));
        let shared = (Arc::clone(&minutes), Arc::clone(&vacuum));
        let writer = Writer::new(session, Arc::clone(&connector), membership.node.id, shared).await?;
        Ok(PostgresStore {
            writer: Arc::new(tokio::sync::Mutex::new(writer)),
            readers: Readers::new(Arc::clone(&connector)),
            sealer: Arc::new(sealer),
            vacuum,
            heart: Heart::new(Arc::clone(&connector), membership),
            minutes,
            closing: tokio::sync::Mutex::default(),
            connector,
        })
    }
}

/// A known text, sealed when the database was made, shows whether the key is the same.
async fn check_canary(session: &Session, sealer: &Sealer) -> Result<(), OpenError> {
    let place = Place { table: "meta", row: b"canary", field: "value" };
    let sealed = sealer.seal(place, b"stentor").map_err(OpenError::MasterKey)?;
    // Of nodes that begin together with several keys one is first.
    let sql = "INSERT INTO meta (name, value) VALUES ('canary', $1) ON CONFLICT (name) DO NOTHING";
    session.execute(sql, &[&sealed]).await?;
    let kept = row::meta(session, "canary").await?.unwrap_or_default();
    sealer.open(place, &kept).map(|_| ()).map_err(OpenError::MasterKey)
}

#[cfg(test)]
mod tests;
