//! One rule for what comes in, whichever way it comes (reliability S8 to S12): each case is sent to every way in and must be
//! answered the same everywhere, to the byte that is wrong, and what is taken must leave to the byte.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod door;
mod framing;
mod values;
