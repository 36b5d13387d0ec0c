//! Every error code has its section in `docs/errors.md`, because error answers link to it.

use std::collections::BTreeSet;

use super::Violation;
use super::tree::Tree;

const TABLE: &str = "crates/gateway/src/http/problem/code.rs";
const PAGE: &str = "docs/errors.md";

/// Compares the table of codes with the headings of the page, both ways.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let Some(table) = tree.file(TABLE) else { return Vec::new() };
    let codes: BTreeSet<&str> = table.text.lines().filter_map(code).collect();
    if codes.is_empty() {
        return vec![Violation::new(TABLE, 0, "no error codes found; this check no longer fits the table")];
    }
    let page = tree.file(PAGE).map_or("", |file| file.text.as_str());
    let headings: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("## ")).map(str::trim).collect();
    let missing = codes.difference(&headings).map(|code| format!("no section for the error code {code}"));
    let stale =
        headings.difference(&codes).map(|code| format!("a section for {code}, which is no error code"));
    missing.chain(stale).map(|rule| Violation::new(PAGE, 0, rule)).collect()
}

/// The code in a line of the table: `Name = "code", STATUS, …`.
fn code(line: &str) -> Option<&str> {
    let (name, rest) = line.trim().split_once(" = \"")?;
    let (code, rest) = rest.split_once("\", ")?;
    let is_row = name.chars().all(char::is_alphanumeric) && rest.starts_with(char::is_uppercase);
    is_row.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::super::assert_found;
    use super::{PAGE, TABLE, check};

    const CODES: &str = "codes! {\n    NotFound = \"not_found\", NOT_FOUND, \"Nothing\",\n        \"Advice\";\n    \
        Internal = \"internal\", INTERNAL_SERVER_ERROR, \"Ours\",\n        \"Advice\";\n}\n";

    #[test]
    fn both_ways_are_compared() {
        let page = "# Errors\n\n## not_found\n\n## gone\n";
        assert_found(check, &[(TABLE, CODES), (PAGE, page)], &[(PAGE, 0), (PAGE, 0)]);
        assert_found(check, &[(TABLE, CODES), (PAGE, "## not_found\n## internal\n")], &[]);
        assert_found(check, &[(TABLE, CODES)], &[(PAGE, 0), (PAGE, 0)]);
    }

    #[test]
    fn a_table_of_another_form_is_noticed() {
        assert_found(check, &[(TABLE, "const CODES: &[&str] = &[];\n")], &[(TABLE, 0)]);
    }
}
