//! The cases of the documentation, run.

use super::*;
use crate::json;

const DOCUMENTATION: &str = include_str!("../../../../../docs/filters.md");

/// Data, filter and whether it passes.
fn cases() -> Vec<(&'static str, &'static str, bool)> {
    let (_, rows) =
        DOCUMENTATION.split_once("| data | filter | passes |\n|---|---|---|\n").expect("the table");
    let cell = |text: &'static str| text.trim().trim_matches('`');
    rows.lines()
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split(" | ").collect();
            let [data, filter, passes] = cells[..] else { panic!("{line}") };
            (
                cell(data),
                cell(filter),
                match passes.trim() {
                    "yes" => true,
                    "no" => false,
                    other => panic!("{line}: {other}"),
                },
            )
        })
        .collect()
}

#[test]
fn every_case_of_the_documentation_is_as_it_says() {
    let cases = cases();
    assert!(cases.len() >= 60, "{}", cases.len());
    for (data, text, passes) in cases {
        json::check(data.as_bytes()).unwrap_or_else(|error| panic!("{data}: {error}"));
        let filter = filter(text);
        assert_eq!(filter.passes(&facts(data), Profile::Standard), passes, "{data} against {text}");
        let explained = filter.explain(&facts(data), Profile::Standard);
        assert_eq!(explained.passed, passes, "{data} against {text}");
        let all_hold = explained.clauses.iter().all(|clause| clause.passed);
        assert!(passes || !all_hold, "no clause says why: {data} against {text}");
        for clause in &explained.clauses {
            assert_eq!(clause.passed, clause.reason.is_none());
            let shown = clause.seen.iter().chain(&clause.operand);
            shown.for_each(|shown| _ = json::check(shown.0.as_bytes()).expect("JSON"));
        }
    }
}

#[test]
fn both_objects_must_hold_and_either_may_be_missing() {
    let data = facts(r#"{"a":1,"b":2}"#);
    let passes = |filters, conditions| {
        let filter = Filter::parse(filters, conditions).expect("valid").expect("clauses");
        filter.passes(&data, Profile::Standard)
    };
    assert!(passes(Some(r#"{"a":1}"#), Some(r#"{"b":2}"#)) && passes(None, Some(r#"{"b":2}"#)));
    assert!(
        !passes(Some(r#"{"a":1}"#), Some(r#"{"b":1}"#)) && !passes(Some(r#"{"a":2}"#), Some(r#"{"b":2}"#))
    );
    assert_eq!(Filter::parse(None, None), Ok(None));
    assert_eq!(Filter::parse(Some(" null "), None), Ok(None));
}

#[test]
fn what_was_saved_is_shown_again_as_written() {
    let text = r#"{ "n": {"greater_than": 12345678901234567890123.0}, "a": [1e2, "é"] }"#;
    let filter = Filter::parse(Some(text), Some(r#"{"x":null}"#)).expect("valid").expect("clauses");
    let kept = serde_json::to_string(&filter).expect("JSON");
    let read: Filter = serde_json::from_str(&kept).expect("a filter");
    assert_eq!(read, filter);
    assert_eq!((read.filters(), read.conditions()), (Some(text), Some(r#"{"x":null}"#)));
    let data = r#"{"n":12345678901234567890123.1,"a":100,"x":null}"#;
    assert!(read.passes(&facts(data), Profile::Standard));
}

#[test]
fn a_clause_tells_what_it_saw_and_why_it_fails() {
    let long = format!(r#"{{"s":"{}","n":1e400,"list":[1,2,3,4,5,6,7]}}"#, "x".repeat(70_000));
    let text = r#"{"gone":1,"s":{"matches":"y"},"n":{"greater_than":1},"list":{"starts_with":"a"},"list.0":{"exists":false},
        "any":[{"list":9}],"$.type":{"not_equals":"workflow.completed"}}"#;
    let explained = filter(text).explain(&facts(&long), Profile::Standard);
    let told: Vec<_> =
        explained.clauses.iter().map(|clause| (&*clause.pointer, clause.seen_count, clause.reason)).collect();
    assert_eq!(
        told,
        [
            ("/filters/gone", 0, Some(Reason::Missing)),
            ("/filters/s/matches", 1, Some(Reason::TooLong)),
            ("/filters/n/greater_than", 1, Some(Reason::Infinite)),
            ("/filters/list/starts_with", 8, Some(Reason::Type)),
            ("/filters/list.0/exists", 1, Some(Reason::Present)),
            ("/filters/any", 0, Some(Reason::Inside)),
            ("/filters/any/0/list", 8, Some(Reason::Value)),
            ("/filters/$.type/not_equals", 1, Some(Reason::Value)),
        ]
    );
    assert_eq!(
        explained.clauses[3].seen.iter().map(|shown| &*shown.0).collect::<Vec<_>>(),
        ["[1,2,3,4,5,6,7]", "1", "2", "3", "4"]
    );
    assert!(explained.clauses[1].seen[0].0.len() < 300);
}
