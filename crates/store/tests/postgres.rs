//! The conformance suite on PostgreSQL, on a server of the process's own.
#![expect(clippy::disallowed_methods, reason = "the store compares this machine's clock with the server's")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use stentor_core::time::Time;
use stentor_store::Store;
use stentor_store::conformance::Backend;
use stentor_store::postgres::{PostgresOptions, PostgresStore};
use stentor_store::seal::MasterKey;
use stentor_testkit::postgres::{Postgres, membership};

struct OnPostgres {
    folder: tempfile::TempDir,
    url: String,
}

impl OnPostgres {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder can be made"),
            url: Postgres::shared().database(),
        }
    }

    fn options() -> PostgresOptions {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        PostgresOptions { now: Time::ZERO.plus(now), dev: true, tls: None, membership: membership() }
    }

    async fn at(url: &str) -> Arc<dyn Store> {
        let key = MasterKey::from_bytes([7; 32]);
        Arc::new(PostgresStore::open(url, &key, &Self::options()).await.expect("the database opens"))
    }
}

#[async_trait]
impl Backend for OnPostgres {
    async fn open(&self) -> Arc<dyn Store> {
        Self::at(&self.url).await
    }

    async fn reopen(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        drop(store);
        Self::at(&self.url).await
    }

    async fn open_copy(&self, file: &Path) -> Arc<dyn Store> {
        let url = Postgres::shared().database();
        PostgresStore::restore(&url, file, &Self::options()).await.expect("a copy can be restored");
        Self::at(&url).await
    }

    fn scratch_file(&self) -> PathBuf {
        self.folder.path().join("scratch.copy")
    }
}

stentor_store::conformance_suite!(OnPostgres::new());
