//! What a webhook gives up goes to its fallback with the outcome that gave it up, and never in circles.

use stentor_core::id::{TenantId, WebhookId};
use stentor_core::webhook::Webhook;
use stentor_engine::webhooks::{WebhookChange, WebhookError};
use stentor_store::Webhooks;

use super::support::*;

const EVENTS: u64 = 40;

/// A webhook that fails for good, and the fallback that it has.
fn pair(process: &Process) -> (TenantId, Webhook, Webhook) {
    process.run(async {
        let id = tenant(&*process.store, "t").await;
        let fallback = webhook(&*process.store, id, "never", |_| {}).await;
        let failing = webhook(&*process.store, id, "order.*", |webhook| {
            webhook.config.policy = waits(&[0]);
            webhook.config.on_dead = Some(fallback.id);
        });
        (id, failing.await, fallback)
    })
}

#[test]
fn what_is_given_up_arrives_at_the_fallback_once_with_the_same_event() {
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::willing(clock.clone());
    let process = Process::start(&database, &Setup::new(clock, &receiver));
    let (tenant, failing, fallback) = pair(&process);
    let to = fallback.id;
    receiver.now_answers(move |visit| Answer::Status(if visit.webhook == to { 200 } else { 500 }));
    process.run(publish_all(&process.engine, tenant, "order.made", 0..EVENTS));
    let sums = process.until_sums("all has ended", |sums| sums.pending == 0 && sums.dead == EVENTS);
    assert_eq!((sums.accepted, sums.delivered, sums.events), (2 * EVENTS, EVENTS, EVENTS));
    let mut of = [failing.id, fallback.id].map(|id| {
        let visits = receiver.visits().into_iter().filter(move |visit| visit.webhook == id);
        visits.map(|visit| (visit.event(), visit.n())).collect::<Vec<_>>()
    });
    of.iter_mut().for_each(|seen| seen.sort_unstable());
    assert_eq!(of[0].len() as u64, EVENTS);
    assert_eq!(of[0], of[1]);
    assert_eq!((receiver.repeats(), process.engine.metrics().orphans()), (0, 0));
    process.stop();
}

#[test]
fn a_death_after_giving_up_loses_nothing() {
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::new(clock.clone(), |_| Answer::Hang);
    let setup = Setup::new(clock, &receiver);
    let process = Process::start(&database, &setup);
    let (tenant, _, fallback) = pair(&process);
    let to = fallback.id;
    receiver.now_answers(move |visit| if visit.webhook == to { Answer::Hang } else { Answer::Status(500) });
    process.run(publish_all(&process.engine, tenant, "order.made", 0..EVENTS));
    process.until_sums("all is given up", |sums| {
        // A delivery to the fallback stands beside each that is dead, at every moment.
        assert_eq!(sums.accepted, sums.events + sums.dead);
        sums.dead == EVENTS
    });
    process.die();
    receiver.now_answers(|_| Answer::Status(200));
    let process = Process::start(&database, &setup);
    let sums = process.until_done();
    assert_eq!((sums.dead, sums.delivered, sums.accepted), (EVENTS, EVENTS, 2 * EVENTS));
    process.stop();
}

#[test]
fn a_fallback_gives_up_for_good_and_circles_are_refused() {
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::new(clock.clone(), |_| Answer::Status(500));
    let process = Process::start(&database, &Setup::new(clock, &receiver));
    let (tenant, failing, fallback) = pair(&process);
    let engine = &process.engine;
    let point = |from: WebhookId, to: Option<WebhookId>| {
        let change =
            WebhookChange { on_dead: Some(to), policy: Some(waits(&[0])), ..WebhookChange::default() };
        process.run(engine.change_webhook(tenant, from, change))
    };
    let third = process.run(webhook(&*process.store, tenant, "never", |_| {}));
    point(fallback.id, Some(third.id)).expect("a row of three");
    for (from, to) in [(third.id, failing.id), (third.id, fallback.id), (third.id, third.id)] {
        assert!(matches!(point(from, Some(to)), Err(WebhookError::FallbackLoop)));
    }
    let nobody = WebhookId::from_bytes([9; 16]);
    assert!(matches!(point(third.id, Some(nobody)), Err(WebhookError::UnknownFallback)));
    let stranger = process.run(async {
        let other = super::support::tenant(&*process.store, "other").await;
        webhook(&*process.store, other, "*", |_| {}).await
    });
    assert!(matches!(point(third.id, Some(stranger.id)), Err(WebhookError::UnknownFallback)));

    process.run(publish(engine, tenant, "order.made", 0)).expect("stored");
    let sums = process.until_sums("both have given up", |sums| sums.dead == 2);
    assert_eq!(
        (sums.accepted, sums.pending, receiver.count_if(|visit| visit.webhook == third.id)),
        (2, 0, 0)
    );
    point(failing.id, None).expect("removed");
    assert_eq!(process.run(process.store.webhook(tenant, failing.id)).unwrap().unwrap().config.on_dead, None);
    process.run(publish(engine, tenant, "order.made", 1)).expect("stored");
    assert_eq!(process.until_sums("it is given up", |sums| sums.dead == 3).accepted, 3);
    process.stop();
}

#[test]
fn a_row_of_fallbacks_has_a_most() {
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::willing(clock.clone());
    let process = Process::start(&database, &Setup::new(clock, &receiver));
    let (tenant, row) = process.run(async {
        let id = tenant(&*process.store, "t").await;
        let mut row: Vec<Webhook> = Vec::new();
        for _ in 0..11 {
            let next = row.last().map(|webhook| webhook.id);
            row.push(webhook(&*process.store, id, "*", |webhook| webhook.config.on_dead = next).await);
        }
        (id, row)
    });
    let one_more = process.run(webhook(&*process.store, tenant, "*", |_| {}));
    let point = |to| {
        let change = WebhookChange { on_dead: Some(Some(to)), ..WebhookChange::default() };
        process.run(process.engine.change_webhook(tenant, one_more.id, change))
    };
    assert!(matches!(point(row[10].id), Err(WebhookError::FallbackLoop)));
    point(row[9].id).expect("ten in a row");
    process.stop();
}
