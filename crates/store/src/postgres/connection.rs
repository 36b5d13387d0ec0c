//! Sessions and how each is set up.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::poll_fn;
use stentor_core::time::Time;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Row, Statement};

use super::{OpenError, PostgresOptions};
use crate::error::{StoreError, StoreResult};
use crate::tls::MakeRustls;

/// The first release of which every statement here was tried or read.
const SERVER_OLDEST: i32 = 140_000;
/// Most that the server's clock may be off ours.
const CLOCK_OFF_MAX: Duration = Duration::from_secs(5);
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long a peer may leave what was sent unacknowledged.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(10);

/// Every statement of ours walks an index. Plans are made once, when tables may still be empty, and must stay right: so the
/// ways that only pay while they are empty are switched off.
const PLANS: &str =
    "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = off;
     SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off; SET join_collapse_limit = 1;";
/// A session whose process is gone or stopped must not hold its locks for long (engine rule E4).
const LIVENESS: &str = "SET idle_in_transaction_session_timeout = '2s'; SET tcp_user_timeout = '10s';
     SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;";
/// Raised where the server's own setting is weaker, and kept where it is stronger.
const DURABLE: &str = "SELECT set_config('synchronous_commit', 'on', false)
     WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')";

/// The text is not the address of a PostgreSQL database. It is never repeated: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the address of a PostgreSQL database; expected postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=require"
)]
pub struct InvalidUrl;

/// Opens sessions.
#[derive(Debug)]
pub(super) struct Connector {
    config: Config,
    tls: Option<MakeRustls>,
}

impl Connector {
    pub fn new(url: &str, tls: Option<Arc<rustls::ClientConfig>>) -> Result<Self, InvalidUrl> {
        // Certificates are always verified, so the two stricter words ask for nothing more.
        let url = url
            .replace("sslmode=verify-full", "sslmode=require")
            .replace("sslmode=verify-ca", "sslmode=require");
        let mut config = Config::from_str(&url).map_err(|_| InvalidUrl)?;
        config.application_name("stentor").connect_timeout(CONNECT_MAX);
        // Of several hosts, the one that takes writes.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        config.tcp_user_timeout(UNACKNOWLEDGED_MAX).keepalives_idle(Duration::from_secs(5));
        if only_sockets(&config) {
            // As libpq does: nothing leaves the machine, and there is no name that a certificate could be for.
            config.ssl_mode(SslMode::Disable);
        }
        Ok(Self { config, tls: tls.map(MakeRustls) })
    }

    /// What encrypts sessions, when anything does.
    fn encryption(&self) -> Option<&MakeRustls> {
        self.tls.as_ref().filter(|_| self.config.get_ssl_mode() != SslMode::Disable)
    }

    /// The session that writes.
    pub async fn writer(&self) -> StoreResult<Session> {
        let session = self.connect().await?;
        session.batch(&format!("{PLANS} {LIVENESS} {DURABLE}; SET statement_timeout = 0")).await?;
        Ok(session)
    }

    /// A session that only reads.
    pub async fn reader(&self) -> StoreResult<Session> {
        let session = self.connect().await?;
        session
            .batch(&format!(
                "{PLANS} {LIVENESS} SET default_transaction_read_only = on; SET statement_timeout = '30s'"
            ))
            .await?;
        Ok(session)
    }

    /// The session that renews the lease.
    pub async fn heart(&self, answer_within: Duration) -> StoreResult<Session> {
        let session = self.connect().await?;
        let limit = answer_within.as_millis().max(1);
        session.batch(&format!("{LIVENESS} {DURABLE}; SET statement_timeout = {limit}")).await?;
        Ok(session)
    }

    /// A session for what runs outside of transactions or for long.
    pub async fn upkeep(&self) -> StoreResult<Session> {
        let session = self.connect().await?;
        session
            .batch(&format!(
                "{LIVENESS} SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0"
            ))
            .await?;
        Ok(session)
    }

