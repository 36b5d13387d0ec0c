//! A broadcast reaches every tenant once, whatever dies in between.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use stentor_core::event::{EventType, Origin};
use stentor_core::id::{BroadcastId, TenantId};
use stentor_store::broadcasts::{Audience, Broadcast, BroadcastCreated};
use stentor_store::deliveries::DeliveryFilter;
use stentor_store::events::EventFilter;
use stentor_store::{Broadcasts, Deliveries, Events};
use stentor_testkit::faulty_store::{Batches, CommitFault};
use stentor_testkit::wait::until;

use super::support::*;

const TENANTS: usize = 1_000;

/// A database of tenants with one webhook each, the process that has it open, and who receives.
struct Scene {
    database: Database,
    setup: Setup,
    receiver: Arc<Receiver>,
    tenants: Vec<TenantId>,
}

fn scene() -> (Scene, Process) {
    let clock = manual_clock();
    let receiver = Receiver::willing(clock.clone());
    let setup = Setup::new(clock, &receiver);
    let database = Database::new();
    let process = Process::start(&database, &setup);
    let tenants = process.run(async {
        let mut tenants = Vec::new();
        for number in 0..TENANTS {
            let id = tenant(&*process.store, &format!("t{number}")).await;
            webhook(&*process.store, id, "system.*", |_| {}).await;
            tenants.push(id);
        }
        tenants
    });
    (Scene { database, setup, receiver, tenants }, process)
}

fn begin(process: &Process) -> BroadcastId {
    let event_type = EventType::parse("system.maintenance").expect("a type");
    let begun = process.engine.start_broadcast(event_type, Bytes::from_static(b"1"), Audience::All, None);
    match process.run(begun).expect("stored") {
        BroadcastCreated::Created(broadcast) => broadcast.id,
        other => panic!("not begun: {other:?}"),
    }
}

fn read(process: &Process, id: BroadcastId) -> Broadcast {
    process.run(process.store.broadcast(id)).expect("read").expect("it is there")
}

fn until_finished(process: &Process, id: BroadcastId) -> Broadcast {
    process.run(until("the broadcast is finished", || async {
        let broadcast = process.store.broadcast(id).await.expect("read").expect("it is there");
        broadcast.finished_at.is_some().then_some(broadcast)
    }))
}

/// The store has one event of each tenant with one delivery, which was taken; what arrived are those and no others. What was
/// in flight at a death may have arrived more than once, with the same ids (promise P3).
fn assert_one_each(process: &Process, scene: &Scene) {
    let sums = process.until_done();
    let all = TENANTS as u64;
    assert_eq!((sums.events, sums.accepted, sums.delivered), (all, all, all));
    let mut stored = HashSet::new();
    for tenant in &scene.tenants {
        let events = process.run(process.store.events(*tenant, &EventFilter::default(), None, 10, 100));
        let events = events.expect("read").rows;
        assert_eq!(events.len(), 1, "{tenant}");
        assert_eq!(events[0].event.origin, Origin::Operational);
        let filter = DeliveryFilter::default();
        let deliveries = process.run(process.store.deliveries(*tenant, &filter, None, 10));
        let deliveries = deliveries.expect("read").rows;
        assert_eq!(deliveries.len(), 1, "{tenant}");
        assert_eq!(deliveries[0].event, events[0].event.content.id);
        stored.insert((deliveries[0].webhook, deliveries[0].event, deliveries[0].id));
    }
    let visits = scene.receiver.visits();
    let arrived: HashSet<_> =
        visits.iter().map(|visit| (visit.webhook, visit.event(), visit.delivery)).collect();
    assert_eq!(arrived, stored);
}

#[test]
fn a_broadcast_goes_on_after_a_death_where_it_was() {
    let (scene, process) = scene();
    process.store.stall();
    let id = begin(&process);
    let stalled = Setup { stalled: true, ..scene.setup.clone() };
    let mut process = process;
    let mut came_to = Vec::new();
    // Each process makes some steps, and dies as the next one is about to be committed or as it is.
    for _ in 0..3 {
        process.run(process.store.until_stalled());
        let before = read(&process, id).events;
        process.store.release();
        process.run(until("the broadcast moves", || async {
            let now = process.store.broadcast(id).await.expect("read").expect("it is there");
            (now.events > before).then_some(())
        }));
        process.die();
        process = Process::start(&scene.database, &stalled);
        came_to.push(read(&process, id).events);
    }
    process.store.release();
    let finished = until_finished(&process, id);
    assert_eq!((finished.events as usize, finished.tenants as usize), (TENANTS, TENANTS));
    assert_eq!(finished.deliveries, TENANTS as u64);
    assert!(came_to.iter().any(|events| (1..TENANTS as u32).contains(events)), "{came_to:?}");
    assert_one_each(&process, &scene);
    process.stop();
}

#[test]
fn a_step_whose_commit_is_unknown_is_made_once() {
    let (scene, process) = scene();
    for fault in [CommitFault::UnknownAndStored, CommitFault::UnknownAndLost, CommitFault::NotCommitted] {
        process.store.fail_next(Batches::All, fault);
    }
    let id = begin(&process);
    let finished = until_finished(&process, id);
    assert_eq!((finished.events as usize, process.store.faults_left()), (TENANTS, 0));
    assert_one_each(&process, &scene);
    process.stop();
}

#[test]
fn tenants_whose_webhooks_change_meanwhile_get_theirs_too() {
    let (scene, process) = scene();
    // Everybody's routing is known, and out of date for the last one.
    for tenant in &scene.tenants {
        process.run(process.engine.directory().known(*tenant)).expect("read");
    }
    let last = *scene.tenants.iter().max().expect("some");
    process.run(webhook(&*process.store, last, "system.maintenance", |_| {}));
    let id = begin(&process);
    let finished = until_finished(&process, id);
    assert_eq!((finished.events as usize, finished.deliveries), (TENANTS, TENANTS as u64 + 1));
    process.until_done();
    process.stop();
}
