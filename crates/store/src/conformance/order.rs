//! Positions of ordered webhooks (engine rule E5): strictly rising in the order of commits, whatever the clocks say.

use stentor_core::webhook::Webhook;

use super::Backend;
use super::fixtures::{EVERYTHING, START, Scene, accept, lane};
use crate::journal::{NewEvent, Write, Written};

/// An event whose first delivery asks for this place, in µs after the start.
async fn event_at(scene: &Scene, webhook: &Webhook, offset_us: i64) -> NewEvent {
    let mut event = scene.new_event(webhook.tenant, &[webhook]).await;
    event.deliveries[0].position = START.as_micros() + offset_us;
    event
}

fn offsets(positions: &[i64]) -> Vec<i64> {
    positions.iter().map(|position| position - START.as_micros()).collect()
}

/// `greatest(last + 1, asked)`, over several commits and within one.
pub async fn positions_rise_when_clocks_go_backwards(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.ordered_webhook(tenant).await;
    let mut ids = Vec::new();
    for (asked, given) in
        [(5_000_000, 5_000_000), (0, 5_000_001), (5_000_001, 5_000_002), (9_000_000, 9_000_000)]
    {
        let event = event_at(&scene, &webhook, asked).await;
        assert_eq!(offsets(&scene.store_event(&event).await), [given]);
        ids.push(event.deliveries[0].id);
    }
    let mut batch = Vec::new();
    for asked in [3, 2, 9_000_005, 1] {
        let event = event_at(&scene, &webhook, asked).await;
        ids.push(event.deliveries[0].id);
        batch.push(accept(&event));
    }
    let written = scene.commit(batch).await;
    let given = written.iter().flat_map(|answer| match answer {
        Written::Accepted { positions } => offsets(positions),
        other => panic!("not accepted: {other:?}"),
    });
    assert_eq!(given.collect::<Vec<_>>(), [9_000_001, 9_000_002, 9_000_005, 9_000_006]);
    let queue = scene.pending(&webhook).await;
    assert_eq!(
        queue.iter().map(|row| row.id).collect::<Vec<_>>(),
        ids,
        "the queue is in the order of commits"
    );
}

/// The counter is kept when the queue is empty, and over a restart.
pub async fn the_counter_outlives_its_rows(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.ordered_webhook(tenant).await;
    let event = event_at(&scene, &webhook, 1_000).await;
    scene.store_event(&event).await;
    assert!(scene.record(&scene.delivered(&event, 0, 1)).await);
    let event = event_at(&scene, &webhook, 0).await;
    assert_eq!(offsets(&scene.store_event(&event).await), [1_001]);
    let scene = scene.reopen(backend).await;
    let event = event_at(&scene, &webhook, 0).await;
    assert_eq!(offsets(&scene.store_event(&event).await), [1_002]);
}

/// Each ordered webhook has a counter of its own; the others keep the place they were given.
pub async fn only_ordered_webhooks_are_moved_up(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (first, second) = (scene.ordered_webhook(tenant).await, scene.ordered_webhook(tenant).await);
    let plain = scene.webhook(tenant).await;
    let all = [&second, &plain, &first];
    let mut given = Vec::new();
    for (webhooks, asked) in [(&all[2..], 700), (&all[..], 500), (&all[..], 100)] {
        let mut event = scene.new_event(tenant, webhooks).await;
        for delivery in &mut event.deliveries {
            delivery.position = START.as_micros() + asked;
        }
        given.push(offsets(&scene.store_event(&event).await));
    }
    assert_eq!(
        given,
        [vec![700], vec![500, 500, 701], vec![501, 100, 702]],
        "in the order of the event's deliveries"
    );
    for (webhook, expected) in
        [(&first, vec![700, 701, 702]), (&second, vec![500, 501]), (&plain, vec![100, 500])]
    {
        let stored: Vec<i64> = scene.pending(webhook).await.iter().map(|row| row.position).collect();
        assert_eq!(offsets(&stored), expected, "what is answered is what is stored");
    }
}

/// New deliveries of an old event join the end of the queue.
pub async fn redeliveries_join_the_end(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.ordered_webhook(tenant).await;
    let old = event_at(&scene, &webhook, 10).await;
    scene.store_event(&old).await;
    let newer = event_at(&scene, &webhook, 20).await;
    scene.store_event(&newer).await;
    let again = vec![scene.new_delivery(&webhook, START), scene.new_delivery(&webhook, START)];
    let write = Write::Redeliver { tenant, event: old.event.content.id, deliveries: again };
    let Written::Redelivered(Some(positions)) = scene.write(write).await else {
        panic!("the event is stored")
    };
    assert_eq!(offsets(&positions), [21, 22]);
}

/// An item that is refused does not disturb the order of those around it.
pub async fn a_refused_item_leaves_the_order_alone(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.ordered_webhook(tenant).await;
    let (before, after) = (event_at(&scene, &webhook, 50).await, event_at(&scene, &webhook, 0).await);
    let mut bad = event_at(&scene, &webhook, 60).await;
    bad.deliveries[0].id = before.deliveries[0].id;
    let written = scene.commit(vec![accept(&before), accept(&bad), accept(&after)]).await;
    assert!(matches!(written[1], Written::Refused(_)), "{written:?}");
    let (Written::Accepted { positions: first }, Written::Accepted { positions: second }) =
        (&written[0], &written[2])
    else {
        panic!("not accepted: {written:?}");
    };
    assert!(first < second, "{first:?} {second:?}");
    let queue = scene.pending(&webhook).await;
    assert_eq!(queue.iter().map(|row| row.position).collect::<Vec<_>>(), [first[0], second[0]]);
}

/// The queue of an ordered webhook keeps a head that waits for its retry; pages go on after a position.
pub async fn the_queue_is_read_in_order(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.ordered_webhook(tenant).await;
    let mut events = Vec::new();
    for _ in 0..7 {
        events.push(scene.publish(tenant, &[&webhook]).await);
    }
    assert!(scene.record(&scene.failed(&events[0], 0, 1)).await);
    let (mut after, mut seen) = (i64::MIN, Vec::new());
    let limit = crate::lanes::PageLimit { rows: 3, ..EVERYTHING };
    for expected in [3, 3, 1, 0] {
        let page = scene.store.ordered_page(lane(&webhook), after, limit).await.expect("a page is read");
        assert_eq!(page.len(), expected);
        seen.extend(page.iter().map(|row| row.pending.id));
        after = page.last().map_or(after, |row| row.pending.position);
    }
    assert_eq!(seen, events.iter().map(|event| event.deliveries[0].id).collect::<Vec<_>>());
}
