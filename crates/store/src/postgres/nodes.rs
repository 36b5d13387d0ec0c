//! Node rows: leases by the server's clock, and the fence in front of every change (engine rule E4).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use stentor_core::id::NodeId;
use stentor_core::shard::SHARDS;
use stentor_core::time::Time;
use tokio_postgres::Row;

use super::connection::{Connector, Session};
use super::row::{self, Id, micros};
use super::{OpenError, PostgresStore};
use crate::error::{StoreError, StoreResult};
use crate::nodes::{Node, NodeRow, Nodes};

/// The number of the lock under which nodes come and go.
const LOCK: i64 = 0x5374_656e_746f_7202;
/// The server's time in its unit for ours.
const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000000)::int8";
/// Takes the row until the transaction ends, so that nobody takes over in the middle of it. Renewing does not wait for that.
const FENCE: &str = "SELECT 1 FROM nodes WHERE node = $1 FOR KEY SHARE";

/// How this process is known to others.
#[derive(Debug, Clone)]
pub struct Membership {
    /// What it is.
    pub node: Node,
    /// How long the row stands for the process without being renewed.
    pub lease: Duration,
    /// The node that this process follows in its place and that has certainly ended: its lease need not run out.
    pub predecessor: Option<NodeId>,
}

impl Membership {
    fn lease_micros(&self) -> i64 {
        i64::try_from(self.lease.as_micros()).unwrap_or(i64::MAX)
    }
}

/// Renews the lease on a session of its own: the one that writes may be waiting.
#[derive(Debug)]
pub(super) struct Heart {
    connector: Arc<Connector>,
    pub membership: Membership,
    session: tokio::sync::Mutex<Option<Session>>,
}

impl Heart {
    pub fn new(connector: Arc<Connector>, membership: Membership) -> Self {
        Self { connector, membership, session: tokio::sync::Mutex::default() }
    }

    async fn renew(&self) -> StoreResult<()> {
        let mut kept = self.session.lock().await;
        let session = match kept.take().filter(|session| !session.is_closed()) {
            Some(session) => session,
            None => self.connector.heart(self.membership.lease / 2).await?,
        };
        let sql = format!("UPDATE nodes SET lease_until = {NOW} + $2 WHERE node = $1");
        let id = Id::from(self.membership.node.id);
        let touched = session.execute(&sql, &[&id, &self.membership.lease_micros()]).await?;
        *kept = Some(session);
        if touched == 0 { Err(taken()) } else { Ok(()) }
    }
}

fn taken() -> StoreError {
    StoreError::Fatal("another process has taken the database over".into())
}

/// Fails when another node has taken over; until the transaction ends, none can.
pub(super) async fn fence(session: &Session, node: NodeId) -> StoreResult<()> {
    session.first(FENCE, &[&Id::from(node)]).await?.map(|_| ()).ok_or_else(taken)
}

/// Waits until a transaction that this node left behind with a lost session has ended.
pub(super) async fn wait_for_own(session: &Session, node: NodeId) -> StoreResult<()> {
    let sql = "SELECT 1 FROM nodes WHERE node = $1 FOR UPDATE";
    session.first(sql, &[&Id::from(node)]).await?.map(|_| ()).ok_or_else(taken)
}

/// One round of a node that owns nothing: notes that it lives, and takes the shards unless a node with a lease has them.
/// Answers whether it has them now.
pub(super) async fn take_over(session: &Session, membership: &Membership) -> Result<bool, OpenError> {
    session.batch("BEGIN").await?;
    let done = round(session, membership).await;
    session.batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
    Ok(done?)
}

async fn round(session: &Session, membership: &Membership) -> StoreResult<bool> {
    session.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    let Node { id, name, version, started_at } = &membership.node;
    let (id, lease) = (Id::from(*id), membership.lease_micros());
    let sql = format!(
        "INSERT INTO nodes (node, lease_until, name, version, started_at) VALUES ($1, {NOW} + $2, $3, $4, $5)
         ON CONFLICT (node) DO UPDATE SET lease_until = excluded.lease_until"
    );
    session.execute(&sql, &[&id, &lease, name, version, &micros(*started_at)]).await?;
    let predecessor = membership.predecessor.map(Id::from);
    let sql = format!(
        "SELECT 1 FROM nodes n WHERE n.node <> $1 AND n.node IS DISTINCT FROM $2 AND n.lease_until > {NOW}
         AND EXISTS (SELECT 1 FROM shards s WHERE s.node = n.node) LIMIT 1"
    );
    if session.first(&sql, &[&id, &predecessor]).await?.is_some() {
        return Ok(false);
    }
    // Waits for what a node that is taken from was about to commit.
    let sql = format!("DELETE FROM nodes WHERE node <> $1 AND (lease_until <= {NOW} OR node = $2)");
    session.execute(&sql, &[&id, &predecessor]).await?;
    let sql = "INSERT INTO shards (shard, node) SELECT n, $1 FROM generate_series(0, $2::int4 - 1) AS n
         ON CONFLICT (shard) DO UPDATE SET node = excluded.node";
    session.execute(sql, &[&id, &i32::try_from(SHARDS).unwrap_or(i32::MAX)]).await?;
    Ok(true)
}

#[async_trait]
impl Nodes for PostgresStore {
    async fn renew_lease(&self) -> StoreResult<Option<Duration>> {
        self.heart.renew().await?;
        Ok(Some(self.heart.membership.lease))
    }

    async fn nodes(&self) -> StoreResult<Vec<NodeRow>> {
        self.read(|session| {
            Box::pin(async move {
                let sql = "SELECT n.node, n.name, n.version, n.started_at, n.lease_until,
                     (SELECT count(*) FROM shards s WHERE s.node = n.node) FROM nodes n ORDER BY n.started_at, n.node";
                session.query(sql, &[]).await?.iter().map(node_row).collect()
            })
        })
        .await
    }

    async fn leave(&self) -> StoreResult<()> {
        let id = Id::from(self.heart.membership.node.id);
        self.write(move |session| {
            Box::pin(async move {
                session.execute("UPDATE shards SET node = NULL WHERE node = $1", &[&id]).await?;
                session.execute("DELETE FROM nodes WHERE node = $1", &[&id]).await.map(|_| ())
            })
        })
        .await
    }
}

fn node_row(row: &Row) -> StoreResult<NodeRow> {
    let time = |column| Ok::<_, StoreError>(Time::from_micros(row.try_get(column)?));
    let node = Node {
        id: row::id(row, 0, NodeId::from_bytes)?,
        name: row.try_get(1)?,
        version: row.try_get(2)?,
        started_at: time(3)?,
    };
    let shards: i64 = row.try_get(5)?;
    Ok(NodeRow { node, lease_until: time(4)?, shards: u16::try_from(shards).unwrap_or(u16::MAX) })
}
