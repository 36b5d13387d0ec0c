//! Start, stop, upkeep and backup.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OptionalExtension};
use stentor_core::time::Time;

use super::row::first_id;
use super::{SqliteStore, blocking, connection, totals};
use crate::error::{StoreError, StoreResult};
use crate::maintenance::{Maintenance, PreviousEnd};

/// Rows younger than this stay open: most deliveries end within it, and what ends later moves a closed total.
const OPEN_FOR: Duration = Duration::from_secs(60);

#[async_trait]
impl Maintenance for SqliteStore {
    async fn begin_process(&self, _now: Time) -> StoreResult<PreviousEnd> {
        self.write(|connection| {
            let previous: Option<String> = connection
                .query_row("SELECT CAST(value AS TEXT) FROM meta WHERE name = 'process'", [], |row| {
                    row.get(0)
                })
                .optional()?;
            note_process(connection, "running")?;
            Ok(match previous.as_deref() {
                None => PreviousEnd::FirstStart,
                Some("ended") => PreviousEnd::Clean,
                Some(_) => PreviousEnd::Unclean,
            })
        })
        .await
    }

    async fn end_process(&self, _now: Time) -> StoreResult<()> {
        self.write(|connection| Ok(note_process(connection, "ended")?)).await
    }

    async fn upkeep(&self) -> StoreResult<()> {
        self.checkpointer.upkeep()
    }

    async fn close_hours(&self, now: Time) -> StoreResult<()> {
        let until = first_id(now.minus(OPEN_FOR));
        loop {
            let closed = self
                .with_writer(move |writer| {
                    let before = writer.closed_before;
                    if before >= until {
                        return Ok(before);
                    }
                    let bound =
                        writer.transaction(|connection| totals::close_piece(connection, &before, &until))?;
                    writer.closed_before = bound;
                    Ok(bound)
                })
                .await?;
            if closed >= until {
                break;
            }
        }
        let sums = self.read(|connection| totals::conservation(connection, None)).await?;
        if sums.holds() {
            Ok(())
        } else {
            Err(StoreError::Unexpected(format!("the sum of all deliveries does not hold: {sums:?}")))
        }
    }

    async fn purge_leftovers(&self, before: Time, rows_max: u32) -> StoreResult<u32> {
        self.delete_leftovers(before, rows_max).await
    }

    async fn backup(&self, file: &Path) -> StoreResult<()> {
        Self::backup_file(&self.path, file).await
    }

    async fn ping(&self) -> StoreResult<()> {
        self.read(|connection| Ok(connection.query_row("SELECT 1", [], |_| Ok(()))?)).await
    }
}

impl SqliteStore {
    /// Writes a consistent copy of a database to `file`, also while another process has it. The file must not exist.
    ///
    /// # Errors
    /// When the database cannot be read or the file not be written; an unfinished file is removed.
    pub async fn backup_file(database: &Path, file: &Path) -> StoreResult<()> {
        let (from, to) = (database.to_owned(), file.to_owned());
        blocking(move || copy(&from, &to)).await?
    }
}

fn note_process(connection: &Connection, word: &str) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT INTO meta (name, value) VALUES ('process', ?1) ON CONFLICT DO UPDATE SET value = ?1",
            [word.as_bytes()],
        )
        .map(|_| ())
}

/// One step on a connection of its own: one moment, while the writer goes on (engine rule E20).
fn copy(from: &Path, to: &PathBuf) -> StoreResult<()> {
    let failed = |error: std::io::Error| StoreError::Unavailable(format!("the backup file: {error}"));
    std::fs::File::create_new(to).map_err(failed)?;
    let copied = copy_into(from, to).and_then(|()| {
        let file = std::fs::File::open(to).map_err(failed)?;
        file.sync_all().map_err(failed)
    });
    if copied.is_err()
        && let Err(error) = std::fs::remove_file(to)
    {
        tracing::warn!(%error, "an unfinished backup could not be removed");
    }
    copied
}

fn copy_into(from: &Path, to: &Path) -> StoreResult<()> {
    let unusable = |error: super::OpenError| StoreError::Unavailable(error.to_string());
    let source = connection::open_reader(from).map_err(unusable)?;
    let mut target = Connection::open(to)?;
    let backup = Backup::new(&source, &mut target)?;
    match backup.step(-1)? {
        StepResult::Done => Ok(()),
        other => Err(StoreError::Unavailable(format!("the backup did not end: {other:?}"))),
    }
}
