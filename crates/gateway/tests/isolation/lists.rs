//! Lists, cursors, idempotency keys and metrics stay within the tenant.

use http::Method;
use serde_json::{Value, json};
use stentor_testkit::api::Answer;

use crate::surface::{Call, OPERATOR, World};

fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// A page of one row of that list, and its cursor.
async fn first_page(call: &Call, world: &World, target: &str) -> (Vec<String>, String) {
    let answer = call.send_to(&world.other.api, &format!("{target}limit=1"), "").await;
    let page = answer.json();
    let cursor = page["next_cursor"].as_str();
    (ids(&page), cursor.unwrap_or_else(|| panic!("{target}: one page only: {page}")).to_owned())
}

fn with_separator(target: &str) -> String {
    format!("{target}{}", if target.contains('?') { '&' } else { '?' })
}

#[tokio::test]
async fn a_foreign_cursor_shows_nothing_foreign() {
    let world = World::start().await;
    let (own, other) = (&world.own, &world.other);
    // A second delivery of the same event and webhook, so that each list has two pages.
    for side in [own, other] {
        let path = format!("/v1/events/{}/replay", side.ids.get("event"));
        side.api.post(&path, &json!({"webhook_id": side.ids.get("webhook")})).await;
    }
    let paged: Vec<Call> = world.surface.secured().into_iter().filter(|call| call.paged).collect();
    let mut compared = 0;
    for call in paged.iter().filter(|call| call.scope.as_deref() != Some(OPERATOR)) {
        let (own_target, other_target) =
            (call.target(&own.ids, &own.ids), call.target(&other.ids, &other.ids));
        let (own_target, other_target) = (with_separator(&own_target), with_separator(&other_target));
        let (shown, cursor) = first_page(call, &world, &other_target).await;
        let rest = ids(&call.send_to(&other.api, &format!("{other_target}cursor={cursor}"), "").await.json());
        assert!(!shown.is_empty() && !rest.is_empty(), "{}: the cursor leads somewhere", call.row.operation);

        let own_rows = ids(&call.send_to(&own.api, &format!("{own_target}limit=250"), "").await.json());
        let answer: Answer = call.send_to(&own.api, &format!("{own_target}cursor={cursor}"), "").await;
        assert_eq!(answer.status(), 200);
        let mixed = ids(&answer.json());
        assert!(mixed.iter().all(|id| own_rows.contains(id)), "{}: {mixed:?}", call.row.operation);
        assert!(
            own_rows.iter().all(|id| !shown.contains(id) && !rest.contains(id)),
            "{}",
            call.row.operation
        );
        compared += 1;
    }
    assert!(compared >= 5, "{compared}");
}

#[tokio::test]
async fn an_idempotency_key_is_the_tenants_own() {
    let world = World::start().await;
    let body = r#"{"type":"order.paid","data":1,"idempotency_key":"same"}"#;
    let other_body = r#"{"type":"order.paid","data":2,"idempotency_key":"same"}"#;
    let first = world.other.api.publish_raw(body).await;
    let own = world.own.api.publish_raw(other_body).await;
    assert_ne!(first.id, own.id);
    assert_eq!(world.own.api.publish_raw(other_body).await.id, own.id);
    let answer = world.own.api.request(Method::POST, "/v1/events", &[], body).await.unwrap();
    assert_eq!((answer.status(), answer.problem_code()), (409, "idempotency_key_reused".into()));
    assert_eq!(answer.json()["event_id"], own.id);
}

#[tokio::test]
async fn a_repeated_creation_never_answers_with_anothers_webhook() {
    let world = World::start().await;
    let body = json!({"url": world.receiver.url("/never"), "events": []}).to_string();
    let headers = [("idempotency-key", "same")];
    let mut made = Vec::new();
    for side in [&world.own, &world.other, &world.own, &world.other] {
        let answer = side.api.request(Method::POST, "/v1/webhooks", &headers, body.clone()).await.unwrap();
        assert_eq!(answer.status(), 201, "{}", answer.text());
        made.push((answer.json()["id"].clone(), answer.json()["secret"].clone()));
    }
    assert!(made[0].0 != made[1].0 && made[0].1 != made[1].1);
    assert_eq!((&made[2].0, &made[3].0), (&made[0].0, &made[1].0));
}

#[tokio::test]
async fn what_needs_no_token_names_no_tenant() {
    let world = World::start().await;
    let anonymous = world.gateway.api().without_token();
    for path in ["/healthz", "/readyz", "/openapi.json", "/docs/errors"] {
        let answer = anonymous.get(path).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let mut text = answer.text();
        // The operator's metrics name nobody either.
        text += &world.gateway.api().get("/metrics").await.unwrap().text();
        for side in [&world.own, &world.other] {
            assert!(side.ids.all().all(|id| !text.contains(id)), "{path}: {text}");
            assert!(!text.contains(side.api.token().unwrap()), "{path}");
        }
        assert!(!text.contains(&world.receiver.address().to_string()), "{path}");
    }
}
