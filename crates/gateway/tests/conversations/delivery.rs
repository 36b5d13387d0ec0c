//! What receivers get of a message, and how it is found again.

use std::time::{Duration, SystemTime};

use serde_json::json;
use stentor_testkit::api::text;
use stentor_testkit::receiver::{Receiver, Reply};
use stentor_verify::Secret;
use stentor_verify::standard::{Headers, Verifier, VerifierKey};

use crate::{conversation, printed, say, start, text_message};

#[tokio::test]
async fn a_message_arrives_as_the_seed_prints_it() {
    let (gateway, receiver) = (start().await, Receiver::start().await);
    let api = gateway.tenant("acme").await;
    let id = conversation(&api, &receiver.url("/webhook")).await;
    let message = json!({
        "content": "Message content", "content_type": "DOCUMENT", "filename": "document.pdf", "type": "USER_INPUT",
        "channel": "API", "status": "RECEIVED", "metadata": {}, "created_by": "user123", "updated_by": "user123",
    });
    let said = say(&api, &id, &message).await;
    assert_eq!(
        (&said["event"]["type"], &said["event"]["deliveries"]),
        (&json!("message.created"), &json!(1))
    );
    let request = receiver.next_request().await;
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/webhook"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("webhook-signature"), None, "without a secret it is unsigned");
    let body = request.json();
    let names = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&body), ["conversation_id", "data", "timestamp"]);
    let mut data = message;
    for name in ["id", "created_at", "updated_at"] {
        data[name] = said[name].clone();
    }
    assert_eq!((&body["conversation_id"], &body["data"]), (&json!(id), &data));
    let (created, sent) = (text(&body["data"], "created_at"), text(&body, "timestamp"));
    assert_eq!((created.len(), sent.len()), ("2024-03-21T10:00:00Z".len(), "2024-03-21T10:00:00.000Z".len()));
    let raw = std::str::from_utf8(&request.body).unwrap();
    let order = [
        "\"id\"",
        "\"content\"",
        "\"content_type\"",
        "\"filename\"",
        "\"type\"",
        "\"channel\"",
        "\"status\"",
        "\"metadata\"",
        "\"created_by\"",
        "\"updated_by\"",
        "\"created_at\"",
        "\"updated_at\"",
        "\"timestamp\"",
    ];
    let places: Vec<_> = order.iter().map(|name| raw.find(&format!("{name}:")).unwrap()).collect();
    assert!(places.is_sorted(), "{raw}");
}

#[tokio::test]
async fn a_secret_signs_and_a_plain_text_has_no_file() {
    let (gateway, receiver) = (start().await, Receiver::start().await);
    let api = gateway.tenant("acme").await;
    let mut body = printed(&receiver.url("/"));
    body["config"]["secret"] = json!("a secret of ours");
    let created = api.post("/v1/conversations", &body).await;
    assert!(!created.to_string().contains("a secret of ours"), "{created}");
    say(&api, &text(&created, "id"), &text_message("hello")).await;
    let request = receiver.next_request().await;
    let data = &request.json()["data"];
    assert!(data.get("filename").is_none() && data.get("metadata").is_none(), "{data}");
    let key = VerifierKey::from(Secret::parse("a secret of ours").unwrap());
    let headers = Headers {
        id: request.expect_header("webhook-id"),
        timestamp: request.expect_header("webhook-timestamp"),
        signature: request.expect_header("webhook-signature"),
    };
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert_eq!(Verifier::new([key]).unwrap().verify(&headers, &request.body, now), Ok(()));
}

