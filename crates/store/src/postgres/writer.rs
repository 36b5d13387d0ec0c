//! The one session that writes.

use std::collections::HashMap;
use std::sync::Arc;

use stentor_core::id::{NodeId, TenantId};

use super::checkpoint::Vacuum;
use super::connection::{Connector, Session};
use super::nodes;
use super::row::IdBytes;
use super::statistics::{self, SharedMinutes};
use super::totals::closed_before;
use super::{OpenError, Work};
use crate::error::{StoreError, StoreResult};
use crate::statistics::Counted;
use crate::usage::Backlogs;

/// A commit of which nobody knows what became of it: the session was lost in it.
#[derive(Debug)]
pub(super) struct InDoubt {
    /// The transaction's number.
    pub transaction: String,
    /// What it counted.
    pub counted: Counted,
    /// What it changes of the tenants' pending deliveries.
    pub backlog: Option<HashMap<TenantId, i64>>,
}

/// The writing session and what is remembered between transactions.
#[derive(Debug)]
pub(super) struct Writer {
    pub session: Session,
    /// Rows with ids below this are part of the closed totals.
    pub closed_before: IdBytes,
    /// How many deliveries each tenant has pending, once that is followed.
    pub backlogs: Option<Arc<Backlogs>>,
    pub in_doubt: Option<InDoubt>,
    /// How it failed (engine rule E3).
    failed: Option<String>,
    /// What is counted, once it is committed.
    pub minutes: SharedMinutes,
    pub vacuum: Arc<Vacuum>,
    connector: Arc<Connector>,
    /// Which history of the server the numbers of transactions belong to.
    timeline: String,
    /// Whose row is the fence.
    pub node: NodeId,
}

impl Writer {
    /// Of a node that has the database.
    pub async fn new(
        session: Session,
        connector: Arc<Connector>,
        node: NodeId,
        (minutes, vacuum): (SharedMinutes, Arc<Vacuum>),
    ) -> Result<Self, OpenError> {
        let (closed_before, timeline) = (closed_before(&session).await?, timeline(&session).await?);
        let (backlogs, in_doubt, failed) = (None, None, None);
        Ok(Self {
            session,
            closed_before,
            backlogs,
            in_doubt,
            failed,
            minutes,
            vacuum,
            connector,
            timeline,
            node,
        })
    }

    /// Notes that it failed; the first failure stays.
    pub fn fail(&mut self, reason: &str) {
        self.failed.get_or_insert_with(|| reason.to_owned());
    }

    /// Connects anew when the session was lost. Answers whether what was in doubt then is committed; none when nothing was, or
    /// when it cannot be known.
    pub async fn ready(&mut self) -> StoreResult<Option<bool>> {
        if let Some(reason) = &self.failed {
            return Err(StoreError::Fatal(reason.clone()));
        }
        if !self.session.is_closed() && self.in_doubt.is_none() {
            return Ok(None);
        }
        // It may be about to end only, and holds its locks until it has.
        self.session.abandon();
        let session = self.connector.writer().await?;
        if let Err(error) = nodes::wait_for_own(&session, self.node).await {
            if let StoreError::Fatal(reason) = &error {
                self.fail(reason);
            }
            return Err(error);
        }
        self.closed_before = closed_before(&session).await?;
        let found = self.resolve(&session).await?;
        self.session = session;
        tracing::info!("the database is connected again");
        Ok(found)
    }

    /// Finds out what became of what is in doubt, and counts it. A standby that was promoted gives the numbers of transactions
    /// that it did not get to others: of it they are not asked.
    async fn resolve(&mut self, session: &Session) -> StoreResult<Option<bool>> {
        let timeline = timeline(session).await?;
        let is_same = timeline == self.timeline;
        let found = match &self.in_doubt {
            Some(in_doubt) if is_same => Some(is_committed(session, &in_doubt.transaction).await?),
            Some(_) => {
                *self.minutes.lock().await = statistics::load(session).await?;
                None
            }
            None => None,
        };
        self.timeline = timeline;
        if let Some(in_doubt) = self.in_doubt.take()
            && found == Some(true)
        {
            self.count(in_doubt.counted, in_doubt.backlog).await;
        }
        Ok(found)
    }

    /// After a commit.
    pub async fn count(&mut self, counted: Counted, backlog: Option<HashMap<TenantId, i64>>) {
        self.minutes.lock().await.add(counted);
        if let Some((backlogs, changes)) = self.backlogs.as_ref().zip(backlog) {
            backlogs.apply(changes);
        }
    }

    /// Runs one transaction. Whatever `work` returns as an error is rolled back.
    pub async fn transaction<T, F>(&mut self, work: F) -> StoreResult<T>
    where
        F: for<'s> FnOnce(&'s Session) -> Work<'s, T>,
    {
        self.session.batch("BEGIN").await?;
        let worked = match nodes::fence(&self.session, self.node).await {
            Ok(()) => work(&self.session).await,
            Err(error) => Err(error),
        };
        match worked {
            Ok(value) => {
                self.session.batch("COMMIT").await?;
                Ok(value)
            }
            Err(error) => {
                if let StoreError::Fatal(reason) = &error {
                    self.fail(reason);
                }
                // Of a session that is lost nothing is left to roll back.
                if !self.session.is_closed() {
                    self.session.batch("ROLLBACK").await?;
                }
                Err(error)
            }
        }
    }
}

/// The history that the server writes: promoting a standby begins another. The first eight digits of a log file's name.
async fn timeline(session: &Session) -> StoreResult<String> {
    let row = session.one("SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)", &[]).await?;
    Ok(row.try_get(0)?)
}

/// What became of a transaction whose session has ended.
pub(super) async fn is_committed(session: &Session, transaction: &str) -> StoreResult<bool> {
    let row = session.one("SELECT pg_xact_status(($1::text)::xid8) = 'committed'", &[&transaction]).await?;
    Ok(row.try_get::<_, Option<bool>>(0)?.unwrap_or(false))
}
