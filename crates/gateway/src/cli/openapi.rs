//! `stentor openapi`.

use std::io::Write as _;

use anyhow::Context;

use super::CliError;
use crate::http::openapi::document;

/// Prints the document that `/openapi.json` serves.
pub(super) fn run() -> Result<(), CliError> {
    let text = document().to_pretty_json().context("the document cannot be written")?;
    writeln!(anstream::stdout(), "{text}")?;
    Ok(())
}
