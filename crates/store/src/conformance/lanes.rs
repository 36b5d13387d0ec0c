//! What lanes read: pages of fresh and of due rows, and who waits (engine rules E9, E10).

use std::time::Duration;

use bytes::Bytes;
use stentor_core::time::Time;
use stentor_core::webhook::{Webhook, WebhookStatus};

use super::Backend;
use super::fixtures::{EVERYTHING, START, Scene, lane, with_content};
use crate::journal::{NewEvent, Write};
use crate::lanes::{LoadedDelivery, PageLimit, WaitingLane};

const fn due(minutes: u64) -> Time {
    Time::from_micros(START.as_micros() + 60_000_000 * minutes as i64)
}

async fn publish_due(scene: &Scene, webhook: &Webhook, minutes: u64) -> NewEvent {
    let mut event = scene.new_event(webhook.tenant, &[webhook]).await;
    event.deliveries[0].due_at = Some(due(minutes));
    scene.store_event(&event).await;
    event
}

async fn fresh(scene: &Scene, webhook: &Webhook, after: i64, limit: PageLimit) -> Vec<LoadedDelivery> {
    scene.store.fresh_page(lane(webhook), after, limit).await.expect("a page is read")
}

fn rows(rows: u32) -> PageLimit {
    PageLimit { rows, ..EVERYTHING }
}

/// Rows that wait for no time come lowest position first, a page at a time, with what they deliver.
pub async fn fresh_rows_come_in_order(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (webhook, other) = (scene.webhook(tenant).await, scene.webhook(tenant).await);
    let mut expected = Vec::new();
    for offset in [30, 10, 20, 50, 40] {
        let mut event = scene.new_event(tenant, &[&webhook, &other]).await;
        event.deliveries[0].position = START.as_micros() + offset;
        scene.store_event(&event).await;
        expected.push((event.deliveries[0].position, event.event.content.clone()));
    }
    publish_due(&scene, &webhook, 1).await;
    let retried = scene.publish(tenant, &[&webhook]).await;
    assert!(scene.record(&scene.failed(&retried, 0, 1)).await);
    expected.sort_by_key(|(position, _)| *position);
    let (mut after, mut seen) = (i64::MIN, Vec::new());
    for length in [2, 2, 1, 0] {
        let page = fresh(&scene, &webhook, after, rows(2)).await;
        assert_eq!(page.len(), length);
        after = page.last().map_or(after, |row| row.pending.position);
        seen.extend(page);
    }
    let seen: Vec<_> =
        seen.into_iter().map(|row| (row.pending.position, row.content.expect("small data"))).collect();
    assert_eq!(seen, expected);
    let from_middle = fresh(&scene, &webhook, expected[2].0, EVERYTHING).await;
    assert_eq!(from_middle.len(), 2, "`after` itself is not read again");
}

/// Data over the page's limit is left out and read on its own; data of exactly the limit comes along.
pub async fn large_data_is_left_out_of_pages(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.ordered_webhook(tenant).await;
    let limit = PageLimit { rows: 10, data_bytes: 1_000, page_bytes: u64::MAX };
    for (bytes, due_at) in [(1_000, None), (1_001, None), (1_000, Some(due(1))), (1_001, Some(due(2)))] {
        let mut event = with_content(scene.new_event(tenant, &[&webhook]).await, |content| {
            content.data = Bytes::from(vec![b'x'; bytes - 990]);
            content.previous_data = Some(Bytes::from(vec![b'y'; 990]));
        });
        event.deliveries[0].due_at = due_at;
        scene.store_event(&event).await;
    }
    let due_rows = scene.store.due_page(lane(&webhook), due(9), limit).await.expect("a page is read").rows;
    let all_rows = scene.store.ordered_page(lane(&webhook), i64::MIN, limit).await.expect("a page is read");
    let loaded = |page: &[LoadedDelivery]| page.iter().map(|row| row.content.is_some()).collect::<Vec<_>>();
    assert_eq!(loaded(&fresh(&scene, &webhook, i64::MIN, limit).await), [true, false]);
    assert_eq!(loaded(&due_rows), [true, false]);
    assert_eq!(loaded(&all_rows), [true, false, true, false]);
    let left_out = all_rows[1].pending.event;
    let content =
        scene.store.content(tenant, left_out).await.expect("content is read").expect("it is stored");
    assert_eq!((content.id, content.bytes()), (left_out, 1_001));
}

