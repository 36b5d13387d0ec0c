//! Every preset against requests that another implementation signed: `senders.py` by the providers' documented formulas, judged by the
//! providers' own libraries where those are installed. `vectors/` holds one of each; `live.rs` has others made anew in each run.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in the functions its cases share too")]

mod certificates;
mod live;
mod table;
mod vector;

use self::vector::Vector;
use stentor_verify::provider::presets;

#[test]
fn each_preset_has_a_vector() {
    let vectors = Vector::all();
    for preset in presets() {
        assert!(vectors.iter().any(|vector| vector.preset == preset.name), "{} has no vector", preset.name);
    }
}

#[test]
fn genuine_requests_are_accepted() {
    for vector in Vector::all() {
        vector.is_accepted();
    }
}
