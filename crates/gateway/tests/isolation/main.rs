//! Tenants do not see each other and tokens do only what they are for (reliability S18, S19), proven for every operation
//! of the served document.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[path = "../surface/mod.rs"]
#[expect(dead_code, reason = "shared with the tests of bad input")]
mod surface;

mod foreign;
mod lists;
mod tokens;

use stentor_testkit::api::Answer;

/// What two answers must have in common to look the same: all but the clock and what is left of the limits.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let varies = |name: &http::HeaderName| *name == "date" || name.as_str().starts_with("ratelimit-");
    let headers = answer.headers().iter().filter(|(name, _)| !varies(name));
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    (answer.status(), headers, answer.text())
}
