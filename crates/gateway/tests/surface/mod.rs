//! The HTTP surface as its own document describes it, and one valid call per operation.
//!
//! Tests that must hold for every route are generated from this. [`calls`](Surface::calls) fails when the document has
//! an operation without a row in [`table`], so a new route is covered or the tests are red.

mod table;
mod world;

use std::collections::BTreeSet;

use http::Method;
use serde_json::Value;
use stentor_testkit::api::Api;

pub use self::table::Row;
pub use self::world::{Ids, Side, World};

/// The scope that stands for the operator's token.
pub const OPERATOR: &str = "operator";
/// The scopes of a tenant's tokens.
pub const SCOPES: [&str; 3] = ["publish", "read", "manage"];

/// The document that the running gateway serves.
pub struct Surface(Value);

/// An operation with its row: everything that is needed to call it.
#[derive(Clone)]
pub struct Call {
    pub row: &'static Row,
    pub method: Method,
    /// With `{name}` for each id.
    pub path: String,
    /// What the token must have: one of [`SCOPES`] or [`OPERATOR`]; none when no token is needed.
    pub scope: Option<String>,
    /// Whether its list has pages.
    pub paged: bool,
    /// The schema of its body, with every reference resolved.
    pub schema: Option<Value>,
    /// Whether it may be called without a body.
    pub body_optional: bool,
}

impl Surface {
    pub async fn of(api: &Api) -> Self {
        Self(api.without_token().read("/openapi.json").await)
    }

    /// Every operation in the order of the table, which ends with those that take things away.
    pub fn calls(&self) -> Vec<Call> {
        let mut calls = Vec::new();
        for (path, item) in self.0["paths"].as_object().expect("a document has paths") {
            for (method, operation) in item.as_object().expect("a path has operations") {
                calls.push(self.call(path, method, operation));
            }
        }
        let documented: BTreeSet<_> = calls.iter().map(|call| call.row.operation).collect();
        let listed: BTreeSet<_> = table::ROWS.iter().map(|row| row.operation).collect();
        assert_eq!(listed, documented, "the table has rows for operations that are gone");
        calls.sort_by_key(|call| table::ROWS.iter().position(|row| row.operation == call.row.operation));
        calls
    }

    /// Those that need a token.
    pub fn secured(&self) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.scope.is_some()).collect()
    }

    /// Each path with its documented methods, in upper case.
    pub fn paths(&self) -> Vec<(String, BTreeSet<String>)> {
        let paths = self.0["paths"].as_object().expect("a document has paths");
        let methods =
            |item: &Value| item.as_object().expect("operations").keys().cloned().collect::<Vec<_>>();
        paths
            .iter()
            .map(|(path, item)| {
                (path.clone(), methods(item).iter().map(|m| m.to_ascii_uppercase()).collect())
            })
            .collect()
    }

    fn call(&self, path: &str, method: &str, operation: &Value) -> Call {
        let id = operation["operationId"].as_str().expect("an operation has an id");
        let row = table::ROWS.iter().find(|row| row.operation == id);
        let row =
            row.unwrap_or_else(|| panic!("{id} ({method} {path}) has no row in tests/surface/table.rs"));
        assert_eq!(path.matches('{').count(), row.ids.len(), "ids in the path of {id}");
        let body = &operation["requestBody"];
        let schema = &body["content"]["application/json"]["schema"];
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        Call {
            row,
            method: method.to_ascii_uppercase().parse().expect("a method"),
            path: path.to_owned(),
            scope: scope(id, path, &operation["security"]),
            paged: parameters.iter().any(|parameter| parameter["name"] == "cursor"),
            schema: (!body.is_null()).then(|| self.resolved(schema)),
            body_optional: !body.is_null() && body["required"] != true,
        }
    }

    /// The schema with references followed, and "this or null" read as this.
    fn resolved(&self, schema: &Value) -> Value {
        let followed = match schema["$ref"].as_str() {
            Some(reference) => self.0.pointer(reference.trim_start_matches('#')).expect("a known schema"),
            None => schema,
        };
        if let Some(options) = followed["oneOf"].as_array() {
            let nullable = options.iter().any(|option| option["type"] == "null");
            let real = options.iter().find(|option| option["type"] != "null").expect("more than null");
            let mut real = self.resolved(real);
            if nullable && real["type"].is_string() {
                real["type"] = serde_json::json!([real["type"], "null"]);
            }
            return real;
        }
        let mut schema = followed.clone();
        if let Some(properties) = schema["properties"].as_object_mut() {
            for property in properties.values_mut() {
                *property = self.resolved(&property.clone());
            }
        }
        if !schema["items"].is_null() {
            schema["items"] = self.resolved(&schema["items"].clone());
        }
        schema
    }
}

/// `security` must be `[{"bearer": [scope]}]`, or outside of `/v1` `[{}]` or that of credentials.
fn scope(id: &str, path: &str, security: &Value) -> Option<String> {
    let without_token = [serde_json::json!([{}]), serde_json::json!([{"basic": []}])];
    if without_token.contains(security) {
        assert!(!path.starts_with("/v1/"), "{id} needs no token");
        return None;
    }
    let scope = security[0]["bearer"][0].as_str();
    let scope = scope.unwrap_or_else(|| panic!("{id} does not say which scope it needs: {security}"));
    assert!(scope == OPERATOR || SCOPES.contains(&scope), "{id} needs the unknown scope {scope}");
    Some(scope.to_owned())
}
