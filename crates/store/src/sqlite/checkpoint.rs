//! Moves pages from the write-ahead log into the database, so that the log stays short (engine rule E20).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle, Thread};

use rusqlite::Connection;

use super::OpenError;
use crate::error::StoreResult;

/// Log bytes after which the thread copies pages, without disturbing the writer.
const WAL_PASSIVE_BYTES: u64 = 16 * 1024 * 1024;
/// Log bytes after which the writer itself makes the log start anew between two batches.
pub(super) const WAL_RESTART_BYTES: u64 = 64 * 1024 * 1024;

/// What is known about the log, shared by the writer and the thread.
#[derive(Debug)]
pub(super) struct Log {
    page_bytes: u64,
    /// Bytes in the log after the last commit.
    bytes: AtomicU64,
    /// Bytes at which the thread is woken next.
    passive_at: AtomicU64,
    /// Bytes at which the writer tries to restart next; moved up when a reader stood in the way.
    restart_at: AtomicU64,
    stop: AtomicBool,
    thread: std::sync::OnceLock<Thread>,
}

impl Log {
    /// After each commit.
    pub(super) fn grew_to(&self, frames: i32) {
        let bytes = u64::try_from(frames).unwrap_or(0) * self.page_bytes;
        let before = self.bytes.swap(bytes, Ordering::Relaxed);
        if bytes < before {
            // The log started anew by itself: everything in it had been copied.
            self.started_anew();
        }
        if bytes >= self.passive_at.load(Ordering::Relaxed) {
            self.passive_at.store(bytes + WAL_PASSIVE_BYTES, Ordering::Relaxed);
            if let Some(thread) = self.thread.get() {
                thread.unpark();
            }
        }
    }

    fn started_anew(&self) {
        self.passive_at.store(WAL_PASSIVE_BYTES, Ordering::Relaxed);
        self.restart_at.store(WAL_RESTART_BYTES, Ordering::Relaxed);
    }

    pub(super) fn is_restart_due(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) >= self.restart_at.load(Ordering::Relaxed)
    }

    /// Copies the rest and starts the log anew, unless a reader needs it.
    pub(super) fn restart(&self, connection: &Connection) -> rusqlite::Result<()> {
        let blocked: bool = connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get(0))?;
        if blocked {
            self.restart_at
                .store(self.bytes.load(Ordering::Relaxed) + WAL_RESTART_BYTES / 4, Ordering::Relaxed);
        } else {
            self.bytes.store(0, Ordering::Relaxed);
            self.started_anew();
        }
        Ok(())
    }
}

/// The thread that makes passive checkpoints on its own connection. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Checkpointer {
    log: Arc<Log>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(super) fn start(connection: Connection) -> Result<Self, OpenError> {
        let page_bytes: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let log = Arc::new(Log {
            page_bytes: page_bytes.into(),
            bytes: AtomicU64::new(0),
            passive_at: AtomicU64::new(WAL_PASSIVE_BYTES),
            restart_at: AtomicU64::new(WAL_RESTART_BYTES),
            stop: AtomicBool::new(false),
            thread: std::sync::OnceLock::new(),
        });
        let shared = Arc::clone(&log);
        let thread = thread::Builder::new()
            .name("checkpoint".into())
            .spawn(move || {
                while !shared.stop.load(Ordering::Acquire) {
                    thread::park();
                    if let Err(error) = passive(&connection) {
                        tracing::warn!(%error, "a checkpoint failed");
                    }
                }
            })
            .map_err(OpenError::Thread)?;
        let _ = log.thread.set(thread.thread().clone());
        Ok(Self { log, thread: Some(thread) })
    }

    pub(super) fn log(&self) -> Arc<Log> {
        Arc::clone(&self.log)
    }

    /// Has a passive checkpoint made when there is anything worth it.
    pub(super) fn upkeep(&self) -> StoreResult<()> {
        if self.log.bytes.load(Ordering::Relaxed) >= WAL_PASSIVE_BYTES / 2
            && let Some(thread) = &self.thread
        {
            thread.thread().unpark();
        }
        Ok(())
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.log.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("the checkpoint thread panicked");
            }
        }
    }
}

fn passive(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}
