//! Lanes that are told things in an unusual order around a stop, a resume or an end.

use super::*;

/// A world in which the store has rows that no lane was handed.
fn with_stored_rows(rows: usize, after_unclean_end: bool) -> World {
    let mut world = World::new(false, 4, after_unclean_end);
    world.now = START.minus(Duration::from_secs(60));
    for _ in 0..rows {
        world.commit(0);
    }
    world.mail.clear();
    world.now = START;
    world
}

#[test]
fn e15_a_resumed_webhook_that_is_published_to_before_its_lane_is_told_delivers_what_was_held() {
    let mut world = with_stored_rows(6, false);
    let waiting = world.waiting();
    world.step(Input::Open(Box::new(waiting), webhook(false, WebhookStatus::Paused, 1)));
    world.webhook = webhook(false, WebhookStatus::Active, 2);
    world.commit(0);
    world.deliver_mail();
    world.step(Input::Configure(Arc::clone(&world.webhook)));
    world.settle();
    assert_eq!(world.delivered.len(), 7);
}

#[test]
fn e17_a_row_that_expires_while_it_is_claimed_leaves_its_place_to_others() {
    let mut world = with_stored_rows(3, true);
    world.step(Input::Configure(Arc::clone(&world.webhook)));
    for _ in 0..2 {
        world.run_read();
        world.return_read();
    }
    let ((position, expired), _) =
        world.stored.iter().next().map(|(key, row)| (*key, row.clone())).expect("three");
    world.stored.remove(&(position, expired));
    world.step(Input::Withdrawn(world.key(), expired));
    world.settle();
    assert!(!world.started.contains_key(&expired));
    assert_eq!((world.delivered.len(), world.permits.0.in_use()), (2, 0));
}

#[test]
fn e5_an_ordered_webhook_that_is_published_to_before_its_lane_is_opened_keeps_its_order() {
    let mut world = World::new(true, 4, false);
    for _ in 0..5 {
        world.commit(0);
    }
    world.mail.clear();
    let waiting = world.waiting();
    world.find(waiting);
    world.commit(0);
    world.deliver_mail();
    world.step(Input::Open(Box::new(waiting), Arc::clone(&world.webhook)));
    world.settle();
    assert_eq!(world.delivered, world.committed);
}
