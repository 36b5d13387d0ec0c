//! Conversations with the same callback URL share one lane: 10 in flight, 100 in any 60 seconds.

use serde_json::json;
use stentor_testkit::api::text;
use stentor_testkit::receiver::{Receiver, Reply};
use stentor_testkit::wait;

use crate::{conversation, printed, say, start, text_message};

#[tokio::test]
async fn no_more_than_ten_are_in_flight_to_one_callback_url() {
    let (gateway, receiver) = (start().await, Receiver::start().await);
    let api = gateway.tenant("acme").await;
    receiver.always("/slow", Reply::status(200).held());
    let ids =
        [conversation(&api, &receiver.url("/slow")).await, conversation(&api, &receiver.url("/slow")).await];
    let other = conversation(&api, &receiver.url("/other")).await;
    for n in 0..20 {
        for id in &ids {
            say(&api, id, &text_message(&n.to_string())).await;
        }
    }
    // Another callback URL does not wait for this one.
    let told = say(&api, &other, &text_message("at once")).await;
    api.wait_delivered(&text(&told["event"], "id")).await;
    let mut released = 0;
    while released < 40 {
        wait::until("requests are held", || async { (receiver.in_flight() > 0).then_some(()) }).await;
        receiver.release(1);
        released += 1;
    }
    wait::until("all have arrived", || async { (receiver.requests_to("/slow").len() == 40).then_some(()) })
        .await;
    assert_eq!(receiver.requests_to("/other").len(), 1);
    assert_eq!(receiver.in_flight_max(), 10, "as many as may be, and no more");
}

#[tokio::test]
async fn the_first_hundred_leave_at_once_and_the_next_waits() {
    let (gateway, receiver) = (start().await, Receiver::start().await);
    let api = gateway.tenant("acme").await;
    let ids = [conversation(&api, &receiver.url("/")).await, conversation(&api, &receiver.url("/")).await];
    let mut last = String::new();
    for n in 0..51 {
        for id in &ids {
            last = text(&say(&api, id, &text_message(&n.to_string())).await["event"], "id");
        }
    }
    receiver.wait_for(100).await;
    let waiting = api.event_deliveries(&last).await;
    assert_eq!(
        (&waiting[0]["state"], receiver.count()),
        (&json!("pending"), 100),
        "two wait for their minute"
    );
}

#[tokio::test]
async fn another_secret_is_another_webhook() {
    let gateway = start().await;
    let api = gateway.tenant("acme").await;
    let create = async |secret: Option<&str>| {
        let mut body = printed("https://example.com/callback");
        if let Some(secret) = secret {
            body["config"]["secret"] = json!(secret);
        }
        text(&api.post("/v1/conversations", &body).await, "webhook_id")
    };
    let (plain, signed) = (create(None).await, create(Some("secret one")).await);
    assert_ne!(plain, signed);
    assert_ne!(create(Some("secret two")).await, signed);
    assert_eq!((create(None).await, create(Some("secret one")).await), (plain, signed));
    let other = gateway.tenant("globex").await;
    let body = printed("https://example.com/callback");
    let foreign = text(&other.post("/v1/conversations", &body).await, "webhook_id");
    assert_eq!(api.list("/v1/webhooks", "conversations=true").await.len(), 3);
    assert!(api.get(&format!("/v1/webhooks/{foreign}")).await.unwrap().status() == 404);
}
