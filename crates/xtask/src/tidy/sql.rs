//! SQL lives in the store and nowhere else.

use super::Violation;
use super::tree::Tree;

/// How statements begin. HTTP methods and English share the verbs, so the second word counts where there is one.
const BEGINNINGS: [(&str, &[&str]); 9] = [
    ("SELECT", &[]),
    ("INSERT", &["INTO", "OR"]),
    ("DELETE", &["FROM"]),
    ("CREATE", &["TABLE", "INDEX", "UNIQUE", "VIEW", "TRIGGER", "TEMP", "TEMPORARY", "SCHEMA", "OR"]),
    ("ALTER", &["TABLE", "INDEX"]),
    ("DROP", &["TABLE", "INDEX", "VIEW", "TRIGGER", "SCHEMA"]),
    ("REPLACE", &["INTO"]),
    ("PRAGMA", &[]),
    ("VACUUM", &["INTO", "FULL", "ANALYZE"]),
];

/// Finds string literals that are SQL outside of the store. This crate only plants them.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (file, lexed) in tree.rust() {
        if matches!(file.crate_name(), Some("store" | "xtask")) {
            continue;
        }
        let sql = lexed.strings.iter().filter(|(_, text)| is_sql(text));
        violations
            .extend(sql.map(|(line, _)| Violation::new(&file.path, *line, "SQL belongs in crates/store")));
    }
    violations
}

fn is_sql(text: &str) -> bool {
    // All upper or all lower case: a sentence begins with one capital.
    let words: Vec<&str> = text.split_whitespace().take(2).collect();
    let [verb, second] = words[..] else { return false };
    if verb.chars().any(char::is_lowercase) && verb.chars().any(char::is_uppercase) {
        return false;
    }
    let (upper, lower) = (verb.to_uppercase(), verb.chars().all(char::is_lowercase));
    let sets = || text.split_whitespace().any(|word| word == if lower { "set" } else { "SET" });
    if upper == "UPDATE" {
        return sets();
    }
    if upper == "SELECT" && lower {
        return text.split_whitespace().any(|word| word == "from");
    }
    let beginning = BEGINNINGS.iter().find(|(begin, _)| *begin == upper);
    beginning.is_some_and(|(_, next)| next.is_empty() || next.contains(&second.to_uppercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::super::assert_found;
    use super::check;

    const TEXT: &str = "let a = \"SELECT 1\";\nlet b = r#\"\n  INSERT INTO t\n  VALUES (1)\"#;\nlet c = \"update t set x = 1\";\n\
        let d = \"DELETE /v1/tenants/{id}\";\nlet e = \"Select a webhook from the list\";\nlet f = \"CREATE TABLE t (x)\";\n\
        // SELECT 1\nlet g = \"select x from t\";\nlet h = \"UPDATE\";\nlet i = \"delete the webhook\";\nlet j = \"PRAGMA x = 1\";\n";

    #[test]
    fn statements_are_found_and_words_are_not() {
        let path = "crates/engine/src/accept.rs";
        let lines = [1, 2, 5, 8, 10, 13];
        let expected: Vec<_> = lines.iter().map(|line| (path, *line)).collect();
        assert_found(check, &[(path, TEXT)], &expected);
    }

    #[test]
    fn the_store_may() {
        assert_found(check, &[("crates/store/src/sqlite/events.rs", TEXT)], &[]);
    }
}
