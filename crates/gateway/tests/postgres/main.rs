//! The gateway on PostgreSQL: what only a database on a server can do to it. Everything else is tested by running the other
//! suites on both stores: `STENTOR_TESTS_ON=postgres`.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
#![expect(clippy::disallowed_methods, reason = "tests of the real binary measure real time")]

mod crash;
mod nodes;
mod outage;
mod refused;
mod way;

use stentor_testkit::gateway::{Gateway, GatewayBuilder, MASTER_KEY};

const BINARY: &str = env!("CARGO_BIN_EXE_stentor");

/// A gateway on the database at an address.
fn on(url: impl Into<String>) -> GatewayBuilder {
    Gateway::builder(BINARY).database(url).environment("STENTOR_MASTER_KEY", MASTER_KEY)
}
