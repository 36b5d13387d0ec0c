//! Connections and how each is set up (engine rule E20), and the lock that lets one process have the database.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::OpenError;

/// The first release in which resetting the write-ahead log cannot lose a checkpoint: 3.51.3.
const SQLITE_OLDEST: i32 = 3_051_003;
/// Bytes of a page. Set before the first table exists; later opens keep what the file has. With
/// pages of 4096 an event with its delivery and outcome took 9.9 µs instead of 8.4 (`commit_speed`, on tmpfs).
const PAGE_BYTES: u32 = 8192;
/// Page caches, in KiB.
const WRITER_CACHE_KIB: u32 = 32 * 1024;
const READER_CACHE_KIB: u32 = 4 * 1024;
/// How long a connection waits for another one's lock. Only checkpoints ever meet one.
const BUSY: Duration = Duration::from_millis(50);
const STATEMENTS_CACHED: usize = 128;

/// The database's path with something appended to the file name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Takes the side-file lock for as long as the file is open.
pub(super) fn lock(path: &Path) -> Result<File, OpenError> {
    let lock_path = beside(path, ".lock");
    let failed = |source| OpenError::Lock { path: lock_path.clone(), source };
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: lock_path }),
        Err(TryLockError::Error(source)) => Err(OpenError::Lock { path: lock_path, source }),
    }
}

/// Refuses libraries that are too old to be trusted with a write-ahead log.
pub(super) fn check_version(number: i32) -> Result<(), OpenError> {
    if number < SQLITE_OLDEST { Err(OpenError::SqliteTooOld { found: number }) } else { Ok(()) }
}

/// The one connection that writes. Creates the file when there is none.
pub(super) fn open_writer(path: &Path) -> Result<Connection, OpenError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.execute_batch(&format!("PRAGMA page_size = {PAGE_BYTES};"))?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(OpenError::NoWriteAheadLog { mode });
    }
    connection.execute_batch(&format!(
        "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = {};
         PRAGMA cache_spill = OFF; {}",
        super::checkpoint::WAL_RESTART_BYTES,
        shared_settings(WRITER_CACHE_KIB)
    ))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    Ok(connection)
}

/// A connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.execute_batch(&shared_settings(READER_CACHE_KIB))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    Ok(connection)
}

/// The connection that copies pages from the write-ahead log into the database.
pub(super) fn open_checkpointer(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.execute_batch(&format!(
        "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; {}",
        shared_settings(512)
    ))?;
    Ok(connection)
}

fn shared_settings(cache_kib: u32) -> String {
    format!(
        "PRAGMA foreign_keys = OFF; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF; PRAGMA cache_size = -{cache_kib};"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_libraries_are_refused_and_ours_is_not() {
        assert!(matches!(check_version(3_051_002), Err(OpenError::SqliteTooOld { found: 3_051_002 })));
        assert!(check_version(3_051_003).is_ok());
        assert!(check_version(rusqlite::version_number()).is_ok());
    }

    #[test]
    fn a_second_holder_is_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stentor.db");
        let held = lock(&path).unwrap();
        assert!(matches!(lock(&path), Err(OpenError::InUse { .. })));
        drop(held);
        assert!(lock(&path).is_ok());
    }
}
