//! The connections that read. Each read is one short transaction, so that it sees one moment and holds up no checkpoint.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, InterruptHandle};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{OpenError, connection};
use crate::error::{StoreError, StoreResult};

const CONNECTIONS: usize = 4;
/// Longest read transaction (engine rule E20).
const READ_MAX: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    free: Arc<Semaphore>,
}

/// A connection on loan; it goes back when this is dropped.
struct Loan {
    connection: Option<Connection>,
    idle: Arc<Mutex<Vec<Connection>>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}

/// Stops a statement that runs when this is dropped: nobody waits for its answer any more.
struct InterruptOnDrop(InterruptHandle);

impl Drop for InterruptOnDrop {
    fn drop(&mut self) {
        self.0.interrupt();
    }
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let idle = (0..CONNECTIONS).map(|_| connection::open_reader(path)).collect::<Result<_, _>>()?;
        Ok(Self { idle: Arc::new(Mutex::new(idle)), free: Arc::new(Semaphore::new(CONNECTIONS)) })
    }

    pub(super) async fn read<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
    {
        let closed = |_| StoreError::Unavailable("the database is closed".into());
        let permit = Arc::clone(&self.free).acquire_owned().await.map_err(closed)?;
        let connection = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let loan = Loan { connection, idle: Arc::clone(&self.idle), _permit: permit };
        let Some(connection) = &loan.connection else {
            return Err(StoreError::Unavailable("no connection is left".into()));
        };
        let interrupt = connection.get_interrupt_handle();
        // The loan comes back with the answer: only after the interrupt is out of the way may another read have it.
        let mut reading = tokio::task::spawn_blocking(move || {
            let answer = loan.connection.as_ref().map(|connection| in_transaction(connection, work));
            (loan, answer)
        });
        let interrupt_on_drop = InterruptOnDrop(interrupt);
        let ended = match tokio::time::timeout(READ_MAX, &mut reading).await {
            Ok(ended) => ended,
            Err(_) => {
                interrupt_on_drop.0.interrupt();
                reading.await
            }
        };
        let (loan, answer) =
            ended.map_err(|error| StoreError::Unexpected(format!("a read panicked: {error}")))?;
        drop(interrupt_on_drop);
        drop(loan);
        answer.unwrap_or_else(|| Err(StoreError::Unavailable("no connection is left".into())))
    }
}

fn in_transaction<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> StoreResult<T>,
) -> StoreResult<T> {
    let transaction = connection.unchecked_transaction()?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}
