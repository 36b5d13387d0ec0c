//! Where the master key comes from: the configuration, or `stentor.key` beside the database, made on first start.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use stentor_store::seal::MasterKey;
use tracing::{info, warn};

use crate::config::{Config, Database};

/// The file beside the database.
const KEY_FILE_NAME: &str = "stentor.key";
/// A key is 64 characters; anything much longer is another file named by mistake.
const KEY_FILE_BYTES_MAX: u64 = 1024;

/// The key that the configuration asks for.
pub(super) fn resolve(config: &Config) -> anyhow::Result<MasterKey> {
    if let Some(given) = &config.master_key {
        return Ok(given.0.clone());
    }
    if let Some(path) = &config.master_key_file {
        return read(path);
    }
    let database = match &config.database {
        Database::Sqlite(database) => database,
        Database::Postgres(_) if config.dev => return of_this_folder(),
        Database::Postgres(_) => bail!(
            "with a database on a server the master key is given with --master-key-file or STENTOR_MASTER_KEY; \
             make one with `openssl rand -hex 32`, and give the same one at every start"
        ),
    };
    let path = beside(database);
    match read(&path) {
        Err(error) if is_missing(&error) => {}
        read => return read,
    }
    if fs::exists(database).unwrap_or(true) {
        bail!(
            "{} holds secrets that only its master key opens, but {} is missing; restore it, or give the key with \
             --master-key-file or STENTOR_MASTER_KEY",
            database.display(),
            path.display()
        );
    }
    create(&path)
}

/// To try things out with a database on a server, the key may be in the folder that the process was started in.
fn of_this_folder() -> anyhow::Result<MasterKey> {
    let path = Path::new(KEY_FILE_NAME);
    match read(path) {
        Err(error) if is_missing(&error) => create(path),
        read => read,
    }
}

fn beside(database: &Path) -> PathBuf {
    database.with_file_name(KEY_FILE_NAME)
}

fn is_missing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::NotFound)
}

fn read(path: &Path) -> anyhow::Result<MasterKey> {
    let told = || format!("cannot read the master key {}", path.display());
    let found = fs::metadata(path).with_context(told)?;
    if found.len() > KEY_FILE_BYTES_MAX {
        bail!("{} is too large to be a master key", path.display());
    }
    if found.permissions().mode() & 0o077 != 0 {
        warn!(file = %path.display(), "the master key can be read by others than its owner; chmod 600 it");
    }
    let text = fs::read_to_string(path).with_context(told)?;
    MasterKey::parse(&text).with_context(|| format!("{} does not hold a master key", path.display()))
}

/// Writes a new key, synced with its folder before anything is sealed with it.
fn create(path: &Path) -> anyhow::Result<MasterKey> {
    let told = || format!("cannot create the master key {}", path.display());
    let key = MasterKey::generate()?;
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).with_context(told)?;
    file.write_all(key.to_hex().as_bytes()).and_then(|()| file.write_all(b"\n")).with_context(told)?;
    file.sync_all().with_context(told)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).with_context(told)?;
    info!(file = %path.display(), "a master key was made; keep a copy of it apart from backups of the database");
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(folder: &Path) -> Config {
        Config { database: Database::Sqlite(folder.join("x.db")), ..Config::default() }
    }

    #[test]
    fn the_first_start_makes_a_private_file_and_later_ones_read_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let made = resolve(&config(folder.path())).expect("made");
        let file = folder.path().join(KEY_FILE_NAME);
        assert_eq!(fs::metadata(&file).expect("exists").permissions().mode() & 0o777, 0o600);
        fs::write(folder.path().join("x.db"), "").expect("writable");
        assert_eq!(resolve(&config(folder.path())).expect("read").to_hex(), made.to_hex());
    }

    #[test]
    fn a_database_without_its_key_is_not_given_another_one() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("x.db"), "").expect("writable");
        let refused = resolve(&config(folder.path())).expect_err("refused").to_string();
        assert!(refused.contains("stentor.key is missing"), "{refused}");
        assert!(!folder.path().join(KEY_FILE_NAME).exists());
    }

    #[test]
    fn a_file_that_is_no_key_is_refused_without_being_repeated() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("other");
        fs::write(&file, "not a key").expect("writable");
        let named = Config { master_key_file: Some(file), ..config(folder.path()) };
        let refused = format!("{:#}", resolve(&named).expect_err("refused"));
        assert!(
            refused.contains("does not hold a master key") && !refused.contains("not a key"),
            "{refused}"
        );
        let missing = Config { master_key_file: Some(folder.path().join("none")), ..config(folder.path()) };
        assert!(resolve(&missing).is_err());
    }
}
