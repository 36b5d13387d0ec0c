//! No stray debug output and no unfinished markers.

use super::Violation;
use super::lexer::{has_word, lines_where};
use super::tree::Tree;

const UNFINISHED: [&str; 3] = ["dbg!", "todo!", "unimplemented!"];
const PRINTING: [&str; 4] = ["println!", "eprintln!", "print!", "eprint!"];
/// Split, so that this file does not have them.
const MARKERS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
/// The task runner and the bench talk to a person; the others through tracing or a stream of their own.
const PRINTING_CRATES: [&str; 2] = ["bench", "xtask"];

/// Finds them in code, and markers in comments.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (file, lexed) in tree.rust() {
        let mut add = |lines: Vec<usize>, what: &str| {
            violations.extend(lines.into_iter().map(|line| Violation::new(&file.path, line, what)));
        };
        add(
            lines_where(&lexed.code_with_tests, |line| calls_any(line, &UNFINISHED)),
            "unfinished or debug code",
        );
        add(
            lines_where(&lexed.comments, |line| MARKERS.iter().any(|marker| has_word(line, marker))),
            "unfinished",
        );
        let prints = file.is_test() || file.crate_name().is_some_and(|name| PRINTING_CRATES.contains(&name));
        if !prints {
            add(lines_where(&lexed.code, |line| calls_any(line, &PRINTING)), "use tracing or a given stream");
        }
    }
    violations
}

fn calls_any(line: &str, macros: &[&str]) -> bool {
    macros.iter().any(|name| {
        line.match_indices(name).any(|(start, _)| {
            let before = line[..start].chars().next_back();
            !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::assert_found;
    use super::*;

    #[test]
    fn leftovers_are_found() {
        let path = "crates/core/src/event.rs";
        let marker = format!("// {}: later\n", MARKERS[0]);
        let text = format!(
            "{marker}fn a() {{ dbg!(1); }}\nfn b() {{ todo!() }}\nfn c() {{ println!(\"todo!\"); }}\nfn d() {{ eprint!(\"\"); }}\n\
             // dbg! is fine here\n#[cfg(test)]\nmod tests {{ fn e() {{ println!(); }}\nfn f() {{ unimplemented!() }} }}\n"
        );
        let expected = [1, 2, 3, 4, 5, 9].map(|line| (path, line));
        assert_found(check, &[(path, &text)], &expected);
    }

    #[test]
    fn the_bench_prints() {
        assert_found(check, &[("crates/bench/src/report.rs", "fn a() { println!(); }\n")], &[]);
    }
}
