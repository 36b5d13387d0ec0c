//! Filters that cannot match are flagged; others are not.

use super::*;

#[test]
fn clauses_that_exclude_each_other_are_named() {
    for (text, verdict, pointers) in [
        (r#"{"a":"x","$.data.a":"y"}"#, CanMatch::OnlyLists, &["/filters/a", "/filters/$.data.a"][..]),
        (
            r#"{"a":{"greater_than":5,"less_than":3}}"#,
            CanMatch::OnlyLists,
            &["/filters/a/greater_than", "/filters/a/less_than"],
        ),
        (
            r#"{"a":{"greater_than":5,"less_than_or_equal":5}}"#,
            CanMatch::OnlyLists,
            &["/filters/a/greater_than", "/filters/a/less_than_or_equal"],
        ),
        (
            r#"{"a":{"equals":4,"greater_than":5}}"#,
            CanMatch::OnlyLists,
            &["/filters/a/equals", "/filters/a/greater_than"],
        ),
        (
            r#"{"a":{"starts_with":"x","greater_than":5}}"#,
            CanMatch::OnlyLists,
            &["/filters/a/starts_with", "/filters/a/greater_than"],
        ),
        (
            r#"{"a":{"starts_with":"xa","in":["xb","y"]}}"#,
            CanMatch::OnlyLists,
            &["/filters/a/starts_with", "/filters/a/in"],
        ),
        (
            r#"{"a":{"starts_with":"b","matches":"x"},"c":{"starts_with":"a","ends_with":"z"}}"#,
            CanMatch::Yes,
            &[],
        ),
        (
            r#"{"a":{"equals":"x","not_equals":"x"}}"#,
            CanMatch::Never,
            &["/filters/a/equals", "/filters/a/not_equals"],
        ),
        (
            r#"{"a":{"in":["x","y"],"not_in":["y","z","x"]}}"#,
            CanMatch::Never,
            &["/filters/a/in", "/filters/a/not_in"],
        ),
        (
            r#"{"a":{"equals":[1],"not_equals":[1]}}"#,
            CanMatch::Never,
            &["/filters/a/equals", "/filters/a/not_equals"],
        ),
        (
            r#"{"a":{"starts_with":"spam","not_contains":"pa"}}"#,
            CanMatch::Never,
            &["/filters/a/starts_with", "/filters/a/not_contains"],
        ),
        (
            r#"{"a":{"exists":false,"equals":1}}"#,
            CanMatch::Never,
            &["/filters/a/exists", "/filters/a/equals"],
        ),
        (
            r#"{"all":[{"a":{"exists":false}},{"a":{"exists":true}}]}"#,
            CanMatch::Never,
            &["/filters/all/0/a/exists", "/filters/all/1/a/exists"],
        ),
        (r#"{"a":{"less_than":""}}"#, CanMatch::Never, &["/filters/a/less_than"]),
        (
            r#"{"any":[{"a":{"exists":false,"equals":1}},{"b":{"exists":false,"equals":1}}]}"#,
            CanMatch::Never,
            &[
                "/filters/any/0/a/exists",
                "/filters/any/0/a/equals",
                "/filters/any/1/b/exists",
                "/filters/any/1/b/equals",
            ],
        ),
        (r#"{"any":[{"a":{"exists":false,"equals":1}},{"b":1}]}"#, CanMatch::Yes, &[]),
        (r#"{"items[*].a":{"greater_than":5,"less_than":3}}"#, CanMatch::Yes, &[]),
        (r#"{"a":{"greater_than_or_equal":5,"less_than_or_equal":5.0}}"#, CanMatch::Yes, &[]),
        (r#"{"a":{"not_equals":"x","not_contains":"y","exists":false}}"#, CanMatch::Yes, &[]),
        (r#"{"a":{"equals":[1,2],"greater_than":1}}"#, CanMatch::Yes, &[]),
        (r#"{"a":{"in":["x","y"],"not_in":["y"]}}"#, CanMatch::Yes, &[]),
    ] {
        let (found, contradictions) = filter(text).judge();
        let named: Vec<_> = contradictions.iter().flat_map(|one| one.pointers.iter().map(|p| &**p)).collect();
        assert_eq!((found, &named[..]), (verdict, pointers), "{text}");
    }
}

/// Only lists can meet both, and a list does.
#[test]
fn a_list_meets_what_a_single_value_cannot() {
    let filter = filter(r#"{"a":{"greater_than":5,"less_than":3}}"#);
    assert!(filter.passes(&facts(r#"{"a":[1,9]}"#), Profile::Standard));
    assert!(filter.judge().1[0].detail.contains("only a list"));
}
