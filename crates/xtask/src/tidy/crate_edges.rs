//! `verify ← core ← store ← engine ← gateway`: a shipped crate depends only on those to its left (design section 3).

use super::Violation;
use super::tree::{SourceFile, Tree};

/// Folder and package, from the bottom.
const SHIPPED: [(&str, &str); 5] = [
    ("verify", "stentor-verify"),
    ("core", "stentor-core"),
    ("store", "stentor-store"),
    ("engine", "stentor-engine"),
    ("gateway", "stentor"),
];
const DEV: [&str; 3] = ["stentor-testkit", "stentor-bench", "xtask"];

/// Finds dependencies that point up, and dev crates that are shipped.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (rank, (folder, _)) in SHIPPED.iter().enumerate() {
        let Some(manifest) = tree.file(&format!("crates/{folder}/Cargo.toml")) else { continue };
        for (line, section, dependency) in dependencies(manifest) {
            let above = SHIPPED[rank..].iter().any(|(_, package)| *package == dependency);
            let shipped_dev = DEV.contains(&dependency) && !section.contains("dev-dependencies");
            if above || shipped_dev {
                let rule = format!("{folder} must not depend on {dependency}");
                violations.push(Violation::new(&manifest.path, line, rule));
            }
        }
    }
    violations
}

/// Line, section and name of each dependency.
fn dependencies(manifest: &SourceFile) -> Vec<(usize, &str, &str)> {
    let mut section = "";
    let mut found = Vec::new();
    for (index, line) in manifest.text.lines().enumerate() {
        if let Some(header) = line.trim().strip_prefix('[') {
            section = header.trim_end_matches(']');
            // `[dependencies.name]`
            if let Some((before, name)) = section.rsplit_once("dependencies.") {
                found.push((index + 1, if before.ends_with("dev-") { "dev-dependencies" } else { "" }, name));
            }
        } else if section.ends_with("dependencies") {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            found.push((index + 1, section, name));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::assert_found;
    use super::check;

    #[test]
    fn an_edge_that_points_up_is_found() {
        let store = "[package]\nname = \"stentor-store\"\n[dependencies]\nstentor-core.workspace = true\n\
            stentor-engine = { path = \"../engine\" }\n[dependencies.stentor]\npath = \"../gateway\"\n";
        let path = "crates/store/Cargo.toml";
        assert_found(check, &[(path, store)], &[(path, 5), (path, 6)]);
    }

    #[test]
    fn the_testkit_is_for_tests_only() {
        let good = "[dependencies]\nstentor-engine.workspace = true\n[dev-dependencies]\nstentor-testkit.workspace = true\n";
        let bad = "[dependencies]\nstentor-testkit.workspace = true\n";
        let path = "crates/gateway/Cargo.toml";
        assert_found(check, &[(path, good)], &[]);
        assert_found(check, &[(path, bad)], &[(path, 2)]);
    }
}
