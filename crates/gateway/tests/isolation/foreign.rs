//! Another tenant's id answers exactly as an unknown one, wherever an operation takes one.

use serde_json::Value;
use stentor_testkit::api::Answer;

use crate::seen;
use crate::surface::{Call, Ids, OPERATOR, Side, World};

/// Where a call takes an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Path,
    Query,
    Body,
}

const PLACES: [Place; 3] = [Place::Path, Place::Query, Place::Body];
const KINDS: [&str; 11] = [
    "event",
    "delivery",
    "webhook",
    "replay",
    "route",
    "token",
    "other_token",
    "tenant",
    "event_type",
    "conversation",
    "message",
];
/// Names what is to be made; that of another is as good as any.
const NEW_NAME: &str = "new_event_type";

/// An id of that kind that nobody has.
fn unknown(id: &str) -> String {
    match id.split_once('_') {
        Some((prefix, _)) => format!("{prefix}_01h455vb4pex5vsknk084sn02q"),
        None => "018f2a5e-3c1b-7d4e-9a6f-2b8c4d6e8f01".to_owned(),
    }
}

/// Texts that are not ids of that kind, as a path can carry them.
fn malformed(kind: &str, other: &Ids) -> Vec<String> {
    let id = other.get(kind);
    let other_kind = if kind == "event" { "webhook" } else { "event" };
    let mut texts: Vec<String> =
        ["x", "0", "null", "%00", "%2e%2e%2fevents", "%ff%fe", "id'%20or%20'1'%3d'1"].map(Into::into).into();
    texts.extend([
        other.get(other_kind).to_owned(),
        id.to_ascii_uppercase(),
        format!("{id}0"),
        format!("{id}%20"),
        format!("%20{id}"),
        format!("{id}%00"),
        id[..id.len() - 1].to_owned(),
        "y".repeat(3_000),
    ]);
    match id.split_once('_') {
        Some((prefix, rest)) => {
            texts.extend([rest.to_owned(), format!("{prefix}_8zzzzzzzzzzzzzzzzzzzzzzzzz")]);
        }
        None => texts.extend([id.replace('-', ""), format!("{{{id}}}"), format!("urn:uuid:{id}")]),
    }
    texts
}

fn kinds_at(call: &Call, place: Place) -> Vec<&'static str> {
    let named = |text: &str, kind: &str| text.contains(&format!("<{kind}>"));
    let all = KINDS.into_iter();
    match place {
        Place::Path => call.row.ids.iter().copied().filter(|kind| *kind != NEW_NAME).collect(),
        Place::Query => all.filter(|kind| named(call.row.query, kind)).collect(),
        Place::Body => all.filter(|kind| named(call.row.body, kind)).collect(),
    }
}

/// The call with the caller's own ids but for one, which stands in one place.
async fn send(
    call: &Call,
    by: &stentor_testkit::api::Api,
    own: &Ids,
    place: Place,
    kind: &str,
    id: &str,
) -> Answer {
    let ids = own.with(kind, id);
    let at = |here: Place| if here == place { &ids } else { own };
    let target = call.target(at(Place::Path), at(Place::Query));
    call.send_to(by, &target, call.body(at(Place::Body))).await
}

/// Everything of a tenant that the API shows.
async fn everything(side: &Side) -> Vec<Value> {
    let mut all = Vec::new();
    for path in ["/v1/webhooks", "/v1/events", "/v1/deliveries", "/v1/tokens", "/v1/routes"] {
        all.extend(side.api.list(path, "").await);
    }
    all.extend(side.api.list("/v1/conversations", "").await);
    let conversation = format!("/v1/conversations/{}/messages", side.ids.get("conversation"));
    all.extend(side.api.list(&conversation, "").await);
    all.push(side.api.read("/v1/event-types?archived=true").await);
    for (kind, path) in [("replay", "replays"), ("webhook", "webhooks"), ("event", "events")] {
        all.push(side.api.read(&format!("/v1/{path}/{}", side.ids.get(kind))).await);
    }
    for delivery in side.api.deliveries("").await {
        all.push(side.api.delivery(delivery["id"].as_str().unwrap()).await);
    }
    all
}

