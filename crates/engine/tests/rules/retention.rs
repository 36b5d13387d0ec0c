//! Retention: what is too old goes in pieces, what was still pending gets an outcome first, and the sums hold throughout.

use stentor_core::delivery::DeliveryState;
use stentor_core::webhook::WebhookStatus;
use stentor_engine::maintenance::Retention;
use stentor_store::deliveries::DeliveryFilter;
use stentor_store::events::{Conservation, EventFilter};
use stentor_store::{Deliveries, Events, Webhooks};
use stentor_testkit::wait::until;

use super::support::*;

/// How often the engine looks for what is too old.
const INTERVAL: u64 = 300;

#[test]
fn retention_expires_what_is_held_and_deletes_the_rest_in_pieces() {
    const EVENTS: u64 = 1_300;
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::willing(clock.clone());
    let setup = Setup::new(clock.clone(), &receiver)
        .with(|options| options.retention = Retention { age: seconds(4 * INTERVAL) });
    let process = Process::start(&database, &setup);
    let (tenant, held) = process.run(async {
        let id = tenant(&*process.store, "t").await;
        webhook(&*process.store, id, "*", |_| {}).await;
        let paused = |webhook: &mut stentor_core::webhook::Webhook| webhook.status = WebhookStatus::Paused;
        (id, webhook(&*process.store, id, "*", paused).await)
    });
    process.run(publish_all(&process.engine, tenant, "a", 0..EVENTS));
    process.until_sums("one is delivered", |sums| sums.delivered == EVENTS && sums.pending == EVENTS);
    clock.advance(seconds(3 * INTERVAL));
    process.run(publish_all(&process.engine, tenant, "a", EVENTS..EVENTS + 10));
    // Past the age of the first ones and far from that of the last; a round comes somewhere on the way.
    let mut steps_left = 3 * INTERVAL;
    let step = |sums: &Conservation| {
        if sums.dead < EVENTS && steps_left > 0 {
            steps_left -= 1;
            clock.advance(seconds(1));
        }
        sums.dead == EVENTS
    };
    let sums = process.until_sums("the old ones have expired", step);
    assert_eq!((sums.pending, sums.accepted), (10, 2 * EVENTS + 20));
    let store = &process.store;
    process.run(until("the old ones are deleted", || async move {
        assert!(store.conservation(None).await.unwrap().holds());
        let page = store.events(tenant, &EventFilter::default(), None, 2_000, 0).await.unwrap();
        (page.rows.len() == 10).then_some(())
    }));
    let to_held = DeliveryFilter { webhook: Some(held.id), ..DeliveryFilter::default() };
    process.run(until("and so are their deliveries", || async {
        let page = store.deliveries(tenant, &to_held, None, 2_000).await.unwrap();
        (page.rows.len() == 10 && page.rows.iter().all(|row| row.state == DeliveryState::Held)).then_some(())
    }));
    assert!(process.sums().holds());
    assert_eq!(receiver.count() as u64, EVENTS + 10);
    process.stop();
}

#[test]
fn retention_takes_what_waits_in_memory_from_its_lane() {
    let clock = manual_clock();
    let database = Database::new();
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let held = std::sync::Arc::clone(&gate);
    let receiver = Receiver::new(clock.clone(), move |_| Answer::Held(held.clone(), 200));
    let setup = Setup::new(clock.clone(), &receiver)
        .with(|options| options.retention = Retention { age: seconds(INTERVAL / 2) });
    let process = Process::start(&database, &setup);
    let tenant = process.run(async {
        let id = tenant(&*process.store, "t").await;
        webhook(&*process.store, id, "*", |_| {}).await;
        id
    });
    process.run(publish_all(&process.engine, tenant, "a", 0..5));
    process.run(receiver.until("the first is on the wire", 1, |_| true));
    let mut steps_left = 2 * INTERVAL;
    process.until_sums("all have expired", |sums| {
        if sums.dead < 5 && steps_left > 0 {
            steps_left -= 1;
            clock.advance(seconds(1));
        }
        sums.dead == 5
    });
    gate.add_permits(5);
    let unanswered = || async { (receiver.unanswered() == 0).then_some(()) };
    process.run(until("the attempt ends", unanswered));
    process.run(publish_all(&process.engine, tenant, "a", 5..6));
    assert_eq!(process.until_done().delivered, 1);
    let came: Vec<u64> = receiver.visits().iter().map(Visit::n).collect();
    assert_eq!(came, [0, 5], "what has expired is not sent");
    process.stop();
}

#[test]
fn a_deleted_webhook_goes_once_nothing_names_it() {
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::willing(clock.clone());
    let setup = Setup::new(clock.clone(), &receiver)
        .with(|options| options.retention = Retention { age: seconds(4 * INTERVAL) });
    let process = Process::start(&database, &setup);
    let (tenant, deleted) = process.run(async {
        let id = tenant(&*process.store, "t").await;
        (id, webhook(&*process.store, id, "*", |_| {}).await)
    });
    process.run(publish_all(&process.engine, tenant, "a", 0..10));
    process.until_sums("all are delivered", |sums| sums.delivered == 10);
    process.run(process.engine.delete_webhook(tenant, deleted.id)).expect("it is deleted");
    let store = &process.store;
    process.run(until("its row is gone", || async {
        // A round each time; those that look for leftovers are an hour apart.
        clock.advance(seconds(3_600));
        store.lane_webhook(tenant, deleted.id).await.unwrap().is_none().then_some(())
    }));
    assert!(process.sums().holds());
    process.stop();
}
