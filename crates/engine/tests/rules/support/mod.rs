//! What the tests of the rules share.
//!
//! Cast: a [`Database`] is a file that outlives processes; a [`Process`] is an engine on its own runtime, which can die
//! without a word; the [`Receiver`] answers as its script says and remembers every arrival, whichever process it came from.

mod database;
mod process;
mod receiver;
mod things;

pub use self::database::Database;
pub use self::process::{Process, Setup};
pub use self::receiver::{Answer, Receiver, Visit};
pub use self::things::*;
