//! Accepting events: all or nothing of each, exact bytes, one answer per item (promises P1, P6; engine rule E3).

use bytes::Bytes;
use stentor_core::delivery::{DeliveryState, PendingDelivery};
use stentor_core::event::{EventType, Origin};
use stentor_core::time::Time;

use super::Backend;
use super::fixtures::{EVERYTHING, START, Scene, assert_stored, lane, with_content};
use crate::journal::Written;

/// An accepted event has all its deliveries pending, as lanes and as people see them.
pub async fn an_event_and_its_deliveries_are_stored_together(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (first, second) = (scene.webhook(tenant).await, scene.webhook(tenant).await);
    let event = scene.new_event(tenant, &[&first, &second]).await;
    let positions: Vec<i64> = event.deliveries.iter().map(|delivery| delivery.position).collect();
    assert_eq!(scene.accept(&event).await, Written::Accepted { positions });
    assert_stored(&scene, &event).await;
    for (delivery, webhook) in event.deliveries.iter().zip([&first, &second]) {
        let row = scene.delivery(tenant, delivery.id).await;
        assert_eq!((row.event, row.webhook, row.shard), (event.event.content.id, webhook.id, webhook.shard));
        assert_eq!((row.state, row.reason, row.attempts), (DeliveryState::Pending, None, 0));
        assert_eq!((row.next_attempt_at, row.finished_at), (None, None));
        let pending = PendingDelivery {
            id: delivery.id,
            tenant,
            event: event.event.content.id,
            webhook: webhook.id,
            shard: webhook.shard,
            position: delivery.position,
            due_at: None,
            attempts: 0,
            claims: 0,
            batch: None,
        };
        assert_eq!(scene.pending(webhook).await, [pending]);
    }
}

/// Payloads are bytes: whatever came in comes out (promise P6).
pub async fn every_byte_comes_back(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let payloads: [Bytes; 7] = [
        Bytes::new(),
        Bytes::from_static(b"\0"),
        Bytes::from_iter(0..=255_u8),
        Bytes::from_static(b"\xff\xfe not UTF-8 \xc3\x28"),
        Bytes::from_static(br#"{ "n": 12345678901234567890, "n": 1e400,  "s":"\ud800" }"#),
        Bytes::from_static(b" \r\n\t[ ] \n"),
        Bytes::from_iter((0..1_048_576_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)),
    ];
    for data in payloads {
        let previous = (!data.is_empty()).then(|| data.slice(1..));
        let event = with_content(scene.new_event(tenant, &[&webhook]).await, |content| {
            content.subject = previous.is_some().then(|| "customer/7".into());
            content.data = data;
            content.previous_data = previous;
        });
        scene.store_event(&event).await;
        assert_stored(&scene, &event).await;
    }
    let pages = scene.store.fresh_page(lane(&webhook), i64::MIN, EVERYTHING).await;
    for row in pages.expect("a page is read") {
        let read = scene.store.content(tenant, row.pending.event).await.expect("content is read");
        assert_eq!(row.content, read, "a page carries the same bytes");
    }
}

/// No field of an event is lost or changed, at the ends of their ranges too.
pub async fn every_field_of_an_event_comes_back(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let mut full = with_content(scene.new_event(tenant, &[&webhook]).await, |content| {
        content.event_type = EventType::parse(&"x".repeat(128)).expect("the longest type");
        content.time = Time::from_micros(-1_234_567);
        content.content_type = "text/plain; charset=\"utf-8\"; note='é%'".into();
        content.previous_data = Some(Bytes::new());
        content.subject = Some("Kund:innen/„42“ '; --".into());
    });
    full.event.metadata = Some(Bytes::from_static(br#"{"b":1,"a":[ ]}"#));
    full.event.origin = Origin::Operational;
    let mut bare = with_content(scene.new_event(tenant, &[]).await, |content| {
        content.subject = Some("".into());
    });
    bare.event.metadata = Some(Bytes::new());
    for event in [&full, &bare] {
        scene.store_event(event).await;
        assert_stored(&scene, event).await;
    }
}

/// An event that no webhook wants is an event all the same.
pub async fn an_event_that_matches_nothing_is_stored(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let event = scene.publish(tenant, &[]).await;
    assert_stored(&scene, &event).await;
    assert_eq!(scene.sums().await.events, 1);
}

/// A delivery of a schedule that starts with a wait is not fresh.
pub async fn a_first_wait_is_kept(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let mut event = scene.new_event(tenant, &[&webhook]).await;
    let due = Time::from_micros(START.as_micros() + 60_000_001);
    event.deliveries[0].due_at = Some(due);
    scene.store_event(&event).await;
    assert_eq!(scene.pending(&webhook).await[0].due_at, Some(due));
    assert_eq!(scene.delivery(tenant, event.deliveries[0].id).await.next_attempt_at, Some(due));
}

/// After an unknown commit: stored ids are found, others are not, and only under their own tenant.
pub async fn stored_events_answers_what_is_there(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let stored = scene.publish(tenant, &[]).await.event.content.id;
    let missing = scene.new_event(tenant, &[]).await.event.content.id;
    assert_eq!(scene.store.stored_events(&[]).await.expect("ids are looked up"), []);
    let asked = [(tenant, missing), (tenant, stored), (other, stored)];
    assert_eq!(scene.store.stored_events(&asked).await.expect("ids are looked up"), [stored]);
}

/// What was acknowledged is there after closing and opening the database (promise P1).
pub async fn everything_survives_a_reopen(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let (done, waiting) =
        (scene.publish(tenant, &[&webhook]).await, scene.publish(tenant, &[&webhook]).await);
    assert!(scene.record(&scene.delivered(&done, 0, 1)).await);
    assert!(scene.record(&scene.failed(&waiting, 0, 1)).await);
    let (sums, pending) = (scene.sums().await, scene.pending(&webhook).await);
    let attempts = scene.store.attempts(tenant, waiting.deliveries[0].id).await.expect("attempts are read");
    let scene = scene.reopen(backend).await;
    assert_stored(&scene, &done).await;
    assert_stored(&scene, &waiting).await;
    assert_eq!((scene.sums().await, scene.pending(&webhook).await), (sums, pending));
    let read = scene.store.attempts(tenant, waiting.deliveries[0].id).await.expect("attempts are read");
    assert_eq!(read, attempts);
    assert_eq!(scene.store.webhook(tenant, webhook.id).await.expect("a webhook is read"), Some(webhook));
}
