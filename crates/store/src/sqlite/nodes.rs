//! The process that holds the lock on the side file has the database until it ends.

use std::time::Duration;

use async_trait::async_trait;

use super::SqliteStore;
use crate::error::StoreResult;
use crate::nodes::{NodeRow, Nodes};

#[async_trait]
impl Nodes for SqliteStore {
    async fn renew_lease(&self) -> StoreResult<Option<Duration>> {
        Ok(None)
    }

    async fn nodes(&self) -> StoreResult<Vec<NodeRow>> {
        Ok(Vec::new())
    }

    async fn leave(&self) -> StoreResult<()> {
        Ok(())
    }
}
