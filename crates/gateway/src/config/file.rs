//! The file `stentor.toml`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{Config, ConfigError, FILE_NAME};

/// Reads the named file, or `stentor.toml` in the folder if it exists.
pub(super) fn read(named: Option<PathBuf>, folder: &Path) -> Result<Config, ConfigError> {
    let optional = named.is_none();
    let path = named.unwrap_or_else(|| folder.join(FILE_NAME));
    match std::fs::read_to_string(&path) {
        Ok(text) => parse(&text, path),
        Err(error) if optional && error.kind() == ErrorKind::NotFound => Ok(Config::default()),
        Err(source) => Err(ConfigError::Read { path, source }),
    }
}

/// The error's own text would repeat the line, and with it perhaps a secret; so only its message is used.
fn parse(text: &str, path: PathBuf) -> Result<Config, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let (line, column) = position(text, error.span().map_or(0, |span| span.start));
        ConfigError::File { path, line, column, message: error.message().to_owned() }
    })
}

/// Line and column of a byte, both counted from 1.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
