//! Inside the gateway `api`, `ingest` and `dashboard` never import each other (design section 3).

use super::Violation;
use super::lexer::{has_word, lines_where};
use super::tree::Tree;

const SIBLINGS: [&str; 3] = ["api", "ingest", "dashboard"];

/// Finds paths from one sibling to another.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (file, lexed) in tree.rust() {
        let Some(inner) = file.path.strip_prefix("crates/gateway/src/http/") else { continue };
        let Some(own) = SIBLINGS.iter().find(|own| inner.split(['/', '.']).next() == Some(own)) else {
            continue;
        };
        for other in SIBLINGS.iter().filter(|other| *other != own) {
            for line in lines_where(&lexed.code, |line| names_sibling(line, other)) {
                violations.push(Violation::new(&file.path, line, format!("{own} must not use {other}")));
            }
        }
    }
    violations
}

/// Whether the line has a path through the sibling: `http::x`, `super::x`, `http::{…x…}`.
fn names_sibling(line: &str, sibling: &str) -> bool {
    let leads = |parent: &str| {
        line.match_indices(parent).any(|(start, _)| {
            let rest = line[start + parent.len()..].trim_start_matches("super::");
            let (grouped, end) = match rest.strip_prefix('{') {
                Some(group) => (group, group.find('}').unwrap_or(group.len())),
                None => (rest, rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())),
            };
            has_word(&grouped[..end], sibling)
        })
    };
    leads("http::") || leads("super::")
}

#[cfg(test)]
mod tests {
    use super::super::assert_found;
    use super::check;

    #[test]
    fn imports_of_siblings_are_found() {
        let path = "crates/gateway/src/http/api/events.rs";
        let text = "use crate::http::ingest::Source;\nuse crate::http::{problem, dashboard};\nlet x = super::super::ingest::y();\n\
            use super::paging;\nuse crate::http::problem::Problem;\nlet ingest = 1; // crate::http::ingest\nlet d = ingest::x;\n";
        assert_found(check, &[(path, text)], &[(path, 1), (path, 2), (path, 3)]);
    }

    #[test]
    fn the_parent_may_use_all() {
        assert_found(check, &[("crates/gateway/src/http/mod.rs", "use crate::http::{api, ingest};\n")], &[]);
    }
}
