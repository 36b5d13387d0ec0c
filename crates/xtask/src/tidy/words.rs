//! Words that the repository must not have anywhere.

use super::Violation;
use super::lexer::lines_where;
use super::tree::Tree;

/// Paths of one machine. Split, so that this file does not have them.
const FORBIDDEN: [&str; 2] = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];

/// Finds them in any text file.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in &tree.files {
        let lines = lines_where(&file.text, |line| FORBIDDEN.iter().any(|word| is_absolute(line, word)));
        violations
            .extend(lines.into_iter().map(|line| Violation::new(&file.path, line, "a path of one machine")));
    }
    violations
}

/// Whether the path stands at its beginning, not inside a longer one such as a URL.
fn is_absolute(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        !before
            .is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_' | '~' | '}'))
    })
}

#[cfg(test)]
mod tests {
    use super::super::assert_found;
    use super::{FORBIDDEN, check};

    #[test]
    fn machine_paths_are_found() {
        let text =
            format!("see `{}notes.md`\nsee https://example.com{}index.html\n", FORBIDDEN[0], FORBIDDEN[0]);
        assert_found(check, &[("docs/index.md", &text)], &[("docs/index.md", 1)]);
    }
}
