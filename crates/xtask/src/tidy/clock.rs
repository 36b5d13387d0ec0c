//! Time comes from the engine's clock, so that tests own it.

use super::Violation;
use super::lexer::{has_word, lines_where};
use super::tree::{SourceFile, Tree};

const CLOCK: &str = "crates/engine/src/clock.rs";
const DEV_CRATES: [&str; 3] = ["bench", "testkit", "xtask"];

/// Finds reads of the system's clocks. Instants of tokio are fine: its time is paused and moved by tests.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (file, lexed) in tree.rust() {
        if file.path == CLOCK || is_dev(file) {
            continue;
        }
        let instants_are_tokios = lexed
            .code_with_tests
            .split(';')
            .any(|item| item.contains("use tokio::time::") && has_word(item, "Instant"));
        let reads = |line: &str| {
            let line = line.replace("tokio::time::Instant::now", "");
            let instant = line.contains("Instant::now") && !instants_are_tokios;
            instant || line.contains("SystemTime::now") || line.contains("UNIX_EPOCH.elapsed")
        };
        let lines = lines_where(&lexed.code, reads);
        violations
            .extend(lines.into_iter().map(|line| Violation::new(&file.path, line, "ask the engine's Clock")));
    }
    violations
}

/// Dev crates and integration tests live in real time.
fn is_dev(file: &SourceFile) -> bool {
    let dev_crate = file.crate_name().is_some_and(|name| DEV_CRATES.contains(&name));
    dev_crate || file.is_test()
}

#[cfg(test)]
mod tests {
    use super::super::assert_found;
    use super::check;

    #[test]
    fn reads_of_the_clock_are_found() {
        let path = "crates/engine/src/health.rs";
        let text = "let a = SystemTime::now();\nlet b = std::time::Instant::now();\nlet c = tokio::time::Instant::now();\n";
        assert_found(check, &[(path, text)], &[(path, 1), (path, 2)]);
    }

    #[test]
    fn tokios_and_the_clocks_own_are_fine() {
        let imported = "use tokio::time::{Duration, Instant};\nlet a = Instant::now();\n";
        assert_found(check, &[("crates/engine/src/outbound/client.rs", imported)], &[]);
        assert_found(check, &[("crates/engine/src/clock.rs", "let a = SystemTime::now();\n")], &[]);
    }
}
