//! A test that does not run proves nothing.

use super::Violation;
use super::lexer::lines_where;
use super::tree::Tree;

/// Finds tests that are switched off.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (file, lexed) in tree.rust() {
        let lines = lines_where(&lexed.code_with_tests, |line| {
            let line = line.replace(' ', "");
            line.contains("#[ignore") || (line.contains("cfg_attr(") && line.contains(",ignore"))
        });
        violations
            .extend(lines.into_iter().map(|line| Violation::new(&file.path, line, "no test is ignored")));
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::super::assert_found;
    use super::check;

    #[test]
    fn ignored_tests_are_found() {
        let path = "crates/core/tests/slow.rs";
        let text =
            "#[test]\n#[ignore = \"slow\"]\nfn a() {}\n#[cfg_attr(unix, ignore)]\nfn b() {}\n// #[ignore]\n";
        assert_found(check, &[(path, text)], &[(path, 2), (path, 4)]);
    }
}
