//! Prepares what the tests need beside Rust, and says what it did. Each thing is a module with one `prepare`, which
//! does nothing when the thing is there.

mod browser;
pub(crate) mod cargo_components;
mod debian;
mod node;
mod php;
mod postgres;
mod python;

use crate::step;

/// Prepares everything.
pub(crate) fn run() -> anyhow::Result<()> {
    step::step("cargo components", cargo_components::prepare)?;
    step::step("python packages", python::prepare)?;
    step::step("node and its packages", node::prepare)?;
    step::step("php", php::prepare)?;
    step::step("browser", browser::prepare)?;
    step::step("postgresql", postgres::prepare)
}