    async fn connect(&self) -> StoreResult<Session> {
        let unreachable = |error: tokio_postgres::Error| super::failure::no_session(&error);
        let warnings = Arc::new(AtomicU64::new(0));
        let (client, driving) = match self.encryption() {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await.map_err(unreachable)?;
                (client, tokio::spawn(drive(connection, Arc::clone(&warnings))))
            }
            None => {
                let (client, connection) =
                    self.config.connect(tokio_postgres::NoTls).await.map_err(unreachable)?;
                (client, tokio::spawn(drive(connection, Arc::clone(&warnings))))
            }
        };
        Ok(Session { client, statements: Mutex::default(), warnings, driving: driving.abort_handle() })
    }
}

/// Whether every host is a Unix socket.
fn only_sockets(config: &Config) -> bool {
    let hosts = config.get_hosts();
    let sockets = hosts.iter().all(|host| matches!(host, Host::Unix(_)));
    sockets && !hosts.is_empty() && config.get_hostaddrs().is_empty()
}

/// Moves bytes until the session is dropped, and counts warnings.
async fn drive<S, T>(mut connection: Connection<S, T>, warnings: Arc<AtomicU64>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) if notice.severity() == "WARNING" => {
                tracing::warn!(message = notice.message(), "the database warns");
                warnings.fetch_add(1, Ordering::Release);
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(reason = super::failure::text(&error), "a session with the database ended");
                return;
            }
        }
    }
}

/// A connection to the server with the statements that it knows.
pub(super) struct Session {
    client: Client,
    statements: Mutex<HashMap<String, Statement>>,
    warnings: Arc<AtomicU64>,
    driving: AbortHandle,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session(…)")
    }
}

/// The values of a statement.
pub(super) type Values<'v> = [&'v (dyn ToSql + Sync)];

impl Session {
    pub fn client(&self) -> &Client {
        &self.client
    }

    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Ends it at once, whatever it is waiting for.
    pub fn abandon(&self) {
        self.driving.abort();
    }

    /// How many warnings came so far.
    pub fn warnings(&self) -> u64 {
        self.warnings.load(Ordering::Acquire)
    }

    async fn statement(&self, sql: &str) -> Result<Statement, tokio_postgres::Error> {
        let known = self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let made = self.client.prepare(sql).await?;
        self.statements.lock().unwrap_or_else(PoisonError::into_inner).insert(sql.to_owned(), made.clone());
        Ok(made)
    }

    pub async fn query(&self, sql: &str, values: &Values<'_>) -> StoreResult<Vec<Row>> {
        let statement = self.statement(sql).await?;
        Ok(self.client.query(&statement, values).await?)
    }

    /// The first row, if there is one.
    pub async fn first(&self, sql: &str, values: &Values<'_>) -> StoreResult<Option<Row>> {
        Ok(self.query(sql, values).await?.into_iter().next())
    }

    /// The row that there must be.
    pub async fn one(&self, sql: &str, values: &Values<'_>) -> StoreResult<Row> {
        let row = self.first(sql, values).await?;
        row.ok_or_else(|| StoreError::Unexpected("a statement that always has a row had none".into()))
    }

    /// Answers how many rows it touched.
    pub async fn execute(&self, sql: &str, values: &Values<'_>) -> StoreResult<u64> {
        let statement = self.statement(sql).await?;
        Ok(self.client.execute(&statement, values).await?)
    }

    /// Statements without values.
    pub async fn batch(&self, sql: &str) -> StoreResult<()> {
        Ok(self.client.batch_execute(sql).await?)
    }
}

/// Waits for two statements that are on their way together. When the first to fail fails the transaction, the other fails for
/// that alone: its reason is not the one to tell.
pub(super) async fn both<A, B>(
    first: impl Future<Output = StoreResult<A>>,
    second: impl Future<Output = StoreResult<B>>,
) -> StoreResult<(A, B)> {
    match tokio::join!(first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(StoreError::Unavailable(_)), Err(cause)) | (Err(cause), _) | (_, Err(cause)) => Err(cause),
    }
}

