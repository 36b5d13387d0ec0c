//! Start, stop, upkeep and backup.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OptionalExtension, params};
use stentor_core::id::WebhookId;
use stentor_core::time::Time;

use super::row::{self, first_id, micros};
use super::{SqliteStore, blocking, connection, totals, usage};
use crate::error::{StoreError, StoreResult};
use crate::maintenance::{KeptStarts, Maintenance, PreviousEnd};

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

    async fn keep_starts(&self, kept: &KeptStarts) -> StoreResult<()> {
        let kept = kept.clone();
        self.write(move |connection| Ok(keep_starts(connection, &kept)?)).await
    }

    async fn take_starts(&self) -> StoreResult<Option<KeptStarts>> {
        self.write(|connection| Ok(take_starts(connection)?)).await
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
        self.write(move |connection| Ok(usage::forget_old(connection, now)?)).await?;
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

const START_BYTES: usize = size_of::<i64>();

fn keep_starts(connection: &Connection, kept: &KeptStarts) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO meta (name, value) VALUES ('starts_known_since', ?1) ON CONFLICT DO UPDATE SET value = ?1",
        [micros(kept.known_since).to_be_bytes()],
    )?;
    connection.execute("DELETE FROM rate_starts", [])?;
    let mut insert = connection.prepare("INSERT INTO rate_starts (webhook, starts) VALUES (?1, ?2)")?;
    for (webhook, starts) in &kept.webhooks {
        let bytes: Vec<u8> = starts.iter().flat_map(|start| micros(*start).to_be_bytes()).collect();
        insert.execute(params![webhook.as_bytes(), bytes])?;
    }
    Ok(())
}

fn take_starts(connection: &Connection) -> rusqlite::Result<Option<KeptStarts>> {
    let time = |bytes: [u8; START_BYTES]| Time::from_micros(i64::from_be_bytes(bytes));
    let known_since = connection
        .query_row("DELETE FROM meta WHERE name = 'starts_known_since' RETURNING value", [], |row| row.get(0))
        .optional()?
        .map(time);
    let webhooks = connection
        .prepare("DELETE FROM rate_starts RETURNING webhook, starts")?
        .query_map([], |row| {
            let bytes: Vec<u8> = row.get(1)?;
            let (starts, _) = bytes.as_chunks::<START_BYTES>();
            Ok((row::id(row, 0, WebhookId::from_bytes)?, starts.iter().copied().map(time).collect()))
        })?
        .collect::<Result<_, _>>()?;
    Ok(known_since.map(|known_since| KeptStarts { known_since, webhooks }))
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
