use serde_json::json;

use super::*;
use crate::schema::Schema;

fn sample(schema: &Value) -> Value {
    serde_json::from_str(&of_schema(&schema.to_string())).expect("JSON")
}

#[test]
fn it_fits_its_schema() {
    for schema in [
        json!({"type": "object", "required": ["id", "other"], "properties": {"id": {"type": "string", "minLength": 30},
            "n": {"type": "integer", "minimum": 5, "multipleOf": 4}, "x": {"type": "number", "exclusiveMaximum": 1}},
            "additionalProperties": {"type": "boolean"}}),
        json!({"type": "array", "items": {"type": ["null", "string"], "maxLength": 3}, "minItems": 3}),
        json!({"prefixItems": [{"const": 1}, {"enum": ["a", "b"]}], "items": {"type": "boolean"}, "minItems": 4}),
        json!({"allOf": [{"$ref": "#/$defs/a"}, {"properties": {"b": {"type": "integer", "maximum": -3}}}],
            "$defs": {"a": {"type": "object", "properties": {"a": {"type": "null"}}, "required": ["a", "b"]}}}),
        json!({"oneOf": [{"type": "string", "format": "uuid"}, {"type": "integer"}]}),
        json!({"if": {"properties": {"k": {"const": 1}}}, "then": {"required": ["v"], "properties": {"v": {"type": "string"}}}}),
        json!({"properties": {"at": {"type": "string", "format": "date-time"}, "no": false}, "type": "object"}),
        json!({"examples": [{"order": 7}], "type": "object"}),
    ] {
        let made = sample(&schema);
        let found =
            Schema::compile(&schema.to_string()).expect("a schema").mismatches(made.to_string().as_bytes());
        assert!(found.is_empty(), "{schema}\n{made}\n{found:?}");
        assert_eq!(sample(&schema), made, "the same every time");
    }
}

#[test]
fn a_schema_that_says_nothing_gets_the_synthetic_one() {
    let synthetic: Value = serde_json::from_str(SYNTHETIC).expect("JSON");
    for schema in [json!({}), json!(true), json!(false)] {
        assert_eq!(sample(&schema), synthetic, "{schema}");
    }
}

#[test]
fn its_size_is_bounded_whatever_is_asked_for() {
    let mut schema = json!({"type": "string", "minLength": 10_000_000});
    for _ in 0..10 {
        schema = json!({"type": "array", "minItems": 1_000_000, "items": schema});
    }
    assert!(of_schema(&schema.to_string()).len() < VALUES_MAX * (1_000 + 50));
}

#[test]
fn a_schema_that_refers_to_itself_has_a_small_sample() {
    let tree = json!({"type": "object", "required": ["name"], "properties": {"name": {"type": "string"},
        "parent": {"$ref": "#"}, "children": {"type": "array", "items": {"$ref": "#"}}}});
    let list =
        json!({"properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["next"]});
    for (schema, expected) in
        [(&tree, json!({"name": sample(&tree)["name"], "children": []})), (&list, json!({"next": null}))]
    {
        let made = sample(schema);
        assert_eq!(made, expected);
        let compiled = Schema::compile(&schema.to_string()).expect("a schema");
        assert!(compiled.mismatches(made.to_string().as_bytes()).is_empty());
    }
}
