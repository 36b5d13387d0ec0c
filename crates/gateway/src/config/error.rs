//! What can be wrong with the configuration, and where.

use std::path::PathBuf;

/// A configuration that cannot be used. No variant repeats a value that may be secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds something wrong.
    #[error("{}:{line}:{column}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// In characters, counted from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// A variable has a wrong value.
    #[error("{name}: {message}")]
    Variable {
        /// Its name.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// A variable that means nothing; most likely a slip.
    #[error("{name} is not a setting; those that start with STENTOR_ are {known}")]
    UnknownVariable {
        /// Its name.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// A flag has a wrong value.
    #[error("{flag}: {message}")]
    Flag {
        /// The flag.
        flag: String,
        /// What is wrong.
        message: String,
    },
}
