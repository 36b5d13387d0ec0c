//! Every field of every body with values of every type; every field left out; unknown fields everywhere.

use serde_json::{Map, Value, json};
use stentor_testkit::api::{Answer, Api};

use crate::judge::{assert_healthy, assert_precise, assert_precise_problem};
use crate::surface::{Call, World};
use crate::{values, with_body};

/// Stands for a value in a body until its text is put in its place.
const MARK: &str = "@value@";

/// A field of a body: where it is, and what the document says of it.
struct Field {
    pointer: String,
    schema: Value,
    required: bool,
}

fn child(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// All fields below a schema, the objects that hold them first.
fn fields(schema: &Value, pointer: &str, found: &mut Vec<Field>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let required = schema["required"].as_array().is_some_and(|names| names.contains(&json!(name)));
        let at = child(pointer, name);
        found.push(Field { pointer: at.clone(), schema: property.clone(), required });
        fields(property, &at, found);
    }
    if schema["items"].is_object() {
        let at = format!("{pointer}/0");
        found.push(Field { pointer: at.clone(), schema: schema["items"].clone(), required: false });
        fields(&schema["items"], &at, found);
    }
    if schema["additionalProperties"].is_object() {
        let at = child(pointer, "x-key");
        found.push(Field { pointer: at, schema: schema["additionalProperties"].clone(), required: false });
    }
}

/// The place of a pointer in a body; what is missing on the way is made.
fn place<'a>(body: &'a mut Value, pointer: &str) -> &'a mut Value {
    let mut here = body;
    for token in pointer.split('/').skip(1) {
        let name = token.replace("~1", "/").replace("~0", "~");
        let index = (!here.is_object()).then(|| name.parse::<usize>().ok()).flatten();
        here = match index {
            Some(index) => {
                if !here.is_array() {
                    *here = json!([]);
                }
                let list = here.as_array_mut().unwrap();
                list.resize(list.len().max(index + 1), Value::Null);
                &mut list[index]
            }
            None => {
                if !here.is_object() {
                    *here = Value::Object(Map::new());
                }
                here.as_object_mut().unwrap().entry(name).or_insert(Value::Null)
            }
        };
    }
    here
}

/// Whether the document admits a value of that type there.
fn admits(call: &Call, field: &Field, kind: &str) -> bool {
    let types = match &field.schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => return true,
    };
    // A merge patch removes with null; durations may have a unit; conditions may be a list (seed 003).
    let patched = call.row.operation == "changeWebhook" && kind == "null";
    let with_unit = types.contains(&"number") && kind == "string";
    let listed = field.pointer.ends_with("_conditions") && kind == "array";
    let whole = types.contains(&"number") && kind == "integer";
    types.contains(&kind) || patched || with_unit || listed || whole
}

/// The problem in an answer, if it is one; of a batch, that of its first event. With the pointer of the batch taken off.
fn problem_in(answer: &Answer, shown: &str) -> Option<Value> {
    if !answer.is_success() {
        return Some(assert_precise(answer, shown));
    }
    let first = answer.json()["results"][0].clone();
    (first["status"].as_u64()? != 202).then(|| {
        assert_precise_problem(&first, shown);
        first
    })
}

/// Whether the problem points at the field, into it, or at what holds it.
fn points_at(problem: &Value, pointer: &str) -> bool {
    let alone = pointer.strip_prefix("/events/0").unwrap_or(pointer);
    let related = |given: &str, field: &str| {
        given == field || given.starts_with(&format!("{field}/")) || field.starts_with(&format!("{given}/"))
    };
    let given: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    given
        .iter()
        .filter_map(|given| given.as_str())
        .any(|given| related(given, pointer) || related(given, alone))
}

async fn send(world: &World, call: &Call, api: &Api, body: &str) -> Answer {
    call.send_to(api, &call.target(&world.own.ids, &world.own.ids), body.to_owned()).await
}