#[tokio::test]
async fn a_change_of_status_tells_the_callback_and_every_webhook_that_matches() {
    let (gateway, receiver) = (start().await, Receiver::start().await);
    let api = gateway.tenant("acme").await;
    api.create_webhook(&receiver.url("/all"), &json!({"events": ["message.*"]})).await;
    api.create_webhook(&receiver.url("/failed"), &json!({"events": ["message.failed"]})).await;
    let id = conversation(&api, &receiver.url("/callback")).await;
    let said = say(&api, &id, &text_message("hello")).await;
    assert_eq!(said["event"]["deliveries"], 2);
    let one = format!("/v1/conversations/{id}/messages/{}", text(&said, "id"));
    let processed = api.patch(&one, &json!({"status": "PROCESSED", "updated_by": "bot"})).await;
    let failed = api.patch(&one, &json!({"status": "FAILED"})).await;
    let quiet = api.patch(&one, &json!({"content": "other", "status": "FAILED"})).await;
    assert_eq!((&processed["event"]["deliveries"], &failed["event"]["deliveries"]), (&json!(2), &json!(3)));
    assert!(quiet["event"].is_null(), "the same status is no change: {quiet}");
    for told in [&said, &processed, &failed] {
        api.wait_delivered(&text(&told["event"], "id")).await;
    }
    let callbacks = receiver.requests_to("/callback");
    let mut seen: Vec<_> = callbacks.iter().map(|request| text(&request.json()["data"], "status")).collect();
    seen.sort();
    assert_eq!(seen, ["FAILED", "PROCESSED", "RECEIVED"]);
    assert!(callbacks.iter().all(|request| request.json()["data"]["id"] == said["id"]), "one message");
    let mut types: Vec<_> =
        receiver.requests_to("/all").iter().map(|request| text(&request.json(), "type")).collect();
    types.sort();
    assert_eq!(types, ["message.created", "message.failed", "message.processed"]);
    assert_eq!(receiver.requests_to("/failed").len(), 1);

    let found = async |query: String| api.deliveries(&query).await.len();
    assert_eq!(found(format!("message_id={}", text(&said, "id"))).await, 7);
    assert_eq!(found(format!("conversation_id={id}")).await, 7);
    assert_eq!(found(format!("conversation_id={id}&status=dead")).await, 0);
    assert_eq!(found(format!("message_id={id}")).await, 0);
    assert_eq!(api.read(&one).await["deliveries"].as_array().unwrap().len(), 7);
    let events = api.list("/v1/events", &format!("subject={id}")).await;
    assert_eq!(events.len(), 3, "the conversation is what they are about");
}

#[tokio::test]
async fn a_replayed_message_goes_to_its_callback_again() {
    let (gateway, receiver) = (start().await, Receiver::start().await);
    let api = gateway.tenant("acme").await;
    let id = conversation(&api, &receiver.url("/callback")).await;
    let said = say(&api, &id, &text_message("hello")).await;
    let event = text(&said["event"], "id");
    api.wait_delivered(&event).await;
    let replayed = api.post(&format!("/v1/events/{event}/replay"), &json!({})).await;
    assert_eq!(replayed["deliveries"], 1);
    let requests = receiver.wait_for(2).await;
    assert_eq!(requests[0].body, requests[1].body);
    assert_eq!(api.deliveries(&format!("message_id={}", text(&said, "id"))).await.len(), 2);
    // The webhook behind it replays a range: its messages and nothing else.
    api.publish("order.paid", &json!({})).await;
    let hidden = api.list("/v1/webhooks", "conversations=true").await;
    let path = format!("/v1/webhooks/{}/replay", text(&hidden[0], "id"));
    api.post(&path, &json!({"since": "2020-01-01T00:00:00Z"})).await;
    let requests = receiver.wait_for(3).await;
    assert_eq!(requests[2].body, requests[0].body);
}

/// First send and three retries, 4, 8 and 10 seconds apart, in real time.
#[tokio::test]
async fn a_failing_callback_is_tried_four_times() {
    let (gateway, receiver) = (start().await, Receiver::start().await);
    let api = gateway.tenant("acme").await;
    receiver.default_reply(Reply::status(404));
    let id = conversation(&api, &receiver.url("/callback")).await;
    let said = say(&api, &id, &text_message("hello")).await;
    let deliveries = api.wait_state(&text(&said["event"], "id"), "dead").await;
    let delivery = api.delivery(&text(&deliveries[0], "id")).await;
    assert_eq!(
        (&delivery["reason"], delivery["attempts"].as_array().unwrap().len()),
        (&json!("exhausted"), 4)
    );
    let requests = receiver.requests();
    let gaps: Vec<Duration> = requests.windows(2).map(|pair| pair[1].arrived - pair[0].arrived).collect();
    for (gap, wanted) in gaps.iter().zip([4, 8, 10].map(Duration::from_secs)) {
        assert!(*gap >= wanted && *gap < wanted + Duration::from_secs(2), "{gaps:?}");
    }
    assert!(requests.iter().all(|request| request.body == requests[0].body));
}