/// Refuses servers that cannot keep what we promise.
pub(super) async fn check_server(session: &Session, options: &PostgresOptions) -> Result<(), OpenError> {
    let sql = "SELECT current_setting('server_version_num')::int4, current_setting('fsync') = 'on',
         current_setting('server_encoding'), (extract(epoch FROM clock_timestamp()) * 1000000)::int8";
    let row = session.one(sql, &[]).await?;
    let read = |row: &Row| {
        let (version, syncs) = (row.try_get(0)?, row.try_get(1)?);
        Ok(Server { version, syncs, encoding: row.try_get(2)?, now: Time::from_micros(row.try_get(3)?) })
    };
    read(&row).map_err(|error: tokio_postgres::Error| OpenError::Store(error.into()))?.check(options)
}

/// What a server says of itself.
#[derive(Debug, Clone)]
struct Server {
    version: i32,
    syncs: bool,
    encoding: String,
    now: Time,
}

impl Server {
    fn check(self, options: &PostgresOptions) -> Result<(), OpenError> {
        if self.version < SERVER_OLDEST {
            return Err(OpenError::ServerTooOld { found: self.version / 10_000 });
        }
        if !self.syncs && !options.dev {
            return Err(OpenError::NoSync);
        }
        if self.encoding != "UTF8" {
            return Err(OpenError::Encoding { found: self.encoding });
        }
        let off = self.now.since(options.now).max(options.now.since(self.now));
        if off > CLOCK_OFF_MAX {
            return Err(OpenError::Clock { off_seconds: i64::try_from(off.as_secs()).unwrap_or(i64::MAX) });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use stentor_testkit::postgres::Postgres;

    use super::*;

    fn tls() -> Option<Arc<rustls::ClientConfig>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions =
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let nobody_trusted = versions.unwrap().with_root_certificates(rustls::RootCertStore::empty());
        Some(Arc::new(nobody_trusted.with_no_client_auth()))
    }

    #[test]
    fn sockets_need_no_tls_and_everything_else_keeps_what_it_asks_for() {
        for (url, encrypted) in [
            ("postgres://u@%2Frun%2Fpostgresql/stentor", false),
            ("postgres://u@%2Frun%2Fpostgresql/stentor?sslmode=require", false),
            ("postgres://u@%2Frun%2Fa,%2Frun%2Fb/stentor?sslmode=verify-full", false),
            ("postgres://u@db/stentor", true),
            ("postgres://u@db/stentor?sslmode=verify-full", true),
            ("postgres://u@db/stentor?sslmode=disable", false),
            ("postgres://u@%2Frun%2Fpostgresql,db/stentor?sslmode=require", true),
            ("host=/run/postgresql hostaddr=192.0.2.1 user=u dbname=stentor", true),
        ] {
            let connector = Connector::new(url, tls()).unwrap();
            assert_eq!(connector.encryption().is_some(), encrypted, "{url}");
        }
    }

    #[test]
    fn servers_that_cannot_keep_what_we_promise_are_refused() {
        let good = Server { version: 140_000, syncs: true, encoding: "UTF8".into(), now: Time::ZERO };
        let options = PostgresOptions { now: Time::ZERO, dev: false, ..crate::postgres::tests::options() };
        let check = |server: Server| server.check(&options);
        assert!(check(good.clone()).is_ok());
        let found = check(Server { version: 130_023, ..good.clone() });
        assert!(matches!(found, Err(OpenError::ServerTooOld { found: 13 })), "{found:?}");
        let found = check(Server { encoding: "SQL_ASCII".into(), ..good.clone() });
        assert!(matches!(found, Err(OpenError::Encoding { .. })), "{found:?}");
        assert!(matches!(check(Server { syncs: false, ..good.clone() }), Err(OpenError::NoSync)));
        let dev = PostgresOptions { dev: true, ..options.clone() };
        assert!(Server { syncs: false, ..good }.check(&dev).is_ok());
    }

    #[tokio::test]
    async fn a_socket_is_reached_whatever_is_known_of_tls() {
        let url = Postgres::shared().database();
        for url in [url.clone(), format!("{url}?sslmode=require")] {
            let session = Connector::new(&url, tls()).unwrap().reader().await.unwrap();
            assert_eq!(session.one("SELECT 1", &[]).await.unwrap().get::<_, i32>(0), 1);
        }
    }
}