fn fields_of(call: &Call) -> Vec<Field> {
    let mut found = Vec::new();
    fields(call.schema.as_ref().unwrap(), "", &mut found);
    found
}

#[tokio::test]
async fn every_field_refuses_values_of_other_types_with_its_place() {
    let world = World::start().await;
    let (values, mut sent, mut refused) = (values::all(), 0, 0);
    for (call, api) in with_body(&world) {
        for field in fields_of(&call) {
            for value in &values {
                let mut body = call.json(&world.own.ids);
                *place(&mut body, &field.pointer) = json!(MARK);
                let body = body.to_string().replace(&format!("\"{MARK}\""), &value.text);
                let text: String = value.text.chars().take(60).collect();
                let shown = format!("{} with {} = {text}", call.row.operation, field.pointer);
                let problem = problem_in(&send(&world, &call, &api, &body).await, &shown);
                sent += 1;
                if admits(&call, &field, value.kind) {
                    continue;
                }
                let problem = problem.unwrap_or_else(|| panic!("{shown} is accepted"));
                assert_eq!(problem["code"], "invalid_body", "{shown}: {problem}");
                assert!(points_at(&problem, &field.pointer), "{shown}: {problem}");
                refused += 1;
            }
        }
    }
    assert!(sent > 4_000 && refused > 2_000, "{sent} sent, {refused} had to be refused");
    assert_healthy(&world).await;
}

#[tokio::test]
async fn every_missing_and_unknown_field_is_named() {
    let world = World::start().await;
    let (mut missing, mut unknown) = (0, 0);
    for (call, api) in with_body(&world) {
        let schema = call.schema.clone().unwrap();
        let mut all = fields_of(&call);
        for field in all.iter().filter(|field| field.required) {
            let mut body = call.json(&world.own.ids);
            let (parent, name) = field.pointer.rsplit_once('/').unwrap();
            // What the call leaves out has nothing that could be missing.
            let Some(holder) = body.pointer_mut(parent).and_then(Value::as_object_mut) else { continue };
            holder.remove(name);
            let shown = format!("{} without {}", call.row.operation, field.pointer);
            let problem = problem_in(&send(&world, &call, &api, &body.to_string()).await, &shown);
            let problem = problem.unwrap_or_else(|| panic!("{shown} is accepted"));
            assert!(points_at(&problem, &field.pointer), "{shown}: {problem}");
            missing += 1;
        }
        all.push(Field { pointer: String::new(), schema, required: true });
        for field in all.iter().filter(|field| field.schema["additionalProperties"] == false) {
            for name in ["unknown", "Type", "__proto__", "a/b~c", ""] {
                let at = child(&field.pointer, name);
                let mut body = call.json(&world.own.ids);
                *place(&mut body, &at) = json!(1);
                let shown = format!("{} with {at}", call.row.operation);
                let problem = problem_in(&send(&world, &call, &api, &body.to_string()).await, &shown);
                let problem = problem.unwrap_or_else(|| panic!("{shown} is accepted"));
                assert!(points_at(&problem, &at), "{shown}: {problem}");
                unknown += 1;
            }
        }
    }
    assert!(missing >= 12 && unknown >= 100, "{missing} missing, {unknown} unknown");
}

#[tokio::test]
async fn a_body_of_another_type_is_refused() {
    let world = World::start().await;
    for (call, api) in with_body(&world) {
        let mut texts: Vec<_> = values::all()
            .into_iter()
            .filter(|value| value.kind != "object")
            .map(|value| value.text)
            .collect();
        texts.extend((1..15).map(|members| format!("[{}]", vec!["null"; members].join(","))));
        for text in texts {
            let shown = format!("{} with the body {text:.60}", call.row.operation);
            let answer = send(&world, &call, &api, &text).await;
            assert_eq!(assert_precise(&answer, &shown)["code"], "invalid_body", "{shown}");
        }
    }
}
