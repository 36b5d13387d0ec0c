//! The only task runner: `cargo xtask setup|test|ci|bench|openapi|tidy`.

mod bench;
mod ci;
mod openapi;
mod root;
mod setup;
mod step;
mod test;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask <task>

  setup             prepare what the tests need beside Rust
  test [args]       setup, then build and run every test; args go to the test runner
  ci                everything that must hold for a change
  bench [args]      build for release and measure; args go to stentor-bench
  openapi           write openapi.json
  tidy              check the rules that no compiler checks
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let outcome = match (task.as_str(), rest.as_slice()) {
        ("setup", []) => setup::run(),
        ("test", arguments) => test::run(arguments),
        ("ci", []) => ci::run(),
        ("bench", arguments) => bench::run(arguments),
        ("openapi", []) => openapi::write(),
        ("tidy", []) => tidy::run(),
        _ => {
            step::say(USAGE);
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            step::say(&format!("xtask {task} failed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
