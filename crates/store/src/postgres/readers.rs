//! The sessions that read.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::Work;
use super::connection::{Connector, Session};
use crate::error::{StoreError, StoreResult};

const SESSIONS: usize = 8;

#[derive(Debug)]
pub(super) struct Readers {
    connector: Arc<Connector>,
    idle: Mutex<Vec<Session>>,
    free: Semaphore,
}

impl Readers {
    pub fn new(connector: Arc<Connector>) -> Self {
        Self { connector, idle: Mutex::default(), free: Semaphore::new(SESSIONS) }
    }

    /// A session that is lent goes back when the work is done. One whose work failed or was given up is closed: nobody knows
    /// where it stands.
    pub async fn read<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send,
        F: for<'s> FnOnce(&'s Session) -> Work<'s, T> + Send,
    {
        let closed = |_| StoreError::Unavailable("the database is closed".into());
        let _permit = self.free.acquire().await.map_err(closed)?;
        let session = match self.take() {
            Some(session) => session,
            None => self.connector.reader().await?,
        };
        let value = work(&session).await?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        Ok(value)
    }

    /// The same in a transaction that sees one moment.
    pub async fn read_moment<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: for<'s> FnOnce(&'s Session) -> Work<'s, T> + Send + 'static,
    {
        self.read(move |session| {
            Box::pin(async move {
                session.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
                let value = work(session).await?;
                session.batch("COMMIT").await?;
                Ok(value)
            })
        })
        .await
    }

    fn take(&self) -> Option<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|session| !session.is_closed());
        idle.pop()
    }
}
