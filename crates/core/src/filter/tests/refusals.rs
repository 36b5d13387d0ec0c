//! What is refused when a filter is saved, and where.

use proptest::prelude::*;

use super::*;
use crate::json;

#[track_caller]
fn refused(text: &str, pointer: &str, part_of_detail: &str) {
    let refusals = Filter::parse(Some(text), None).expect_err(text);
    let found =
        refusals.iter().any(|refusal| refusal.pointer == pointer && refusal.detail.contains(part_of_detail));
    assert!(found, "{text}: {refusals:?}");
}

#[test]
fn what_could_never_do_what_is_meant_is_refused_where_it_stands() {
    for (text, pointer, detail) in [
        ("[]", "/filters", "an object"),
        ("\"a\"", "/filters", "an object"),
        ("{}", "/filters", "at least one field"),
        (r#"{"a":{}}"#, "/filters/a", "must hold an operator"),
        (r#"{"a":[]}"#, "/filters/a", "at least one"),
        (r#"{"a":[[1]]}"#, "/filters/a", "compared by equals"),
        (r#"{"a":{"in":"x"}}"#, "/filters/a/in", "must be a list"),
        (r#"{"a":{"in":[]}}"#, "/filters/a/in", "at least one"),
        (r#"{"a":{"starts_with":5}}"#, "/filters/a/starts_with", "a text"),
        (r#"{"a":{"starts_with":[]}}"#, "/filters/a/starts_with", "at least one"),
        (r#"{"a":{"contains":""}}"#, "/filters/a/contains", "not empty"),
        (r#"{"a_contains":[1]}"#, "/filters/a_contains", "a text"),
        (r#"{"a":{"exists":"yes"}}"#, "/filters/a/exists", "true or false"),
        (r#"{"a":{"greater_than":true}}"#, "/filters/a/greater_than", "a number or a text"),
        (r#"{"a":{"greater_than":1e400}}"#, "/filters/a/greater_than", "too large"),
        (r#"{"a":1e400}"#, "/filters/a", "too large"),
        (r#"{"a":{"matches":"("}}"#, "/filters/a/matches", "not a regular expression"),
        (r#"{"a":{"matches":"(?=a)"}}"#, "/filters/a/matches", "look-around"),
        (r#"{"a":{"matches":"(a)\\1"}}"#, "/filters/a/matches", "backreferences"),
        (r#"{"a":{"matches":"(\\w{100}){100}"}}"#, "/filters/a/matches", "too large"),
        (r#"{"a":{"greater_then":1}}"#, "/filters/a/greater_then", "did you mean greater_than"),
        (r#"{"a":{"gt":1}}"#, "/filters/a/gt", "$.data.a.gt"),
        (r#"{"a":{"$foo":1}}"#, "/filters/a/$foo", "no operator"),
        (r#"{"a":{"equals":1,"b":2}}"#, "/filters/a", "mixes"),
        (r#"{"equals":1}"#, "/filters/equals", "$.data.equals"),
        (r#"{"any":{"a":1}}"#, "/filters/any", "a list"),
        (r#"{"any":[]}"#, "/filters/any", "at least one"),
        (r#"{"any":[1]}"#, "/filters/any/0", "an object"),
        (r#"{"not":[]}"#, "/filters/not", "an object"),
        (r#"{"a":1,"a":2}"#, "/filters/a", "twice"),
        (r#"{"a":{"equals":1,"equals":2}}"#, "/filters/a/equals", "twice"),
        (r#"{"a..b":1}"#, "/filters/a..b", "empty step"),
        (r#"{"a[x]":1}"#, "/filters/a[x]", "bracket"),
        (r#"{"$.payload":1}"#, "/filters/$.payload", "type, time, subject"),
        (r#"{"$":1}"#, "/filters/$", "a field of the event"),
        (r#"{"$":{"equals":1}}"#, "/filters/$", "a field of the event"),
        (r#"{"a/b":{"exists":1}}"#, "/filters/a~1b/exists", "true or false"),
    ] {
        refused(text, pointer, detail);
    }
    let refusals = Filter::parse(Some(r#"{"a":[]}"#), Some(r#"{"b":{"exists":1}}"#)).expect_err("both");
    let pointers: Vec<_> = refusals.iter().map(|refusal| &*refusal.pointer).collect();
    assert_eq!(pointers, ["/filters/a", "/conditions/b/exists"]);
}

#[test]
fn everything_is_bounded() {
    let many = |n: usize, one: &str| format!("{{\"any\":[{}]}}", vec![one; n].join(","));
    assert!(Filter::parse(Some(&many(100, r#"{"a":1}"#)), None).is_ok());
    refused(&many(101, r#"{"a":1}"#), "/filters/any/100/a", "one test too many");
    refused(&many(11, r#"{"a":{"matches":"x"}}"#), "/filters/any/10/a/matches", "one too many");
    refused(&format!(r#"{{"a":[{}0]}}"#, "1,".repeat(1_000)), "/filters/a", "1000 values");
    refused(&format!(r#"{{"a":"{}"}}"#, "x".repeat(17_000)), "/filters", "16384 bytes");
    refused(&format!(r#"{{"a":{{"matches":"{}"}}}}"#, "x".repeat(1_025)), "/filters/a/matches", "1024 bytes");
    let deep = |n: usize| format!("{}{{\"a\":1}}{}", "{\"not\":".repeat(n), "}".repeat(n));
    assert!(Filter::parse(Some(&deep(15)), None).is_ok());
    assert!(Filter::parse(Some(&deep(16)), None).is_err());
    let nested = format!("{}1{}", "{\"a\":".repeat(17), "}".repeat(17));
    assert!(Filter::parse(Some(&nested), None).is_err());
    let same_field = format!(r#"{{"a":{}1{}}}"#, "{\"not\":".repeat(40), "}".repeat(40));
    assert!(Filter::parse(Some(&same_field), None).is_err());
}

proptest! {
    /// Whatever JSON is sent, it is a filter or refused, with pointers that start in its object.
    #[test]
    fn no_json_makes_it_panic(text in "(\\{|\\}|\\[|\\]|:|,|\"a\"|\"not\"|\"any\"|\"equals\"|\"\\$\"|1|null|\"\"){0,30}") {
        if json::check(text.as_bytes()).is_ok() {
            match Filter::parse(Some(&text), None) {
                Ok(Some(filter)) => _ = filter.explain(&facts(&text), Profile::Broxi),
                Ok(None) => {}
                Err(refusals) => prop_assert!(refusals.iter().all(|refusal| refusal.pointer.starts_with("/filters"))),
            }
        }
    }
}
