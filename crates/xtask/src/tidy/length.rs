//! Files stay short enough to be read in one go.

use super::Violation;
use super::tree::Tree;

const LINES_MAX: usize = 400;
const ENDINGS: [&str; 6] = [".rs", ".py", ".js", ".css", ".sh", ".sql"];

/// Finds source files that are too long.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let source = tree.files.iter().filter(|file| ENDINGS.iter().any(|ending| file.path.ends_with(ending)));
    let long =
        source.filter_map(|file| Some((file, file.text.lines().count())).filter(|(_, n)| *n > LINES_MAX));
    long.map(|(file, lines)| Violation::new(&file.path, 0, format!("{lines} lines; at most {LINES_MAX}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::assert_found;
    use super::{LINES_MAX, check};

    #[test]
    fn one_line_too_many_is_found() {
        let (full, long) = ("\n".repeat(LINES_MAX), "\n".repeat(LINES_MAX + 1));
        let (a, b) = ("crates/core/src/a.rs", "crates/core/src/b.rs");
        assert_found(check, &[(a, &full), (b, &long), ("Cargo.lock", &long)], &[(b, 0)]);
    }
}