/// From the first row whose content does not fit the page, contents are left out; the rows themselves all come.
pub async fn a_page_is_bounded_in_bytes(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.ordered_webhook(tenant).await;
    for due_at in [None, Some(due(1))] {
        // The second one is over the limit of one row, and counts for nothing.
        for bytes in [400, 2_000, 600, 1, 300] {
            let mut event = with_content(scene.new_event(tenant, &[&webhook]).await, |content| {
                content.data = Bytes::from(vec![b'x'; bytes / 2]);
                content.previous_data = Some(Bytes::from(vec![b'y'; bytes - bytes / 2]));
            });
            event.deliveries[0].due_at = due_at;
            scene.store_event(&event).await;
        }
    }
    let limit = |page_bytes| PageLimit { rows: 10, data_bytes: 1_000, page_bytes };
    let loaded = |page: &[LoadedDelivery]| page.iter().map(|row| row.content.is_some()).collect::<Vec<_>>();
    let cases = [
        (1_000, [true, false, true, false, false]),
        (999, [true, false, false, false, false]),
        (1_001, [true, false, true, true, false]),
        (399, [false; 5]),
    ];
    for (page_bytes, expected) in cases {
        let limit = limit(page_bytes);
        let rows = scene.store.due_page(lane(&webhook), due(9), limit).await.expect("a page is read").rows;
        assert_eq!(loaded(&fresh(&scene, &webhook, i64::MIN, limit).await), expected, "{page_bytes}");
        assert_eq!(loaded(&rows), expected, "{page_bytes}");
        let all = scene.store.ordered_page(lane(&webhook), i64::MIN, limit).await.expect("a page is read");
        assert_eq!(loaded(&all), [expected, [false; 5]].concat(), "{page_bytes}");
    }
}

/// Due rows come earliest first, up to and with `until`; the next due time is that of the first row left behind.
pub async fn due_rows_come_by_their_time(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (webhook, other) = (scene.webhook(tenant).await, scene.webhook(tenant).await);
    for minutes in [30, 10, 40, 20] {
        publish_due(&scene, &webhook, minutes).await;
    }
    publish_due(&scene, &other, 1).await;
    scene.publish(tenant, &[&webhook]).await;
    let cases = [
        (9, 10, vec![], Some(10)),
        (10, 10, vec![10], Some(20)),
        (35, 10, vec![10, 20, 30], Some(40)),
        (35, 2, vec![10, 20], Some(30)),
        (99, 4, vec![10, 20, 30, 40], None),
        (99, 3, vec![10, 20, 30], Some(40)),
    ];
    for (until, limit, expected, next) in cases {
        let page =
            scene.store.due_page(lane(&webhook), due(until), rows(limit)).await.expect("a page is read");
        let seen: Vec<_> = page.rows.iter().map(|row| row.pending.due_at).collect();
        assert_eq!(
            seen,
            expected.into_iter().map(|minutes| Some(due(minutes))).collect::<Vec<_>>(),
            "until {until}"
        );
        assert_eq!(page.next_due, next.map(due), "until {until}, {limit} rows");
        assert!(page.rows.iter().all(|row| row.content.as_ref().is_some_and(|c| c.id == row.pending.event)));
    }
    let just_before = due(10).minus(Duration::from_micros(1));
    let page = scene.store.due_page(lane(&webhook), just_before, EVERYTHING).await.expect("a page is read");
    assert_eq!((page.rows.len(), page.next_due), (0, Some(due(10))));
}

