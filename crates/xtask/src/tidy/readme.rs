//! The README tells how to run the tests, with the command that CI runs.

use super::Violation;
use super::tree::Tree;

const README: &str = "README.md";
const TEST_COMMAND: &str = "cargo xtask test";

/// Finds a README without the command.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let tells = tree.file(README).is_some_and(|file| file.text.contains(TEST_COMMAND));
    if tells {
        Vec::new()
    } else {
        vec![Violation::new(README, 0, format!("does not tell of `{TEST_COMMAND}`"))]
    }
}

#[cfg(test)]
mod tests {
    use super::super::assert_found;
    use super::{README, check};

    #[test]
    fn a_readme_without_the_command_is_found() {
        assert_found(check, &[(README, "# Stentor\n")], &[(README, 0)]);
        assert_found(check, &[(README, "Run `cargo xtask test`.\n")], &[]);
    }
}
