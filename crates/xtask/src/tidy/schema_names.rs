//! Schemas of the API's description are told apart by their names alone: of two with one name, one is lost.

use std::collections::BTreeMap;

use super::Violation;
use super::tree::Tree;

/// Finds types with a schema whose name another one has.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut violations = Vec::new();
    for (file, lexed) in tree.rust() {
        let mut derives = false;
        for (number, line) in lexed.code.lines().enumerate() {
            derives |= line.contains("derive(") && line.contains("ToSchema");
            let Some(name) = declared(line).filter(|_| derives) else { continue };
            derives = false;
            let here = format!("{}:{}", file.path, number + 1);
            if let Some(first) = known.get(name) {
                let rule = format!("the schema {name} has the name of the one in {first}");
                violations.push(Violation::new(&file.path, number + 1, rule));
            } else {
                known.insert(name.to_owned(), here);
            }
        }
    }
    violations
}

/// The name of the type that a line begins.
fn declared(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("struct ").or_else(|| line.split_once("enum "))?;
    let end = rest.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(rest.len());
    Some(&rest[..end])
}

#[cfg(test)]
mod tests {
    use super::super::assert_found;
    use super::check;

    #[test]
    fn a_second_schema_of_one_name_is_found() {
        let (one, two) = ("crates/gateway/src/http/api/a.rs", "crates/gateway/src/http/api/b.rs");
        let schema =
            "#[derive(Debug, ToSchema)]\n#[serde(deny_unknown_fields)]\npub(super) struct View {\n}\n";
        let other = "#[derive(Debug)]\nstruct View;\n#[derive(ToSchema)]\nenum Views {}\n";
        assert_found(check, &[(one, schema), (two, schema)], &[(two, 3)]);
        assert_found(check, &[(one, schema), (two, other)], &[]);
    }
}