/// Every webhook with pending rows waits, whatever its status, and no other does.
pub async fn waiting_lanes_are_those_with_rows(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    assert_eq!(scene.store.waiting_lanes(None, 10).await.expect("lanes are read"), []);
    let (tenant, second) = (scene.tenant().await, scene.tenant().await);
    let (both, mut paused) = (scene.webhook(tenant).await, scene.webhook(tenant).await);
    let (deleted, foreign) = (scene.webhook(tenant).await, scene.webhook(second).await);
    let (idle, finished) = (scene.webhook(tenant).await, scene.webhook(tenant).await);
    for minutes in [7, 5, 9] {
        publish_due(&scene, &both, minutes).await;
    }
    scene.publish(tenant, &[&both, &deleted]).await;
    publish_due(&scene, &paused, 3).await;
    scene.publish(second, &[&foreign]).await;
    let done = scene.publish(tenant, &[&finished]).await;
    assert!(scene.record(&scene.delivered(&done, 0, 1)).await);
    scene.set_status(&mut paused, WebhookStatus::Paused).await;
    scene.store.delete_webhook(tenant, deleted.id, scene.tick()).await.expect("a webhook is deleted");

    let waiting = |webhook: &Webhook, fresh, next_due: Option<u64>| WaitingLane {
        key: lane(webhook),
        tenant: webhook.tenant,
        fresh,
        next_due: next_due.map(due),
        failing_since: None,
    };
    let mut expected = vec![
        waiting(&both, true, Some(5)),
        waiting(&paused, false, Some(3)),
        waiting(&deleted, true, None),
        waiting(&foreign, true, None),
    ];
    let mut lanes = scene.store.waiting_lanes(None, 10).await.expect("lanes are read");
    lanes.sort_by_key(|waiting| waiting.key.webhook);
    expected.sort_by_key(|waiting| waiting.key.webhook);
    assert_eq!(lanes, expected);
    assert!(lanes.iter().all(|waiting| waiting.key.webhook != idle.id));
}

/// Pieces of any size hold each waiting webhook once, by shard and then webhook, and only the last one is short.
pub async fn waiting_lanes_come_in_pieces(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let mut expected = Vec::new();
    for n in 0..7 {
        let webhook = scene.webhook(tenant).await;
        if n % 3 != 0 {
            scene.publish(tenant, &[&webhook]).await;
        }
        if n % 3 != 1 {
            publish_due(&scene, &webhook, 5).await;
        }
        expected.push((lane(&webhook), n % 3 != 0, (n % 3 != 1).then_some(due(5))));
    }
    expected.sort_by_key(|(key, ..)| (key.shard, key.webhook));
    for rows in [1, 2, 7, 8] {
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let piece = scene.store.waiting_lanes(after, rows).await.expect("lanes are read");
            assert!(piece.len() <= rows as usize);
            after = piece.last().map(|waiting| waiting.key);
            let is_last = piece.len() < rows as usize;
            seen.extend(piece.into_iter().map(|waiting| (waiting.key, waiting.fresh, waiting.next_due)));
            if is_last {
                break;
            }
        }
        assert_eq!(seen, expected, "{rows} at a time");
    }
}

/// Pending rows are counted, due or not, and no further than asked.
pub async fn waiting_rows_are_counted_up_to_a_bound(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (webhook, idle) = (scene.webhook(tenant).await, scene.webhook(tenant).await);
    for minutes in [1, 2] {
        publish_due(&scene, &webhook, minutes).await;
    }
    for _ in 0..3 {
        scene.publish(tenant, &[&webhook]).await;
    }
    let count = async |webhook, at_most| {
        scene.store.waiting_count(lane(webhook), at_most).await.expect("rows are counted")
    };
    for (at_most, expected) in [(0, 0), (1, 1), (4, 4), (5, 5), (6, 5), (u32::MAX, 5)] {
        assert_eq!(count(&webhook, at_most).await, expected);
    }
    assert_eq!(count(&idle, 10).await, 0);
}

/// A row that a person retries moves from its place among the due rows to what may start now.
pub async fn a_retried_row_is_due_at_once(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let event = publish_due(&scene, &webhook, 60).await;
    let now = scene.tick();
    scene.write(Write::Retry { tenant, delivery: event.deliveries[0].id, now }).await;
    let due_now = scene.store.due_page(lane(&webhook), now, EVERYTHING).await.expect("a page is read");
    let fresh_now = fresh(&scene, &webhook, i64::MIN, EVERYTHING).await;
    assert_eq!(due_now.rows.len() + fresh_now.len(), 1);
    assert_eq!(due_now.next_due, None);
}