#[tokio::test]
async fn a_foreign_id_answers_exactly_as_an_unknown_one() {
    let world = World::start().await;
    let (own, other) = (&world.own, &world.other);
    let (before, requests_before) = (everything(other).await, world.receiver.requests_to("/other").len());
    let mut compared = 0;
    for call in world.surface.secured().iter().filter(|call| call.scope.as_deref() != Some(OPERATOR)) {
        for place in PLACES {
            for kind in kinds_at(call, place) {
                let shown = format!("{} with {kind} in its {place:?}", call.row.operation);
                let foreign = send(call, &own.api, &own.ids, place, kind, other.ids.get(kind)).await;
                let nobodys =
                    send(call, &own.api, &own.ids, place, kind, &unknown(other.ids.get(kind))).await;
                assert_eq!(seen(&foreign), seen(&nobodys), "{shown}");
                // A list of what there is not is empty.
                if place == Place::Query && call.paged {
                    assert_eq!(
                        (foreign.status(), &foreign.json()["data"]),
                        (200, &Value::Array(vec![])),
                        "{shown}"
                    );
                } else if place == Place::Query && is_stream(&foreign) {
                    // It watches what will be, and so does one for an id that nobody has.
                    assert!(!foreign.text().contains("data:"), "{shown}");
                } else {
                    assert_eq!(
                        (foreign.status(), foreign.problem_code()),
                        (404, "not_found".into()),
                        "{shown}"
                    );
                }
                refuses_malformed(&world, call, place, kind, &foreign).await;
                compared += 1;
            }
        }
    }
    assert!(compared >= 18, "{compared}");
    assert_eq!(everything(other).await, before, "nothing of the other tenant has changed");
    assert_eq!(world.receiver.requests_to("/other").len(), requests_before, "nothing was sent for it");
}

fn is_stream(answer: &Answer) -> bool {
    answer.status() == 200
        && answer.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream")
}

/// In a path a malformed id is an unknown one; in a query or body it breaks the shape, whoever asks.
async fn refuses_malformed(world: &World, call: &Call, place: Place, kind: &str, foreign: &Answer) {
    let own = &world.own;
    for text in malformed(kind, &world.other.ids) {
        let answer = send(call, &own.api, &own.ids, place, kind, &text).await;
        let shown = format!("{} with {text:.40} in its {place:?}", call.row.operation);
        match place {
            Place::Path => assert_eq!(seen(&answer), seen(foreign), "{shown}"),
            Place::Query => {
                assert_eq!(
                    (answer.status(), answer.problem_code()),
                    (400, "invalid_query".into()),
                    "{shown}"
                );
            }
            Place::Body => {
                assert_eq!((answer.status(), answer.problem_code()), (422, "invalid_body".into()), "{shown}");
            }
        }
    }
}

/// A name is each tenant's own: declaring another's changes nothing of theirs.
#[tokio::test]
async fn a_name_that_another_declared_is_free() {
    let world = World::start().await;
    let path = format!("/v1/event-types/{}", world.other.ids.get("event_type"));
    let before = world.other.api.read(&path).await;
    assert_eq!(
        world.own.api.put(&path, &serde_json::json!({"description": "mine"})).await["description"],
        "mine"
    );
    assert_eq!(world.other.api.read(&path).await, before);
    world.own.api.delete(&path).await;
    assert_eq!(world.other.api.read(&path).await, before);
}

/// What was said in a conversation is found by its own tenant only, however it is asked for.
#[tokio::test]
async fn deliveries_of_anothers_messages_are_not_found() {
    let world = World::start().await;
    let (own, other) = (&world.own, &world.other);
    let of_conversation = format!("conversation_id={}", other.ids.get("conversation"));
    let of_message = format!("message_id={}", other.ids.get("message"));
    for (query, there) in [(of_conversation, 2), (of_message, 1)] {
        assert_eq!(other.api.deliveries(&query).await.len(), there, "{query}");
        assert_eq!(own.api.deliveries(&query).await.len(), 0, "{query}");
    }
    for query in ["conversation_id=x", "message_id=", "message_id=%00"] {
        let answer = own.api.get(&format!("/v1/deliveries?{query}")).await.unwrap();
        assert_eq!((answer.status(), answer.problem_code()), (400, "invalid_query".into()), "{query}");
    }
}

/// The operator may name every tenant, and still an id belongs to one of them.
#[tokio::test]
async fn operations_of_the_operator_know_unknown_and_mismatched_ids_alike() {
    let world = World::start().await;
    let (own, other) = (&world.own.ids, &world.other.ids);
    let operator = world.gateway.api();
    for call in world.surface.secured().iter().filter(|call| call.scope.as_deref() == Some(OPERATOR)) {
        for kind in kinds_at(call, Place::Path) {
            let nobodys = send(call, &operator, own, Place::Path, kind, &unknown(own.get(kind))).await;
            assert_eq!(
                (nobodys.status(), nobodys.problem_code()),
                (404, "not_found".into()),
                "{}",
                call.row.operation
            );
            // These belong to the operator alone: the other one is as good.
            if !["tenant", "broadcast", "unmatched_request"].contains(&kind) {
                let mismatched = send(call, &operator, own, Place::Path, kind, other.get(kind)).await;
                assert_eq!(seen(&mismatched), seen(&nobodys), "{}", call.row.operation);
            }
            for text in malformed(kind, other) {
                let answer = send(call, &operator, own, Place::Path, kind, &text).await;
                assert_eq!(seen(&answer), seen(&nobodys), "{} with {text:.40}", call.row.operation);
            }
        }
    }
}
