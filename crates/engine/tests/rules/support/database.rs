//! A database file and who has it open.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use stentor_store::Store;
use stentor_store::seal::MasterKey;
use stentor_store::sqlite::{OpenError, SqliteStore};
use tempfile::TempDir;

/// A process that died lets go of the file once its last write has ended.
const OPEN_TRIES: u32 = 2_000;
const OPEN_PAUSE: Duration = Duration::from_millis(5);

/// One SQLite database in a folder of its own, in memory where the machine has a place for that.
pub struct Database {
    folder: TempDir,
}

impl Database {
    /// No file yet.
    pub fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self { folder: folder.expect("a folder can be made") }
    }

    /// Opens it, after whoever has it has let go.
    pub fn open(&self) -> Arc<dyn Store> {
        let key = MasterKey::from_bytes([7; 32]);
        let path = self.folder.path().join("stentor.db");
        for _ in 0..OPEN_TRIES {
            match SqliteStore::open(&path, &key) {
                Ok(store) => return Arc::new(store),
                Err(OpenError::InUse { .. }) => std::thread::sleep(OPEN_PAUSE),
                Err(error) => panic!("the database does not open: {error}"),
            }
        }
        panic!("an earlier process does not let go of the database");
    }
}
