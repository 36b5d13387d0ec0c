//! What templates may work: enough for any event that they take, and never for long.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::*;

/// Repeats a step as often as it may.
fn repeated(step: &str) -> String {
    format!("{{% for n in range(99999) %}}{{% if {step} %}}{{% endif %}}{{% endfor %}}1")
}

/// About as much data as a template takes: 1 000 items with nine values each.
fn large_event() -> String {
    let mut data = String::from("{\"wanted\": \"k3\", \"items\": [");
    for n in 0..1_000 {
        let comma = if n > 0 { "," } else { "" };
        let text = "lorem ipsum dolor sit amet ".repeat(4);
        write!(
            data,
            r#"{comma}{{"id": "item_{n:06}", "name": "Näme {n}", "kind": "k{}", "price": {}.25, "count": {},
            "tags": ["a", "b"], "owner": {{"id": {n}}}, "note": "{text}"}}"#,
            n % 7,
            1_000 - n,
            n % 10,
        )
        .expect("writing to a String");
    }
    data.push_str("]}");
    assert!((INPUT_BYTES_MAX * 9 / 10..INPUT_BYTES_MAX).contains(&data.len()), "{}", data.len());
    data
}

#[test]
fn an_honest_template_goes_through_the_largest_event() {
    let data = large_event();
    let source = r#"{% set names = {"k1": "one", "k2": "two", "k3": "three"} %}[
{%- for item in event.data.items | sort(attribute="price") -%}
  {% if not loop.first %},{% endif %}{"id": {{ item.id | upper | tojson }}, "name": {{ item.name | trim | tojson }},
  "price": {{ item.price | round(1) }}, "total": {{ item.price | times(item.count) | round(2) }},
  "kind": {{ names[item.kind] | default("other") | tojson }},
  "owned": {{ (item.owner.id == loop.index0) | tojson }}{% if item.kind == event.data.wanted %}, "wanted": true{% endif %}}
{%- endfor %}]"#;
    let made: serde_json::Value = serde_json::from_str(&made(source, &data)).expect("JSON");
    let made = made.as_array().expect("a list");
    assert_eq!(made.len(), 1_000);
    assert_eq!(made[0]["id"], "ITEM_000999");
    assert_eq!((&made[2]["kind"], &made[2]["wanted"]), (&"three".into(), &true.into()));
    assert_eq!(made.iter().filter(|item| item["wanted"] == true).count(), 143);
    let headers = Transform {
        headers: vec![("X-Count".into(), "{{ event.data.items | sum(attribute='count') }}".into())],
        ..body(source)
    };
    assert_eq!(apply(&headers, &data).expect("made").1.iter().next(), Some(("X-Count", "4500")));
}

/// Each step would go through the whole event, or more, if what it is given were not weighed.
#[test]
#[expect(clippy::disallowed_methods, reason = "it is real time that is bounded")]
fn no_template_works_for_long() {
    let text = "x".repeat(120_000);
    let two = format!("[\"{text}a\", \"{text}b\"]");
    let same = format!("[[\"{text}\"], [\"{text}\"]]");
    let numbers = format!("[{}1]", "1,".repeat(60_000));
    let lists = format!("[[{numbers}],[{numbers}]]");
    let object = format!("{{\"{text}a\": 1, \"{text}b\": 2}}");
    let umlauts = format!("[\"{}\"]", "ä".repeat(60_000));
    let mut slow = Vec::new();
    for (setup, step, data) in [
        ("", "event.data | sort", &two),
        ("", "event.data | unique", &two),
        ("", "event.data | min", &two),
        ("", "event.data | dictsort", &object),
        ("", "event.data[0] | sort", &same),
        ("", "event.data | join", &numbers),
        ("", "event.data | tojson", &numbers),
        ("", "event.data | attr(event.data[0]) is defined", &two),
        ("", "'' | replace(event.data[0], '')", &two),
        ("", "'' | split(event.data[0])", &two),
        ("", "[1, 2] | sort(attribute=event.data[0])", &two),
        ("", "event.data[0] | trim(event.data[1])", &two),
        ("", "event.data[0] == event.data[1]", &lists),
        ("", "event.data[0] < event.data[1]", &lists),
        ("", "event.data[0] < event.data[1]", &two),
        ("", "event.data[0] in event.data[1]", &lists),
        ("", "event.data in 'a'", &two),
        ("", "event.data in 'a'", &lists),
        ("", "{'a': 1, 'b': 2}[event.data[0]] is defined", &two),
        ("", "{'a': 1, 'b': 2}[event.data[0]] is defined", &lists),
        ("", "{'a': 1, 'b': 2}[event.data_json] is defined", &two),
        ("", "event.data[0][50000:50001]", &umlauts),
        ("", "event.data[0] is lower", &umlauts),
        ("", "event.data[0] in {'a': 1, 'b': 2}", &two),
        ("{% set a = event.data | reverse %}{% set b = event.data | reverse %}", "a == b", &numbers),
        ("{% set a = range(20000) | list %}{% set b = range(20000) | list %}", "a == b", &numbers),
        ("{% set a = event.data[0] | replace('x', 'yyyy') %}", "{'a': 1, 'b': 2}[a] is defined", &two),
        (
            "{% set a = event.data[0] | replace('x', 'yyyy') %}{% set b = event.data[0] | replace('x', 'yyyy') %}",
            "a == b",
            &two,
        ),
    ] {
        let begun = Instant::now();
        let transform = body(&format!("{setup}{}", repeated(step)));
        let result = apply(&transform, data);
        let took = begun.elapsed();
        println!("{took:>10.3?} {step} {:?}", result.as_ref().err());
        assert!(result.is_err(), "{step}");
        // Weighed, none takes half a second on a small machine without optimisation; unweighed, most take minutes.
        if took > Duration::from_secs(5) {
            slow.push((step, took));
        }
    }
    assert!(slow.is_empty(), "{slow:?}");
}

