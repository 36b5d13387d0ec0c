//! The conformance suite on SQLite.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use stentor_store::Store;
use stentor_store::conformance::Backend;
use stentor_store::seal::MasterKey;
use stentor_store::sqlite::SqliteStore;

struct Sqlite {
    folder: tempfile::TempDir,
}

impl Sqlite {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder can be made") }
    }

    fn at(path: &Path) -> Arc<dyn Store> {
        let key = MasterKey::from_bytes([7; 32]);
        Arc::new(SqliteStore::open(path, &key).expect("the database opens"))
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("stentor.db")
    }
}

#[async_trait]
impl Backend for Sqlite {
    async fn open(&self) -> Arc<dyn Store> {
        Self::at(&self.path())
    }

    async fn reopen(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        drop(store);
        Self::at(&self.path())
    }

    async fn open_copy(&self, file: &Path) -> Arc<dyn Store> {
        Self::at(file)
    }

    fn scratch_file(&self) -> PathBuf {
        self.folder.path().join("scratch.db")
    }
}

stentor_store::conformance_suite!(Sqlite::new());
