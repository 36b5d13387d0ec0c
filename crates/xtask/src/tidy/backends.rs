//! Both backends of the store have the same files and the same migrations, so that their difference is readable.

use std::collections::BTreeSet;

use super::Violation;
use super::tree::Tree;

const SOURCES: &str = "crates/store/src";
const MIGRATIONS: &str = "crates/store/migrations";
const BACKENDS: [&str; 2] = ["sqlite", "postgres"];

/// Rust files that one backend has and the other has not; nothing while there is one backend.
pub(super) fn same_files(tree: &Tree) -> Vec<Violation> {
    compare(tree, SOURCES, |inner| inner.ends_with(".rs").then(|| inner.to_owned()), "file")
}

/// Migration numbers that one backend has and the other has not: `0001_first.sql`.
pub(super) fn same_migrations(tree: &Tree) -> Vec<Violation> {
    let number = |inner: &str| {
        let digits: String = inner.chars().take_while(char::is_ascii_digit).collect();
        (!digits.is_empty()).then_some(digits)
    };
    compare(tree, MIGRATIONS, number, "migration")
}

fn compare(tree: &Tree, root: &str, part: impl Fn(&str) -> Option<String>, what: &str) -> Vec<Violation> {
    let parts = BACKENDS.map(|backend| {
        let folder = format!("{root}/{backend}/");
        let inner = tree.files.iter().filter_map(|file| file.path.strip_prefix(&folder));
        (inner.clone().count(), inner.filter_map(&part).collect::<BTreeSet<_>>())
    });
    // A folder without files is a backend that does not exist.
    if parts.iter().any(|(files, _)| *files == 0) {
        return Vec::new();
    }
    let mut violations = Vec::new();
    for (own, other) in [(0, 1), (1, 0)] {
        for missing in parts[other].1.difference(&parts[own].1) {
            let path = format!("{root}/{}", BACKENDS[own]);
            violations.push(Violation::new(
                &path,
                0,
                format!("no {what} {missing}, which {} has", BACKENDS[other]),
            ));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::super::assert_found;
    use super::{same_files, same_migrations};

    const BOTH: [(&str, &str); 5] = [
        ("crates/store/src/sqlite/events.rs", ""),
        ("crates/store/migrations/sqlite/0001_first.sql", ""),
        ("crates/store/migrations/sqlite/0002_more.sql", ""),
        ("crates/store/src/postgres/webhooks.rs", ""),
        ("crates/store/migrations/postgres/0001_start.sql", ""),
    ];

    #[test]
    fn a_difference_is_found() {
        let (sqlite, postgres) = ("crates/store/src/sqlite", "crates/store/src/postgres");
        assert_found(same_files, &BOTH, &[(postgres, 0), (sqlite, 0)]);
        assert_found(same_migrations, &BOTH, &[("crates/store/migrations/postgres", 0)]);
    }

    #[test]
    fn one_backend_alone_is_fine() {
        assert_found(same_files, &BOTH[..3], &[]);
        assert_found(same_migrations, &BOTH[..3], &[]);
    }
}
