//! Conversations over restarts, moves and deletions: what was answered 201 is there and arrives.

use http::Method;
use serde_json::json;
use stentor_testkit::api::text;
use stentor_testkit::receiver::{Receiver, Reply};
use stentor_testkit::wait;

use crate::{conversation, say, start, text_message};

#[tokio::test]
async fn a_message_that_was_answered_survives_a_kill_with_its_delivery() {
    let (mut gateway, receiver) = (start().await, Receiver::start().await);
    let api = gateway.tenant("acme").await;
    receiver.default_reply(Reply::hang());
    api.create_webhook(&receiver.url("/all"), &json!({"events": ["message.*"]})).await;
    let id = conversation(&api, &receiver.url("/callback")).await;
    let mut said = Vec::new();
    for n in 0..5 {
        said.push(say(&api, &id, &text_message(&n.to_string())).await);
    }
    gateway.kill9().await;
    receiver.default_reply(Reply::status(204));
    gateway.restart().await;
    let listed = api.list(&format!("/v1/conversations/{id}/messages"), "").await;
    let ids = |rows: Vec<&serde_json::Value>| rows.into_iter().map(|row| text(row, "id")).collect::<Vec<_>>();
    assert_eq!(ids(listed.iter().collect()), ids(said.iter().rev().collect()));
    // After a crash the window of an exact rate counts as full, so the callback waits for its minute; others do not.
    for each in &said {
        let event = text(&each["event"], "id");
        wait::until("the webhook is told", || async {
            let deliveries = api.event_deliveries(&event).await;
            assert_eq!(deliveries.len(), 2, "{deliveries:?}");
            deliveries.iter().any(|one| one["state"] == "delivered").then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_moved_conversation_tells_its_new_callback() {
    let (gateway, receiver) = (start().await, Receiver::start().await);
    let api = gateway.tenant("acme").await;
    let id = conversation(&api, &receiver.url("/old")).await;
    let first = say(&api, &id, &text_message("one")).await;
    api.wait_delivered(&text(&first["event"], "id")).await;
    let one = format!("/v1/conversations/{id}");
    let moved = api.patch(&one, &json!({"config": {"callback_url": receiver.url("/new")}})).await;
    assert_eq!(moved["config"]["workflow_id"], "123");
    let second = say(&api, &id, &text_message("two")).await;
    api.wait_delivered(&text(&second["event"], "id")).await;
    assert_eq!((receiver.requests_to("/old").len(), receiver.requests_to("/new").len()), (1, 1));
    let left = api.list("/v1/webhooks", "conversations=true").await;
    assert_eq!(left.len(), 1, "nobody uses the old one any more: {left:?}");
}

#[tokio::test]
async fn what_was_accepted_is_delivered_after_the_conversation_is_deleted() {
    let (gateway, receiver) = (start().await, Receiver::start().await);
    let api = gateway.tenant("acme").await;
    receiver.default_reply(Reply::status(200).held());
    let id = conversation(&api, &receiver.url("/")).await;
    let said = say(&api, &id, &text_message("hello")).await;
    receiver.wait_for(1).await;
    api.delete(&format!("/v1/conversations/{id}")).await;
    for path in ["", "/messages", &format!("/messages/{}", text(&said, "id"))] {
        assert_eq!(api.get(&format!("/v1/conversations/{id}{path}")).await.unwrap().status(), 404, "{path}");
    }
    assert_eq!(api.list("/v1/webhooks", "conversations=true").await.len(), 1, "its delivery is pending");
    receiver.release(1);
    api.wait_delivered(&text(&said["event"], "id")).await;
    assert_eq!(api.deliveries(&format!("conversation_id={id}")).await.len(), 1, "it can still be traced");
    // Deleting another looks for webhooks that nobody uses any more.
    let other = conversation(&api, &receiver.url("/other")).await;
    api.delete(&format!("/v1/conversations/{other}")).await;
    wait::until("the webhook is gone", || async {
        api.list("/v1/webhooks", "conversations=true").await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn many_who_change_a_message_at_once_lose_nothing() {
    let (gateway, receiver) = (start().await, Receiver::start().await);
    let api = gateway.tenant("acme").await;
    let id = conversation(&api, &receiver.url("/")).await;
    let said = say(&api, &id, &text_message("hello")).await;
    let one = format!("/v1/conversations/{id}/messages/{}", text(&said, "id"));
    let change = async |n: usize| {
        let status = if n.is_multiple_of(2) { "PROCESSED" } else { "FAILED" };
        let body = json!({"status": status, "updated_by": n.to_string()}).to_string();
        api.request(Method::PATCH, &one, &[], body).await.unwrap()
    };
    let answers = futures_util::future::join_all((0..8).map(change)).await;
    assert!(answers.iter().all(|answer| matches!(answer.status(), 200 | 409)), "{answers:?}");
    let told: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status() == 200)
        .map(|answer| answer.json()["event"].clone())
        .filter(|event| !event.is_null())
        .collect();
    assert!(!told.is_empty());
    for event in &told {
        api.wait_delivered(&text(event, "id")).await;
    }
    assert_eq!(receiver.count(), told.len() + 1, "one request per event that was told of");
}
