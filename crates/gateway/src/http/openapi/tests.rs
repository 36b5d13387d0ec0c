use std::collections::HashSet;

use serde_json::Value;

use super::*;

fn json() -> Value {
    serde_json::to_value(document()).expect("a document")
}

/// Every `$ref` in the document, and every operation id.
fn collect(value: &Value, name: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                match member {
                    Value::String(text) if key == name => found.push(text.clone()),
                    _ => collect(member, name, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, name, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = json();
    let mut references = Vec::new();
    collect(&document, "$ref", &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("within the document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn operation_ids_are_unique() {
    let mut ids = Vec::new();
    collect(&json()["paths"], "operationId", &mut ids);
    let distinct: HashSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "{ids:?}");
}

#[test]
fn operations_under_v1_need_the_token_and_document_its_refusal() {
    let document = json();
    let scopes = ["publish", "read", "manage", "operator"];
    let demands = scopes.map(|scope| serde_json::json!([{ "bearer": [scope] }]));
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let secured = demands.contains(&operation["security"]);
            assert_eq!(secured, path.starts_with("/v1/"), "{method} {path}");
            if secured {
                for status in ["401", "403", "500", "503"] {
                    let schema = &operation["responses"][status]["content"]["application/problem+json"]["schema"]
                        ["$ref"];
                    assert_eq!(schema, "#/components/schemas/Problem", "{method} {path} {status}");
                }
            }
            assert!(operation["tags"][0].is_string(), "{method} {path}");
        }
    }
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}

#[test]
fn a_patch_of_a_webhook_needs_nothing() {
    let document = json();
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["WebhookPatch"]["required"], Value::Null);
    assert!(schemas["WebhookPatch"]["properties"]["url"].is_object());
    assert!(schemas["WebhookPatch"]["properties"]["secret"].is_null());
    assert_eq!(schemas["NewWebhook"]["required"], serde_json::json!(["url", "events"]));
}
