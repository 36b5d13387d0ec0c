use proptest::prelude::*;
use serde_json::json;

use super::*;

fn compiled(schema: &Value) -> Schema {
    Schema::compile(&schema.to_string()).unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn refused(schema: &Value) -> SchemaRefusal {
    Schema::compile(&schema.to_string()).err().unwrap_or_else(|| panic!("{schema} is taken"))
}

fn pointers(schema: &Value, data: &str) -> Vec<String> {
    compiled(schema).mismatches(data.as_bytes()).into_iter().map(|mismatch| mismatch.pointer).collect()
}

#[test]
fn each_place_that_does_not_fit_is_named_without_the_data() {
    let schema = json!({
        "type": "object", "required": ["id"], "additionalProperties": false,
        "properties": {"id": {"type": "string", "pattern": "^ord_"}, "total": {"$ref": "#/$defs/money"}},
        "$defs": {"money": {"type": "number", "minimum": 0}},
    });
    assert_eq!(pointers(&schema, r#"{"id":"ord_1","total":2.5}"#), Vec::<String>::new());
    assert_eq!(pointers(&schema, r#"{"id":"secret value","total":-1}"#), ["/id", "/total"]);
    assert_eq!(pointers(&schema, "[]"), [""]);
    let found = compiled(&schema).mismatches(br#"{"id":"secret value","total":"12 34"}"#);
    assert!(
        found.iter().all(|one| !one.detail.contains("secret") && !one.detail.contains("12 34")),
        "{found:?}"
    );
}

#[test]
fn the_list_is_bounded_and_large_data_names_the_first() {
    let schema = json!({"items": {"type": "string"}});
    let list = |items: usize| format!("[{}]", vec!["1"; items].join(","));
    assert_eq!(pointers(&schema, &list(1_000)).len(), MISMATCHES_MAX);
    assert_eq!(pointers(&schema, &list(SCHEMA_SMALL_BYTES)), ["/0"]);
    let long = json!({"enum": vec!["x".repeat(50); 1].into_iter().chain((0..200).map(|n| format!("{n:50}"))).collect::<Vec<_>>()});
    let detail = &compiled(&long).mismatches(b"1")[0].detail;
    assert!(detail.len() <= DETAIL_BYTES_MAX + 3, "{detail}");
}

#[test]
fn json_that_no_type_can_hold_does_not_fit() {
    for odd in ["1e400", r#""\ud800""#, r#"{"a":[-1e999]}"#] {
        assert_eq!(pointers(&json!(true), odd), [""], "{odd}");
    }
}

#[test]
fn formats_are_annotations_and_an_address_at_the_top_is_fine() {
    let schema = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.com/order.json",
        "properties": {"id": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"format": "email"}}});
    assert!(pointers(&schema, r#"{"id":"no address"}"#).is_empty());
    let older = json!({"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {"type": "null"}},
        "items": [{"$ref": "#/definitions/a"}], "additionalItems": false});
    assert_eq!(pointers(&older, "[null]"), Vec::<String>::new());
    assert_eq!(pointers(&older, "[null,1]").len(), 1);
}

#[test]
fn nothing_outside_is_referred_to() {
    for reference in [
        "https://example.com/schema.json",
        "http://127.0.0.1/",
        "file:///etc/passwd",
        "other.json",
        "#anchor",
        "",
        "#/$defs/a%20b",
        "https://json-schema.org/draft/2020-12/schema",
    ] {
        let refusal = refused(&json!({"properties": {"a": {"$ref": reference}}}));
        assert_eq!(refusal.pointer, "/properties/a/$ref", "{reference}");
    }
    assert_eq!(refused(&json!({"$ref": "#/$defs/nothing"})).pointer, "/$ref");
    let inner = json!({"$defs": {"a": {"$id": "https://example.com/a"}}, "$ref": "#/$defs/a"});
    assert_eq!(refused(&inner).pointer, "/$defs/a/$id");
    assert_eq!(refused(&json!({"$dynamicRef": "#a"})).pointer, "/$dynamicRef");
    assert!(Schema::compile(r#"{"$schema":"https://example.com/my-own"}"#).is_err());
}

#[test]
fn what_is_no_schema_is_refused_with_the_place() {
    assert_eq!(refused(&json!({"properties": {"a": {"type": "strin"}}})).pointer, "/properties/a/type");
    assert_eq!(refused(&json!({"required": "id"})).pointer, "/required");
    for text in ["1", "null", "\"a\"", "[]", r#"{"minimum":1e400}"#] {
        assert!(Schema::compile(text).is_err(), "{text}");
    }
}

#[test]
fn patterns_that_need_more_than_linear_time_are_refused() {
    for pattern in ["(?=a)b", r"(a)\1", "(?<!x)y", "("] {
        let refusal = refused(&json!({"properties": {"a": {"pattern": pattern}}}));
        assert!(refusal.detail.len() > 5, "{pattern}: {refusal}");
    }
    let refusal = refused(&json!({"pattern": "(((a{100}){100}){100}){100}"}));
    assert!(refusal.detail.len() > 5, "{refusal}");
    // The classic that backtracking engines never finish.
    let slow = compiled(&json!({"pattern": "^(a+)+$"}));
    assert_eq!(slow.mismatches(format!("\"{}!\"", "a".repeat(50_000)).as_bytes()).len(), 1);
}

#[test]
fn a_circle_that_stays_with_one_value_is_refused() {
    for schema in [
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}}}),
        json!({"properties": {"child": {"$ref": "#/properties/child"}}}),
        json!({"if": {"$ref": "#"}, "properties": {"child": {"$ref": "#"}}}),
    ] {
        assert!(refused(&schema).detail.contains("itself"), "{schema}");
    }
}

/// A tree of objects, `levels` deep.
fn nested(levels: usize, last: &str) -> String {
    format!("{}{last}{}", r#"{"child":"#.repeat(levels), "}".repeat(levels))
}

#[test]
fn a_schema_that_refers_to_itself_follows_the_data() {
    let tree = json!({
        "$ref": "#/$defs/node",
        "$defs": {"node": {"type": "object", "required": ["name"], "properties": {
            "name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
        }}},
    });
    let data = r#"{"name":"a","children":[{"name":"b","children":[]},{"name":"c","children":[{"name":4}]}]}"#;
    assert_eq!(pointers(&tree, data), ["/children/1/children/0/name"]);
    assert_eq!(pointers(&tree, r#"{"name":"a","children":[{"name":"b"},{"children":[]}]}"#), ["/children/1"]);
    let list = json!({"properties": {"next": {"anyOf": [{"type": "null"}, {"$ref": "#"}]}, "n": {"type": "integer"}}});
    assert_eq!(pointers(&list, r#"{"n":1,"next":{"n":2,"next":{"n":3,"next":null}}}"#), Vec::<String>::new());
    assert_eq!(pointers(&list, r#"{"n":1,"next":{"n":2,"next":{"n":"3","next":null}}}"#), ["/next"]);
    // Where every level looks once, data may be as deep as any.
    let chain = compiled(&json!({"properties": {"child": {"$ref": "#"}}, "not": {"type": "string"}}));
    assert!(chain.mismatches(nested(120, "1").as_bytes()).is_empty());
    assert_eq!(chain.mismatches(nested(120, "\"1\"").as_bytes()).len(), 1);
}

#[test]
fn what_multiplies_with_every_level_is_followed_as_far_as_it_may_cost() {
    let twice = json!({"anyOf": [{"properties": {"child": {"$ref": "#"}}}, {"properties": {"child": {"$ref": "#"}}}]});
    let deepest = compiled(&twice).depth_max.expect("it refers to itself");
    assert!((4..20).contains(&deepest), "{deepest}");
    assert!(pointers(&twice, &nested(deepest, "1")).is_empty());
    let found = compiled(&twice).mismatches(nested(deepest + 1, "1").as_bytes());
    assert!(found.len() == 1 && found[0].detail.contains("levels"), "{found:?}");
    // A circle of a hundred looks at each value is no circle that may be walked.
    let many = vec![json!({"properties": {"child": {"$ref": "#"}}}); 100];
    assert!(refused(&json!({"allOf": many})).detail.contains("rules"));
    let unevaluated = json!({"properties": {"child": {"$ref": "#"}}, "unevaluatedProperties": false});
    let deepest = compiled(&unevaluated).depth_max.expect("it refers to itself");
    assert!(deepest < 20, "{deepest}");
    assert_eq!(pointers(&unevaluated, &nested(deepest, r#"{"other":1}"#)).len(), 1);
}

#[test]
fn a_deep_chain_of_circles_leaves_the_stack_alone() {
    let mut inner = json!({"$ref": "#"});
    for _ in 0..12 {
        inner = json!({"allOf": [inner]});
    }
    let schema = json!({"properties": {"child": inner}});
    let compiled = compiled(&schema);
    let deepest = compiled.depth_max.expect("it refers to itself");
    let judged = std::thread::Builder::new()
        .stack_size(1024 * 1024)
        .spawn(move || compiled.mismatches(nested(deepest, "1").as_bytes()).len())
        .expect("a thread can be started");
    assert_eq!(judged.join().expect("the stack suffices"), 0);
}

#[test]
fn a_small_text_cannot_become_a_large_tree() {
    let doubling = |levels: usize| {
        let mut defs = serde_json::Map::new();
        defs.insert("d0".into(), json!({"type": "string"}));
        for level in 1..=levels {
            let inner = json!({"$ref": format!("#/$defs/d{}", level - 1)});
            defs.insert(format!("d{level}"), json!({"anyOf": [inner, inner]}));
        }
        json!({"$defs": defs, "$ref": format!("#/$defs/d{levels}")})
    };
    compiled(&doubling(6));
    assert!(refused(&doubling(20)).detail.contains("rules"));
    assert!(refused(&doubling(500)).detail.contains("levels"));
    let patterns =
        json!({"anyOf": (0..200).map(|n| json!({"pattern": format!("^{n}")})).collect::<Vec<_>>()});
    assert!(refused(&patterns).detail.contains("rules"));
    let mut deep = json!(true);
    for _ in 0..40 {
        deep = json!({"not": deep});
    }
    assert!(refused(&deep).detail.contains("levels"));
}

/// Schemas of a few keywords, some of which refer to each other.
fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(true)),
        Just(json!({"type": "string"})),
        Just(json!({"type": "integer", "minimum": 3})),
        Just(json!({"$ref": "#/$defs/a"})),
        Just(json!({"$ref": "#/$defs/b"})),
        Just(json!({"$ref": "#"})),
        Just(json!({"enum": [1, "a", null]})),
    ];
    let schema = leaf.prop_recursive(4, 30, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(|list| json!({"anyOf": list})),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(|list| json!({"allOf": list})),
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| json!({"properties": {"a": a, "b": b}, "unevaluatedProperties": false})),
            inner.clone().prop_map(|items| json!({"items": items})),
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| json!({"patternProperties": {"a|b": a}, "additionalProperties": b})),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| json!({"if": a, "then": b, "contains": a})),
            inner.prop_map(|not| json!({"not": not})),
        ]
    });
    (schema.clone(), schema.clone(), schema).prop_map(|(a, b, mut root)| {
        if let Value::Object(members) = &mut root {
            members.insert("$defs".into(), json!({"a": a, "b": b}));
        }
        root
    })
}

proptest! {
    #[test]
    fn any_schema_is_compiled_or_refused_and_checks_any_data(schema in schemas(), data in prop_oneof![
        Just("1"), Just("\"a\""), Just("null"), Just(r#"{"a":{"a":1,"b":[]},"b":["x",{"a":2}],"c":3}"#), Just("[[[[1]]]]"),
    ]) {
        if let Ok(compiled) = Schema::compile(&schema.to_string()) {
            let found = compiled.mismatches(data.as_bytes());
            prop_assert!(found.len() <= MISMATCHES_MAX);
            let value = serde_json::from_str(data).expect("JSON");
            let too_deep = compiled.depth_max.is_some_and(|max| is_deeper_than(&value, max));
            prop_assert_eq!(found.is_empty(), !too_deep && compiled.validator.is_valid(&value));
        }
    }
}
