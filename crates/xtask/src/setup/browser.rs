//! A browser, for the tests of the dashboard. The package that drives it is one of Node's ([`super::node`]).

use super::debian;

/// Installs Chromium if it is missing.
pub(crate) fn prepare() -> anyhow::Result<()> {
    debian::ensure("chromium", "chromium")
}
