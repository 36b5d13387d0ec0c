//! The rules of the engine, each shown with the real SQLite store and a scripted receiver.
//!
//! A test's name starts with its rule. Everything waits for conditions; no test depends on how fast the machine is.
#![expect(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod support;

mod broadcasts;
mod commands;
mod commit_answers;
mod credentials;
mod due_rows;
mod fallbacks;
mod hand_over;
mod health;
mod held;
mod limits;
mod operational;
mod order;
mod permit_shares;
mod rates;
mod retention;
mod schedules;
mod simulation;
mod statistics;
mod stopping;
mod unclean_end;
