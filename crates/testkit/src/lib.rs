//! What the tests of the running machine stand on.
//!
//! Cast: [`Gateway`](gateway::Gateway) is the real binary in a child process; [`Api`](api::Api) talks to it;
//! [`Receiver`](receiver::Receiver) is a scripted webhook receiver in the test's own process;
//! [`Hostile`](hostile::Hostile) is a client that breaks HTTP on purpose. The [`ledger`]s of sender and receiver are
//! files that survive whatever happens to the gateway, and [`checker::check`] compares them. [`crash`] puts all of it
//! together: load, `kill -9` at a random moment, restart, compare.
//!
//! Everything here fails a test by panicking with what was seen, and waits for conditions with a deadline, never for
//! time to pass.
#![expect(clippy::disallowed_methods, reason = "tests of the real binary measure real time")]

pub mod api;
pub mod checker;
pub mod crash;
pub mod faulty_store;
pub mod gateway;
pub mod hostile;
pub mod ledger;
pub mod load;
pub mod metrics;
pub mod postgres;
mod process;
pub mod program;
pub mod python;
pub mod receiver;
pub mod wait;
