//! `stentor backup`.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use stentor_store::sqlite::SqliteStore;

use super::{CliError, serve};
use crate::config::Setting;

/// Copy the database to a new file, also while it is in use
///
/// The copy holds one moment. It does not hold the master key, without which its secrets cannot be opened.
#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The new file
    file: PathBuf,
    /// File with settings [env: STENTOR_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What to copy [default: as in the settings, else sqlite:stentor.db]
    #[arg(long, value_name = "sqlite:PATH")]
    database: Option<String>,
}

/// Writes the copy.
pub(super) async fn run(args: BackupArgs) -> Result<(), CliError> {
    let flags = args.database.map(|database| (Setting::Database, database)).into_iter().collect();
    let config = serve::load_config(args.config, flags)?;
    let Some(from) = config.database.path() else {
        return Err(CliError::Usage(
            "a database on a server is copied with pg_dump; see docs/database.md".into(),
        ));
    };
    if !from.exists() {
        return Err(CliError::Usage(format!("there is no database {}", from.display())));
    }
    let copied = SqliteStore::backup_file(from, &args.file).await;
    copied.with_context(|| format!("{} was not copied", from.display()))?;
    writeln!(anstream::stdout(), "{} was copied to {}", from.display(), args.file.display())?;
    Ok(())
}
