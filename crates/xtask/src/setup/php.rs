//! PHP, for the receiver that its built-in server runs.

use super::debian;

/// Installs the command line interpreter if it is missing.
pub(crate) fn prepare() -> anyhow::Result<()> {
    debian::ensure("php", "php-cli")
}
