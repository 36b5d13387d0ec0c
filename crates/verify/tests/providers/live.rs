//! Requests with new keys, made and judged in each run by the Python and the Node that `cargo xtask setup` prepares.

use std::path::Path;
use std::process::Command;

use stentor_verify::provider::presets;

use crate::vector::Vector;

const ROUNDS: usize = 3;

fn made() -> Vec<Vector> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let prepared = root.join("target/python");
    assert!(prepared.join("requirements.txt").exists(), "no prepared Python; run `cargo xtask setup` first");
    let interpreter = prepared.join("bin/python3");
    // Without venv support the packages lie in the directory itself.
    let mut command = Command::new(if interpreter.exists() { interpreter } else { "python3".into() });
    command.env("PYTHONPATH", &prepared).env("NODE_PATH", root.join("target/node/node_modules"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/providers/make.py");
    let output = command.args([script, "fresh", &ROUNDS.to_string()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

#[test]
fn fresh_requests_are_accepted_and_their_forgeries_are_not() {
    let requests = made();
    assert!(requests.len() >= ROUNDS * presets().len(), "only {} were made", requests.len());
    for request in requests {
        request.is_accepted();
        let mut forged = request.clone();
        // A byte inside of what every scheme with a signature of the body covers.
        forged.body.push(' ');
        if !matches!(request.preset.as_str(), "adyen" | "aws-sns") && crate::table::signs_body(&request) {
            assert_ne!(forged.verdict(), "accepted", "{}", request.preset);
        }
    }
}
