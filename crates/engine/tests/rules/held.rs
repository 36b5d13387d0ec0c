//! E15: pause, resume and delete are one update, however much is pending, and nothing vanishes at any moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stentor_core::delivery::DeliveryState;
use stentor_core::webhook::WebhookStatus;
use stentor_engine::clock::SystemClock;
use stentor_engine::webhooks::WebhookChange;
use stentor_store::deliveries::DeliveryFilter;
use stentor_store::lanes::{LaneKey, PageLimit};
use stentor_store::{Deliveries, Events, Lanes};
use stentor_testkit::wait::until;

use super::support::*;

const PENDING: u64 = 50_000;

#[test]
fn e15_pause_resume_and_delete_with_fifty_thousand_pending() {
    let clock = Arc::new(SystemClock);
    let database = Database::new();
    let receiver = Receiver::willing(clock.clone());
    let store = database.open();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (tenant, large, other) = runtime.block_on(async {
        let tenant = tenant(&*store, "t").await;
        let paused = |webhook: &mut stentor_core::webhook::Webhook| webhook.status = WebhookStatus::Paused;
        let large = webhook(&*store, tenant, "large", paused).await;
        let other = webhook(&*store, tenant, "other", |_| {}).await;
        let version = config_version(&*store, tenant).await;
        for batch in 0..PENDING / 1_000 {
            let numbers = batch * 1_000..(batch + 1) * 1_000;
            let events = numbers.map(|n| stored_event(&[&large], "large", n, START, version)).collect();
            store_events(&*store, events).await;
        }
        (tenant, large, other)
    });
    drop(runtime);
    let process = Process::start_on(store, &Setup::new(clock, &receiver));
    let held = DeliveryFilter { state: Some(DeliveryState::Held), ..DeliveryFilter::default() };
    assert_eq!(process.run(process.store.deliveries(tenant, &held, None, 10)).unwrap().rows.len(), 10);

    let over = Arc::new(AtomicBool::new(false));
    let (watched, watching) = (Arc::clone(&process.store), Arc::clone(&over));
    let watcher = process.spawn(async move {
        let mut looks = 0;
        while !watching.load(Ordering::Acquire) {
            let sums = watched.conservation(None).await.expect("the sums can be read");
            assert!(sums.holds(), "{sums:?}");
            looks += 1;
        }
        looks
    });
    let change = |active| WebhookChange { active: Some(active), ..WebhookChange::default() };
    let is_large = |visit: &Visit| visit.webhook == large.id;
    process.run(async {
        let engine = &process.engine;
        for round in 0..3_u64 {
            engine.change_webhook(tenant, large.id, change(true)).await.expect("resumed");
            publish_all(engine, tenant, "other", round * 100..(round + 1) * 100).await;
            let more = receiver.count_if(is_large) + 300;
            receiver.until("it delivers again", more, is_large).await;
            engine.change_webhook(tenant, large.id, change(false)).await.expect("paused");
        }
        engine.delete_webhook(tenant, large.id).await.expect("deleted");
        publish_all(engine, tenant, "other", 300..600).await;
        receiver.until("others are delivered", 600, |visit| visit.webhook == other.id).await;
    });
    let sums = process.until_done();
    over.store(true, Ordering::Release);
    assert!(process.run(watcher).expect("the sums held at every moment") > 3);
    let large_visits = receiver.count_if(is_large);
    assert_eq!(sums.accepted, PENDING + 600);
    assert_eq!(sums.delivered, large_visits as u64 + 600);
    assert_eq!(sums.cancelled, PENDING - large_visits as u64);
    assert_eq!(receiver.repeats(), 0);
    assert_eq!(process.engine.metrics().orphans(), 0);
    process.stop();
}

#[test]
fn e15_a_delete_while_more_is_in_flight_than_a_chunk_holds_cancels_the_rest() {
    const ROWS: u64 = 3_000;
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::willing(clock.clone());
    let setup = Setup::new(clock, &receiver).with(|options| options.permits = 2_048);
    let process = Process::start(&database, &setup);
    let tenant = process.run(tenant(&*process.store, "t"));
    let large = process.run(webhook(&*process.store, tenant, "*", |_| {}));
    process.run(publish_all(&process.engine, tenant, "a", 0..100));
    process.until_done();
    // Attempts end, and what came of them cannot be written.
    process.run(async {
        let version = config_version(&*process.store, tenant).await;
        let numbers = 100..ROWS;
        let events = numbers.map(|n| stored_event(&[&large], "a", n, START, version)).collect();
        store_events(&*process.store, events).await;
        process.store.stall();
        let pause = |active| WebhookChange { active: Some(active), ..WebhookChange::default() };
        process.engine.change_webhook(tenant, large.id, pause(false)).await.expect("paused");
        process.engine.change_webhook(tenant, large.id, pause(true)).await.expect("resumed");
        let engine = &process.engine;
        until("more is in flight than a chunk", || async {
            (gauge(engine, "stentor_in_flight") > 1_000).then_some(())
        })
        .await;
        engine.delete_webhook(tenant, large.id).await.expect("deleted");
        // Long enough for the lane to have read what is left once; whether it has does not decide the test.
        let lane = LaneKey { shard: large.shard, webhook: large.id };
        for _ in 0..20 {
            let limit = PageLimit { rows: 500, data_bytes: 0, page_bytes: 0 };
            process.store.ordered_page(lane, i64::MIN, limit).await.expect("read");
        }
        process.store.release();
    });
    let sums = process.until_done();
    assert_eq!(sums.delivered, receiver.count() as u64);
    assert_eq!(sums.delivered + sums.cancelled, ROWS);
    assert!(sums.cancelled > 0);
    process.stop();
}
