//! Nodes: the processes that share a database, and which of them has it (engine rule E4).
//!
//! A node's row is its lease. Whoever has the shards renews the row; when it has not for the length of a lease, another node
//! deletes the row and takes the shards, in one transaction. Every transaction that changes anything asks for the row of its
//! own node, so that one whose row is gone changes nothing any more.

use std::time::Duration;

use async_trait::async_trait;
use stentor_core::id::NodeId;
use stentor_core::time::Time;

use crate::error::StoreResult;

/// What a node is, beside its lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Fresh for each process: it is the fence.
    pub id: NodeId,
    /// What people know it by: its machine.
    pub name: String,
    /// The version of its binary.
    pub version: String,
    /// When it started.
    pub started_at: Time,
}

/// A node as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRow {
    /// Which.
    pub node: Node,
    /// Until when it has what it owns, by the database's clock.
    pub lease_until: Time,
    /// How many shards it owns; none when it stands by.
    pub shards: u16,
}

/// Who uses the database.
#[async_trait]
pub trait Nodes: Send + Sync {
    /// Says that this process lives. Answers for how long, from when this was called, it has what it owns; none when nobody
    /// can take it away while the process lives.
    ///
    /// # Errors
    /// [`Fatal`](crate::StoreError::Fatal) when another node has taken it.
    async fn renew_lease(&self) -> StoreResult<Option<Duration>>;

    /// All nodes, oldest first; none of a database that one process has alone.
    async fn nodes(&self) -> StoreResult<Vec<NodeRow>>;

    /// Gives up what this process owns, as its last write: the next node need not wait for the end of the lease.
    async fn leave(&self) -> StoreResult<()>;
}