/// All templates of a webhook draw on the same steps.
#[test]
fn headers_have_no_steps_of_their_own() {
    let loops = "{% for n in range(20000) %}{% endfor %}1";
    let header = |n: usize| (format!("X-{n}"), loops.to_owned());
    let one = Transform { headers: vec![header(0)], ..Transform::default() };
    assert!(apply(&one, "1").is_ok());
    let many = Transform { headers: (0..9).map(header).collect(), ..Transform::default() };
    let fault = apply(&many, "1").expect_err("together they take too many");
    assert!(fault.contains("steps"), "{fault}");
}

#[test]
fn lists_and_objects_of_an_event_are_equal_by_what_they_hold() {
    let data = r#"{"a": [1, {"x": 1.0, "y": [true, null, "t"]}], "b": [1.0, {"y": [true, null, "t"], "x": 1}],
        "c": [1, {"x": 1, "y": [true, null, "u"]}], "big": [18446744073709551615], "bigger": [18446744073709551614],
        "empty": {}, "none": [], "nested": [[]]}"#;
    for (test, expected) in [
        ("event.data.a == event.data.b", true),
        ("event.data.a == event.data.c", false),
        ("event.data.a != event.data.c", true),
        ("event.data.a[1] == event.data.b[1]", true),
        ("event.data.a == event.data.a", true),
        ("event.data.big == event.data.bigger", false),
        ("event.data.empty == event.data.none", false),
        ("event.data.none == event.data.nested", false),
        ("event.data.none == []", true),
        ("event.data.a[0] == 1", true),
        ("event.data.big == [18446744073709551615]", true),
        ("event.data.a[1] in event.data.b", true),
        ("event.data.a[-1].x == 1", true),
        ("'x' in event.data.a[1]", true),
        ("event.data.a | unique | length == 2", true),
        ("event.data.empty", false),
    ] {
        assert_eq!(
            made(&format!("{{% if {test} %}}true{{% else %}}false{{% endif %}}"), data),
            expected.to_string(),
            "{test}"
        );
    }
    assert_eq!(made("{{ [event.data.a, event.data.b] | unique | length }}", data), "1");
    assert_eq!(made("{{ event.data.a }}", data), r#"[1,{"x":1.0,"y":[true,null,"t"]}]"#);
    assert_eq!(
        made("{{ (event.data.a ~ '!') | tojson }}", data),
        r#""[1,{\"x\":1.0,\"y\":[true,null,\"t\"]}]!""#
    );
    for step in ["event.data.a | sort", "event.data.nested | min", "event.data | dictsort(by='value')"] {
        assert!(fault(&format!("{{{{ {step} }}}}"), data).contains("no order"), "{step}");
    }
}

#[test]
fn ordinary_filters_of_lists_work() {
    let items: Vec<String> = (0..500)
        .map(|n| format!("{{\"id\": {}, \"of\": \"a{}\", \"in\": {{\"n\": {n}}}}}", 500 - n, n % 7))
        .collect();
    let data = format!("[{}]", items.join(","));
    let firsts = "{% for a in event.data | sort(attribute='id') %}{% if loop.index0 < 3 %}{{ a.id }}{% endif %}{% endfor %}";
    assert_eq!(made(firsts, &data), "123");
    assert_eq!(made("{{ (event.data | max(attribute='in.n')).id }}", &data), "1");
    assert_eq!(made("{{ event.data | unique(attribute='of') | length }}", &data), "7");
    assert_eq!(made("{{ event.data | sum(attribute='id') }}", &data), "125250");
    assert_eq!(made("{{ event.data[0] | dictsort | first | first | tojson }}", &data), "\"id\"");
    assert!(fault("{{ event.data | sum(start='') }}", &data).contains("sum adds numbers"));
    let text = Transform { content_type: Some("text/plain".into()), ..body("{{ event.data | trim('x') }}") };
    assert_eq!(apply(&text, "\"xax\"").expect("made").0, "a");
}
